/// What bytes add to the counts of a text, packed so that one addition counts all (twelve bits each).
enum ByteStatistics {
    static let fieldBits: UInt64 = 12
    /// Bytes after which the fields must be emptied: each byte adds at most three to one.
    static let chunk = 1024

    /// Fields: characters, digits, capitals, commas, separators.
    static let additions: [UInt64] = (0..<256).map { value in
        let byte = UInt8(value)
        var result: UInt64 = 0
        switch byte {
        case 0x80...0xBF: break
        // Han, kana, Hangul: three bytes, and about half a word each.
        case 0xE3...0xED: result = 3
        default: result = ASCIIByte.isSpace(byte) ? 0 : 1
        }
        if ASCIIByte.isDigit(byte) { result |= 1 << fieldBits }
        if byte &- 65 < 26 { result |= 1 << (2 * fieldBits) }
        if byte == 44 || byte == 59 { result |= 1 << (3 * fieldBits) }
        if byte == 124 || byte == 47 || byte == 62 || byte == 43 { result |= 1 << (4 * fieldBits) }
        return result
    }

    /// 0: copied; 1: white space; 2: begins a sequence that may mean white space, a sentence's end or a comma.
    static let classes: [UInt8] = (0..<256).map { value in
        let byte = UInt8(value)
        if ASCIIByte.isSpace(byte) || byte == 0x0B { return 1 }
        return byte == 0xC2 || byte == 0xE2 || byte == 0xE3 || byte == 0xEF || byte == 0xE0 || byte == 0xD8
            || byte == 0xDB ? 2 : 0
    }

    enum Special { case none, space, nothing, sentence, comma, separator }

    /// What a sequence of two or three bytes means.
    @inline(__always)
    static func special(_ bytes: UnsafePointer<UInt8>, _ left: Int) -> (kind: Special, length: Int) {
        guard left >= 2 else { return (.none, 1) }
        let second = bytes[1]
        switch bytes[0] {
        case 0xC2:
            if second == 0xA0 { return (.space, 2) }
            if second == 0xAD { return (.nothing, 2) }
            if second == 0xBB || second == 0xB7 { return (.separator, 2) }
            return (.none, 2)
        case 0xD8: return second == 0x8C ? (.comma, 2) : second == 0x9F ? (.sentence, 2) : (.none, 2)
        case 0xDB: return second == 0x94 ? (.sentence, 2) : (.none, 2)
        default: break
        }
        guard left >= 3 else { return (.none, 1) }
        let third = bytes[2]
        switch (bytes[0], second, third) {
        case (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9), (0xE2, 0x80, 0xAF), (0xE3, 0x80, 0x80):
            return (.space, 3)
        case (0xE2, 0x80, 0x8B), (0xE2, 0x81, 0xA0), (0xEF, 0xBB, 0xBF): return (.nothing, 3)
        case (0xE2, 0x80, 0xBA), (0xE2, 0x80, 0xA2): return (.separator, 3)
        case (0xE3, 0x80, 0x82), (0xEF, 0xBC, 0x81), (0xEF, 0xBC, 0x9F), (0xE0, 0xA5, 0xA4): return (.sentence, 3)
        case (0xE3, 0x80, 0x81), (0xEF, 0xBC, 0x8C), (0xEF, 0xBC, 0x9B): return (.comma, 3)
        default: return (.none, 3)
        }
    }
}
