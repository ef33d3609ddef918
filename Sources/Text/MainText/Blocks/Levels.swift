/// For each of 32 things, how many levels up in the tree the nearest element with it is; 15 for none within reach.
///
/// A byte each, in words of eight: operators of SIMD vectors would go byte by byte.
struct Levels {
    private var words: InlineArray<4, UInt64> = InlineArray(repeating: 0x0F0F_0F0F_0F0F_0F0F)

    /// The same seen from one level below.
    var deeper: Levels {
        var result = self
        for index in 0..<4 {
            let sums = words[index] &+ 0x0101_0101_0101_0101
            // What came to 16 goes back to 15.
            result.words[index] = sums &- (sums >> 4 & 0x0101_0101_0101_0101)
        }
        return result
    }

    /// Sets a thing's distance to 0.
    mutating func reach(_ index: Int) { words[index >> 3] &= ~(0xFF << UInt64(8 * (index & 7))) }

    subscript(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[index >> 3] >> UInt64(8 * (index & 7))) }
}
