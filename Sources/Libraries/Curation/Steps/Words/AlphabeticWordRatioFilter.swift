import UnicodeText

/// `alphabetic_word_ratio_filter`: pages where too many words hold no letter are dropped.
struct AlphabeticWordRatioFilter: RecipeStep {
    static let description = StepDescription(
        "alphabetic_word_ratio_filter", "Drops pages without words, or where too many words hold no letter.",
        [.init("max_ratio", "a number", "0.2", "the greatest share of words without a letter")])

    private let maximum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.number("max_ratio", default: 0.2)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var words = 0
        var others = 0
        var rest = 0..<bytes.count
        while let word = text.nextWord(bytes, rest) {
            words += 1
            if !holdsLetter(bytes, word) { others += 1 }
            rest = word.upperBound..<bytes.count
        }
        guard words > 0 else { return drop(nil, limit: maximum) }
        let ratio = Double(others) / Double(words)
        return ratio <= maximum ? .keep : drop(ratio, limit: maximum)
    }

    @inline(__always)
    private func holdsLetter(_ bytes: Span<UInt8>, _ word: Range<Int>) -> Bool {
        var position = word.lowerBound
        while position < word.upperBound {
            let byte = bytes[position]
            if byte < 0x80 {
                if 0x61...0x7A ~= byte | 0x20 { return true }
                position += 1
            } else {
                let scalar = bytes.scalar(at: position)
                if text.classes[scalar.value].contains(.letter) { return true }
                position += scalar.length
            }
        }
        return false
    }
}
