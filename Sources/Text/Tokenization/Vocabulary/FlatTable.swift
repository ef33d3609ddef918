/// A read-only hash table from 64-bit keys to 64-bit values in one flat block.
///
/// Open addressing with linear probing at a load of at most ½, key beside value, so that a look-up touches one cache
/// line as a rule. Key `UInt64.max` is reserved.
struct FlatTable: Sendable {
    static let none = UInt64.max

    /// Key, value, key, value, …; a free slot has key `none`.
    private var slots: [UInt64]
    private let shift: UInt64
    private(set) var count = 0

    /// A table that holds up to `capacity` keys.
    init(capacity: Int) {
        var bits: UInt64 = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        slots = [UInt64](repeating: Self.none, count: 2 << bits)
        shift = 64 - bits
    }

    /// Sets a key's value; of equal keys the last counts. Never call it for more keys than the capacity.
    mutating func insert(_ key: UInt64, _ value: UInt64) {
        precondition(key != Self.none && count * 4 < slots.count, "the table was made for fewer keys")
        var slot = Int(truncatingIfNeeded: Self.hash(key) &>> shift)
        while slots[slot * 2] != Self.none, slots[slot * 2] != key { slot = (slot + 1) & (slots.count / 2 - 1) }
        if slots[slot * 2] == Self.none { count += 1 }
        slots[slot * 2] = key
        slots[slot * 2 + 1] = value
    }

    /// The value of a key, or `none`.
    func value(_ key: UInt64) -> UInt64 {
        slots.withUnsafeBufferPointer { View(slots: $0, shift: shift).value(key) }
    }

    /// Runs `body` with a view that has no reference counting and no bounds checks. The view must not escape.
    @inline(__always)
    func withView<Result>(_ body: (View) -> Result) -> Result {
        slots.withUnsafeBufferPointer { body(View(slots: $0, shift: shift)) }
    }

    struct View {
        fileprivate let slots: UnsafeBufferPointer<UInt64>
        fileprivate let shift: UInt64

        @inline(__always)
        func value(_ key: UInt64) -> UInt64 {
            // `hash >> shift` is below the number of slots, which is a power of two, so every index is inside.
            let base = slots.baseAddress.unsafelyUnwrapped
            var slot = Int(truncatingIfNeeded: FlatTable.hash(key) &>> shift)
            while true {
                let found = base[slot &* 2]
                if found == key { return base[slot &* 2 &+ 1] }
                if found == FlatTable.none { return FlatTable.none }
                slot = (slot &+ 1) & (slots.count &>> 1 &- 1)
            }
        }
    }

    /// Fibonacci hashing after a fold, since pairs of ids differ in both halves.
    @inline(__always)
    static func hash(_ key: UInt64) -> UInt64 { (key ^ key &>> 29) &* 0x9E37_79B9_7F4A_7C15 }
}
