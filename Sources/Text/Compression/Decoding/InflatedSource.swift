/// The plain bytes of raw deflate, as in zip entries.
public final class InflatedSource: ByteSource {
    /// The packed source's.
    public var name: String { source.name }
    private let source: any ByteSource
    private let decoder: ZlibDecoder
    private var input = [UInt8](repeating: 0, count: 1 << 16)
    private var start = 0
    private var end = 0
    private var offset = 0
    private var isEnded = false

    /// Begins to read.
    public init(_ source: any ByteSource) throws {
        self.source = source
        decoder = try ZlibDecoder(.raw)
    }

    /// False: packed bytes cannot be entered in the middle.
    public func seek(to offset: Int) -> Bool { false }

    /// Unpacks up to the buffer's size; 0 at the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while !isEnded {
            var isSourceEnded = false
            if start == end {
                start = 0
                end = try input.withUnsafeMutableBytes { try source.read(into: $0) }
                isSourceEnded = end == 0
            }
            let progress: DecodeProgress
            do {
                progress = try input.withUnsafeBytes {
                    try decoder.decode(UnsafeRawBufferPointer(rebasing: $0[start..<end]), into: buffer)
                }
            } catch let error as DecodeFault {
                throw CompressionError.corrupt(
                    file: name, member: 0, offset: offset, format: .gzip, detail: error.detail)
            }
            start += progress.consumed
            offset += progress.consumed
            isEnded = progress.isEnded
            if progress.produced > 0 { return progress.produced }
            if isSourceEnded, !isEnded { throw CompressionError.truncated(file: name, offset: 0, format: .gzip) }
        }
        return 0
    }
}
