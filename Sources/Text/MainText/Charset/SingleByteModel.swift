/// What bytes beyond ASCII cost in one encoding and one language, in half-bits.
struct SingleByteModel: Sendable {
    let encoding: TextEncoding
    private let costs: [UInt8]
    private let classes: [Class]
    /// Half-bits that the encoding costs at all: how rare pages in it are. Decides where there are few letters.
    private let prior: Int

    private enum Class: UInt8, Sendable { case other, lower, upper, caseless, mark, undefined }

    /// Every pair of encoding and language, the usual encodings first.
    static let all: [SingleByteModel] = {
        let western = ["de", "fr", "es", "pt", "it", "nl", "sv", "da", "nb", "fi", "is", "ca", "ga", "et", "sq"]
        let central = ["pl", "cs", "sk", "hu", "sl", "hr", "ro"]
        let cyrillic = ["ru", "uk", "be", "bg", "mk", "sr"]
        let uses: [(TextEncoding, [String])] = [
            (.windows1252, western), (.windows1251, cyrillic), (.windows1250, central), (.windows1253, ["el"]),
            (.windows1254, ["tr"]), (.windows1255, ["he"]), (.windows1256, ["ar", "fa", "ur"]),
            (.windows1257, ["lt", "lv", "et"]), (.windows1258, ["vi"]), (.windows874, ["th"]), (.koi8R, ["ru"]),
            (.koi8U, ["uk"]), (.iso8859_2, central), (.iso8859_7, ["el"]), (.iso8859_5, cyrillic), (.ibm866, ["ru"]),
            (.iso8859_6, ["ar"]), (.macintosh, ["de", "fr", "es", "it"]), (.macCyrillic, ["ru"]),
        ]
        let byLanguage = Dictionary(
            LetterFrequencies.table.map { ($0.language, $0) }, uniquingKeysWith: { first, _ in first })
        return uses.flatMap { encoding, languages in
            languages.compactMap { language in
                byLanguage[language].map { SingleByteModel(encoding, letters: $0.letters, rarities: $0.rarities) }
            }
        }
    }()

    private init(_ encoding: TextEncoding, letters: String, rarities: String) {
        self.encoding = encoding
        let upperHalf = encoding.upperHalf ?? []
        var rarity: [UInt32: UInt8] = [:]
        for (letter, code) in zip(letters.unicodeScalars, rarities.utf8) { rarity[letter.value] = code - 97 }
        var costs = [UInt8](repeating: 0, count: 128)
        var classes = [Class](repeating: .undefined, count: 128)
        for (index, value) in upperHalf.enumerated() {
            guard let scalar = Unicode.Scalar(value), value != 0xFFFD, value > 0x9F else {
                costs[index] = 60
                continue
            }
            let properties = scalar.properties
            if properties.isAlphabetic || properties.generalCategory == .nonspacingMark {
                let folded = properties.lowercaseMapping.unicodeScalars.first ?? scalar
                classes[index] =
                    properties.generalCategory == .nonspacingMark
                    ? .mark : properties.isLowercase ? .lower : properties.isUppercase ? .upper : .caseless
                costs[index] = rarity[folded.value] ?? 24
                if classes[index] == .upper { costs[index] += 4 }
            } else {
                costs[index] = Self.cost(ofSign: value)
            }
            if classes[index] == .undefined { classes[index] = .other }
        }
        self.costs = costs
        self.classes = classes
        prior =
            switch encoding {
            case .windows1252: 0
            case .windows1251, .windows1250: 8
            case .ibm866, .macintosh, .macCyrillic, .iso8859_5, .iso8859_6, .windows1258: 24
            default: 14
            }
    }

    /// Signs are of all languages: quotation marks, dashes, the bullet and the hard space are usual, others rare.
    private static func cost(ofSign scalar: UInt16) -> UInt8 {
        switch scalar {
        case 0xA0: 8
        case 0x2013, 0x2014, 0x2018...0x201E, 0x2022, 0x2026, 0xAB, 0xBB, 0xA9, 0xB7, 0xAE, 0x20AC, 0xB0, 0xA3: 12
        case 0x2116, 0xA7, 0xA1, 0xBF, 0x2122, 0xAA, 0xBA, 0xB4, 0xD7, 0x2039, 0x203A: 16
        case 0x2500...0x259F: 34
        default: 26
        }
    }

    /// Half-bits for each byte beyond ASCII.
    func rarity(of sample: [UInt8]) -> Double {
        var total = 0
        var count = 0
        var previous = Class.other
        for byte in sample {
            if byte < 0x80 {
                let isLower = byte &- 97 < 26
                let isLetter = (byte | 0x20) &- 97 < 26
                // A sign inside of a word, or a capital letter behind a small one.
                if isLetter, previous == .mark || previous == .undefined { total += 2 }
                if isLetter, !isLower, previous == .lower { total += 6 }
                // Letters of another alphabet do not touch Latin ones; in Latin ones `costs` tells.
                previous = isLetter ? (isLower ? .lower : .upper) : .other
                continue
            }
            let index = Int(byte & 0x7F)
            let kind = classes[index]
            total += Int(costs[index])
            count += 1
            if kind == .upper, previous == .lower { total += 10 }
            if kind == .lower, previous == .other { total += 1 }
            if kind == .other, previous != .other, byte != 0xA0 { total += 2 }
            previous = kind
        }
        return count == 0 ? 0 : Double(total + prior) / Double(count)
    }
}
