import CLZ4
import CZlib
import CZstd

/// Packs bytes as gzip members, zstd frames or LZ4 frames, piece by piece. The same bytes give the same output.
///
/// Not `Sendable`: one task uses one.
public final class Compressor {
    /// What comes out.
    public let format: CompressionFormat
    private let gzip: UnsafeMutablePointer<z_stream>?
    private let zstd: OpaquePointer?
    private let lz4: OpaquePointer?
    private var isInsideFrame = false
    private var piece = [UInt8](repeating: 0, count: 1 << 17)

    /// - Parameter level: the library's own scale; nil is its default (gzip 6, zstd 3, LZ4 fast).
    /// - Throws: `CompressionError.unavailable`.
    public init(_ format: CompressionFormat, level: Int? = nil) throws(CompressionError) {
        self.format = format
        var gzip: UnsafeMutablePointer<z_stream>?
        var zstd: OpaquePointer?
        var lz4: OpaquePointer?
        switch format {
        case .plain: break
        case .gzip:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            let code = deflateInit2_(
                stream, Int32(clamping: level ?? 6), Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size))
            guard code == Z_OK else {
                stream.deallocate()
                throw .unavailable(format: .gzip, detail: "zlib code \(code)")
            }
            gzip = stream
        case .zstd:
            guard let context = ZSTD_createCCtx() else { throw .unavailable(format: .zstd, detail: "out of memory") }
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(clamping: level ?? 3))
            ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
            zstd = context
        case .lz4:
            let code = LZ4F_createCompressionContext(&lz4, UInt32(LZ4F_VERSION))
            guard LZ4F_isError(code) == 0 else { throw .unavailable(format: .lz4, detail: "out of memory") }
        }
        self.gzip = gzip
        self.zstd = zstd
        self.lz4 = lz4
    }

    deinit {
        if let gzip {
            deflateEnd(gzip)
            gzip.deallocate()
        }
        ZSTD_freeCCtx(zstd)
        LZ4F_freeCompressionContext(lz4)
    }

    /// Packs bytes and appends what comes out; little may come before `end`.
    public func write(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(CompressionError) {
        guard bytes.count > 0 else { return }
        switch format {
        case .plain: output.append(contentsOf: bytes)
        case .gzip: try deflate(bytes, flush: Z_NO_FLUSH, into: &output)
        case .zstd: try compress(bytes, end: ZSTD_e_continue, into: &output)
        case .lz4: try lz4Update(bytes, into: &output)
        }
        isInsideFrame = true
    }

    /// Packs bytes and appends what comes out.
    public func write(_ bytes: [UInt8], into output: inout [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0, into: &output) }
    }

    /// Ends the member or frame; the next bytes begin another one.
    public func end(into output: inout [UInt8]) throws(CompressionError) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        switch format {
        case .plain: break
        case .gzip:
            try deflate(none, flush: Z_FINISH, into: &output)
            if let gzip { deflateReset(gzip) }
        case .zstd: try compress(none, end: ZSTD_e_end, into: &output)
        case .lz4:
            if !isInsideFrame { try lz4Begin(into: &output) }
            let code = piece.withUnsafeMutableBytes { LZ4F_compressEnd(lz4, $0.baseAddress, $0.count, nil) }
            output.append(contentsOf: piece[..<(try checked(code))])
        }
        isInsideFrame = false
    }

    private func deflate(_ bytes: UnsafeRawBufferPointer, flush: Int32, into output: inout [UInt8])
        throws(CompressionError)
    {
        guard let gzip else { return }
        var position = 0
        repeat {
            let given = min(bytes.count - position, 1 << 30)
            gzip.pointee.next_in = bytes.baseAddress.map {
                UnsafeMutablePointer(mutating: ($0 + position).assumingMemoryBound(to: UInt8.self))
            }
            gzip.pointee.avail_in = UInt32(given)
            var isFull = true
            while isFull {
                let room = piece.count
                let code = piece.withUnsafeMutableBytes { target -> Int32 in
                    gzip.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    gzip.pointee.avail_out = UInt32(room)
                    return CZlib.deflate(gzip, flush)
                }
                guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                    throw .unavailable(format: .gzip, detail: "zlib code \(code)")
                }
                output.append(contentsOf: piece[..<(room - Int(gzip.pointee.avail_out))])
                isFull = gzip.pointee.avail_out == 0
            }
            position += given
        } while position < bytes.count
    }

    private func compress(_ bytes: UnsafeRawBufferPointer, end: ZSTD_EndDirective, into output: inout [UInt8])
        throws(CompressionError)
    {
        var from = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var left = 0
        repeat {
            var produced = 0
            let code = piece.withUnsafeMutableBytes { target -> Int in
                var to = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                let code = ZSTD_compressStream2(zstd, &to, &from, end)
                produced = to.pos
                return code
            }
            guard ZSTD_isError(code) == 0 else {
                throw .unavailable(format: .zstd, detail: String(cString: ZSTD_getErrorName(code)))
            }
            output.append(contentsOf: piece[..<produced])
            left = end == ZSTD_e_end ? code : from.size - from.pos
        } while left > 0
    }

    private func lz4Begin(into output: inout [UInt8]) throws(CompressionError) {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        let code = piece.withUnsafeMutableBytes { LZ4F_compressBegin(lz4, $0.baseAddress, $0.count, &preferences) }
        output.append(contentsOf: piece[..<(try checked(code))])
    }

    private func lz4Update(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(CompressionError) {
        if !isInsideFrame { try lz4Begin(into: &output) }
        var position = 0
        while position < bytes.count {
            let count = min(bytes.count - position, 1 << 15)
            let needed = LZ4F_compressBound(count, nil)
            if piece.count < needed { piece.append(contentsOf: repeatElement(0, count: needed - piece.count)) }
            let code = piece.withUnsafeMutableBytes {
                LZ4F_compressUpdate(lz4, $0.baseAddress, $0.count, bytes.baseAddress.map { $0 + position }, count, nil)
            }
            output.append(contentsOf: piece[..<(try checked(code))])
            position += count
        }
    }

    private func checked(_ code: Int) throws(CompressionError) -> Int {
        guard LZ4F_isError(code) == 0 else {
            throw .unavailable(format: .lz4, detail: String(cString: LZ4F_getErrorName(code)))
        }
        return code
    }
}

extension Compressor {
    /// A whole buffer as one member or frame.
    public static func bytes(_ plain: [UInt8], as format: CompressionFormat, level: Int? = nil) throws -> [UInt8] {
        let compressor = try Compressor(format, level: level)
        var output: [UInt8] = []
        try compressor.write(plain, into: &output)
        try compressor.end(into: &output)
        return output
    }
}
