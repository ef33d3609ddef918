import LanguageIdentification
import UnicodeText
import WebArchives

/// How `exact_dedup` makes contents comparable, exactly as the reference tools do.
package enum Normaliser: Sendable {
    /// Without `http://` and `https://` with a `www.` behind, without tracking parameters, without `/` at the end.
    case url
    /// Without white space at the ends, in lower case.
    case whitespace
    /// The MD5 in hexadecimal.
    case hash
    /// Seconds since 1970; −1 for what is no time of the form `2024-01-31T12:00:00Z`.
    case timestamps
    /// Stripped, in lower case, digits as 0, without the punctuation that CCNet maps and without control characters,
    /// then in ASCII.
    case ccnet(Transliteration)

    package static let names = [
        "normalize_url", "normalize_whitespace_and_lowercase", "hash_text", "normalize_timestamps",
        "ccnet_dedup_normalizer",
    ]
    static let kinds = names.joined(separator: ", ") + " or none"

    /// - Returns: nil where no normaliser has the name.
    /// - Throws: `.modelUnavailable` where `ccnet_dedup_normalizer` lacks its tables.
    package init?(named name: String) throws(CurationError) {
        switch name {
        case "normalize_url": self = .url
        case "normalize_whitespace_and_lowercase": self = .whitespace
        case "hash_text": self = .hash
        case "normalize_timestamps": self = .timestamps
        case "ccnet_dedup_normalizer": self = .ccnet(try Transliteration.installed.get())
        default: return nil
        }
    }

    /// The normalised text; times as digits that sort as the times do.
    package func bytes(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        switch self {
        case .url: return Self.url(bytes)
        case .whitespace: return Self.stripped(bytes)
        case .hash: return Array(TextCoding.hexadecimal(of: MD5.digest(of: bytes)).utf8)
        case .timestamps:
            // Tenths of seconds since some day before year 1: always thirteen digits.
            let tenths = Int(Self.seconds(bytes) * 10) + 5_000_000_000_000
            return Array(String(tenths).utf8)
        case .ccnet(let table): return Self.ccnet(bytes, table)
        }
    }

    private static let python = PythonText()
    private static let lowerCase = LowerCase()

    private static func stripped(_ bytes: [UInt8]) -> [UInt8] {
        let span = bytes.span
        return lowerCase(span, python.strip(span, 0..<bytes.count))
    }

    private static func url(_ bytes: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        var position = 0
        let span = bytes.span
        while position < bytes.count {
            if let scheme = ["https://", "http://"].first(where: { span.starts(with: Array($0.utf8), at: position) }) {
                position += scheme.utf8.count
                if span.starts(with: Array("www.".utf8), at: position) { position += 4 }
            } else {
                plain.append(bytes[position])
                position += 1
            }
        }
        // A tracking parameter takes what follows on its line along.
        var result: [UInt8] = []
        let plainSpan = plain.span
        position = 0
        let marks = ["?utm_", "?ref", "?feed"].map { Array($0.utf8) }
        while position < plain.count {
            if plain[position] == 0x3F, marks.contains(where: { plainSpan.starts(with: $0, at: position) }) {
                while position < plain.count, plain[position] != 0x0A { position += 1 }
            } else {
                result.append(plain[position])
                position += 1
            }
        }
        while result.last == 0x2F { result.removeLast() }
        return result
    }

    /// Seconds since 1970, in UTC.
    package static func seconds(_ bytes: [UInt8]) -> Double {
        var rest = bytes[...]
        func number(_ digits: ClosedRange<Int>, in range: ClosedRange<Int>, before mark: Character) -> Int? {
            let run = rest.prefix(digits.upperBound).prefix { 0x30...0x39 ~= $0 }
            guard digits.contains(run.count), let value = Int(String(decoding: run, as: UTF8.self)),
                range.contains(value)
            else { return nil }
            rest = rest.dropFirst(run.count)
            guard rest.first == mark.asciiValue else { return nil }
            rest = rest.dropFirst()
            return value
        }
        guard let year = number(4...4, in: 1...9999, before: "-"), let month = number(1...2, in: 1...12, before: "-"),
            let day = number(1...2, in: 1...31, before: "T"), let hour = number(1...2, in: 0...23, before: ":"),
            let minute = number(1...2, in: 0...59, before: ":"), let second = number(1...2, in: 0...59, before: "Z"),
            rest.isEmpty
        else { return -1 }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return -1 }
        let before = year - 1
        let days =
            before * 365 + before / 4 - before / 100 + before / 400 + lengths[..<(month - 1)].reduce(0, +) + day - 1
        return Double(((days - 719_162) * 24 + hour) * 3600 + minute * 60 + second)
    }

    private static func ccnet(_ bytes: [UInt8], _ table: Transliteration) -> [UInt8] {
        let lowered = stripped(bytes)
        let span = lowered.span
        var result: [UInt8] = []
        result.reserveCapacity(lowered.count)
        var position = 0
        while position < lowered.count {
            let scalar = span.scalar(at: position)
            position += scalar.length
            if python.classes[scalar.value].contains(.decimal) {
                result.append(0x30)
            } else if !isRemoved(scalar.value) {
                table.append(scalar.value, to: &result)
            }
        }
        return result
    }

    /// Control characters, and the punctuation that CCNet maps to ASCII.
    private static func isRemoved(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0...0x1F, 0x7F...0x9F, 0xAB, 0xB4, 0xBB, 0x2013, 0x2014, 0x2019, 0x201C...0x201E, 0x2026, 0x2236, 0x2501,
            0x25BA, 0x3001, 0x3002, 0x3008...0x300D, 0x3010, 0x3011, 0xFF01, 0xFF05, 0xFF08, 0xFF09, 0xFF0C, 0xFF0E,
            0xFF1A, 0xFF1B, 0xFF1F, 0xFF5E:
            true
        default: false
        }
    }
}
