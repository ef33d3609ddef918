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
        var sequences: [[Int32]] = []
        for (index, question) in questions.enumerated() {
            func require(_ holds: Bool, _ reason: String) throws {
                guard holds else { throw LanguageModelError.badData(source: "question \(index)", reason: reason) }
            }
            try require(!question.context.isEmpty, "it has no context; begin with the end-of-text token")
            try require(!question.choices.isEmpty, "it has no choices")
            for choice in question.choices {
                try require(!choice.isEmpty, "one of its choices has no tokens")
                try require(
                    choice.count <= configuration.context,
                    "a choice has \(choice.count) tokens, more than the model's context of \(configuration.context)")
                sequences.append(question.context.suffix(configuration.context + 1 - choice.count) + choice)
            }
        }
        var scores = try tokenLogLikelihoods(sequences)[...]
        return questions.map { question in
            ChoiceAnswer(
                crossEntropies: question.choices.map { choice in
                    let likelihoods = (scores.popFirst() ?? []).suffix(choice.count)
                    return -likelihoods.reduce(0.0) { $0 + Double($1) } / Double(choice.count)
                })
        }
    }
}
