import UnicodeText

/// `stop_word_filter`: pages with too few of eight common English words are dropped.
struct StopWordFilter: RecipeStep {
    static let description = StepDescription(
        "stop_word_filter",
        "Drops pages with too few of the words the, be, to, of, and, that, have, with; punctuation must not touch them.",
        [
            .init("count_unique", "true or false", "false", "count each of the words once"),
            .init("min_stop_word", "a number", "2", "the least count kept"),
        ])

    private let unique: Bool
    private let minimum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        unique = try parameters.bool("count_unique", default: false)
        minimum = try parameters.number("min_stop_word", default: 2)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var count = 0
        var seen: UInt8 = 0
        var rest = 0..<bytes.count
        while let word = text.nextWord(bytes, rest) {
            rest = word.upperBound..<bytes.count
            guard 2...4 ~= word.count, let index = Self.index(bytes, word) else { continue }
            if unique {
                seen |= 1 << index
                count = seen.nonzeroBitCount
            } else {
                count += 1
            }
            if Double(count) >= minimum { return .keep }
        }
        // The reference compares only after finding a word, so a page without any is dropped even at a minimum of 0.
        return drop(Double(count), limit: minimum)
    }

    /// Which of the eight words this is, in any case. None has a scalar beyond ASCII that lower-cases into it: the
    /// Kelvin sign lower-cases to k, but no word holds a k.
    @inline(__always)
    private static func index(_ bytes: Span<UInt8>, _ word: Range<Int>) -> UInt8? {
        var key: UInt32 = 0
        for position in word {
            let byte = bytes[position]
            guard byte < 0x80 else { return nil }
            key = key << 8 | UInt32(0x41...0x5A ~= byte ? byte | 0x20 : byte)
        }
        switch key {
        case 0x74_6865: return 0  // the
        case 0x6265: return 1  // be
        case 0x746F: return 2  // to
        case 0x6F66: return 3  // of
        case 0x61_6E64: return 4  // and
        case 0x7468_6174: return 5  // that
        case 0x6861_7665: return 6  // have
        case 0x7769_7468: return 7  // with
        default: return nil
        }
    }
}
