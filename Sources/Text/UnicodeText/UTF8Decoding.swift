/// UTF-8, one scalar at a time, over bytes that may be ill-formed.
public enum UTF8Decoding {
    /// The scalar at a position and its length in bytes; U+FFFD and 1 where the bytes are ill-formed there.
    ///
    /// `position` must be below `bytes.count`. No byte beyond the buffer is read.
    @inlinable @inline(__always)
    public static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int) -> (value: UInt32, length: Int) {
        let lead = UInt32(bytes[position])
        if lead < 0x80 { return (lead, 1) }
        if lead < 0xE0 {
            guard lead >= 0xC2, position + 1 < bytes.count, bytes[position + 1] & 0xC0 == 0x80 else { return (0xFFFD, 1) }
            return ((lead & 0x1F) << 6 | UInt32(bytes[position + 1] & 0x3F), 2)
        }
        if lead < 0xF0 {
            guard position + 2 < bytes.count, bytes[position + 1] & 0xC0 == 0x80, bytes[position + 2] & 0xC0 == 0x80
            else { return (0xFFFD, 1) }
            let value = (lead & 0x0F) << 12 | UInt32(bytes[position + 1] & 0x3F) << 6 | UInt32(bytes[position + 2] & 0x3F)
            guard value >= 0x800, value & 0xF800 != 0xD800 else { return (0xFFFD, 1) }
            return (value, 3)
        }
        guard lead < 0xF5, position + 3 < bytes.count, bytes[position + 1] & 0xC0 == 0x80,
            bytes[position + 2] & 0xC0 == 0x80, bytes[position + 3] & 0xC0 == 0x80
        else { return (0xFFFD, 1) }
        let high = (lead & 0x07) << 18 | UInt32(bytes[position + 1] & 0x3F) << 12
        let value = high | UInt32(bytes[position + 2] & 0x3F) << 6 | UInt32(bytes[position + 3] & 0x3F)
        guard value >= 0x10000, value <= 0x10FFFF else { return (0xFFFD, 1) }
        return (value, 4)
    }

    /// Appends a scalar's UTF-8.
    public static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
