/// Random numbers that a seed decides, today and in every later version: the SplitMix64 generator.
///
/// Draws that results depend on must not change with the Swift library, whose `shuffle` and `random(in:)` promise no
/// algorithm; so those here are written out.
///
/// - Source: Steele, Lea and Flood 2014 for the generator, Lemire 2019 for `below`.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Hashable {
    private var state: UInt64

    /// Generators of one seed and different streams are independent for all that a test can tell.
    public init(seed: UInt64, stream: UInt64 = 0) {
        state = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mix(stream &+ 0xD1B5_4A32_D192_ED03)
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A whole number from 0 to `limit` − 1, each as likely; `limit` is positive.
    ///
    /// - Complexity: O(1) expected.
    public mutating func below(_ limit: Int) -> Int {
        precondition(limit > 0, "there is no number below \(limit) to draw")
        let range = UInt64(limit)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let excess = (0 &- range) % range
            while product.low < excess { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// A number from 0 to just below 1, of 53 random bits.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Puts elements in random order, every order as likely.
    public mutating func shuffle<Elements: RandomAccessCollection & MutableCollection>(_ elements: inout Elements)
    where Elements.Index == Int {
        var last = elements.count - 1
        while last > 0 {
            elements.swapAt(elements.startIndex + last, elements.startIndex + below(last + 1))
            last -= 1
        }
    }

    /// Every input bit reaches every output bit.
    @inline(__always)
    public static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
