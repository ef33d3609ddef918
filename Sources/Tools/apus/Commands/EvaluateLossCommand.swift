import ArgumentParser
import Foundation
import JSON
import LanguageModels
import Tokenization

/// `apus evaluate loss`: bits per byte of a model on texts.
struct EvaluateLossCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loss", abstract: "Bits per byte of a model on held-out texts.",
        discussion: """
            Reads JSONL files with `text` (.zst, .gz or plain). Bits per byte are Σ −log₂ p of the tokens over the bytes of
            the texts, and so comparable between tokenizers. Long texts go through overlapping windows, so that each token
            counts once.

            EXAMPLE: apus evaluate loss --model model --tokenizer tokenizer.json held-out.jsonl
            """)

    @Option(help: "Folder of a finished `apus train`, or its model.safetensors.", completion: .file()) var model: String
    @Option(help: "The tokenizer.json that the model was trained with.", completion: .file(extensions: ["json"]))
    var tokenizer: String
    @Argument(help: "JSONL files of texts.", completion: .file()) var files: [String]
    @Option(help: "Tokens by which windows over long texts move on; half the context without it.") var stride: Int?
    @Option(help: "Threads; all processors without it.") var threads: Int?
    @Flag(name: .customLong("per-document"), help: "With --json, one more object a line before it for each document.")
    var perDocument = false
    @Flag(help: "One JSON object on standard output.") var json = false
    @Flag(help: "No progress.") var quiet = false

    func validate() throws {
        if files.isEmpty { throw ValidationError("name at least one file of texts") }
    }

    func run() async throws {
        let tokenizer = try Tokenizer(contentsOf: tokenizer)
        let line = ProgressLine("evaluate", unit: "bytes", isQuiet: quiet)
        let scores = try await interruptible { [self] in
            let scorer = try Scorer(model, threads: threads)
            if let stride { scorer.stride = stride }
            return try scorer.fileScores(files, tokenizer: tokenizer) { documents, bytes in
                line.update(bytes, note: "\(documents) documents")
            }
        }
        line.finish()
        if json {
            if perDocument {
                for score in scores.documents {
                    let object: JSONValue = [
                        "bits": JSONValue(score.bits), "bytes": JSONValue(score.bytes),
                        "tokens": JSONValue(score.tokens),
                        "bitsPerByte": JSONValue(score.bitsPerByte),
                    ]
                    print(object.text())
                }
            }
            print(scores.json.text())
            return
        }
        print("documents   \(scores.documents.count): \(scores.bytes) bytes, \(scores.tokens) tokens")
        for (reason, count) in scores.failed.sorted(by: { $0.key < $1.key }) { print("failed      \(reason) \(count)") }
        print("bits/byte   \(String(format: "%.4f", scores.bitsPerByte))")
    }
}
