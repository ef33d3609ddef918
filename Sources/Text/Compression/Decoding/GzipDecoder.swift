import CISAL

/// gzip members by ISA-L's inflate: 2.5 times zlib's speed on web pages (Benchmarks/archives).
final class GzipDecoder: StreamDecoder {
    private let state: UnsafeMutablePointer<apus_gzip>

    init() throws(CompressionError) {
        guard let made = apus_gzip_create() else { throw .unavailable(format: .gzip, detail: "out of memory") }
        state = made
    }

    deinit { free(state) }

    func reset() { apus_gzip_reset(state) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodeFault)
        -> DecodeProgress
    {
        let given = UInt32(clamping: input.count)
        let room = UInt32(clamping: output.count)
        var inputLeft = given
        var roomLeft = room
        let code = apus_gzip_decode(
            state, input.baseAddress?.assumingMemoryBound(to: UInt8.self), &inputLeft,
            output.baseAddress?.assumingMemoryBound(to: UInt8.self), &roomLeft)
        // Positive codes say that input or room ran out.
        guard code >= 0 else { throw DecodeFault(detail: Self.reason(code)) }
        let isEnded = apus_gzip_is_finished(state) != 0
        return DecodeProgress(
            consumed: Int(given - inputLeft) - (isEnded ? Int(apus_gzip_excess(state)) : 0),
            produced: Int(room - roomLeft), isEnded: isEnded)
    }

    private static func reason(_ code: Int32) -> String {
        switch code {
        case ISAL_INVALID_BLOCK: "an invalid block"
        case ISAL_INVALID_SYMBOL: "an invalid symbol"
        case ISAL_INVALID_LOOKBACK: "a reference to before the start"
        case ISAL_INVALID_WRAPPER: "an invalid header"
        case ISAL_UNSUPPORTED_METHOD: "an unknown method"
        case ISAL_INCORRECT_CHECKSUM: "the checksum differs"
        default: "code \(code)"
        }
    }
}
