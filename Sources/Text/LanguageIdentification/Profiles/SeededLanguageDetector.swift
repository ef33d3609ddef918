import UnicodeText

/// Identifies 55 languages as langdetect 1.0.9 does with a seed: seven runs of naive Bayes over randomly drawn runs of
/// one to three characters, their results averaged.
///
/// Source: Shuyo 2010, "Language Detection Library for Java". Kept for recipes that name it; `LanguageIdentifier` is both
/// faster and better.
public struct SeededLanguageDetector: Sendable {
    /// Where `Scripts/install-models` puts the profiles.
    public static let file = "language-profiles.bin"

    private let profiles: LanguageProfiles
    private let seed: Int
    private let classes = ScalarClassTable.standard

    private static let runs = 7
    private static let smoothing = 0.5
    private static let smoothingWidth = 0.05
    private static let baseFrequency = 10_000.0
    private static let steps = 1000
    private static let certain = 0.99999
    private static let leastReported = 0.1
    private static let textLimit = 10_000
    private static let space: UInt32 = 0x20

    /// - Throws: `LanguageError` where the profiles are absent or damaged.
    public init(seed: Int = 0) throws(LanguageError) {
        self.seed = seed
        profiles = try LanguageProfiles(contentsOf: InstalledModels.path(of: Self.file))
    }

    /// A detector with profiles from memory; `name` stands for them in messages.
    ///
    /// - Throws: `LanguageError.damaged`.
    package init(seed: Int, profiles bytes: [UInt8], name: String) throws(LanguageError) {
        self.seed = seed
        profiles = try LanguageProfiles(bytes: bytes, name: name)
    }

    /// The languages with a probability above 0.1, likeliest first; none where the text holds no known run.
    ///
    /// - Complexity: O(bytes) to leave addresses out; at most 10 000 characters are looked at, in some 7 000 steps.
    public func probabilities(_ text: String) -> [(language: String, probability: Double)] {
        let grams = runs(of: cleaned(text))
        guard !grams.isEmpty else { return [] }
        let count = profiles.languages.count
        var random = MersenneTwister(seed: seed)
        var total = [Double](repeating: 0, count: count)
        for _ in 0..<Self.runs {
            var probabilities = [Double](repeating: 1 / Double(count), count: count)
            let weight = (Self.smoothing + random.gaussian() * Self.smoothingWidth) / Self.baseFrequency
            var step = 0
            while true {
                multiply(&probabilities, by: grams[random.choice(of: grams.count)], weight)
                if step % 5 == 0 {
                    if normalize(&probabilities) > Self.certain || step >= Self.steps { break }
                }
                step += 1
            }
            for language in 0..<count { total[language] += probabilities[language] / Double(Self.runs) }
        }
        return total.indices.filter { total[$0] > Self.leastReported }
            .sorted { total[$0] != total[$1] ? total[$0] > total[$1] : $0 < $1 }
            .map { (profiles.languages[$0], total[$0]) }
    }

    private func multiply(_ probabilities: inout [Double], by gram: Int, _ weight: Double) {
        var entry = Int(profiles.starts[gram])
        let end = Int(profiles.starts[gram + 1])
        // Entries are in the order of languages.
        for language in probabilities.indices {
            if entry < end, Int(profiles.entryLanguages[entry]) == language {
                probabilities[language] *= weight + profiles.entryShares[entry]
                entry += 1
            } else {
                probabilities[language] *= weight
            }
        }
    }

    private func normalize(_ probabilities: inout [Double]) -> Double {
        let sum = probabilities.reduce(0, +)
        var highest = 0.0
        for language in probabilities.indices {
            probabilities[language] /= sum
            highest = max(highest, probabilities[language])
        }
        return highest
    }

    // MARK: Text

    /// Without addresses; letters and marks joined; runs of spaces as one; at most 10 000 characters; and without Latin
    /// letters where others outweigh them.
    private func cleaned(_ text: String) -> [UInt32] {
        let plain = AddressRemoval.withoutMail(AddressRemoval.withoutWeb(text.unicodeScalars.map(\.value)))
        var joined: [UInt32] = []
        joined.reserveCapacity(min(plain.count, Self.textLimit))
        var (position, taken, previous) = (0, 0, UInt32(0))
        while position < plain.count, taken < Self.textLimit {
            var scalar = plain[position]
            if position + 1 < plain.count,
                let letter = profiles.marked[UInt64(scalar) << 21 | UInt64(plain[position + 1])]
            {
                scalar = letter
                position += 1
            }
            if scalar != Self.space || previous != Self.space { joined.append(scalar) }
            previous = scalar
            position += 1
            taken += 1
        }
        var (latin, others) = (0, 0)
        for scalar in joined {
            if 0x41...0x7A ~= scalar { latin += 1 } else if scalar >= 0x300 { others += 1 }
        }
        if latin * 2 < others { joined.removeAll { 0x41...0x7A ~= $0 } }
        return joined
    }

    /// The numbers of the known runs of one to three characters, words in capitals left out.
    private func runs(of text: [UInt32]) -> [Int] {
        var found: [Int] = []
        // The last characters, the newest one last; a space stands where a word starts.
        var window = [Self.space]
        var isCapitals = false
        for scalar in text {
            let character = profiles.mapped[scalar] ?? scalar
            let last = window[window.count - 1]
            if last == Self.space {
                window = [Self.space]
                isCapitals = false
            } else if window.count >= 3 {
                window.removeFirst()
            }
            if last != Self.space || character != Self.space { window.append(character) }
            if last != Self.space || character != Self.space {
                if !classes[character].contains(.uppercase) {
                    isCapitals = false
                } else if classes[last].contains(.uppercase) {
                    isCapitals = true
                }
            }
            if isCapitals { continue }
            var key: UInt64 = 0
            for length in 1...window.count {
                key = key << 21 | UInt64(window[window.count - length])
                if length == 1, character == Self.space || window.count == 1 { continue }
                if let gram = profiles.find(key) { found.append(gram) }
            }
        }
        return found
    }
}

/// What langdetect leaves out of a text before it looks at it.
private enum AddressRemoval {
    private static func isAlphanumeric(_ scalar: UInt32) -> Bool {
        0x30...0x39 ~= scalar || 0x61...0x7A ~= scalar | 0x20 && scalar < 0x80
    }

    /// `-`, `_`, letters, digits.
    private static func isName(_ scalar: UInt32) -> Bool { isAlphanumeric(scalar) || scalar == 0x2D || scalar == 0x5F }

    private static func isDotted(_ scalar: UInt32) -> Bool { isName(scalar) || scalar == 0x2E }

    private static func isWeb(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x3F, 0x26, 0x7E, 0x3B, 0x2B, 0x3D, 0x2F, 0x23: true
        default: isDotted(scalar)
        }
    }

    private static let schemes = ["https://", "http://"].map { $0.unicodeScalars.map(\.value) }

    /// A space for `http://` or `https://` with 1 to 2076 characters behind.
    static func withoutWeb(_ text: [UInt32]) -> [UInt32] {
        var output: [UInt32] = []
        output.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if text[position] == 0x68, let scheme = schemes.first(where: { text[position...].starts(with: $0) }) {
                var end = position + scheme.count
                let limit = min(text.count, end + 2076)
                while end < limit, isWeb(text[end]) { end += 1 }
                if end > position + scheme.count {
                    output.append(0x20)
                    position = end
                    continue
                }
            }
            output.append(text[position])
            position += 1
        }
        return output
    }

    /// A space for up to 64 characters, `@`, and a name that starts without a dot.
    static func withoutMail(_ text: [UInt32]) -> [UInt32] {
        var output: [UInt32] = []
        output.reserveCapacity(text.count)
        var pending = 0
        var position = 0
        while position < text.count {
            guard text[position] == 0x40 else {
                position += 1
                continue
            }
            var start = position
            while start > pending, position - start < 64, isDotted(text[start - 1]) { start -= 1 }
            var end = position + 1
            while end < text.count, end - position <= 255, isName(text[end]) { end += 1 }
            let name = end - position - 1
            let rest = end
            while end < text.count, end - rest < 255, isDotted(text[end]) { end += 1 }
            guard start < position, name > 1 || name == 1 && end > rest else {
                position += 1
                continue
            }
            output.append(contentsOf: text[pending..<start])
            output.append(0x20)
            position = end
            pending = end
        }
        output.append(contentsOf: text[pending...])
        return output
    }
}
