import UnicodeText

/// `counter_line_modifier`: lines such as `3 likes` go.
struct CounterLineModifier: RecipeStep {
    static let description = StepDescription(
        "counter_line_modifier",
        "Removes lines that only count likes, shares, comments, followers and the like; strips the text.")

    private static let counted: [[UInt8]] = [
        "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes", "downvotes",
        "downloads", "views", "followers",
    ].map { Array($0.utf8) }

    private let counted = Self.counted
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {}

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let kept = Lines.filtered(content.utf8.span, strips: true) { bytes, line in !isCounter(bytes, line) }
        if let kept { return page.replaceText(kept, for: name) }
        return content.isEmpty ? drop() : .keep
    }

    /// `\W*`, a digit, digits and `,` `.`, maybe k, m or b, white space, a counted thing, `\W*` — in lower case.
    /// Each part ends where the next begins, so no back-tracking is needed.
    private func isCounter(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Bool {
        var position = skipNonWord(bytes, line)
        guard position < line.upperBound, isDigit(bytes, &position) else { return false }
        while position < line.upperBound {
            if bytes[position] == 0x2C || bytes[position] == 0x2E {
                position += 1
            } else if !isDigit(bytes, &position) {
                break
            }
        }
        if position < line.upperBound {
            switch bytes[position] | 0x20 {
            case 0x6B, 0x6D, 0x62: position += 1
            default:
                // The Kelvin sign is a k in lower case.
                if bytes.scalar(at: position).value == 0x212A { position += 3 }
            }
        }
        let word = text.skipSpace(bytes, position..<line.upperBound)
        guard word > position, let length = countedLength(bytes, word..<line.upperBound) else { return false }
        return skipNonWord(bytes, word + length..<line.upperBound) == line.upperBound
    }

    private func skipNonWord(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var position = range.lowerBound
        while position < range.upperBound {
            let scalar = bytes.scalar(at: position)
            if text.isWord(scalar.value) { break }
            position += scalar.length
        }
        return position
    }

    private func isDigit(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        let scalar = bytes.scalar(at: position)
        guard text.classes[scalar.value].contains(.decimal) else { return false }
        position += scalar.length
        return true
    }

    private func countedLength(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        for word in counted where word.count <= range.count {
            var matches = true
            var position = range.lowerBound
            for letter in word {
                guard position < range.upperBound else {
                    matches = false
                    break
                }
                let byte = bytes[position]
                if byte | 0x20 == letter, byte < 0x80 {
                    position += 1
                } else if letter == 0x6B, bytes.scalar(at: position).value == 0x212A {
                    position += 3
                } else {
                    matches = false
                    break
                }
            }
            if matches { return position - range.lowerBound }
        }
        return nil
    }
}
