/// How a file's bytes are packed.
public enum CompressionFormat: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case plain, gzip, zstd, lz4

    /// Tells the format by the first bytes: four decide, fewer are plain.
    public init(magic bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 3 else {
            self = .plain
            return
        }
        if bytes[0] == 0x1F, bytes[1] == 0x8B, bytes[2] == 8 {
            self = .gzip
            return
        }
        guard bytes.count >= 4 else {
            self = .plain
            return
        }
        switch bytes.loadUnaligned(as: UInt32.self).littleEndian {
        case 0xFD2F_B528: self = .zstd
        // A skippable frame of this number carries the dictionary of a `.warc.zst`.
        case 0x184D_2A5D: self = .zstd
        case 0x184D_2204: self = .lz4
        default: self = .plain
        }
    }

    /// Tells the format by the ending of a file's name.
    public init(name: String) {
        if name.hasSuffix(".gz") || name.hasSuffix(".gzip") {
            self = .gzip
        } else if name.hasSuffix(".zst") || name.hasSuffix(".zstd") {
            self = .zstd
        } else if name.hasSuffix(".lz4") {
            self = .lz4
        } else {
            self = .plain
        }
    }

    /// The name: `gzip`.
    public var description: String { rawValue }

    /// What a file of this format is a sequence of.
    var unit: String {
        switch self {
        case .plain: "data"
        case .gzip: "gzip member"
        case .zstd: "zstd frame"
        case .lz4: "LZ4 frame"
        }
    }
}
