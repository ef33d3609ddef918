/// Scalars in UTF-8 bytes.
///
/// Nothing here needs the bytes to be valid: a byte that starts no scalar is read as U+FFFD, one byte long.
@frozen
public struct DecodedScalar: Sendable {
    public let value: UInt32
    /// Bytes taken, 1 … 4.
    public let length: Int

    @inlinable @inline(__always)
    init(_ value: UInt32, _ length: Int) {
        self.value = value
        self.length = length
    }
}

extension Span where Element == UInt8 {
    /// The scalar that starts at a byte. Complexity: O(1).
    @inlinable @inline(__always)
    public func scalar(at position: Int) -> DecodedScalar {
        let first = UInt32(self[position])
        if first < 0x80 { return DecodedScalar(first, 1) }
        return multibyteScalar(at: position, first)
    }

    @inlinable
    func multibyteScalar(at position: Int, _ first: UInt32) -> DecodedScalar {
        let left = count - position
        if first & 0xE0 == 0xC0, left > 1 {
            let second = UInt32(self[position + 1])
            if second & 0xC0 == 0x80, first > 0xC1 { return DecodedScalar((first & 0x1F) << 6 | second & 0x3F, 2) }
        } else if first & 0xF0 == 0xE0, left > 2 {
            let (second, third) = (UInt32(self[position + 1]), UInt32(self[position + 2]))
            let value = (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F
            if second & 0xC0 == 0x80, third & 0xC0 == 0x80, value > 0x7FF, !(0xD800...0xDFFF ~= value) {
                return DecodedScalar(value, 3)
            }
        } else if first & 0xF8 == 0xF0, left > 3 {
            let (second, third, fourth) = (
                UInt32(self[position + 1]), UInt32(self[position + 2]), UInt32(self[position + 3])
            )
            let value = (first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F
            if second & 0xC0 == 0x80, third & 0xC0 == 0x80, fourth & 0xC0 == 0x80, 0x10000...0x10FFFF ~= value {
                return DecodedScalar(value, 4)
            }
        }
        return DecodedScalar(0xFFFD, 1)
    }

    /// The scalar that ends just before a byte. `position` is above 0. Complexity: O(1).
    @inlinable @inline(__always)
    public func scalar(before position: Int) -> DecodedScalar {
        let last = UInt32(self[position - 1])
        if last < 0x80 { return DecodedScalar(last, 1) }
        var start = position - 1
        while start > 0, position - start < 4, self[start] & 0xC0 == 0x80 { start -= 1 }
        let decoded = scalar(at: start)
        return decoded.length == position - start ? decoded : DecodedScalar(0xFFFD, 1)
    }

    /// Scalars in a range of valid UTF-8: the bytes that continue none. Complexity: O(bytes).
    @inlinable
    public func scalarCount(_ range: Range<Int>) -> Int {
        var continuations = 0
        for position in range where Int8(bitPattern: self[position]) < -64 { continuations += 1 }
        return range.count - continuations
    }

    /// Where the run of ASCII bytes that starts a range ends. Complexity: O(bytes), eight at a time.
    @inlinable
    public func endOfASCII(_ range: Range<Int>) -> Int {
        extracting(range).withUnsafeBytes { bytes in
            var position = 0
            while bytes.count - position >= 8 {
                let high =
                    bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian & 0x8080_8080_8080_8080
                if high != 0 { return range.lowerBound + position + high.trailingZeroBitCount / 8 }
                position += 8
            }
            while position < bytes.count, bytes[position] < 0x80 { position += 1 }
            return range.lowerBound + position
        }
    }

    /// Whether the bytes at a position are these.
    @inlinable
    public func starts(with needle: [UInt8], at position: Int) -> Bool {
        guard position >= 0, needle.count <= count - position else { return false }
        for offset in 0..<needle.count where self[position + offset] != needle[offset] { return false }
        return true
    }
}

extension [UInt8] {
    /// Appends a scalar as UTF-8; a surrogate or a value above U+10FFFF becomes U+FFFD.
    @inlinable
    public mutating func appendScalar(_ value: UInt32) {
        switch value {
        case ..<0x80: append(UInt8(truncatingIfNeeded: value))
        case ..<0x800:
            append(UInt8(truncatingIfNeeded: 0xC0 | value >> 6))
            append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        case 0xD800...0xDFFF, 0x110000...: appendScalar(0xFFFD)
        case ..<0x10000:
            append(UInt8(truncatingIfNeeded: 0xE0 | value >> 12))
            append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        default:
            append(UInt8(truncatingIfNeeded: 0xF0 | value >> 18))
            append(UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        }
    }

    /// Appends a range of other bytes.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        bytes.extracting(range).withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}

extension String {
    /// A range of UTF-8 bytes as text; invalid bytes become U+FFFD.
    @inlinable
    public init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        self = bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
