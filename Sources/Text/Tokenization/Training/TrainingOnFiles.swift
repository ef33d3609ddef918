import Files

extension TokenizerTrainer {
    /// Trains on JSON-lines files (`.zst`, `.gz`, `.lz4` or plain), on a thread of its own.
    ///
    /// - Parameters:
    ///   - inputs: paths; see `DocumentFiles.list`.
    ///   - byteLimit: reading ends with the document that brings the text to this many bytes.
    ///   - reading: called now and then while reading.
    ///   - learning: called now and then with the tokens made so far and those wanted.
    /// - Returns: the tokenizer, and the number of lines without a document by reason.
    /// - Throws: `TokenizationError`, `FileError`, `CompressionError`, `CancellationError`.
    public func train(
        on inputs: [String], byteLimit: Int = .max,
        reading: @escaping @Sendable (DocumentProgress) -> Void = { _ in },
        learning: @escaping @Sendable (_ tokens: Int, _ wanted: Int) -> Void = { _, _ in }
    ) async throws -> (tokenizer: Tokenizer, summary: TrainingSummary) {
        try await BackgroundThread.run { cancellation in
            guard !inputs.isEmpty else { throw TokenizationError.emptyInput("the list of inputs") }
            var trainer = self
            var summary = TrainingSummary()
            try Documents.forEach(in: inputs, cancellation, reading) { line in
                switch line {
                case .document(let text) where trainer.byteCount < byteLimit:
                    trainer.add(text)
                    summary.documents += 1
                case .document: summary.documentsLeftOut += 1
                case .failure(let reason): summary.failed[reason.rawValue, default: 0] += 1
                }
            }
            if trainer.byteCount == 0, !summary.failed.isEmpty {
                let failed = summary.failed.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                throw TokenizationError.emptyInput(
                    "the training text (lines left out: \(failed.joined(separator: ", ")))")
            }
            summary.textBytes = trainer.byteCount
            summary.pieces = trainer.pieceCount
            summary.piecesLeftOut = trainer.piecesLeftOut
            let tokenizer = try trainer.train { tokens, wanted in
                try cancellation.check()
                learning(tokens, wanted)
            }
            return (tokenizer, summary)
        }
    }
}

/// What a tokenizer was trained on.
public struct TrainingSummary: Sendable, Hashable {
    public var documents = 0
    /// Documents beyond the limit of bytes.
    public var documentsLeftOut = 0
    public var textBytes = 0
    /// Different pieces.
    public var pieces = 0
    /// Pieces too long to learn from.
    public var piecesLeftOut = 0
    /// Lines without a document, by reason.
    public var failed: [String: Int] = [:]
}
