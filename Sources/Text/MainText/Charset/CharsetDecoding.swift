extension TextEncoding {
    /// Appends the UTF-8 of bytes in this encoding; what is ill-formed becomes U+FFFD. A byte order mark is text here.
    ///
    /// - Returns: how many parts were ill-formed; nil where this machine's C library lacks the encoding.
    /// - Complexity: O(n).
    func decode(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) -> Int? {
        if self == .utf8 {
            let before = output.count
            UTF8Check.repair(bytes, into: &output)
            return output.count == before + bytes.count ? 0 : UTF8Check(bytes).errors
        }
        if let upperHalf { return Self.decode(bytes, by: upperHalf, into: &output) }
        return MultibyteDecoder(self)?.decode(bytes, into: &output)
    }

    private static func decode(_ bytes: UnsafeBufferPointer<UInt8>, by upperHalf: [UInt16], into output: inout [UInt8])
        -> Int
    {
        // Three bytes at most for each of one, so that the loop writes without asking for room.
        var high = 0
        for byte in bytes { high &+= Int(byte >> 7) }
        var errors = 0
        let added = [UInt8](unsafeUninitializedCapacity: bytes.count + 2 * high) { buffer, count in
            for byte in bytes {
                if byte < 0x80 {
                    buffer[count] = byte
                    count += 1
                    continue
                }
                let scalar = upperHalf[Int(byte) - 0x80]
                if scalar == 0xFFFD { errors += 1 }
                if scalar < 0x800 {
                    buffer[count] = UInt8(0xC0 | scalar >> 6)
                    buffer[count + 1] = UInt8(0x80 | scalar & 0x3F)
                    count += 2
                } else {
                    buffer[count] = UInt8(0xE0 | scalar >> 12)
                    buffer[count + 1] = UInt8(0x80 | scalar >> 6 & 0x3F)
                    buffer[count + 2] = UInt8(0x80 | scalar & 0x3F)
                    count += 3
                }
            }
        }
        if output.isEmpty { output = added } else { output += added }
        return errors
    }
}
