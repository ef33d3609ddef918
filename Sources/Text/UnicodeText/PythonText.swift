/// Python's `str` methods on ranges of UTF-8 bytes: what the reference curation tools count with.
public struct PythonText: Sendable {
    public let classes = ScalarClassTable.standard

    public init() {}

    /// The range without white space at its ends (`str.strip`).
    @inlinable
    public func strip(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        let start = skipSpace(bytes, range)
        return start..<stripEnd(bytes, start..<range.upperBound)
    }

    /// Where the range ends without the white space at its end (`str.rstrip`).
    @inlinable
    public func stripEnd(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var end = range.upperBound
        while end > range.lowerBound {
            let scalar = bytes.scalar(before: end)
            guard isSpace(scalar.value) else { break }
            end -= scalar.length
        }
        return end
    }

    /// The first byte in a range that is no white space.
    @inlinable
    public func skipSpace(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var position = range.lowerBound
        while position < range.upperBound {
            let scalar = bytes.scalar(at: position)
            guard isSpace(scalar.value) else { break }
            position += scalar.length
        }
        return position
    }

    /// Whether every scalar is white space, of which there is at least one (`str.isspace`).
    @inlinable
    public func isBlank(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        !range.isEmpty && skipSpace(bytes, range) == range.upperBound
    }

    /// Python's `isspace` of one scalar.
    @inlinable @inline(__always)
    public func isSpace(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return scalar == 0x20 || 0x09...0x0D ~= scalar || 0x1C...0x1F ~= scalar }
        return classes[scalar].contains(.pythonSpace)
    }

    /// `\w`: alphanumeric or `_`.
    @inlinable @inline(__always)
    public func isWord(_ scalar: UInt32) -> Bool {
        scalar == 0x5F || classes[scalar].contains(.alphanumeric)
    }

    /// The next word of `str.split()` at or after a byte; nil where only white space is left.
    @inlinable @inline(__always)
    public func nextWord(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        let start = skipSpace(bytes, range)
        guard start < range.upperBound else { return nil }
        var end = start
        while end < range.upperBound {
            let byte = bytes[end]
            if byte < 0x80 {
                if isSpace(UInt32(byte)) { break }
                end += 1
            } else {
                let scalar = bytes.scalar(at: end)
                if isSpace(scalar.value) { break }
                end += scalar.length
            }
        }
        return start..<end
    }

    /// How many words `str.split()` yields, counting no further than a limit.
    @inlinable
    public func wordCount(_ bytes: Span<UInt8>, _ range: Range<Int>, upTo limit: Int = .max) -> Int {
        var count = 0
        var rest = range
        while count < limit, let word = nextWord(bytes, rest) {
            count += 1
            rest = word.upperBound..<range.upperBound
        }
        return count
    }

    /// The lines of `str.splitlines()`: breaks at LF, CR, CRLF, VT, FF, FS … RS, NEL, U+2028 and U+2029; the breaks
    /// belong to no line, and the last break starts none.
    public func splitLines(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = range.lowerBound
        var position = start
        while position < range.upperBound {
            let scalar = bytes.scalar(at: position)
            var next = position + scalar.length
            switch scalar.value {
            case 0x0D:
                if next < range.upperBound, bytes[next] == 0x0A { next += 1 }
                fallthrough
            case 0x0A, 0x0B, 0x0C, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
                lines.append(start..<position)
                start = next
            default: break
            }
            position = next
        }
        if start < range.upperBound { lines.append(start..<range.upperBound) }
        return lines
    }

    /// The pieces between separators (`str.split(separator)`): always at least one, maybe empty.
    public func split(_ bytes: Span<UInt8>, _ range: Range<Int>, at separator: [UInt8]) -> [Range<Int>] {
        guard let first = separator.first else { return [range] }
        var pieces: [Range<Int>] = []
        var start = range.lowerBound
        var position = start
        while position <= range.upperBound - separator.count {
            if bytes[position] == first, bytes.starts(with: separator, at: position) {
                pieces.append(start..<position)
                position += separator.count
                start = position
            } else {
                position += 1
            }
        }
        pieces.append(start..<range.upperBound)
        return pieces
    }
}
