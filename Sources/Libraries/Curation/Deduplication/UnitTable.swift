/// The best unit of each content so far: open addressing over 128-bit digests.
///
/// - Complexity: O(1) per unit; memory of `entryBytes` and the selection value per distinct content.
struct UnitTable {
    /// What a distinct content takes beside its selection value: an entry, and slots that are half full at most, of
    /// which there are two sets while they grow.
    static let entryBytes = MemoryLayout<Entry>.stride + 6 * MemoryLayout<UInt32>.stride

    private struct Entry {
        var high: UInt64
        var low: UInt64
        var unit: UInt64
        /// The selection value in the arena, behind its length; 0 where it is empty.
        var selection: Int
    }

    private let keepsLargest: Bool
    private var entries: [Entry] = []
    /// Entry numbers from 1; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1 << 10)
    /// Lengths (4 bytes) and values. The first four bytes are no value's.
    private var arena: [UInt8] = [0, 0, 0, 0]
    /// Bytes of the arena that no entry refers to.
    private var waste = 0

    init(keepsLargest: Bool) { self.keepsLargest = keepsLargest }

    /// Adds a unit.
    ///
    /// - Returns: the unit that loses: this one, the one that was best before, or none.
    mutating func add(_ unit: ExactDedup.Unit, number: UInt64) -> UInt64? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: unit.low) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if entries[index].low == unit.low, entries[index].high == unit.high {
                guard isBetter(unit.selection, than: index) else { return number }
                let loser = entries[index].unit
                waste += selection(of: index).count
                entries[index].unit = number
                entries[index].selection = store(unit.selection)
                if waste > 1 << 20, waste * 2 > arena.count { compact() }
                return loser
            }
            slot = (slot + 1) & mask
        }
        entries.append(Entry(high: unit.high, low: unit.low, unit: number, selection: store(unit.selection)))
        slots[slot] = UInt32(entries.count)
        if entries.count * 2 > slots.count { grow() }
        return nil
    }

    /// Of equal values the first stays.
    private func isBetter(_ selection: [UInt8], than index: Int) -> Bool {
        let held = self.selection(of: index)
        return keepsLargest ? held.lexicographicallyPrecedes(selection) : selection.lexicographicallyPrecedes(held)
    }

    private func selection(of index: Int) -> ArraySlice<UInt8> {
        let start = entries[index].selection
        let length = arena.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self) }
        return arena[(start + 4)..<(start + 4 + Int(length))]
    }

    private mutating func store(_ selection: some Collection<UInt8>) -> Int {
        if selection.isEmpty { return 0 }
        let start = arena.count
        withUnsafeBytes(of: UInt32(clamping: selection.count)) { arena.append(contentsOf: $0) }
        arena.append(contentsOf: selection)
        return start
    }

    private mutating func compact() {
        let old = arena
        arena = [0, 0, 0, 0]
        arena.reserveCapacity(old.count - waste)
        for index in entries.indices where entries[index].selection != 0 {
            let start = entries[index].selection
            let length = old.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self) }
            entries[index].selection = store(old[(start + 4)..<(start + 4 + Int(length))])
        }
        waste = 0
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.low) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(index + 1)
        }
    }
}
