import UnicodeText

/// Hashes text to 64 bits, eight bytes a step: wide enough that two of a page's pieces share one about once in 10¹⁰
/// pages. Equal hashes are taken as equal text.
enum TextHash {
    @inline(__always)
    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    static func of(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: range.count)
        var position = range.lowerBound
        var word: UInt64 = 0
        while range.upperBound - position >= 8 {
            word = 0
            for offset in 0..<8 { word |= UInt64(bytes[position + offset]) << UInt64(offset * 8) }
            hash = mix(hash ^ word, 0xA076_1D64_78BD_642F)
            position += 8
        }
        word = 0
        var shift: UInt64 = 0
        while position < range.upperBound {
            word |= UInt64(bytes[position]) << shift
            shift += 8
            position += 1
        }
        return mix(hash ^ word, 0xE703_7ED1_A0B4_28DB)
    }
}

/// Counts 64-bit keys: an open-addressed table of indexes, which are given in order of first sight.
struct KeyCounter {
    private var keys: [UInt64]
    private var slots: [UInt32]
    private var mask: Int
    private(set) var counts: [UInt32] = []

    /// - Parameter capacity: the most keys that will be counted.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: 0, count: size)
        slots = [UInt32](repeating: .max, count: size)
        mask = size - 1
    }

    /// Counts a key, and gives its index.
    @inline(__always)
    mutating func count(_ key: UInt64) -> UInt32 {
        var slot = Int(truncatingIfNeeded: key &* 0x9E37_79B9_7F4A_7C15 >> 20) & mask
        while true {
            let index = slots[slot]
            if index == .max {
                let new = UInt32(truncatingIfNeeded: counts.count)
                slots[slot] = new
                keys[slot] = key
                counts.append(1)
                return new
            }
            if keys[slot] == key {
                counts[Int(index)] += 1
                return index
            }
            slot = (slot + 1) & mask
        }
    }
}

/// Repeated lines or paragraphs: pieces stripped, blank ones left out; every copy counts, the first one too.
struct PieceRepetition {
    let pieces: Int
    private var characters = 0
    private var repeatedPieces = 0
    private var repeatedCharacters = 0

    init(_ bytes: Span<UInt8>, separator: [UInt8]) {
        let ranges = Pieces.stripped(bytes, separator: separator)
        pieces = ranges.count
        guard pieces > 1 else { return }
        var counter = KeyCounter(capacity: pieces)
        var indexes: [UInt32] = []
        indexes.reserveCapacity(pieces)
        for range in ranges { indexes.append(counter.count(TextHash.of(bytes, range))) }
        for (piece, range) in ranges.enumerated() {
            let length = bytes.scalarCount(range)
            characters += length
            if counter.counts[Int(indexes[piece])] > 1 {
                repeatedPieces += 1
                repeatedCharacters += length
            }
        }
    }

    /// The share repeated, by characters or by pieces; nil where there is one piece.
    func fraction(byCharacters: Bool) -> Double? {
        guard pieces > 1 else { return nil }
        return byCharacters
            ? Double(repeatedCharacters) / Double(characters) : Double(repeatedPieces) / Double(pieces)
    }
}

/// How much of a text repeated runs of words are.
enum NGramMeasure: String, CaseIterable {
    /// Characters of the most frequent n-gram, times its count.
    case mostCommon = "most_common"
    /// Characters of all words inside n-grams that occur more than once.
    case all
}

/// Repeated runs of words. Words are UAX 29's, those that start with a letter or a number.
///
/// Lengths are asked for from short to long: an n-gram repeats only if both (n−1)-grams in it do, so each length looks
/// only at the places the length before left, which after two or three words are few.
struct NGramRepetition {
    private var words: [UInt32] = []
    private var lengths: [UInt32] = []
    private let total: Int
    /// The length that `places` belong to; 0: none counted yet.
    private var order = 0
    /// Where n-grams of this length start that occur more than once, ascending, with their class and count.
    private var places: [UInt32] = []
    private var classes: [UInt32] = []
    private var counts: [UInt32] = []

    init(_ bytes: Span<UInt8>) {
        let counting = WordCounting(.uniseg, ignoresPunctuation: true)
        let all = 0..<bytes.count
        words.reserveCapacity(bytes.count / 5)
        lengths.reserveCapacity(bytes.count / 5)
        var hashes: [UInt64] = []
        hashes.reserveCapacity(bytes.count / 5)
        var rest = all
        var total = 0
        while let word = counting.next(bytes, rest) {
            rest = word.upperBound..<bytes.count
            hashes.append(TextHash.of(bytes, word))
            let length = bytes.scalarCount(word)
            total += length
            lengths.append(UInt32(truncatingIfNeeded: length))
        }
        self.total = total
        var counter = KeyCounter(capacity: hashes.count)
        for hash in hashes { words.append(counter.count(hash)) }
        order = 1
        select(words.indices.map { UInt32(truncatingIfNeeded: $0) }, words, counter.counts)
    }

    /// Keeps the places of those that repeat.
    private mutating func select(_ starts: [UInt32], _ found: [UInt32], _ all: [UInt32]) {
        places.removeAll(keepingCapacity: true)
        classes.removeAll(keepingCapacity: true)
        for (start, index) in zip(starts, found) where all[Int(index)] > 1 {
            places.append(start)
            classes.append(index)
        }
        counts = all
    }

    /// Goes on to n-grams one word longer.
    private mutating func lengthen() {
        var counter = KeyCounter(capacity: places.count)
        var starts: [UInt32] = []
        var found: [UInt32] = []
        let last = words.count - order
        for index in 0..<max(places.count - 1, 0) {
            let start = places[index]
            // The n-gram holds two of the shorter ones: here, and one word on.
            guard places[index + 1] == start + 1, Int(start) < last else { continue }
            let key = UInt64(classes[index]) << 32 | UInt64(words[Int(start) + order])
            starts.append(start)
            found.append(counter.count(TextHash.mix(key ^ 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93)))
        }
        order += 1
        select(starts, found, counter.counts)
    }

    /// The share of the characters that repeated n-grams are; nil where none repeats.
    ///
    /// - Parameter n: not below the one asked for before.
    mutating func fraction(_ n: Int, _ measure: NGramMeasure) -> Double? {
        while order < n, !places.isEmpty { lengthen() }
        guard order == n, !places.isEmpty else { return nil }
        return Double(measure == .mostCommon ? mostCommon() : covered()) / Double(total)
    }

    private func mostCommon() -> Int {
        var most: UInt32 = 0
        var longest = 0
        for (place, index) in zip(places, classes) {
            let count = counts[Int(index)]
            guard count >= most else { continue }
            var length = 0
            for offset in 0..<order { length += Int(lengths[Int(place) + offset]) }
            longest = count > most ? length : max(longest, length)
            most = count
        }
        return longest * Int(most)
    }

    private func covered() -> Int {
        var characters = 0
        var next = 0
        for place in places {
            for word in max(next, Int(place))..<Int(place) + order { characters += Int(lengths[word]) }
            next = Int(place) + order
        }
        return characters
    }
}
