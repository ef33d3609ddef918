import CZlib

/// zlib-wrapped or raw deflate by zlib.
final class ZlibDecoder: StreamDecoder {
    enum Wrapper: Int32 {
        case zlib = 15, raw = -15
    }

    // On the heap, because zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>

    init(_ wrapper: Wrapper) throws(CompressionError) {
        let made = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        made.initialize(to: z_stream())
        let code = inflateInit2_(made, wrapper.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        // Before the property is set, so that `deinit` does not end it too.
        guard code == Z_OK else {
            made.deallocate()
            throw .unavailable(format: .gzip, detail: "zlib code \(code)")
        }
        stream = made
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func reset() { inflateReset(stream) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodeFault)
        -> DecodeProgress
    {
        let given = UInt32(clamping: input.count)
        let room = UInt32(clamping: output.count)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = given
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = room
        let code = inflate(stream, Z_NO_FLUSH)
        let progress = DecodeProgress(
            consumed: Int(given - stream.pointee.avail_in), produced: Int(room - stream.pointee.avail_out),
            isEnded: code == Z_STREAM_END)
        switch code {
        case Z_OK, Z_STREAM_END, Z_BUF_ERROR: return progress
        case Z_NEED_DICT: throw DecodeFault(detail: "needs a dictionary")
        case Z_MEM_ERROR: throw DecodeFault(detail: "out of memory")
        default: throw DecodeFault(detail: stream.pointee.msg.map { String(cString: $0) } ?? "zlib code \(code)")
        }
    }
}
