import UnicodeText

/// Runs of words of a set of texts, to find how much of another text they share.
///
/// Keeps held-out text out of training: a document that repeats runs of `length` words of it would be remembered, not
/// predicted. Words are those of UAX 29 that start with a letter or digit, lower-cased, so that layout and punctuation
/// don't hide a copy; Han and kana characters are words of their own. Runs are compared by a 64-bit hash: among n
/// indexed runs a false match has probability n/2⁶⁴.
package struct OverlapIndex {
    /// Words in a run.
    package let length: Int
    private var runs: Set<UInt64> = []
    private let splitter = WordSplitter(.uniseg)
    private let lowerCase = LowerCase()

    package init(length: Int) { self.length = length }

    /// Adds every run of a text; a text shorter than a run is one run.
    ///
    /// - Complexity: O(bytes).
    package mutating func insert(_ text: String) { runs.formUnion(hashes(of: text)) }

    /// The share of a text's runs that are indexed: 0 for a text without words.
    package func share(of text: String) -> Double {
        let own = hashes(of: text)
        return own.isEmpty ? 0 : Double(own.count { runs.contains($0) }) / Double(own.count)
    }

    private func hashes(of text: String) -> [UInt64] {
        let words = wordHashes(of: text)
        guard !words.isEmpty else { return [] }
        let width = min(length, words.count)
        // A polynomial over 2⁶⁴ rolls: the word that leaves is taken out, the one that enters put in.
        let base: UInt64 = 0x9E37_79B9_7F4A_7C15 | 1
        var leaving: UInt64 = 1
        for _ in 1..<max(width, 1) { leaving = leaving &* base }
        var rolling: UInt64 = 0
        var result: [UInt64] = []
        result.reserveCapacity(words.count - width + 1)
        for (position, word) in words.enumerated() {
            if position >= width { rolling = rolling &- words[position - width] &* leaving }
            rolling = rolling &* base &+ word
            if position >= width - 1 { result.append(Self.mixed(rolling ^ UInt64(width))) }
        }
        return result
    }

    private func wordHashes(of text: String) -> [UInt64] {
        let lowered = lowerCase(text)
        let bytes = lowered.utf8.span
        var words: [UInt64] = []
        var start = 0
        while let word = splitter.next(bytes, start..<bytes.count) {
            start = word.upperBound
            let first = ScalarClassTable.standard[bytes.scalar(at: word.lowerBound).value]
            guard !first.isDisjoint(with: [.letter, .digit, .alphanumeric]) else { continue }
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for position in word { hash = (hash ^ UInt64(bytes[position])) &* 0x100_0000_01B3 }
            words.append(Self.mixed(hash))
        }
        return words
    }

    /// The finaliser of SplitMix64: every input bit reaches every output bit.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
