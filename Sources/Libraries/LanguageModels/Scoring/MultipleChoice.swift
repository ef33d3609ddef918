/// A question with answers to choose from, as token ids.
public struct ChoiceQuestion: Hashable, Sendable {
    /// What stands before the answer; at least one token.
    public var context: [Int32]
    /// At least one token each.
    public var choices: [[Int32]]

    public init(context: [Int32], choices: [[Int32]]) {
        self.context = context
        self.choices = choices
    }
}

/// How a model answers.
public struct ChoiceAnswer: Hashable, Sendable {
    /// Mean −ln p of each choice's tokens.
    public var crossEntropies: [Double]

    public init(crossEntropies: [Double]) { self.crossEntropies = crossEntropies }

    /// The choice with the least cross-entropy, the first of equal ones.
    public var best: Int {
        var best = 0
        for (index, value) in crossEntropies.enumerated() where value < crossEntropies[best] { best = index }
        return best
    }
}

extension Scorer {
    /// Answers questions by the mean cross-entropy of the answers' tokens, which does not favour short ones.
    ///
    /// Where context and answer exceed the model's context, the context loses tokens at its beginning.
    ///
    /// - Throws: `LanguageModelError.badData` for a question without context or choices, or an answer longer than the
    ///   model's context.
    public func answers(_ questions: [ChoiceQuestion]) throws -> [ChoiceAnswer] {
        var readings: [Reading] = []
        var places: [[Place]] = []
        for (index, question) in questions.enumerated() {
            try check(question, "question \(index)")
            places.append(add(question, to: &readings))
        }
        let scores = try read(readings, greedy: false)
        return places.map { choices in
            ChoiceAnswer(
                crossEntropies: choices.map { choice in
                    let likelihoods = scores[choice.reading][choice.targets]
                    return -likelihoods.reduce(0.0) { $0 + Double($1.logLikelihood) } / Double(choice.targets.count)
                })
        }
    }

    /// Where the scores of a choice are.
    private struct Place {
        var reading: Int
        var targets: Range<Int>
    }

    /// Adds what must be read to answer a question.
    ///
    /// A choice of n tokens needs its first n − 1 read behind the context. Where those begin what another choice reads, one
    /// reading does for both: choices of one token, the most common ones, cost nothing.
    private func add(_ question: ChoiceQuestion, to readings: inout [Reading]) -> [Place] {
        let first = readings.count
        var places = question.choices.map { _ in Place(reading: first, targets: 0..<0) }
        // Long ones first, so that those which they begin with come later.
        let order = question.choices.indices.sorted {
            (question.choices[$1].count, $0) < (question.choices[$0].count, $1)
        }
        for index in order {
            let choice = question.choices[index]
            let context = question.context.suffix(configuration.context + 1 - choice.count)
            let inputs = Array(context) + choice.dropLast()
            let reading = readings[first...].firstIndex { $0.inputs.starts(with: inputs) } ?? readings.count
            if reading == readings.count { readings.append(Reading(inputs: inputs, targets: [])) }
            let before = readings[reading].targets.count
            for (offset, token) in choice.enumerated() {
                readings[reading].targets.append(.init(position: context.count - 1 + offset, token: token))
            }
            places[index] = Place(reading: reading, targets: before..<before + choice.count)
        }
        return places
    }

    private func check(_ question: ChoiceQuestion, _ source: String) throws(LanguageModelError) {
        func require(_ holds: Bool, _ reason: String) throws(LanguageModelError) {
            guard holds else { throw .badData(source: source, reason: reason) }
        }
        try require(!question.context.isEmpty, "it has no context; begin with the end-of-text token")
        try require(!question.choices.isEmpty, "it has no choices")
        try requireVocabulary(question.context, source)
        for choice in question.choices {
            try require(!choice.isEmpty, "one of its choices has no tokens")
            try require(
                choice.count <= configuration.context,
                "a choice has \(choice.count) tokens, more than the model's context of \(configuration.context)")
            try requireVocabulary(choice, source)
        }
    }
}
