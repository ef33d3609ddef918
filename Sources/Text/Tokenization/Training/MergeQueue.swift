/// Pairs that may be merged: the most frequent first, of equally frequent ones that of the smaller ids.
struct MergeQueue {
    struct Entry {
        /// How often the pair came when the entry was made; it may have changed since.
        var count: Int
        /// Left id ‖ right id.
        let pair: UInt64
        /// Number of the pair.
        let number: Int
        /// Number of the list of words that hold it.
        let words: Int

        @inline(__always)
        func precedes(_ other: Entry) -> Bool {
            count != other.count ? count > other.count : pair < other.pair
        }
    }

    private var entries: [Entry] = []

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.precedes(entries[parent]) else { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = entry
    }

    mutating func pop() -> Entry? {
        guard let top = entries.first else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty { sink(last) }
        return top
    }

    /// Puts an entry in the place of the first one.
    private mutating func sink(_ entry: Entry) {
        var parent = 0
        while true {
            var child = parent * 2 + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
            guard entries[child].precedes(entry) else { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = entry
    }
}
