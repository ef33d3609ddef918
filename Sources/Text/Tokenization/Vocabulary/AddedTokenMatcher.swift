import UnicodeText

/// Finds added tokens in a text: leftmost first, of those that start together the longest.
struct AddedTokenMatcher: Sendable {
    /// A stretch of the text: an added token, or what stands between two.
    struct Stretch: Equatable {
        var range: Range<Int>
        /// Nil for text in between.
        var token: UInt32?
    }

    private struct Entry: Sendable {
        let bytes: [UInt8]
        let token: AddedToken
    }

    /// Longest first within a first byte.
    private var entries: [Entry] = []
    /// The entries of each first byte.
    private var ranges = [Range<Int>](repeating: 0..<0, count: 256)
    /// Whether some token begins with these two bytes; one-byte tokens set all 256 of theirs.
    private var starts = [UInt64](repeating: 0, count: 1024)
    private var firstBytes = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameter normalize: applied to the contents first, for tokens looked for in normalised text.
    init(_ tokens: [AddedToken], normalize: (String) -> String = { $0 }) {
        var seen: Set<[UInt8]> = []
        for token in tokens {
            let bytes = Array(normalize(token.content).utf8)
            if !bytes.isEmpty, seen.insert(bytes).inserted { entries.append(Entry(bytes: bytes, token: token)) }
        }
        entries.sort { left, right in
            left.bytes[0] != right.bytes[0]
                ? left.bytes[0] < right.bytes[0]
                : left.bytes.count != right.bytes.count
                    ? left.bytes.count > right.bytes.count : left.bytes.lexicographicallyPrecedes(right.bytes)
        }
        for (index, entry) in entries.enumerated() {
            let first = Int(entry.bytes[0])
            ranges[first] = (firstBytes[first] ? ranges[first].lowerBound : index)..<index + 1
            firstBytes[first] = true
            for second in entry.bytes.count > 1 ? Int(entry.bytes[1])...Int(entry.bytes[1]) : 0...255 {
                let pair = first << 8 | second
                starts[pair >> 6] |= 1 << UInt64(pair & 63)
            }
        }
    }

    /// Cuts a text at its added tokens.
    ///
    /// The rules for white space and single words, and their order, are those of Hugging Face's `AddedVocabulary`.
    ///
    /// - Complexity: O(bytes × tokens that share two first bytes).
    func stretches(
        of text: UnsafeBufferPointer<UInt8>, ignoringSpecial: Bool, into stretches: inout [Stretch]
    ) {
        stretches.removeAll(keepingCapacity: true)
        var position = 0
        var done = 0
        while let (start, index) = next(in: text, from: position) {
            let entry = entries[index]
            position = start + entry.bytes.count
            let token = entry.token
            if ignoringSpecial, token.isSpecial { continue }
            var range = start..<position
            if token.singleWord,
                Self.wordEnds(text, at: range.lowerBound) || Self.wordStarts(text, at: range.upperBound)
            {
                continue
            }
            if token.stripsLeft {
                range =
                    max(Self.spaceStart(text, before: range.lowerBound), min(done, range.lowerBound))..<range.upperBound
            }
            if token.stripsRight { range = range.lowerBound..<Self.spaceEnd(text, from: range.upperBound) }
            if done < range.lowerBound { stretches.append(Stretch(range: done..<range.lowerBound, token: nil)) }
            stretches.append(Stretch(range: range, token: token.id))
            done = range.upperBound
        }
        if done < text.count { stretches.append(Stretch(range: done..<text.count, token: nil)) }
    }

    private func next(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (start: Int, entry: Int)? {
        guard !entries.isEmpty else { return nil }
        return firstBytes.withUnsafeBufferPointer { firstBytes in
            var position = start
            while position < text.count {
                let byte = text[position]
                guard firstBytes[Int(byte)] else {
                    position += 1
                    continue
                }
                let second = position + 1 < text.count ? text[position + 1] : 0
                let pair = Int(byte) << 8 | Int(second)
                if starts[pair >> 6] >> UInt64(pair & 63) & 1 == 1 || position + 1 == text.count {
                    for index in ranges[Int(byte)] where matches(index, text, at: position) { return (position, index) }
                }
                position += 1
            }
            return nil
        }
    }

    private func matches(_ index: Int, _ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        let bytes = entries[index].bytes
        guard bytes.count <= text.count - position else { return false }
        for offset in bytes.indices where text[position + offset] != bytes[offset] { return false }
        return true
    }

    // MARK: Neighbours

    private static func scalarBefore(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> (UInt32, start: Int)? {
        guard position > 0 else { return nil }
        var start = position - 1
        while start > 0, text[start] & 0xC0 == 0x80, position - start < 4 { start -= 1 }
        let scalar = text.scalar(at: start)
        return start + scalar.length == position ? (scalar.value, start) : (0xFFFD, position - 1)
    }

    private static func isWord(_ value: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(value) else { return false }
        switch scalar.properties.generalCategory {
        case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: return scalar.properties.isAlphabetic || scalar.properties.isJoinControl
        }
    }

    private static func wordEnds(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        scalarBefore(text, position).map { isWord($0.0) } ?? false
    }

    private static func wordStarts(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        position < text.count && isWord(text.scalar(at: position).value)
    }

    private static func isSpace(_ value: UInt32) -> Bool {
        Unicode.Scalar(value).map { PieceClass($0) == .space } ?? false
    }

    private static func spaceStart(_ text: UnsafeBufferPointer<UInt8>, before position: Int) -> Int {
        var start = position
        while let (value, before) = scalarBefore(text, start), isSpace(value) { start = before }
        return start
    }

    private static func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, from position: Int) -> Int {
        var end = position
        while end < text.count {
            let scalar = text.scalar(at: end)
            guard isSpace(scalar.value) else { break }
            end += scalar.length
        }
        return end
    }
}
