import Compression
import JSON
import Tokenization

/// How well a model predicts the documents of some files.
public struct FileScores: Sendable {
    /// Of each scored document, in the order of the files.
    public var documents: [DocumentScore] = []
    /// Lines that were not scored, by reason.
    public var failed: [String: Int] = [:]

    public var bits: Double { documents.reduce(0) { $0 + $1.bits } }
    public var bytes: Int { documents.reduce(0) { $0 + $1.bytes } }
    public var tokens: Int { documents.reduce(0) { $0 + $1.tokens } }
    /// Of all documents together: Σ bits / Σ bytes.
    public var bitsPerByte: Double { bytes > 0 ? bits / Double(bytes) : 0 }

    public var json: JSONValue {
        [
            "documents": JSONValue(documents.count), "bytes": JSONValue(bytes), "tokens": JSONValue(tokens),
            "bits": JSONValue(bits), "bitsPerByte": JSONValue(bitsPerByte),
            "failed": .object(JSONObject(failed.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) })),
        ]
    }
}

extension Scorer {
    /// Text that is held at once.
    private static let textAtOnce = 1 << 20

    /// Scores the `text` of each line of JSON-lines files, plain or compressed.
    ///
    /// Memory is bounded by a megabyte of text, or one document, and three numbers for each document.
    ///
    /// - Parameters:
    ///   - paths: of the files.
    ///   - tokenizer: the one that the model was trained with.
    ///   - onProgress: called with the documents and bytes scored so far.
    /// - Throws: what reading throws; `LanguageModelError`; `CancellationError`. Lines that are no documents are counted.
    public func fileScores(
        _ paths: [String], tokenizer: Tokenizer, onProgress: (Int, Int) -> Void = { _, _ in }
    ) throws -> FileScores {
        var scores = FileScores()
        var waiting: [String] = []
        var waitingBytes = 0
        var bytes = 0
        func score() throws {
            scores.documents += try documentScores(waiting, tokenizer: tokenizer)
            bytes += waitingBytes
            waiting.removeAll(keepingCapacity: true)
            waitingBytes = 0
            onProgress(scores.documents.count, bytes)
        }
        for path in paths {
            let lines = try LineReader(path: path)
            var line: [UInt8] = []
            while try lines.next(into: &line) {
                try Task.checkCancellation()
                if line.isEmpty { continue }
                guard let value = try? JSONValue(parsing: line) else {
                    scores.failed["not JSON", default: 0] += 1
                    continue
                }
                guard let text = value["text"]?.stringValue, !text.isEmpty else {
                    scores.failed["no text", default: 0] += 1
                    continue
                }
                waiting.append(text)
                waitingBytes += text.utf8.count
                if waitingBytes >= Self.textAtOnce { try score() }
            }
        }
        if !waiting.isEmpty { try score() }
        return scores
    }
}
