/// The kinds of records that the WARC standard has; ARC records are `warcinfo` (the file's description) or `response`.
public enum RecordKind: String, Sendable, Hashable {
    case warcinfo, response, resource, request, metadata, revisit, conversion, continuation
    /// A kind that the standard does not have, or none.
    case other

    init(_ bytes: some Collection<UInt8>) {
        self = RecordKind(rawValue: String(decoding: ASCII.lowercased(bytes), as: UTF8.self)) ?? .other
    }
}

/// What breaks the standard in a record's headers without hindering its reader.
public enum RecordProblem: String, Sendable, Hashable {
    case missingLength = "missing Content-Length"
    case invalidLength = "invalid Content-Length"
    case missingType = "missing WARC-Type"
}

/// One record of a web archive: its headers, and where it stands. The block is read by the `ArchiveReader`.
public struct ArchiveRecord: Sendable {
    /// The file format that the record comes from.
    public enum Format: Sendable, Hashable { case warc, arc }

    /// The file format that the record comes from.
    public var format: Format
    /// What the block holds.
    public var kind: RecordKind
    /// The record's fields; those of an ARC record under WARC's names.
    public var fields: HeaderFields
    /// Where the record starts in the file; in packed files, where its gzip member or frame starts.
    public var offset: Int
    /// Bytes of the block, as the headers say.
    public var contentLength: Int
    /// Breaches of the standard that the reader got over.
    public var problems: [RecordProblem] = []

    /// The kind as the record names it; `unknown` where it names none.
    public var typeName: String {
        if kind != .other { return kind.rawValue }
        let name = fields.first("WARC-Type")?.lowercased() ?? ""
        return name.isEmpty ? "unknown" : name
    }

    /// The target address, without the angle brackets that some writers put around it.
    public var targetURI: String? {
        guard let value = fields.first("WARC-Target-URI"), !value.isEmpty else { return nil }
        return value.hasPrefix("<") && value.hasSuffix(">") ? String(value.dropFirst().dropLast()) : value
    }

    /// As the archive writes it.
    public var date: String? { fields.first("WARC-Date") }
    /// As the archive writes it, with its angle brackets.
    public var recordID: String? { fields.first("WARC-Record-ID") }
    /// Of the block.
    public var contentType: String? { fields.first("Content-Type") }

    /// Whether the block should be an HTTP message: as its media type says, or as the target's scheme lets expect.
    public var isHTTP: Bool {
        guard kind == .response || kind == .request || kind == .revisit else { return false }
        if format == .warc, let type = fields.firstBytes("Content-Type"),
            ASCII.lowercased(type.prefix(16)) == Array("application/http".utf8)
        {
            return true
        }
        let scheme = fields.firstBytes("WARC-Target-URI").map { ASCII.lowercased($0.prefix(9)) } ?? []
        let bare = scheme.first == 60 ? scheme.dropFirst() : scheme[...]
        return bare.starts(with: "http:".utf8) || bare.starts(with: "https:".utf8)
    }
}
