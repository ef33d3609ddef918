/// Which units of a pool stay. 128-bit hashes are kept, not contents.
///
/// - Complexity: O(1) per unit; memory of one entry per distinct unit and one byte per unit.
struct DedupIndex {
    private struct Key: Hashable {
        var high: UInt64
        var low: UInt64
    }

    private struct Winner {
        var unit: Int
        var selection: [UInt8]
    }

    private let keepsLargest: Bool
    private var winners: [Key: Winner] = [:]
    private(set) var kept: [Bool] = []

    init(keepsLargest: Bool) { self.keepsLargest = keepsLargest }

    mutating func add(_ unit: ExactDedup.Unit) {
        let number = kept.count
        let key = Key(high: unit.high, low: unit.low)
        guard let winner = winners[key] else {
            winners[key] = Winner(unit: number, selection: unit.selection)
            kept.append(true)
            return
        }
        let isBetter =
            keepsLargest
            ? winner.selection.lexicographicallyPrecedes(unit.selection)
            : unit.selection.lexicographicallyPrecedes(winner.selection)
        kept.append(isBetter)
        if isBetter {
            kept[winner.unit] = false
            winners[key] = Winner(unit: number, selection: unit.selection)
        }
    }
}
