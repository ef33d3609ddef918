import UnicodeText

/// `symbol_ratio_filter`: pages with too many hashes and ellipses for their words are dropped.
struct SymbolRatioFilter: RecipeStep {
    static let description = StepDescription(
        "symbol_ratio_filter", "Drops pages without words, or with too many `#` and ellipses for their words.",
        [.init("max_symbol_to_word_ratio", "a number", "0.1", "the most symbols per word")])

    private let maximum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.number("max_symbol_to_word_ratio", default: 0.1)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        let words = text.wordCount(bytes, 0..<bytes.count)
        guard words > 0 else { return drop(nil, limit: maximum) }
        let ratio = Double(symbols(bytes)) / Double(words)
        return ratio > maximum ? drop(ratio, limit: maximum) : .keep
    }

    /// `#`, `...`, `. . .` and `…`, each counted without overlaps, in one pass.
    private func symbols(_ bytes: Span<UInt8>) -> Int {
        var count = 0
        var nextDots = 0
        var nextSpaced = 0
        for position in 0..<bytes.count {
            switch bytes[position] {
            case 0x23: count += 1
            case 0x2E:
                guard position + 2 < bytes.count else { break }
                if position >= nextDots, bytes[position + 1] == 0x2E, bytes[position + 2] == 0x2E {
                    count += 1
                    nextDots = position + 3
                }
                if position >= nextSpaced, bytes.starts(with: Ellipsis.spaced, at: position) {
                    count += 1
                    nextSpaced = position + 5
                }
            case 0xE2: if bytes.starts(with: Ellipsis.sign, at: position) { count += 1 }
            default: break
            }
        }
        return count
    }
}

/// The ways to write an ellipsis.
enum Ellipsis {
    static let dots: [UInt8] = Array("...".utf8)
    static let spaced: [UInt8] = Array(". . .".utf8)
    static let sign: [UInt8] = Array("\u{2026}".utf8)
}
