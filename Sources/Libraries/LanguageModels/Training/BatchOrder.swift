/// Which sequences a step trains on: a pure function of the number of sequences, the seed and the step, whatever the number of
/// machines or threads.
///
/// Training runs through passes over the data, each in another order. A pass's order is a permutation that is computed, not stored: a
/// Feistel network over the smallest even number of bits that holds the count, walked until the result is in range.
///
/// - Source: Black and Rogaway 2002, for the walk.
package struct BatchOrder: Sendable {
    package let count: Int
    package let seed: UInt64
    private let halfBits: UInt64
    private static let rounds = 8

    package init(count: Int, seed: UInt64) {
        precondition(count > 0, "an order of no sequences")
        self.count = count
        self.seed = seed
        let bits = max(2, Int.bitWidth - (count - 1).leadingZeroBitCount)
        halfBits = UInt64((bits + 1) / 2)
    }

    /// The sequence at a position of the endless stream of passes.
    ///
    /// - Complexity: O(1): the walk takes fewer than four turns on average.
    package func sequence(at position: Int) -> Int {
        let (pass, index) = position.quotientAndRemainder(dividingBy: count)
        let key = SeededNumbers.mix(seed &+ SeededNumbers.mix(UInt64(pass) &+ 0x5851_F42D_4C95_7F2D))
        var value = UInt64(index)
        repeat { value = permuted(value, key) } while value >= UInt64(count)
        return Int(value)
    }

    private func permuted(_ value: UInt64, _ key: UInt64) -> UInt64 {
        let mask = (UInt64(1) << halfBits) - 1
        var (left, right) = (value >> halfBits, value & mask)
        for round in 0..<UInt64(Self.rounds) {
            (left, right) = (right, left ^ (SeededNumbers.mix(key &+ right &+ round &* 0x9E37_79B9_7F4A_7C15) & mask))
        }
        return left << halfBits | right
    }
}
