/// Encodes documents and writes them as shuffled training sequences.
///
/// ```swift
/// let writer = try DocumentShardWriter(
///     folder: "tokens", tokenizer: tokenizer, options: ShardOptions(for: tokenizer, sequenceLength: 256, seed: 1))
/// for document in documents { try writer.append(document) }
/// let manifest = try writer.finish()
/// ```
///
/// Not `Sendable`: one task uses one.
public final class DocumentShardWriter {
    private let writer: TokenShardWriter
    private let encoder: TokenEncoder
    private var ids: [UInt32] = []

    public init(folder: String, tokenizer: Tokenizer, options: ShardOptions) throws {
        writer = try TokenShardWriter(folder: folder, options: options, tokenizerDigest: tokenizer.digest)
        encoder = tokenizer.makeEncoder()
    }

    public var counts: ShardManifest.Counts { writer.counts }

    /// Adds a document. `<|endoftext|>` and the like in the text become those tokens, as Hugging Face's library does it.
    public func append(_ text: String) throws {
        var text = text
        try text.withUTF8 { try append($0) }
    }

    /// Adds a document's bytes.
    public func append(_ text: UnsafeBufferPointer<UInt8>) throws {
        ids.removeAll(keepingCapacity: true)
        encoder.encode(text, into: &ids)
        try writer.append(ids, textBytes: text.count)
    }

    /// Says that an input is through; see `TokenShardWriter.endInput`.
    public func endInput() throws { try writer.endInput() }

    /// Notes a record that holds no document.
    public func noteFailure(_ reason: String) { writer.noteFailure(reason) }

    /// Shuffles and writes; see `TokenShardWriter.finish`.
    public func finish(isCancelled: () -> Bool = { false }) throws -> ShardManifest {
        try writer.finish(isCancelled: isCancelled)
    }
}
