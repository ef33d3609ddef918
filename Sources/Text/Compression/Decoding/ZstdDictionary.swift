/// The dictionary that a `.warc.zst` carries in its first, skippable frame.
enum ZstdDictionary {
    private static let limit = 16 << 20

    /// Reads the dictionary, if the source starts with one.
    ///
    /// - Parameters:
    ///   - buffer: bytes read so far, `end` of them; grows as needed.
    /// - Returns: bytes to pass over, and the dictionary (empty where there is none).
    static func read(from source: any ByteSource, buffer: inout [UInt8], end: inout Int) throws
        -> (consumed: Int, dictionary: [UInt8])
    {
        guard end >= 8 else { return (0, []) }
        let (magic, size) = buffer.withUnsafeBytes {
            (
                $0.loadUnaligned(as: UInt32.self).littleEndian,
                Int($0.loadUnaligned(fromByteOffset: 4, as: UInt32.self).littleEndian)
            )
        }
        guard magic == 0x184D_2A5D else { return (0, []) }
        guard size <= limit else {
            throw CompressionError.corrupt(
                file: source.name, member: 0, offset: 4, format: .zstd, detail: "a dictionary of \(size) bytes")
        }
        let whole = 8 + size
        if buffer.count < whole { buffer.append(contentsOf: repeatElement(0, count: whole - buffer.count)) }
        while end < whole {
            let got = try buffer.withUnsafeMutableBytes {
                try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[end..<whole]))
            }
            guard got > 0 else { throw CompressionError.truncated(file: source.name, offset: 0, format: .zstd) }
            end += got
        }
        let payload = [UInt8](buffer[8..<whole])
        let isPacked = payload.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
        return (whole, isPacked ? try Decompressor.bytes(of: payload, limit: limit, name: source.name) : payload)
    }
}
