import JSON
import UnicodeText

/// `repetition_filter`: pages that repeat themselves at one granularity are dropped.
struct RepetitionFilter: RecipeStep {
    static let description = StepDescription(
        "repetition_filter", "Drops pages where too much is repeated lines, paragraphs or runs of words.",
        [
            .init("granularity", "line, paragraph or a number of words", nil, "what is compared"),
            .init("max_fraction", "a number", nil, "the greatest share repeated"),
            .init("count_characters", "true or false", "true", "lines, paragraphs: weigh them by length"),
            .init(
                "ngram_char_ratio", "most_common or all", "by granularity",
                "words: measure the most frequent run, the default for 2 to 4 words, or all, that for 5 to 10"),
            .init("ignore_case", "true or false", "false", "compare in lower case"),
        ])

    private enum Unit: Sendable {
        case pieces(separator: [UInt8])
        case words(Int, NGramMeasure)
    }

    private let unit: Unit
    private let maximum: Double
    private let countsCharacters: Bool
    private let ignoresCase: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        guard let granularity = parameters["granularity"] else {
            throw .missingParameter(step: parameters.step, key: "granularity")
        }
        guard let maximum = try parameters.number("max_fraction") else {
            throw .missingParameter(step: parameters.step, key: "max_fraction")
        }
        self.maximum = maximum
        countsCharacters = try parameters.bool("count_characters", default: true)
        ignoresCase = try parameters.bool("ignore_case", default: false)
        switch granularity {
        case "line": unit = .pieces(separator: [0x0A])
        case "paragraph": unit = .pieces(separator: [0x0A, 0x0A])
        default:
            guard let n = granularity.intValue, 1...1000 ~= n else {
                throw parameters.wrong("granularity", "line, paragraph or a number of words", granularity)
            }
            if parameters["ngram_char_ratio"] == nil, !(2...10 ~= n) {
                throw .missingParameter(step: parameters.step, key: "ngram_char_ratio")
            }
            unit = .words(n, try parameters.choice("ngram_char_ratio", default: n < 5 ? .mostCommon : .all))
        }
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        guard !content.isEmpty else { return drop(nil, limit: maximum) }
        guard ignoresCase else { return verdict(content.utf8.span) }
        let lowered = PythonRules.lower(content.utf8.span, 0..<content.utf8.count)
        return verdict(lowered.span)
    }

    private func verdict(_ bytes: Span<UInt8>) -> Verdict {
        let fraction: Double?
        switch unit {
        case .pieces(let separator):
            let repetition = PieceRepetition(bytes, separator: separator)
            guard repetition.pieces > 0 else { return drop(nil, limit: maximum) }
            fraction = repetition.fraction(byCharacters: countsCharacters)
        case .words(let n, let measure):
            var repetition = NGramRepetition(bytes)
            fraction = repetition.fraction(n, measure)
        }
        guard let fraction, fraction > maximum else { return .keep }
        return drop(fraction, limit: maximum)
    }
}

/// `massive_web_repetition_filters`: the whole set of repetition rules of MassiveWeb (Rae et al. 2021, table A1).
struct MassiveWebRepetitionFilters: RecipeStep {
    static let description = StepDescription(
        "massive_web_repetition_filters",
        "Drops pages that repeat lines, paragraphs or runs of 2 to 10 words more than Gopher's limits.",
        [.init("skip_paragraph", "true or false", "false", "leave out the rules on paragraphs")])

    private static let wordLimits: [(n: Int, limit: Double)] = [
        (2, 0.20), (3, 0.18), (4, 0.16), (5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10),
    ]
    private static let pieceCountLimit = 0.3
    private static let pieceCharacterLimit = 0.2

    private let skipsParagraphs: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        skipsParagraphs = try parameters.bool("skip_paragraph", default: false)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        guard !content.isEmpty else { return drop() }
        let bytes = content.utf8.span
        let lines = PieceRepetition(bytes, separator: [0x0A])
        guard lines.pieces > 0 else { return drop() }
        let paragraphs = skipsParagraphs ? nil : PieceRepetition(bytes, separator: [0x0A, 0x0A])
        if let fraction = lines.fraction(byCharacters: false), fraction > Self.pieceCountLimit {
            return broken("lines", fraction, Self.pieceCountLimit)
        }
        if let fraction = paragraphs?.fraction(byCharacters: false), fraction > Self.pieceCountLimit {
            return broken("paragraphs", fraction, Self.pieceCountLimit)
        }
        if let fraction = lines.fraction(byCharacters: true), fraction > Self.pieceCharacterLimit {
            return broken("line_characters", fraction, Self.pieceCharacterLimit)
        }
        if let fraction = paragraphs?.fraction(byCharacters: true), fraction > Self.pieceCharacterLimit {
            return broken("paragraph_characters", fraction, Self.pieceCharacterLimit)
        }
        var repetition = NGramRepetition(bytes)
        for (n, limit) in Self.wordLimits {
            guard let fraction = repetition.fraction(n, n < 5 ? .mostCommon : .all) else { break }
            if fraction > limit { return broken("\(n)_grams", fraction, limit) }
        }
        return .keep
    }

    private func broken(_ part: String, _ value: Double, _ limit: Double) -> Verdict {
        .drop(DropReason("\(name):\(part)", value: value, limit: limit))
    }
}
