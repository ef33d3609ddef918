extension Tokenizer {
    /// What the character reference at a `&` stands for, and its length in bytes; nil if there is none.
    func decodeReference(at start: Int, inAttribute: Bool) -> (length: Int, first: UInt32, second: UInt32)? {
        let name = start + 1
        if byte(name) == 0x23 { return decodeNumber(at: name + 1, from: start) }
        var stop = name
        while stop - name <= NamedReferences.longest, classes[Int(byte(stop))] & ByteClass.alphanumeric != 0 {
            stop += 1
        }
        guard stop > name else { return nil }
        let references = NamedReferences.shared
        if byte(stop) == 0x3B, let match = references.find(bytes.base + name, stop - name) {
            return (stop + 1 - start, match.first, match.second)
        }
        guard let match = references.longestBare(bytes.base + name, stop - name) else { return nil }
        let following = byte(name + match.length)
        if inAttribute, following == 0x3D || classes[Int(following)] & ByteClass.alphanumeric != 0 { return nil }
        return (1 + match.length, match.first, match.second)
    }

    private func decodeNumber(at digits: Int, from start: Int) -> (length: Int, first: UInt32, second: UInt32)? {
        let isHexadecimal = byte(digits) | 0x20 == 0x78
        var position = isHexadecimal ? digits + 1 : digits
        let firstDigit = position
        var value: UInt32 = 0
        while true {
            let byte = byte(position)
            var digit = UInt32(byte &- 0x30)
            if digit > 9 {
                guard isHexadecimal, (byte | 0x20) &- 0x61 < 6 else { break }
                digit = UInt32((byte | 0x20) &- 0x61) + 10
            }
            // Stays above U+10FFFF once it is.
            value = min(value * (isHexadecimal ? 16 : 10) + digit, 0x110000)
            position += 1
        }
        guard position > firstDigit else { return nil }
        if byte(position) == 0x3B { position += 1 }
        if value == 0 || value > 0x10FFFF || 0xD800...0xDFFF ~= value { value = 0xFFFD }
        if 0x80...0x9F ~= value { value = Self.windows1252[Int(value) - 0x80] }
        return (position - start, value, 0)
    }

    /// What numbers from 0x80 stand for, by the standard's table; 0x81, 0x8D, 0x8F, 0x90 and 0x9D stand for themselves.
    private static let windows1252: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D,
        0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153,
        0x9D,
        0x017E, 0x0178,
    ]

    /// Appends a scalar as UTF-8. It is one: never a surrogate, at most U+10FFFF.
    mutating func appendScalar(_ scalar: UInt32) {
        if scalar < 0x80 {
            bytes.append(UInt8(scalar))
        } else if scalar < 0x800 {
            bytes.append(UInt8(0xC0 | scalar >> 6))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        } else if scalar < 0x10000 {
            bytes.append(UInt8(0xE0 | scalar >> 12))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        } else {
            bytes.append(UInt8(0xF0 | scalar >> 18))
            bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        }
    }
}
