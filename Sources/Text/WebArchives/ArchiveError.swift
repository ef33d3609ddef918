import Compression

/// What is wrong with a web archive, and where. Offsets are bytes of the file: in packed files, of the gzip member or
/// frame; `plain` counts unpacked bytes from the start of the file.
public enum ArchiveError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Neither a WARC nor an ARC record starts where one should.
    case notARecord(file: String, offset: Int, plain: Int, found: String)
    /// The headers of a record have no end within the limit or the file.
    case unfinishedHeaders(file: String, offset: Int, plain: Int)
    /// The block is shorter than its record says.
    case truncatedBlock(file: String, offset: Int, expected: Int, got: Int)
    /// The block is longer than its record says; the rest of its last line was passed over.
    case wrongLength(file: String, offset: Int, expected: Int, found: String)
    /// A block is larger than its reader takes.
    case blockTooLarge(file: String, offset: Int, bytes: Int, limit: Int)
    /// The packing is damaged.
    case packing(CompressionError)
    /// The zip file (WACZ) is damaged.
    case zip(file: String, detail: String)
    /// The HTTP message in a record cannot be read.
    case http(file: String, offset: Int, detail: String)
    /// A digest is not that of the bytes.
    case digest(file: String, offset: Int, field: String)

    /// The error without its place, as funnels count it.
    public var reason: String {
        switch self {
        case .notARecord: "not a record"
        case .unfinishedHeaders: "unfinished headers"
        case .truncatedBlock: "truncated block"
        case .wrongLength: "wrong Content-Length"
        case .blockTooLarge: "block too large"
        case .packing(.truncated): "truncated file"
        case .packing(.corrupt): "corrupt compression"
        case .packing(.trailingBytes): "trailing bytes"
        case .packing: "unreadable compression"
        case .zip: "damaged zip"
        case .http(_, _, let detail): detail
        case .digest: "digest mismatch"
        }
    }

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .notARecord(let file, let offset, let plain, let found):
            "\(file): no record starts at byte \(offset) (plain byte \(plain)), but “\(found)”. Fetch the file again, or skip what is damaged."
        case .unfinishedHeaders(let file, let offset, let plain):
            "\(file): the headers of the record at byte \(offset) (plain byte \(plain)) do not end. Fetch the file again, or skip what is damaged."
        case .truncatedBlock(let file, let offset, let expected, let got):
            "\(file): the record at byte \(offset) has \(got) of the \(expected) bytes that it declares. Fetch the file again, or skip what is damaged."
        case .wrongLength(let file, let offset, let expected, let found):
            "\(file): the record at byte \(offset) is longer than the \(expected) bytes that it declares: “\(found)” follows. Fetch the file again."
        case .blockTooLarge(let file, let offset, let bytes, let limit):
            "\(file): the record at byte \(offset) has \(bytes) bytes, more than the limit of \(limit). Raise the limit, or leave it out."
        case .packing(let error): error.description
        case .zip(let file, let detail): "\(file): the zip file is damaged (\(detail)). Fetch it again."
        case .http(let file, let offset, let detail): "\(file): the record at byte \(offset): \(detail)."
        case .digest(let file, let offset, let field):
            "\(file): the record at byte \(offset) has another digest than its \(field) says. Fetch the file again."
        }
    }
}
