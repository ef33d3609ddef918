import Glibc

/// Words as hashes, to see what a block has in common with the title.
enum TitleWords {
    /// Calls `body` with each word: a run of letters, digits and bytes beyond ASCII, in lower case.
    static func forEach(_ text: UnsafeBufferPointer<UInt8>, _ body: (UInt32) -> Void) {
        var hash: UInt32 = 2_166_136_261
        var length = 0
        for byte in text {
            if byte >= 0x80 || ASCIIByte.isLetter(byte) || ASCIIByte.isDigit(byte) {
                hash = (hash ^ UInt32(ASCIIByte.lower(byte))) &* 16_777_619
                length += 1
            } else if length > 0 {
                body(hash)
                hash = 2_166_136_261
                length = 0
            }
        }
        if length > 0 { body(hash) }
    }

    /// How often a text has the word `cookie`, up to 8.
    static func cookies(_ text: UnsafeBufferPointer<UInt8>) -> UInt8 {
        guard let base = text.baseAddress else { return 0 }
        var count: UInt8 = 0
        var at = 0
        // `k` is the word's rarest letter.
        while count < 8, let found = memchr(base + at, 107, text.count - at) {
            at = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
            guard at >= 4, at + 1 < text.count else { continue }
            if base[at - 2] == 111, base[at - 3] == 111, base[at] == 105, base[at + 1] == 101, base[at - 4] | 0x20 == 99
            {
                count += 1
            }
        }
        return count
    }

    static func hash(_ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(text.count) &* 0x9E37_79B9_7F4A_7C15
        let raw = UnsafeRawBufferPointer(text)
        var at = 0
        while at + 8 <= raw.count {
            hash = (hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0xBF58_476D_1CE4_E5B9
            hash ^= hash >> 29
            at += 8
        }
        while at < raw.count {
            hash = (hash ^ UInt64(raw[at])) &* 0x94D0_49BB_1331_11EB
            at += 1
        }
        return hash ^ hash >> 32
    }
}
