import Compression

/// An HTTP message as archives keep it: a start line, fields, and a body that may still be chunked and packed.
public struct HTTPMessage: Sendable {
    /// The first line, without its end.
    public var startLine: String
    /// The header fields, in order.
    public var fields: HeaderFields
    /// Where the body starts in the block.
    public var bodyStart: Int

    /// Reads the head of a message; nil where the block is no HTTP message.
    public init?(_ block: [UInt8]) {
        guard block.count >= 5 else { return nil }
        var lineStart = 0
        var lines = 0..<0
        var firstEnd = 0
        block.withUnsafeBytes { bytes in
            while lineStart < bytes.count {
                let newline = ByteSearch.first(10, in: bytes, from: lineStart, to: bytes.count) ?? bytes.count
                var lineEnd = newline
                while lineEnd > lineStart, bytes[lineEnd - 1] == 13 { lineEnd -= 1 }
                if lines.lowerBound == 0 {
                    firstEnd = lineEnd
                    lines = newline + 1..<newline + 1
                } else if lineEnd == lineStart {
                    lines = lines.lowerBound..<lineStart
                    lineStart = newline + 1
                    return
                }
                lineStart = newline + 1
            }
            lines = min(lines.lowerBound, bytes.count)..<bytes.count
        }
        startLine = String(decoding: block[..<firstEnd], as: UTF8.self)
        guard Self.isStartLine(block[..<firstEnd]) else { return nil }
        fields = HeaderFields(parsing: Array(block[lines]))
        bodyStart = min(lineStart, block.count)
    }

    private static func isStartLine(_ line: ArraySlice<UInt8>) -> Bool {
        if line.starts(with: "HTTP".utf8) || line.starts(with: "ICY ".utf8) { return true }
        return line.firstRange(of: Array(" HTTP/".utf8)) != nil
    }

    /// The status code of a response.
    public var status: Int? {
        startLine.utf8.split(separator: 32).dropFirst().first.flatMap { ASCII.number($0.prefix(3)) }
    }

    /// The media type, lower-case and without parameters.
    public var mediaType: String? {
        fields.firstBytes("Content-Type").map { value in
            let bare = value.prefix { $0 != 59 && $0 != 44 && !ASCII.isBlank($0) }
            return String(decoding: ASCII.lowercased(bare), as: UTF8.self)
        }
    }

    /// Whether the body is a web page.
    public var isHTML: Bool { mediaType.map { $0 == "text/html" || $0 == "application/xhtml+xml" } ?? false }

    /// The body as the browser got it: chunks joined, codings undone.
    ///
    /// Crawlers often keep a body decoded under its old fields; a body that does not look chunked or packed is taken
    /// as it is.
    ///
    /// - Parameter limit: bytes that a body may have.
    /// - Throws: `ArchiveError.http` with the reason, `.blockTooLarge`.
    public func body(of block: [UInt8], limit: Int, file: String, offset: Int) throws(ArchiveError) -> [UInt8] {
        var body = Array(block[min(bodyStart, block.count)...])
        if fields.firstBytes("Transfer-Encoding").map({ Self.names($0).contains("chunked") }) ?? false {
            body = Chunks.join(body)
        }
        guard let codings = fields.firstBytes("Content-Encoding").map(Self.names) else { return body }
        for name in codings.reversed() where !name.isEmpty && name != "identity" && name != "none" {
            guard let coding = ContentCoding(httpName: name) else {
                // Fields hold charsets and worse here: text stays text.
                if Self.looksLikeText(body) { continue }
                throw .http(file: file, offset: offset, detail: "unsupported content-encoding")
            }
            if coding.isTold(by: body) == false { continue }
            do {
                body = try coding.decode(body, limit: limit, name: file)
            } catch let error as CompressionError {
                if case .tooLarge = error {
                    throw .blockTooLarge(file: file, offset: offset, bytes: limit + 1, limit: limit)
                }
                if Self.looksLikeText(body) { continue }
                throw .http(file: file, offset: offset, detail: "corrupt content-encoding")
            } catch { throw .http(file: file, offset: offset, detail: "corrupt content-encoding") }
        }
        return body
    }

    private static func names(_ value: ArraySlice<UInt8>) -> [String] {
        value.split(separator: 44).map { part in
            String(decoding: ASCII.lowercased(part.filter { !ASCII.isBlank($0) && $0 != 34 }), as: UTF8.self)
        }
    }

    private static func looksLikeText(_ body: [UInt8]) -> Bool {
        let start = body.prefix(512)
        return start.allSatisfy { $0 >= 32 || ASCII.isBlank($0) || $0 == 12 || $0 == 27 }
    }
}

extension ContentCoding {
    /// Whether bytes begin as this coding must; nil where it has no mark.
    fileprivate func isTold(by body: [UInt8]) -> Bool? {
        switch self {
        case .gzip: body.count >= 3 && body[0] == 0x1F && body[1] == 0x8B
        case .zstd: body.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
        default: body.isEmpty ? false : nil
        }
    }
}

/// The chunked transfer coding (RFC 9112, 7.1).
enum Chunks {
    /// Joins the chunks; a body that does not start with a chunk comes back as it is, one that is cut off as far as it goes.
    static func join(_ body: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(body.count)
        var at = 0
        body.withUnsafeBytes { bytes in
            while at < bytes.count {
                guard let newline = ByteSearch.first(10, in: bytes, from: at, to: min(bytes.count, at + 1024)),
                    let size = size(bytes, at, newline)
                else { return }
                if size == 0 {
                    at = bytes.count
                    return
                }
                let start = newline + 1
                let end = size > bytes.count - start ? bytes.count : start + size
                result.append(contentsOf: bytes[start..<end])
                at = end
                if at < bytes.count, bytes[at] == 13 { at += 1 }
                if at < bytes.count, bytes[at] == 10 { at += 1 }
            }
        }
        // What follows a chunk and is no chunk: the body was never chunked, or its end is damaged and kept as it is.
        if at < body.count { result.append(contentsOf: body[at...]) }
        return result
    }

    private static func size(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ newline: Int) -> Int? {
        var value = 0
        var digits = 0
        var at = start
        while at < newline {
            let byte = ASCII.lower(bytes[at])
            let digit: Int
            if ASCII.isDigit(byte) {
                digit = Int(byte) - 48
            } else if byte &- 97 < 6 {
                digit = Int(byte) - 87
            } else {
                break
            }
            guard digits < 12 else { return nil }
            value = value << 4 | digit
            digits += 1
            at += 1
        }
        while at < newline, bytes[at] == 32 || bytes[at] == 9 || bytes[at] == 13 { at += 1 }
        guard digits > 0, at == newline || bytes[at] == 59 else { return nil }
        return value
    }
}
