import JSON

/// Reads and writes the `question` and `answers` of a StackExchange page.
struct Posts {
    let step: String

    func text(of post: JSONValue, _ key: String) throws(CurationError) -> String {
        guard let object = post.objectValue, let value = object["text"] else {
            throw .missingField(step: step, key: "\(key).text")
        }
        guard let text = value.stringValue else {
            throw .wrongField(step: step, key: "\(key).text", expected: "a string", found: value.kind)
        }
        return text
    }

    func answers(of page: Page) throws(CurationError) -> [JSONValue]? {
        guard let value = page.fields["answers"] else { return nil }
        guard let answers = value.arrayValue else {
            throw .wrongField(step: step, key: "answers", expected: "a list", found: value.kind)
        }
        return answers
    }

    func question(of page: Page) throws(CurationError) -> JSONValue {
        guard let question = page.fields["question"] else { throw .missingField(step: step, key: "question") }
        return question
    }

    /// Rewrites the text of the question and of each answer.
    func rewrite(_ page: inout Page, _ body: (String) throws(CurationError) -> String) throws(CurationError) {
        let question = try question(of: page)
        let rewritten = try body(try text(of: question, "question"))
        var changed: [JSONValue]?
        if let answers = try answers(of: page) {
            changed = []
            for answer in answers { changed?.append(setText(try body(try text(of: answer, "answers")), of: answer)) }
        }
        page.fields["question"] = setText(rewritten, of: question)
        if let changed { page.fields["answers"] = .array(changed) }
    }

    private func setText(_ text: String, of post: JSONValue) -> JSONValue {
        guard var object = post.objectValue else { return post }
        object["text"] = .string(text)
        return .object(object)
    }
}

/// `stackexchange_list_modifier`: HTML lists become lines with stars.
struct StackExchangeListModifier: RecipeStep {
    static let description = StepDescription(
        "stackexchange_list_modifier", "Writes the lists in question and answers as lines that start with a star.")

    private static let replacements: [(tag: [UInt8], text: [UInt8])] = [
        ("<li>", "\n*"), ("</li>", ""), ("<ol>", "\n*"), ("</ol>", ""),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    init(_ parameters: StepParameters) throws(CurationError) {}

    func apply(to page: inout Page) throws -> Verdict {
        try Posts(step: name).rewrite(&page) { (text) throws(CurationError) in plain(text) }
        return .keep
    }

    private func plain(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let span = bytes.span
        var output: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position] == 0x3C,
                let tag = Self.replacements.first(where: { span.starts(with: $0.tag, at: position) })
            {
                output.append(contentsOf: tag.text)
                position += tag.tag.count
            } else {
                output.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

/// `stackexchange_answer_sort_modifier`: answers in order of score.
struct StackExchangeAnswerSortModifier: RecipeStep {
    static let description = StepDescription(
        "stackexchange_answer_sort_modifier", "Sorts the answers by score; equal ones keep their order.",
        [.init("descending", "true or false", "true", "the best first")])

    private let isDescending: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        isDescending = try parameters.bool("descending", default: true)
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard let answers = page.fields["answers"]?.arrayValue else { return .keep }
        var scored: [(score: Double, index: Int)] = []
        for (index, answer) in answers.enumerated() {
            guard let object = answer.objectValue else {
                throw CurationError.wrongField(
                    step: name, key: "answers", expected: "a list of objects", found: "a list with \(answer.kind)")
            }
            let score = object["score"] ?? 0
            guard let number = score.doubleValue else {
                throw CurationError.wrongField(
                    step: name, key: "answers.score", expected: "a number", found: score.kind)
            }
            scored.append((number, index))
        }
        scored.sort {
            if $0.score != $1.score { return isDescending ? $0.score > $1.score : $0.score < $1.score }
            return $0.index < $1.index
        }
        page.fields["answers"] = .array(scored.map { answers[$0.index] })
        return .keep
    }
}

/// `stackexchange_qa_formatter`: question and answers become one text.
struct StackExchangeQAFormatter: RecipeStep {
    static let description = StepDescription(
        "stackexchange_qa_formatter", "Makes the text of question and answers: `Q: …`, then `A: …` for each.",
        [.init("remove_qa", "true or false", "false", "remove the fields question and answers")])

    private let removes: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        removes = try parameters.bool("remove_qa", default: false)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let posts = Posts(step: name)
        guard let question = page.fields["question"] else { return drop() }
        var text = "Q: " + (try posts.text(of: question, "question"))
        if let answers = try posts.answers(of: page) {
            var pieces: [String] = []
            for answer in answers { pieces.append(try posts.text(of: answer, "answers")) }
            text += "\nA: " + pieces.joined(separator: "\nA: ")
        }
        page.text = text
        if removes {
            page.fields["question"] = nil
            page.fields["answers"] = nil
        }
        return .keep
    }
}
