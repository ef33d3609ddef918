/// A decoder of one format, fed piece by piece.
///
/// After `isEnded` the member or frame is over and its checksum was right; `reset()` makes it ready for the next one.
protocol StreamDecoder: AnyObject {
    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodeFault)
        -> DecodeProgress
    func reset()
}

/// What one call of a decoder did.
struct DecodeProgress {
    /// Bytes taken; below zero, by at most eight, where a member's end shows that earlier ones lie behind it.
    var consumed: Int
    var produced: Int
    var isEnded: Bool
}

/// Why a decoder gave up, in the library's words.
struct DecodeFault: Error {
    var detail: String
}
