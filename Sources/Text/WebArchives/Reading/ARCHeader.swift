/// The one-line header of an ARC record: address, IP address, date, media type, …, length, between single spaces.
///
/// Addresses hold spaces and worse in real files, so fields are counted from the right. Version 1 has five fields,
/// version 2 ten (https://archive.org/web/researcher/ArcFileFormat.php).
struct ARCHeader {
    var uri: String
    var address: String
    var date: String
    var mediaType: String
    /// Nil where the length is no number of bytes.
    var length: Int?
    var hasNegativeLength = false

    /// - Parameters:
    ///   - line: without its end.
    ///   - fieldCount: 5 or 10, as the file declares.
    ///   - isStrict: whether the date and the length must be numbers, as when looking for a record in garbage.
    init?(_ line: some Collection<UInt8>, fieldCount: Int, isStrict: Bool) {
        var line = Array(line)
        if line.last == 13 { line.removeLast() }
        guard let colon = line.firstIndex(of: 58), colon > 0, line[0] != 32,
            line[..<colon].allSatisfy({
                ASCII.isDigit($0) || ASCII.lower($0) &- 97 < 26 || $0 == 43 || $0 == 45 || $0 == 46
            })
        else { return nil }
        let parts = line.split(separator: 32, omittingEmptySubsequences: false)
        let width = fieldCount == 10 && parts.count >= 10 ? 10 : 5
        guard parts.count >= width else { return nil }
        let first = parts.count - width + 1
        length = ASCII.number(parts[parts.count - 1]).flatMap { $0 <= 1 << 50 ? $0 : nil }
        if let last = parts.last, last.first == 45 { hasNegativeLength = ASCII.number(last.dropFirst()) != nil }
        if isStrict {
            guard length != nil, parts[first + 1].count >= 8, parts[first + 1].allSatisfy(ASCII.isDigit) else {
                return nil
            }
        }
        uri = parts[..<first].map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        address = String(decoding: parts[first], as: UTF8.self)
        date = String(decoding: parts[first + 1], as: UTF8.self)
        mediaType = String(decoding: parts[first + 2], as: UTF8.self)
    }

    var isFileDescription: Bool { uri.hasPrefix("filedesc:") }

    /// The header as WARC fields, the date in WARC's form where it has 14 digits.
    var fields: HeaderFields {
        HeaderFields([
            ("WARC-Type", isFileDescription ? "warcinfo" : "response"), ("WARC-Target-URI", uri),
            ("WARC-IP-Address", address), ("WARC-Date", isoDate), ("Content-Type", mediaType),
            ("Content-Length", String(length ?? 0)),
        ])
    }

    private var isoDate: String {
        let digits = Array(date.utf8)
        guard digits.count == 14, digits.allSatisfy(ASCII.isDigit) else { return date }
        func part(_ range: Range<Int>) -> String { String(decoding: digits[range], as: UTF8.self) }
        return "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(8..<10)):\(part(10..<12)):\(part(12..<14))Z"
    }
}
