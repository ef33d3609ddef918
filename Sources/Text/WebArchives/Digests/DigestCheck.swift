/// Compares a record's digests with its block.
public enum DigestCheck {
    /// What came of a comparison.
    public enum Outcome: Sendable, Hashable { case right, wrong, unknown }

    /// The block's digest; `unknown` where the record has none or names an unknown algorithm.
    public static func block(of record: ArchiveRecord, _ block: [UInt8]) -> Outcome {
        outcome(record.fields.first("WARC-Block-Digest"), block, from: 0)
    }

    /// The payload's digest: of what follows the HTTP head, or of the whole block where there is none. A revisit's
    /// payload is elsewhere.
    public static func payload(of record: ArchiveRecord, _ block: [UInt8]) -> Outcome {
        guard record.kind != .revisit, let field = record.fields.first("WARC-Payload-Digest") else { return .unknown }
        let start = record.isHTTP ? HTTPMessage(block)?.bodyStart ?? 0 : 0
        return outcome(field, block, from: start)
    }

    private static func outcome(_ field: String?, _ block: [UInt8], from start: Int) -> Outcome {
        guard let field, let digest = LabelledDigest(field) else { return .unknown }
        return block.withUnsafeBytes {
            digest.fits(UnsafeRawBufferPointer(rebasing: $0[min(start, block.count)...])) ? .right : .wrong
        }
    }
}
