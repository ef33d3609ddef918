import ArgumentParser
import JSON
import Tokenization

struct TrainTokenizerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a byte-level BPE vocabulary and write it as tokenizer.json.",
        discussion: """
            Inputs are JSON-lines files (.jsonl, also .zst, .gz, .lz4), or folders of them; each line's “text” is a document.
            The merges are those that Hugging Face's trainer learns.

            Example: apus tokenize train curated --vocabulary-size 8000 --out tokenizer.json
            """)

    @Argument(help: "Files and folders.", completion: .file()) var inputs: [String]
    @Option(help: "Tokens wanted: special ones, the 256 bytes, and merges.") var vocabularySize: Int
    @Option(help: "The tokenizer.json to write.") var out: String
    @Option(name: .customLong("special"), help: "A special token; may be given again. The first is the end of text.")
    var special: [String] = ["<|endoftext|>"]
    @Option(help: "Pairs that come less often are not merged.") var minimumFrequency = 0
    @Option(help: "Read no more than about this many bytes of text.") var maxBytes = Int.max
    @Flag(help: "One JSON object on standard output.") var json = false
    @Flag(help: "No progress.") var quiet = false

    func validate() throws {
        if minimumFrequency < 0 { throw ValidationError("--minimum-frequency must not be negative") }
        if maxBytes < 1 { throw ValidationError("--max-bytes must be positive") }
    }

    func run() async throws {
        let files = try DocumentFiles.list(inputs)
        let trainer = TokenizerTrainer(
            vocabularySize: vocabularySize, specialTokens: special, minimumFrequency: minimumFrequency)
        let reading = ProgressLine("read", unit: "documents", isQuiet: quiet)
        let learning = ProgressLine("train", unit: "tokens", isQuiet: quiet)
        let (limit, path) = (maxBytes, out)
        let (tokenizer, summary) = try await interruptible {
            let result = try await trainer.train(
                on: files, byteLimit: limit,
                reading: { reading.update($0.documents, note: percent($0)) },
                learning: { learning.update($0, of: $1) })
            try result.tokenizer.write(to: path)
            return result
        }
        reading.finish()
        learning.finish()
        if json {
            let object: JSONValue = [
                "vocabularySize": JSONValue(tokenizer.vocabularySize), "merges": JSONValue(tokenizer.merges.count),
                "documents": JSONValue(summary.documents), "documentsLeftOut": JSONValue(summary.documentsLeftOut),
                "textBytes": JSONValue(summary.textBytes), "pieces": JSONValue(summary.pieces),
                "piecesLeftOut": JSONValue(summary.piecesLeftOut), "failed": counts(summary.failed),
                "sha256": .string(tokenizer.digest),
            ]
            print(object.text())
            return
        }
        print("\(out): \(tokenizer.vocabularySize) tokens, \(tokenizer.merges.count) merges")
        print("from \(summary.documents) documents, \(summary.textBytes) bytes, \(summary.pieces) different pieces")
        if tokenizer.vocabularySize < vocabularySize { print("the text has no more pairs to merge") }
        if summary.documentsLeftOut > 0 { print("left out: \(summary.documentsLeftOut) documents beyond --max-bytes") }
        if summary.piecesLeftOut > 0 {
            print("left out: \(summary.piecesLeftOut) pieces of more than \(TokenizerTrainer.pieceLimit) bytes")
        }
        for (reason, count) in summary.failed.sorted(by: { $0.key < $1.key }) { print("failed: \(reason) \(count)") }
    }
}

/// How far through the input files reading is.
func percent(_ progress: DocumentProgress) -> String {
    progress.totalBytes > 0 ? "\(min(100, progress.bytes * 100 / progress.totalBytes)) %" : ""
}

/// Counts by name as a JSON object.
func counts(_ table: [String: Int]) -> JSONValue {
    .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
}
