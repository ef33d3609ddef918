import CBrotli

/// A brotli stream (RFC 7932), as HTTP's `Content-Encoding: br` carries.
final class BrotliDecoder: StreamDecoder {
    private var state: OpaquePointer?

    init() { state = BrotliDecoderCreateInstance(nil, nil, nil) }

    deinit { BrotliDecoderDestroyInstance(state) }

    func reset() {
        BrotliDecoderDestroyInstance(state)
        state = BrotliDecoderCreateInstance(nil, nil, nil)
    }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodeFault)
        -> DecodeProgress
    {
        guard let state else { throw DecodeFault(detail: "out of memory") }
        var left = input.count
        var next = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var room = output.count
        var target = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let result = BrotliDecoderDecompressStream(state, &left, &next, &room, &target, nil)
        guard result != BROTLI_DECODER_RESULT_ERROR else {
            throw DecodeFault(detail: String(cString: BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state))))
        }
        return DecodeProgress(
            consumed: input.count - left, produced: output.count - room,
            isEnded: result == BROTLI_DECODER_RESULT_SUCCESS)
    }
}
