/// Merges the bytes of one piece by rank: again and again the pair of least rank, of equal ranks the leftmost.
struct PieceMerger {
    /// From this many symbols on, a heap finds the next pair; below it, a scan of the ranks is faster.
    private static let scanLimit = 64

    /// The symbols of the piece in work; after `merge`, the piece's ids.
    private(set) var symbols: [UInt32] = []
    /// Rank ‖ result of the pair that starts at each symbol, or `FlatTable.none`.
    private var pairs: [UInt64] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var heap = PairHeap()

    /// Sets the symbols to the ids of the piece.
    ///
    /// - Complexity: O(n²) with a tiny factor up to 64 bytes, O(n log n) beyond.
    mutating func merge(_ piece: UnsafeBufferPointer<UInt8>, _ tokenizer: Tokenizer) {
        symbols.removeAll(keepingCapacity: true)
        for byte in piece {
            let id = tokenizer.byteTokens[Int(byte)]
            if id != Tokenizer.noToken {
                symbols.append(id)
            } else if let unknown = tokenizer.unknown, !(tokenizer.fusesUnknown && symbols.last == unknown) {
                symbols.append(unknown)
            }
        }
        guard symbols.count > 1 else { return }
        tokenizer.mergeTable.withView { table in
            if symbols.count <= Self.scanLimit { mergeByScan(table) } else { mergeByHeap(table) }
        }
    }

    @inline(__always)
    private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 { UInt64(left) &<< 32 | UInt64(right) }

    private mutating func mergeByScan(_ table: FlatTable.View) {
        let start = symbols.count
        if pairs.count < Self.scanLimit { pairs = [UInt64](repeating: FlatTable.none, count: Self.scanLimit) }
        var count = start
        symbols.withUnsafeMutableBufferPointer { symbols in
            pairs.withUnsafeMutableBufferPointer { pairs in
                // Both have at least `count` elements, and every index below stays under `count`, which only falls.
                let s = symbols.baseAddress.unsafelyUnwrapped
                let p = pairs.baseAddress.unsafelyUnwrapped
                for i in 0..<count &- 1 { p[i] = table.value(Self.key(s[i], s[i &+ 1])) }
                p[count &- 1] = FlatTable.none
                while true {
                    var best = FlatTable.none
                    var at = 0
                    for i in 0..<count &- 1 where p[i] < best {
                        best = p[i]
                        at = i
                    }
                    if best == FlatTable.none { break }
                    s[at] = UInt32(truncatingIfNeeded: best)
                    count &-= 1
                    for i in at &+ 1..<Swift.max(count, at &+ 1) {
                        s[i] = s[i &+ 1]
                        p[i] = p[i &+ 1]
                    }
                    p[at] = at &+ 1 < count ? table.value(Self.key(s[at], s[at &+ 1])) : FlatTable.none
                    if at > 0 { p[at &- 1] = table.value(Self.key(s[at &- 1], s[at])) }
                }
            }
        }
        symbols.removeLast(start - count)
    }

    private mutating func mergeByHeap(_ table: FlatTable.View) {
        let count = symbols.count
        next = (0..<count).map { Int32($0 + 1) }
        previous = (0..<count).map { Int32($0 - 1) }
        pairs = [UInt64](repeating: FlatTable.none, count: count)
        heap.removeAll()
        for i in 0..<count - 1 {
            pairs[i] = table.value(Self.key(symbols[i], symbols[i + 1]))
            if pairs[i] != FlatTable.none { heap.push(rank: UInt32(pairs[i] >> 32), at: UInt32(i)) }
        }
        while let (rank, position) = heap.pop() {
            let at = Int(position)
            // Stale: the pair has gone or changed since.
            guard pairs[at] != FlatTable.none, UInt32(pairs[at] >> 32) == rank else { continue }
            let right = Int(next[at])
            symbols[at] = UInt32(truncatingIfNeeded: pairs[at])
            pairs[right] = FlatTable.none
            symbols[right] = Tokenizer.noToken
            next[at] = next[right]
            let after = Int(next[at])
            if after < count { previous[after] = Int32(at) }
            update(at, table, count)
            if previous[at] >= 0 { update(Int(previous[at]), table, count) }
        }
        symbols.removeAll { $0 == Tokenizer.noToken }
    }

    private mutating func update(_ at: Int, _ table: FlatTable.View, _ count: Int) {
        let right = Int(next[at])
        pairs[at] = right < count ? table.value(Self.key(symbols[at], symbols[right])) : FlatTable.none
        if pairs[at] != FlatTable.none { heap.push(rank: UInt32(pairs[at] >> 32), at: UInt32(at)) }
    }
}

/// A binary heap of (rank, position), least first.
private struct PairHeap {
    private var keys: [UInt64] = []

    mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    mutating func push(rank: UInt32, at position: UInt32) {
        keys.append(UInt64(rank) << 32 | UInt64(position))
        var child = keys.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard keys[child] < keys[parent] else { break }
            keys.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (rank: UInt32, position: UInt32)? {
        guard let top = keys.first else { return nil }
        let last = keys.removeLast()
        if !keys.isEmpty {
            keys[0] = last
            var parent = 0
            while true {
                var child = parent * 2 + 1
                guard child < keys.count else { break }
                if child + 1 < keys.count, keys[child + 1] < keys[child] { child += 1 }
                guard keys[child] < keys[parent] else { break }
                keys.swapAt(child, parent)
                parent = child
            }
        }
        return (UInt32(truncatingIfNeeded: top >> 32), UInt32(truncatingIfNeeded: top))
    }
}
