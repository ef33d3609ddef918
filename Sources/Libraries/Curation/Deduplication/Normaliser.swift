import Foundation
import UnicodeText
import WebArchives

/// How `exact_dedup` makes contents comparable; names as in the specification.
enum Normaliser: String, Sendable, CaseIterable {
    /// Without scheme, `www.`, tracking parameters and a trailing `/`.
    case normalizeURL = "normalize_url"
    /// Runs of white space become one space; lower case.
    case whitespace = "normalize_whitespace_and_lowercase"
    /// The MD5 in hexadecimal.
    case hashText = "hash_text"
    /// Seconds since 1970; −1 for an empty text.
    case timestamps = "normalize_timestamps"
    /// Stripped, lower case, digits as 0, without accents and control characters.
    case ccnet = "ccnet_dedup_normalizer"

    static let kinds = allCases.map(\.rawValue).joined(separator: ", ") + " or none"

    func bytes(_ text: String) -> [UInt8] {
        switch self {
        case .normalizeURL: Self.url(text)
        case .whitespace: Self.whitespace(text)
        case .hashText: Array(TextCoding.hexadecimal(of: MD5.digest(of: Array(text.utf8))).utf8)
        case .timestamps: Self.timestamp(text)
        case .ccnet: Self.ccnet(text)
        }
    }

    private static func url(_ text: String) -> [UInt8] {
        var bytes = Array(text.utf8)[...]
        for scheme in ["https://", "http://"] where bytes.starts(with: scheme.utf8) {
            bytes = bytes.dropFirst(scheme.utf8.count)
            if bytes.starts(with: "www.".utf8) { bytes = bytes.dropFirst(4) }
            break
        }
        for mark in ["?utm_", "?ref", "?feed"] {
            if let found = bytes.firstRange(of: Array(mark.utf8)) { bytes = bytes[..<found.lowerBound] }
        }
        while bytes.last == 0x2F { bytes = bytes.dropLast() }
        return Array(bytes)
    }

    private static let python = PythonText()
    private static let lowerCase = LowerCase()

    private static func whitespace(_ text: String) -> [UInt8] {
        let source = lowercased(text)
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        let bytes = source.span
        var rest = 0..<source.count
        while let word = python.nextWord(bytes, rest) {
            if !result.isEmpty { result.append(32) }
            result.append(contentsOf: source[word])
            rest = word.upperBound..<source.count
        }
        return result
    }

    private static func lowercased(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return lowerCase(bytes.span, 0..<bytes.count)
    }

    private static func timestamp(_ text: String) -> [UInt8] {
        guard !text.isEmpty else { return Array("-1.0".utf8) }
        let formatter = ISO8601DateFormatter()
        guard let date = formatter.date(from: text) else { return Array(text.utf8) }
        // Ordered as text like the numbers: seconds of any year have at most twelve digits.
        return Array(String(format: "%014.1f", date.timeIntervalSince1970).utf8)
    }

    private static func ccnet(_ text: String) -> [UInt8] {
        let lowered = String(decoding: lowercased(text), as: UTF8.self)
        var result = String.UnicodeScalarView()
        for scalar in lowered.decomposedStringWithCompatibilityMapping.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .control: continue
            case .decimalNumber: result.append("0")
            default: result.append(scalar == "…" ? "." : scalar)
            }
        }
        let bytes = Array(String(result).utf8)
        return Array(bytes[python.strip(bytes.span, 0..<bytes.count)])
    }
}
