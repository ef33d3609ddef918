import UnicodeText

/// Prepares text for the detectors.
enum TextSample {
    /// Whether there is a letter: an ASCII one, or any byte of a longer scalar.
    @inline(__always)
    static func hasLetters(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        for byte in text where byte >= 0x80 || (byte | 0x20) &- UInt8(ascii: "a") < 26 { return true }
        return false
    }

    /// Four pieces of equal size, spread evenly, cut between scalars and joined by newlines.
    static func pieces(of text: UnsafeBufferPointer<UInt8>, bytes: Int) -> [UInt8] {
        let size = bytes / 4
        var sample: [UInt8] = []
        sample.reserveCapacity(bytes + 4)
        for piece in 0..<4 {
            var start = (text.count - size) * piece / 3
            while start < text.count, text[start] & 0xC0 == 0x80 { start += 1 }
            var end = min(start + size, text.count)
            while end > start, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
            sample.append(contentsOf: text[start..<end])
            sample.append(UInt8(ascii: "\n"))
        }
        return sample
    }

    /// Whether the text is in form C already and not all in capitals, so that it can be taken as it is.
    static func isPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var hasLower = false
        for byte in text {
            if byte >= 0x80 { return CanonicalComposition.isNormalized(text) && !isAllCapitals(text) }
            if byte &- UInt8(ascii: "a") < 26 { hasLower = true }
        }
        return hasLower || !isAllCapitals(text)
    }

    /// Form C; lower case where all letters are capitals.
    static func normalize(_ text: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        output.removeAll(keepingCapacity: true)
        guard isAllCapitals(text) else {
            CanonicalComposition.append(text, to: &output)
            return
        }
        var lower: [UInt8] = []
        lowerCase.append(Span(_unsafeElements: text), 0..<text.count, to: &lower)
        lower.withUnsafeBufferPointer { CanonicalComposition.append($0, to: &output) }
    }

    private static let lowerCase = LowerCase()
    private static let classes = ScalarClassTable.standard

    /// Whether there are letters with case and none is small.
    static func isAllCapitals(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let span = Span(_unsafeElements: text)
        var position = 0
        var found = false
        while position < span.count {
            let scalar = span.scalar(at: position)
            let kind = classes[scalar.value]
            if kind.contains(.lowercase) { return false }
            if kind.contains(.uppercase) { found = true }
            position += scalar.length
        }
        return found
    }
}
