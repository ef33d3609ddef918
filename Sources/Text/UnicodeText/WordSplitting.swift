/// How text is cut into words.
public enum WordModel: String, Sendable, CaseIterable {
    /// fastText's: ASCII white space and NUL separate; each line feed is the word `</s>` of its own.
    case fasttext
    /// UAX 29: every piece between two word boundaries, white space and punctuation included.
    case uniseg
    /// Python's `str.split()`.
    case split
}

/// The words of a text, one after another, as ranges of its bytes. No allocation.
///
/// A line feed that fastText reads as `</s>` comes as the one-byte range of the line feed.
public struct WordSplitter: Sendable {
    public let model: WordModel
    @usableFromInline let python = PythonText()
    @usableFromInline let breaker = WordBreaker.standard

    public init(_ model: WordModel) { self.model = model }

    /// The first word at or after a range's start; nil where none is left.
    @inlinable
    public func next(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        switch model {
        case .split: return python.nextWord(bytes, range)
        case .uniseg:
            guard !range.isEmpty else { return nil }
            return range.lowerBound..<breaker.end(bytes, from: range.lowerBound, to: range.upperBound)
        case .fasttext:
            var start = range.lowerBound
            while start < range.upperBound {
                let byte = bytes[start]
                if byte == 0x0A { return start..<start + 1 }
                guard WordSplitter.separates(byte) else { break }
                start += 1
            }
            guard start < range.upperBound else { return nil }
            var end = start + 1
            while end < range.upperBound, !WordSplitter.separates(bytes[end]) { end += 1 }
            return start..<end
        }
    }

    @inlinable @inline(__always)
    static func separates(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0D ~= byte || byte == 0 }
}
