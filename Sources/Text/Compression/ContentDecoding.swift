/// Codings of HTTP bodies (RFC 9110, 8.4.1) and of zip entries.
public enum ContentCoding: Sendable {
    case gzip
    /// zlib-wrapped by the standard, raw from many servers: both are taken.
    case deflate
    case brotli
    case zstd
    /// Raw deflate, as in zip files.
    case rawDeflate

    /// The coding that an HTTP header names; nil for an unknown one.
    public init?(httpName name: String) {
        switch name {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        case "br": self = .brotli
        case "zstd": self = .zstd
        default: return nil
        }
    }

    /// Decodes a whole body.
    ///
    /// - Parameters:
    ///   - name: for messages.
    ///   - limit: plain bytes beyond which decoding fails.
    /// - Throws: `CompressionError`.
    public func decode(_ packed: [UInt8], limit: Int, name: String) throws -> [UInt8] {
        let decoder: any StreamDecoder
        let format: CompressionFormat = self == .zstd ? .zstd : .gzip
        switch self {
        case .gzip: decoder = try GzipDecoder()
        case .brotli: decoder = BrotliDecoder()
        case .zstd: decoder = try ZstdDecoder()
        case .rawDeflate: decoder = try ZlibDecoder(.raw)
        case .deflate:
            // A zlib header: method 8, and a multiple of 31 as a 16-bit number.
            let hasHeader =
                packed.count >= 2 && packed[0] & 0x0F == 8 && (Int(packed[0]) << 8 | Int(packed[1])) % 31 == 0
            decoder = try ZlibDecoder(hasHeader ? .zlib : .raw)
        }
        var result: [UInt8] = []
        result.reserveCapacity(min(packed.count &* 4, limit, 1 << 22))
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var position = 0
        while true {
            let progress: DecodeProgress
            do {
                progress = try packed.withUnsafeBytes { input in
                    try piece.withUnsafeMutableBytes { output in
                        try decoder.decode(UnsafeRawBufferPointer(rebasing: input[position...]), into: output)
                    }
                }
            } catch let error as DecodeFault {
                throw CompressionError.corrupt(
                    file: name, member: 0, offset: position, format: format, detail: error.detail)
            }
            position += progress.consumed
            result.append(contentsOf: piece[..<progress.produced])
            guard result.count <= limit else { throw CompressionError.tooLarge(file: name, limit: limit) }
            if progress.isEnded { return result }
            guard progress.consumed > 0 || progress.produced > 0 else {
                throw CompressionError.truncated(file: name, offset: 0, format: format)
            }
        }
    }
}
