import CLZ4

/// LZ4 frames.
final class LZ4Decoder: StreamDecoder {
    private let context: OpaquePointer

    init() throws(CompressionError) {
        var made: OpaquePointer?
        let code = LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(code) == 0, let made else { throw .unavailable(format: .lz4, detail: "out of memory") }
        context = made
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    func reset() { LZ4F_resetDecompressionContext(context) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodeFault)
        -> DecodeProgress
    {
        var consumed = input.count
        var produced = output.count
        let code = LZ4F_decompress(context, output.baseAddress, &produced, input.baseAddress, &consumed, nil)
        guard LZ4F_isError(code) == 0 else { throw DecodeFault(detail: String(cString: LZ4F_getErrorName(code))) }
        return DecodeProgress(consumed: consumed, produced: produced, isEnded: code == 0)
    }
}
