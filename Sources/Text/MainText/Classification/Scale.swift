/// Scales of features.
enum Scale {
    /// Four steps to the doubling: 0 → 0, 1 → 4, 2 → 8, 3 → 10, 4 → 12, …
    @inline(__always)
    static func length(_ value: UInt32) -> UInt8 {
        guard value > 0 else { return 0 }
        let bits = 31 - value.leadingZeroBitCount
        let fraction = bits >= 2 ? value >> (UInt32(bits) - 2) & 3 : (value << (2 - UInt32(bits))) & 3
        return UInt8(4 + bits * 4 + Int(fraction))
    }

    /// A share of a whole, in 64ths; 0 of nothing.
    @inline(__always)
    static func share(_ part: UInt32, _ whole: UInt32) -> UInt8 {
        whole == 0 ? 0 : UInt8(min(64, UInt64(part) * 64 / UInt64(whole)))
    }
}
