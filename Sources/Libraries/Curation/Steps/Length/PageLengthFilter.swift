import SentenceSplitting
import UnicodeText

/// `page_length_filter`: pages whose length is outside a range are dropped.
struct PageLengthFilter: RecipeStep {
    static let description = StepDescription(
        "page_length_filter", "Drops pages shorter or longer than given; both limits are inclusive.",
        [
            .init("length_type", LengthUnit.allCases.map(\.rawValue).joined(separator: ", "), nil, "the unit counted"),
            .init("min_length", "a number", "1", "the least length kept"),
            .init("max_length", "a number", "no limit", "the greatest length kept"),
            .init("remove_empty", "true or false", "true", "lines, paragraphs: strip each, and skip blank ones"),
        ] + .words(ignorePunctuation: false) + .sentences)

    private enum LengthUnit: String, CaseIterable { case char, word, line, paragraph, sentence }

    private enum Measure: Sendable {
        case scalars
        case words(WordCounting)
        case sentences(SentenceSplitter)
        case pieces(separator: [UInt8], removeEmpty: Bool)
    }

    private let measure: Measure
    private let minimum: Double
    private let maximum: Double

    init(_ parameters: StepParameters) throws(CurationError) {
        guard parameters["length_type"] != nil else {
            throw .missingParameter(step: parameters.step, key: "length_type")
        }
        minimum = try parameters.number("min_length", default: 1)
        maximum = try parameters.number("max_length", default: .infinity)
        let removeEmpty = try parameters.bool("remove_empty", default: true)
        measure =
            switch try parameters.choice("length_type", default: LengthUnit.word) {
            case .char: .scalars
            case .word: .words(try WordCounting(parameters))
            case .line: .pieces(separator: [0x0A], removeEmpty: removeEmpty)
            case .sentence: .sentences(try Sentences.splitter(parameters))
            case .paragraph: .pieces(separator: [0x0A, 0x0A], removeEmpty: removeEmpty)
            }
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        let all = 0..<bytes.count
        let length =
            switch measure {
            case .scalars: bytes.scalarCount(all)
            case .words(let counting): counting.count(bytes, all)
            case .sentences(let splitter): splitter.sentences(bytes).count
            case .pieces(let separator, let removeEmpty):
                Pieces.count(bytes, separator: separator, removeEmpty: removeEmpty)
            }
        if Double(length) < minimum { return drop(Double(length), limit: minimum) }
        if Double(length) > maximum { return drop(Double(length), limit: maximum) }
        return .keep
    }
}
