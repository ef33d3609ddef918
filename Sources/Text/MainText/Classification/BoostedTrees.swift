import Glibc

/// Gradient-boosted decision trees over features of one byte (Friedman 2001). Trained by `Scripts/train-main-text`.
///
/// Trees are not walked: each step of a walk waits for the last, and the processor guesses it wrongly. Each node instead
/// strikes the leaves on its left out of a set of leaves where a row goes right, in any order and for 16 rows at once. The
/// first leaf that stays is the one a walk would come to (Lucchese et al. 2015, QuickScorer; 2016 for vectors). Text is
/// taken out of parsed pages by 400 trees in 45 % of the time that walks took (`Benchmarks/extract`).
package struct BoostedTrees: Sendable {
    /// A node's part in eight leaves of its tree: bits 16–23 are the feature, 8–15 the threshold, 0–7 the leaves that stay
    /// for features above it.
    private var cuts: [UInt32] = []
    /// Where the cuts of each eight leaves end; four numbers a tree.
    private var ends: [UInt32] = []
    /// Values in 4096ths; 32 a tree.
    private var leaves: [Int16] = []

    /// Leaves that a tree may have.
    private static let leafLimit = 32

    /// Reads the trees out of base 64 of little-endian nodes.
    ///
    /// A tree lies there in the order of a walk: bits 24–31 of a node are its feature, 16–23 its threshold, 0–15 how far
    /// behind it its right child lies; the left child, for features up to the threshold, follows at once. A leaf has feature
    /// 255 and its value, in 4096ths, in bits 0–15. The tables are the module's own; that they are well formed is checked
    /// here once, so that `likelihoods` need not.
    init(base64 text: StaticString, features: Int) {
        var nodes: [UInt32] = []
        var (bits, held, value): (UInt32, Int, UInt64) = (0, 0, 0)
        let bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        var word = 0
        for byte in bytes {
            let digit: UInt32
            switch byte {
            case 65...90: digit = UInt32(byte) - 65
            case 97...122: digit = UInt32(byte) - 71
            case 48...57: digit = UInt32(byte) + 4
            case 43: digit = 62
            case 47: digit = 63
            default: continue
            }
            bits = bits << 6 | digit
            held += 6
            if held >= 8 {
                held -= 8
                value |= UInt64(bits >> UInt32(held) & 0xFF) << UInt64(8 * word)
                word += 1
                if word == 4 {
                    nodes.append(UInt32(value))
                    (word, value) = (0, 0)
                }
            }
        }
        var at = 0
        while at < nodes.count {
            let end = Self.end(of: at, in: nodes, features)
            add(nodes[at..<end])
            at = end
        }
    }

    private mutating func add(_ tree: ArraySlice<UInt32>) {
        var values: [Int16] = []
        let leavesBefore = tree.map { node in
            defer { if Self.isLeaf(node) { values.append(Int16(truncatingIfNeeded: node)) } }
            return values.count
        }
        precondition(values.count <= Self.leafLimit, "a tree of the main text's model has too many leaves")
        for plane in 0..<4 {
            for (place, node) in tree.enumerated() where !Self.isLeaf(node) {
                let struck = leavesBefore[place]..<leavesBefore[place + Int(node & 0xFFFF)]
                let mask = (0..<8).reduce(UInt32(0)) { $0 | (struck.contains(8 * plane + $1) ? 0 : 1 << UInt32($1)) }
                if mask != 0xFF { cuts.append(node >> 8 & 0xFFFF00 | mask) }
            }
            ends.append(UInt32(cuts.count))
        }
        leaves += values + [Int16](repeating: 0, count: Self.leafLimit - values.count)
    }

    private static func isLeaf(_ node: UInt32) -> Bool { node >> 24 == 255 }

    /// Checks the tree that starts at a node, and gives the position behind it.
    private static func end(of start: Int, in nodes: [UInt32], _ features: Int) -> Int {
        var open = 1
        var at = start
        while open > 0 {
            precondition(at < nodes.count, "a tree of the main text's model is cut off")
            let node = nodes[at]
            if isLeaf(node) {
                open -= 1
            } else {
                precondition(
                    node >> 24 < features && node & 0xFFFF > 1 && at + Int(node & 0xFFFF) < nodes.count,
                    "a node of the main text's model points outside")
                open += 1
            }
            at += 1
        }
        return at
    }

    /// Rows that are judged at once, and the bytes from one to the next.
    package static let width = 16
    package static let stride = 256

    /// How likely the blocks of `width` rows are main text, 0 … 1 each.
    package func likelihoods(_ rows: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
        withUnsafeTemporaryAllocation(of: SIMD16<UInt8>.self, capacity: Self.stride + 1) { memory in
            guard let columns = memory.baseAddress else { return }
            memory.initialize(repeating: SIMD16())
            UnsafeMutableRawBufferPointer(memory).withMemoryRebound(to: UInt8.self) { bytes in
                for row in 0..<Self.width {
                    for feature in 0..<Self.stride {
                        bytes[feature * Self.width + row] = rows[row * Self.stride + feature]
                    }
                }
            }
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.width) { sums in
                sums.initialize(repeating: 0)
                sum(columns, into: sums)
                for row in 0..<Self.width { output[row] = 1 / (1 + expf(-Float(sums[row]) / 4096)) }
            }
        }
    }

    /// Adds each row's values. Behind the columns there is room for one vector.
    private func sum(_ columns: UnsafeMutablePointer<SIMD16<UInt8>>, into sums: UnsafeMutableBufferPointer<Int32>) {
        cuts.withUnsafeBufferPointer { cuts in
            ends.withUnsafeBufferPointer { ends in
                leaves.withUnsafeBufferPointer { leaves in
                    guard let cuts = cuts.baseAddress, let leaves = leaves.baseAddress,
                        let sums = sums.baseAddress
                    else { return }
                    var start = 0
                    for tree in 0..<ends.count / 4 {
                        columns[Self.stride] = Self.firstLeaves(columns, cuts, &start, ends, 4 * tree)
                        let values = leaves + tree * Self.leafLimit
                        (columns + Self.stride).withMemoryRebound(to: UInt64.self, capacity: 2) { halves in
                            for half in 0..<2 {
                                var places = halves[half]
                                for row in 0..<8 {
                                    sums[8 * half + row] &+= Int32(values[Int(places & 31)])
                                    places >>= 8
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The first leaf that stays of a tree, 0 … 31, for each row.
    @inline(__always)
    private static func firstLeaves(
        _ columns: UnsafePointer<SIMD16<UInt8>>, _ cuts: UnsafePointer<UInt32>, _ start: inout Int,
        _ ends: UnsafeBufferPointer<UInt32>, _ first: Int
    ) -> SIMD16<UInt8> {
        // `.>` is one instruction; `.==` and `.!=` compile to a loop over lanes.
        let zero = SIMD16<UInt8>()
        var found = zero
        var base = zero
        for plane in 0..<4 {
            var stays = SIMD16<UInt8>(repeating: 0xFF)
            let end = Int(ends[first + plane])
            while start < end {
                let cut = cuts[start]
                let mask = SIMD16<UInt8>(repeating: UInt8(truncatingIfNeeded: cut))
                let threshold = SIMD16<UInt8>(repeating: UInt8(truncatingIfNeeded: cut >> 8))
                stays.replace(with: stays & mask, where: columns[Int(cut >> 16)] .> threshold)
                start += 1
            }
            // Eight leaves count only where all before them are struck.
            let isFound = found .> zero
            stays.replace(with: found, where: isFound)
            found = stays
            var place = SIMD16<UInt8>(repeating: UInt8(8 * plane))
            place.replace(with: base, where: isFound)
            base = place
        }
        let lowest = found & (zero &- found)
        var place = base
        place.replace(with: place | 1, where: (lowest & 0xAA) .> zero)
        place.replace(with: place | 2, where: (lowest & 0xCC) .> zero)
        place.replace(with: place | 4, where: (lowest & 0xF0) .> zero)
        return place
    }
}
