import Files

/// Plain bytes of a source that is packed with gzip (any number of members), zstd, LZ4, or not at all.
///
/// Bounded memory: one buffer of packed bytes. A call of `read` never returns bytes of two members, so
/// `memberOffset` says exactly which member the bytes came from. Members that are empty are passed over.
/// Not `Sendable`: one task reads one source.
public final class Decompressor: ByteSource {
    /// How the source is packed.
    public let format: CompressionFormat
    /// Where in the source the current member or frame starts; 0 for plain data.
    public private(set) var memberOffset = 0
    /// Plain bytes delivered so far.
    public private(set) var plainCount = 0
    /// Members or frames begun so far; 0 for plain data.
    public private(set) var memberCount = 0

    private let source: any ByteSource
    private let limit: Int
    private let decoder: (any StreamDecoder)?

    private var input: [UInt8]
    private var start = 0
    private var end = 0
    private var isSourceEnded = false
    /// Offset in the source of `input[start]`.
    private var offset = 0
    private var isInside = false

    private static let inputSize = 1 << 17
    /// Bytes kept before `start`: what a decoder may give back at a member's end.
    private static let slack = 8

    /// The packed source's.
    public var name: String { source.name }

    /// Packed bytes taken from the source so far.
    public var sourceOffset: Int { offset }

    /// Begins to read; the format is told by the first bytes.
    ///
    /// - Parameter limit: plain bytes beyond which reading fails, against decompression bombs.
    public init(_ source: any ByteSource, limit: Int = .max) throws {
        self.source = source
        self.limit = limit
        var input = [UInt8](repeating: 0, count: Self.inputSize)
        var filled = 0
        var ended = false
        while filled < 8, !ended {
            let got = try input.withUnsafeMutableBytes {
                try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
            }
            filled += got
            ended = got == 0
        }
        format = input.withUnsafeBytes { CompressionFormat(magic: UnsafeRawBufferPointer(rebasing: $0[..<filled])) }
        self.input = input
        end = filled
        isSourceEnded = ended
        switch format {
        case .plain: decoder = nil
        case .gzip: decoder = try GzipDecoder()
        case .lz4: decoder = try LZ4Decoder()
        case .zstd:
            let first = try ZstdDictionary.read(from: source, buffer: &self.input, end: &end)
            start = first.consumed
            offset = first.consumed
            decoder = try ZstdDecoder(dictionary: first.dictionary, of: source.name)
        }
    }

    /// Begins to read a file; `-` is standard input.
    public convenience init(path: String, limit: Int = .max) throws {
        try self.init(try FileReader(path), limit: limit)
    }

    /// Unpacks up to the buffer's size; 0 at the end.
    ///
    /// - Throws: `CompressionError`, and what the source throws.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard buffer.count > 0 else { return 0 }
        let got = try decoder.map { try unpack(with: $0, into: buffer) } ?? copyPlain(into: buffer)
        plainCount += got
        guard plainCount <= limit else { throw CompressionError.tooLarge(file: name, limit: limit) }
        return got
    }

    /// Plain data can seek; packed data cannot.
    public func seek(to target: Int) throws -> Bool {
        guard format == .plain, try source.seek(to: target) else { return false }
        start = 0
        end = 0
        offset = target
        isSourceEnded = false
        return true
    }

    private func copyPlain(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if start == end {
            let got = try source.read(into: buffer)
            offset += got
            return got
        }
        let count = min(buffer.count, end - start)
        input.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        start += count
        offset += count
        return count
    }

    private func unpack(with decoder: any StreamDecoder, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            if !isInside {
                guard try beginMember(decoder) else { return 0 }
            }
            if start == end { try refill() }
            let progress: DecodeProgress
            do {
                progress = try input.withUnsafeBytes { all in
                    try decoder.decode(UnsafeRawBufferPointer(rebasing: all[start..<end]), into: buffer)
                }
            } catch let error as DecodeFault {
                throw CompressionError.corrupt(
                    file: name, member: memberOffset, offset: offset, format: format, detail: error.detail)
            }
            start += progress.consumed
            offset += progress.consumed
            if progress.isEnded {
                isInside = false
            } else if progress.produced == 0, progress.consumed == 0, isSourceEnded, start == end {
                throw CompressionError.truncated(file: name, offset: memberOffset, format: format)
            } else if progress.produced == 0, progress.consumed == 0, start < end {
                throw CompressionError.corrupt(
                    file: name, member: memberOffset, offset: offset, format: format, detail: "no progress")
            }
            if progress.produced > 0 { return progress.produced }
        }
    }

    /// Looks for the next member at the current place; false at the end of the source.
    private func beginMember(_ decoder: any StreamDecoder) throws -> Bool {
        if memberCount > 0 {
            // Zeros after the last member are padding (tapes, block devices), as for gzip itself.
            while true {
                while start < end, input[start] == 0 {
                    start += 1
                    offset += 1
                }
                if start < end || isSourceEnded { break }
                try refill()
            }
        }
        while end - start < 4, !isSourceEnded { try refill() }
        guard start < end else { return false }
        guard memberCount == 0 || isMemberStart(at: start) else {
            throw CompressionError.trailingBytes(file: name, offset: offset, format: format)
        }
        decoder.reset()
        memberOffset = offset
        memberCount += 1
        isInside = true
        return true
    }

    private func isMemberStart(at position: Int) -> Bool {
        guard end - position >= 3 else {
            // The beginning of a member that the file's end cuts off: let the decoder say so.
            return end > position && format == .gzip && input[position] == 0x1F
        }
        if format == .gzip {
            // Reserved flag bits are zero in every gzip file.
            return input[position] == 0x1F && input[position + 1] == 0x8B && input[position + 2] == 8
                && (end - position < 4 || input[position + 3] & 0xE0 == 0)
        }
        guard end - position >= 4 else { return false }
        let magic = input.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: UInt32.self).littleEndian }
        let isSkippable = magic & 0xFFFF_FFF0 == 0x184D_2A50
        return isSkippable || magic == (format == .zstd ? 0xFD2F_B528 : 0x184D_2204)
    }

    /// After an error: goes to the next place that looks like the start of a member or frame.
    ///
    /// Looks from just behind the start of the damaged one where the source can seek, else from where reading stopped.
    ///
    /// - Returns: false where there is none; the source is then at its end.
    public func skipToNextMember() throws -> Bool {
        guard format != .plain else { return false }
        let restart = isInside ? memberOffset + 1 : offset
        if try source.seek(to: restart) {
            start = 0
            end = 0
            offset = restart
            isSourceEnded = false
        }
        isInside = false
        memberCount = max(memberCount, 1)
        while true {
            while end - start < 4, !isSourceEnded { try refill() }
            guard end - start >= 4 else {
                offset += end - start
                start = end
                return false
            }
            while end - start >= 4 {
                if isMemberStart(at: start) { return true }
                start += 1
                offset += 1
            }
        }
    }

    private func refill() throws {
        let drop = start - min(start, Self.slack)
        if drop > 0 {
            input.withUnsafeMutableBytes { all in
                all.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[drop..<end]))
            }
            start -= drop
            end -= drop
        }
        guard end < input.count else { return }
        let got = try input.withUnsafeMutableBytes {
            try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[end...]))
        }
        end += got
        isSourceEnded = got == 0
    }
}

extension Decompressor {
    /// All plain bytes of a packed buffer.
    public static func bytes(of packed: [UInt8], limit: Int = .max, name: String = "memory") throws -> [UInt8] {
        try Decompressor(MemorySource(packed, name: name), limit: limit).readAll()
    }

    /// All remaining plain bytes.
    public func readAll() throws -> [UInt8] {
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = try piece.withUnsafeMutableBytes { try read(into: $0) }
            if got == 0 { return result }
            result.append(contentsOf: piece[..<got])
        }
    }
}
