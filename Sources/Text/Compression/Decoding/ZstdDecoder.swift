import CZstd

/// zstd frames; a first skippable frame with a dictionary (as in `.warc.zst`) is used for those that follow.
final class ZstdDecoder: StreamDecoder {
    private let context: OpaquePointer

    /// - Parameter file: that has the dictionary, for messages.
    init(dictionary: [UInt8] = [], of file: String = "") throws(CompressionError) {
        guard let made = ZSTD_createDCtx() else { throw .unavailable(format: .zstd, detail: "out of memory") }
        context = made
        // 27 is what the command-line tool takes too: 128 MiB of window.
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
        if !dictionary.isEmpty {
            let code = dictionary.withUnsafeBytes { ZSTD_DCtx_loadDictionary(context, $0.baseAddress, $0.count) }
            // Once the context is set, `deinit` frees it also when this throws.
            guard ZSTD_isError(code) == 0 else {
                throw .corrupt(
                    file: file, member: 0, offset: 8, format: .zstd, detail: "the dictionary's tables are none")
            }
        }
    }

    deinit { ZSTD_freeDCtx(context) }

    func reset() { ZSTD_DCtx_reset(context, ZSTD_reset_session_only) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodeFault)
        -> DecodeProgress
    {
        var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let code = ZSTD_decompressStream(context, &to, &from)
        guard ZSTD_isError(code) == 0 else { throw DecodeFault(detail: String(cString: ZSTD_getErrorName(code))) }
        return DecodeProgress(consumed: from.pos, produced: to.pos, isEnded: code == 0)
    }
}
