import Compression
import Files

/// Makes token shards from JSON-lines files: the step between a curated data set and training.
///
/// ```swift
/// let manifest = try await ShardBuilder(
///     inputs: ["curated/shard_00000.jsonl.zst"], tokenizer: tokenizer, output: "tokens", sequenceLength: 256, seed: 1
/// ).run()
/// let shards = try TokenShards(folder: "tokens")
/// ```
///
/// Equal inputs, tokenizer and seed give equal bytes.
public struct ShardBuilder: Sendable {
    /// JSON-lines files (`.zst`, `.gz`, `.lz4` or plain), read in this order; each line's `text` is a document.
    public var inputs: [String]
    public var tokenizer: Tokenizer
    public var output: String
    public var options: ShardOptions

    /// - Throws: `TokenizationError.badSetting` where the tokenizer has no end-of-text token.
    public init(
        inputs: [String], tokenizer: Tokenizer, output: String, sequenceLength: Int, seed: UInt64,
        format: ShardFormat = .flat, padding: UInt32? = nil
    ) throws(TokenizationError) {
        self.init(
            inputs: inputs, tokenizer: tokenizer, output: output,
            options: try ShardOptions(
                for: tokenizer, sequenceLength: sequenceLength, seed: seed, format: format, padding: padding))
    }

    public init(inputs: [String], tokenizer: Tokenizer, output: String, options: ShardOptions) {
        self.inputs = inputs
        self.tokenizer = tokenizer
        self.output = output
        self.options = options
    }

    /// Reads, encodes, shuffles and writes, on a thread of its own. Cancellation leaves the output folder as it was.
    ///
    /// Lines without a document are counted in the manifest by reason; a file that cannot be read to its end is an error.
    ///
    /// - Throws: `TokenizationError`, `FileError`, `CompressionError`, `CancellationError`.
    public func run(
        progress: @escaping @Sendable (DocumentProgress) -> Void = { _ in }
    ) async throws -> ShardManifest {
        try await BackgroundThread.run { cancellation in
            guard !inputs.isEmpty else { throw TokenizationError.emptyInput("the list of inputs") }
            let writer = try DocumentShardWriter(folder: output, tokenizer: tokenizer, options: options)
            try Documents.forEach(in: inputs, cancellation, progress) { line in
                switch line {
                case .document(let text): try writer.append(text)
                case .failure(let reason): writer.noteFailure(reason.rawValue)
                }
            } endOfInput: {
                try writer.endInput()
            }
            return try writer.finish(isCancelled: { cancellation.isCancelled })
        }
    }
}
