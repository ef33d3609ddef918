import Compression
import Files

/// Writes a WARC 1.1 file, gzip by record, that appears under its name only when it is whole.
///
/// The same records give the same bytes: identifiers are made from the content (UUID version 5 over target, date and
/// block), dates are given.
/// Not `Sendable`: one task writes one file.
public final class WARCWriter {
    private let file: CompressedFile
    private var head: [UInt8] = []

    /// - Parameters:
    ///   - path: the file; gzip unless the name ends otherwise (`.warc`, `.warc.zst`).
    ///   - software: for the first record, which describes the file.
    ///   - date: of the description, as `2026-01-31T12:00:00Z`.
    public init(_ path: String, software: String, date: String) throws {
        file = try CompressedFile(path)
        let block = Array(
            "software: \(software)\r\nformat: WARC File Format 1.1\r\nconformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n"
                .utf8)
        try write(
            kind: .warcinfo, fields: [("Content-Type", "application/warc-fields")], date: date, block: block,
            payloadStart: nil)
    }

    /// Appends an HTTP response as a server would have sent it.
    public func writeResponse(target: String, date: String, contentType: String, body: [UInt8]) throws {
        head.removeAll(keepingCapacity: true)
        head.append(
            contentsOf: "HTTP/1.1 200 OK\r\nContent-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
        let block = head + body
        try write(
            kind: .response,
            fields: [("WARC-Target-URI", target), ("Content-Type", "application/http; msgtype=response")], date: date,
            block: block, payloadStart: head.count)
    }

    /// Appends a record.
    ///
    /// - Parameter payloadStart: where the payload starts in the block; nil where there is none apart from the block.
    public func write(
        kind: RecordKind, fields: [(String, String)], date: String, block: [UInt8], payloadStart: Int?
    ) throws {
        var text = "WARC/1.1\r\nWARC-Type: \(kind.rawValue)\r\nWARC-Date: \(date)\r\n"
        let target = fields.first { $0.0 == "WARC-Target-URI" }?.1 ?? ""
        text +=
            "WARC-Record-ID: <urn:uuid:\(Self.identifier(Array("\(kind.rawValue) \(target) \(date) ".utf8) + block))>\r\n"
        for (name, value) in fields { text += "\(name): \(value.replacingLineEnds())\r\n" }
        text += "WARC-Block-Digest: sha1:\(TextCoding.base32(of: SHA1.digest(of: block)))\r\n"
        if let payloadStart {
            let digest = SHA1.digest(of: Array(block[payloadStart...]))
            text += "WARC-Payload-Digest: sha1:\(TextCoding.base32(of: digest))\r\n"
        }
        text += "Content-Length: \(block.count)\r\n\r\n"
        try file.write(Array(text.utf8))
        try file.write(block)
        try file.write([13, 10, 13, 10])
        try file.endMember()
    }

    /// Makes the file appear.
    public func commit() throws { try file.commit(endingMember: false) }

    /// A name-based UUID (RFC 9562, version 5).
    static func identifier(_ name: [UInt8]) -> String {
        var bytes = Array(SHA1.digest(of: name).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x50
        bytes[8] = bytes[8] & 0x3F | 0x80
        let text = TextCoding.hexadecimal(of: bytes)
        var result = ""
        for (index, character) in text.enumerated() {
            if [8, 12, 16, 20].contains(index) { result.append("-") }
            result.append(character)
        }
        return result
    }
}

extension String {
    fileprivate func replacingLineEnds() -> String {
        utf8.contains { $0 == 10 || $0 == 13 }
            ? String(decoding: utf8.map { $0 == 10 || $0 == 13 ? 32 : $0 }, as: UTF8.self) : self
    }
}
