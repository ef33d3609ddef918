/// Learns merges from counted pieces.
///
/// The order is that of Hugging Face's trainer, to the last tie: the most frequent pair first, of equally frequent ones
/// that of the smaller ids; a merge whose token exists already takes that token's id and makes no new one. Each entry of
/// the queue knows the words in which its pair arose, and a count that changed since is put right when the entry comes
/// up, so that a merge costs what it changes and no more.
struct MergeLearner {
    struct Merge {
        let left: UInt32
        let right: UInt32
        let result: UInt32
    }

    /// Symbols of all words, one word after the other; each word shrinks in its place.
    private var symbols: [UInt32] = []
    private var starts: [Int] = []
    private var lengths: [Int] = []
    private var counts: [Int] = []

    private var pairs = PairTable()
    /// By the pair's number.
    private var pairCounts: [Int] = []
    private var pairKeys: [UInt64] = []
    /// The list of words that the running pass adds to, or −1.
    private var openLists: [Int] = []
    /// Numbers of the pairs with an open list.
    private var opened: [Int] = []
    private var lists: [[UInt32]] = []
    /// Lists that are free to be used again.
    private var freeLists: [Int] = []
    private var queue = MergeQueue()

    /// - Parameter byteTokens: the id of each byte.
    init(_ pieces: PieceCounts, byteTokens: [UInt32]) {
        symbols.reserveCapacity(pieces.bytes.count)
        for piece in pieces.pieces {
            starts.append(symbols.count)
            lengths.append(piece.length)
            counts.append(piece.count)
            for byte in pieces.bytes[piece.start..<piece.start + piece.length] { symbols.append(byteTokens[Int(byte)]) }
        }
        for word in starts.indices {
            guard lengths[word] > 1 else { continue }
            for at in starts[word]..<starts[word] + lengths[word] - 1 {
                change(symbols[at], symbols[at + 1], by: counts[word], in: word)
            }
        }
        closeLists()
    }

    /// The next merge by frequency; nil where no pair comes at least `minimum` times.
    ///
    /// - Parameter identify: the id of the token that a pair makes.
    mutating func next(minimum: Int, identify: (_ left: UInt32, _ right: UInt32) -> UInt32) -> Merge? {
        while var entry = queue.pop() {
            let count = pairCounts[entry.number]
            if entry.count != count {
                entry.count = count
                queue.push(entry)
                continue
            }
            guard count >= max(1, minimum) else { return nil }
            let left = UInt32(truncatingIfNeeded: entry.pair >> 32)
            let right = UInt32(truncatingIfNeeded: entry.pair)
            let merge = Merge(left: left, right: right, result: identify(left, right))
            let words = lists[entry.words]
            lists[entry.words] = []
            freeLists.append(entry.words)
            for word in words { apply(merge, to: Int(word)) }
            closeLists()
            return merge
        }
        return nil
    }

    /// Replaces the pair in one word, from left to right, and counts what that changes.
    private mutating func apply(_ merge: Merge, to word: Int) {
        let start = starts[word]
        let end = start + lengths[word]
        let count = counts[word]
        var read = start
        var write = start
        while read < end {
            let symbol = symbols[read]
            guard symbol == merge.left, read + 1 < end, symbols[read + 1] == merge.right else {
                symbols[write] = symbol
                write += 1
                read += 1
                continue
            }
            if write > start {
                let before = symbols[write - 1]
                change(before, merge.left, by: -count, in: word)
                change(before, merge.result, by: count, in: word)
            }
            symbols[write] = merge.result
            write += 1
            read += 2
            if read < end {
                change(merge.right, symbols[read], by: -count, in: word)
                change(merge.result, symbols[read], by: count, in: word)
            }
        }
        lengths[word] = write - start
    }

    @inline(__always)
    private mutating func change(_ left: UInt32, _ right: UInt32, by amount: Int, in word: Int) {
        let key = UInt64(left) << 32 | UInt64(right)
        let number = pairs.number(of: key)
        if number == pairCounts.count {
            pairCounts.append(0)
            pairKeys.append(key)
            openLists.append(-1)
        }
        pairCounts[number] += amount
        guard amount > 0 else { return }
        var list = openLists[number]
        if list < 0 {
            list = openList()
            openLists[number] = list
            opened.append(number)
        }
        // Words come one after the other, so a word that is in the list already is its last.
        if lists[list].last != UInt32(word) { lists[list].append(UInt32(word)) }
    }

    private mutating func openList() -> Int {
        if let free = freeLists.popLast() { return free }
        lists.append([])
        return lists.count - 1
    }

    /// Queues the pairs that arose in the pass that ends.
    private mutating func closeLists() {
        for number in opened {
            let list = openLists[number]
            openLists[number] = -1
            if pairCounts[number] > 0 {
                queue.push(.init(count: pairCounts[number], pair: pairKeys[number], number: number, words: list))
            } else {
                lists[list] = []
                freeLists.append(list)
            }
        }
        opened.removeAll(keepingCapacity: true)
    }
}
