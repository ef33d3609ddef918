import UnicodeText

/// `word_length_filter`: pages whose mean word length is outside a range are dropped.
struct WordLengthFilter: RecipeStep {
    static let description = StepDescription(
        "word_length_filter", "Drops pages without words, or whose words are on average too short or too long.",
        [
            .init("min_length", "a number", "0", "the least mean length, in characters"),
            .init("max_length", "a number", "no limit", "the greatest mean length, in characters"),
        ])

    private let minimum: Double
    private let maximum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        minimum = try parameters.number("min_length", default: 0)
        maximum = try parameters.number("max_length", default: .infinity)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var words = 0
        var scalars = 0
        var rest = 0..<bytes.count
        while let word = text.nextWord(bytes, rest) {
            words += 1
            scalars += bytes.scalarCount(word)
            rest = word.upperBound..<bytes.count
        }
        guard words > 0 else { return drop(0, limit: minimum) }
        let mean = Double(scalars) / Double(words)
        if mean < minimum { return drop(mean, limit: minimum) }
        if mean > maximum { return drop(mean, limit: maximum) }
        return .keep
    }
}
