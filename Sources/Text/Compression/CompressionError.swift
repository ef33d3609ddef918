/// What went wrong while reading or writing compressed bytes, and where.
public enum CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file ends inside the member (gzip) or frame (zstd, LZ4) that starts at `offset`.
    case truncated(file: String, offset: Int, format: CompressionFormat)
    /// The member or frame that starts at `member` is damaged; `offset` is where the decoder noticed.
    case corrupt(file: String, member: Int, offset: Int, format: CompressionFormat, detail: String)
    /// Bytes that are no member stand after the last one.
    case trailingBytes(file: String, offset: Int, format: CompressionFormat)
    /// The plain bytes exceed the limit: a decompression bomb, or a limit that is too low.
    case tooLarge(file: String, limit: Int)
    /// A line is longer than the reader takes. The next line can be read.
    case lineTooLong(file: String, line: Int, limit: Int)
    /// The library refused to start (out of memory).
    case unavailable(format: CompressionFormat, detail: String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .truncated(let file, let offset, let format):
            "\(file): the \(format.unit) at byte \(offset) ends early. Fetch the file again."
        case .corrupt(let file, let member, let offset, let format, let detail):
            "\(file): the \(format.unit) at byte \(member) is damaged near byte \(offset) (\(detail)). Fetch the file again."
        case .trailingBytes(let file, let offset, let format):
            "\(file): the bytes from \(offset) on are no \(format.unit). Cut them off, or fetch the file again."
        case .tooLarge(let file, let limit):
            "\(file): holds more than \(limit) plain bytes. Raise the limit if that is expected."
        case .lineTooLong(let file, let line, let limit):
            "\(file):\(line): the line is longer than \(limit) bytes. Split it, or raise the limit."
        case .unavailable(let format, let detail):
            "cannot start the \(format) library (\(detail)). Free some memory."
        }
    }
}
