import JSON

/// `word_counter_enricher`: adds the number of words.
struct WordCounterEnricher: RecipeStep {
    static let description = StepDescription(
        "word_counter_enricher", "Adds the number of words to the page.",
        [
            .init("key", "a string", "word_count", "the field added"),
            .init("overwrite", "true or false", "false", "replace a field of that name instead of failing"),
        ] + .words(ignorePunctuation: true))

    private let key: String
    private let overwrites: Bool
    private let counting: WordCounting

    init(_ parameters: StepParameters) throws(CurationError) {
        key = try parameters.string("key", default: "word_count")
        overwrites = try parameters.bool("overwrite", default: false)
        counting = try WordCounting(parameters, ignorePunctuation: true)
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard overwrites || page.fields[key] == nil else { throw CurationError.fieldExists(step: name, key: key) }
        page.fields[key] = JSONValue(counting.count(try page.content(for: name)))
        return .keep
    }
}

/// `line_counter_enricher`: adds the number of lines or paragraphs.
struct LineCounterEnricher: RecipeStep {
    static let description = StepDescription(
        "line_counter_enricher", "Adds the number of lines to the page.",
        [
            .init("paragraph_end", "a string", "a line feed", "what ends a line"),
            .init("remove_empty", "true or false", "true", "skip blank lines"),
            .init("key", "a string", "num_lines", "the field added"),
            .init("overwrite", "true or false", "false", "replace a field of that name instead of failing"),
        ])

    private let separator: [UInt8]
    private let removesEmpty: Bool
    private let key: String
    private let overwrites: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        separator = Array(try parameters.string("paragraph_end", default: "\n").utf8)
        removesEmpty = try parameters.bool("remove_empty", default: true)
        key = try parameters.string("key", default: "num_lines")
        overwrites = try parameters.bool("overwrite", default: false)
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard overwrites || page.fields[key] == nil else { throw CurationError.fieldExists(step: name, key: key) }
        let content = try page.content(for: name)
        page.fields[key] = JSONValue(
            Pieces.count(content.utf8.span, separator: separator, removeEmpty: removesEmpty))
        return .keep
    }
}
