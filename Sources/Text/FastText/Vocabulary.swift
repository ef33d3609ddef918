/// Words and labels of a model, with a hash table over them. Words come first, then labels.
struct Vocabulary: Sendable {
    /// The end of a line counts as a word of its own.
    static let endOfLine: StaticString = "</s>"
    static let labelPrefix = Array("__label__".utf8)

    private(set) var wordCount = 0
    private(set) var labelCount = 0
    var tokenCount: Int64 = 0
    /// All entries, one after the other, without separators.
    private(set) var bytes: [UInt8] = []
    /// Where entry i begins; one more than entries.
    private(set) var starts: [Int] = [0]
    private(set) var counts: [Int64] = []
    private(set) var hashes: [UInt32] = []
    /// Open addressing: entry number, or -1. A power of two, at most half full.
    private(set) var table: [Int32] = [-1, -1]

    var count: Int { counts.count }

    init() {}

    /// Adds an entry at the end; words must come before labels. The caller has checked that it is new.
    mutating func append(_ word: some Collection<UInt8>, count: Int64, isLabel: Bool) {
        bytes.append(contentsOf: word)
        starts.append(bytes.count)
        counts.append(count)
        let entry = self.count - 1
        let hash = bytes.withUnsafeBufferPointer { FastTextHash.hash(.init(rebasing: $0[starts[entry]...])) }
        hashes.append(hash)
        if isLabel { labelCount += 1 } else { wordCount += 1 }
        if self.count * 2 > table.count { grow() } else { insert(entry) }
    }

    mutating func addCount(_ amount: Int64, to entry: Int) { counts[entry] += amount }

    private mutating func grow() {
        table = [Int32](repeating: -1, count: table.count * 4)
        for entry in 0..<count { insert(entry) }
    }

    private mutating func insert(_ entry: Int) {
        let mask = table.count - 1
        var slot = Self.slot(of: hashes[entry], mask: mask)
        while table[slot] >= 0 { slot = (slot + 1) & mask }
        table[slot] = Int32(entry)
    }

    /// FNV's low bits are weak for short words; the multiplication spreads them.
    @inline(__always)
    private static func slot(of hash: UInt32, mask: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(hash) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    /// The entry that is this word, or -1.
    @inline(__always)
    func find(_ word: UnsafeBufferPointer<UInt8>, hash: UInt32) -> Int {
        let mask = table.count - 1
        var slot = Self.slot(of: hash, mask: mask)
        while true {
            let entry = Int(table[slot])
            if entry < 0 { return -1 }
            if hashes[entry] == hash && matches(entry, word) { return entry }
            slot = (slot + 1) & mask
        }
    }

    @inline(__always)
    private func matches(_ entry: Int, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = starts[entry]
        guard starts[entry + 1] - start == word.count else { return false }
        return bytes.withUnsafeBufferPointer { all in
            for index in 0..<word.count where all[start + index] != word[index] { return false }
            return true
        }
    }

    func entry(_ index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }

    /// A label without its prefix.
    func label(_ index: Int) -> String {
        let whole = entry(wordCount + index)
        let name = whole.starts(with: Self.labelPrefix) ? whole.dropFirst(Self.labelPrefix.count) : whole
        return String(decoding: name, as: UTF8.self)
    }

    func isLabel(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        word.count >= Self.labelPrefix.count && word.starts(with: Self.labelPrefix)
    }
}

/// Character n-grams of the words in the vocabulary, computed once: row numbers, one list after the other.
struct SubwordTable: Sendable {
    var starts: [Int] = [0]
    var rows: [Int32] = []
}

/// Which hashed n-grams have a row.
enum BucketRows: Sendable {
    /// Every bucket has its own row.
    case all
    /// No bucket has one.
    case none
    /// A pruned model kept these: row per bucket, -1 for those cut away.
    case some(PrunedBuckets)

    /// The row after the words' rows, or -1.
    @inline(__always)
    func row(of bucket: UInt32) -> Int32 {
        switch self {
        case .all: Int32(truncatingIfNeeded: bucket)
        case .none: -1
        case .some(let pruned): pruned.row(of: bucket)
        }
    }
}

/// A hash table from bucket to row, with a bit per bucket before it: most n-grams of a text were pruned, and the bits
/// (an eighth of a byte per bucket) stay in the second-level cache.
struct PrunedBuckets: Sendable {
    private var bits: [UInt64]
    private var keys: [UInt32]
    private var rows: [Int32]

    /// - Complexity: O(pairs + buckets/64).
    init(pairs: [(bucket: UInt32, row: Int32)], buckets: Int) {
        bits = [UInt64](repeating: 0, count: buckets / 64 + 1)
        var size = 4
        while size < pairs.count * 2 { size *= 2 }
        keys = [UInt32](repeating: 0, count: size)
        rows = [Int32](repeating: -1, count: size)
        for (bucket, row) in pairs where Int(bucket) < buckets {
            bits[Int(bucket >> 6)] |= 1 << UInt64(bucket & 63)
            var slot = Self.slot(of: bucket, mask: size - 1)
            while rows[slot] >= 0 && keys[slot] != bucket { slot = (slot + 1) & (size - 1) }
            keys[slot] = bucket
            rows[slot] = row
        }
    }

    @inline(__always)
    private static func slot(of bucket: UInt32, mask: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(bucket) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    @inline(__always)
    func row(of bucket: UInt32) -> Int32 {
        guard bits[Int(bucket >> 6)] & (1 << UInt64(bucket & 63)) != 0 else { return -1 }
        let mask = keys.count - 1
        var slot = Self.slot(of: bucket, mask: mask)
        while rows[slot] >= 0 {
            if keys[slot] == bucket { return rows[slot] }
            slot = (slot + 1) & mask
        }
        return -1
    }
}
