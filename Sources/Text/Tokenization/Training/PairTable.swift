/// Numbers of pairs of symbols, in the order in which the pairs were first seen: a hash table that only grows.
struct PairTable {
    /// Pair, number, pair, number, …; `free` marks a free slot. At most half full.
    private var slots = [UInt64](repeating: Self.free, count: 2 << 12)
    private var shift: UInt64 = 64 - 12
    private(set) var count = 0
    private static let free = UInt64.max

    /// The pair's number; the next one where the pair is new.
    ///
    /// - Complexity: O(1), amortised.
    @inline(__always)
    mutating func number(of pair: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: FlatTable.hash(pair) &>> shift)
        while slots[slot &* 2] != pair {
            if slots[slot &* 2] == Self.free { return insert(pair, slot) }
            slot = (slot &+ 1) & (slots.count &>> 1 &- 1)
        }
        return Int(truncatingIfNeeded: slots[slot &* 2 &+ 1])
    }

    @inline(never)
    private mutating func insert(_ pair: UInt64, _ slot: Int) -> Int {
        slots[slot * 2] = pair
        slots[slot * 2 + 1] = UInt64(count)
        count += 1
        if count * 4 > slots.count { grow() }
        return count - 1
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: Self.free, count: old.count * 2)
        shift -= 1
        for index in stride(from: 0, to: old.count, by: 2) where old[index] != Self.free {
            var slot = Int(truncatingIfNeeded: FlatTable.hash(old[index]) &>> shift)
            while slots[slot * 2] != Self.free { slot = (slot + 1) & (slots.count / 2 - 1) }
            slots[slot * 2] = old[index]
            slots[slot * 2 + 1] = old[index + 1]
        }
    }
}
