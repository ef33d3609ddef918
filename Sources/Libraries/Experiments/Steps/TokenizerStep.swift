import Apus
import Files
import JSON
import Tokenization

/// Trains the tokenizer that all models share, on an equal share of every data set, or takes one that is given.
struct TokenizerStep: ExperimentStep {
    struct Product: Codable, Sendable {
        var vocabularySize: Int
        /// SHA-256 of `tokenizer.json`.
        var digest: String
        /// UTF-8 bytes of held-out text a token.
        var bytesPerToken: Double
    }

    static let kind = "tokenizer 1"
    static let file = "tokenizer.json"
    static let endOfText = "<|endoftext|>"

    var site: StepSite
    var settings: ExperimentConfiguration.Tokenizer
    var seed: UInt64
    @Inputs var documents: [Finished<DocumentsStep.Product>]
    @Input var heldOut: Finished<HeldOutStep.Product>

    var inputDigests: [String] { documents.map(\.digest) + [heldOut.digest] }

    func parameters() throws -> JSONValue {
        [
            "vocabularySize": JSONValue(settings.vocabularySize), "trainingBytes": JSONValue(settings.trainingBytes),
            "given": try settings.path.map { .string(SHA256.digest(try FileReader.bytes(of: $0))) } ?? .null,
            "seed": .string("\(seed)"),
        ]
    }

    func perform(in folder: String) async throws -> Product {
        let path = folder + "/" + Self.file
        let tokenizer: Tokenizer
        if let given = settings.path {
            tokenizer = try Tokenizer(contentsOf: given)
            try AtomicFile.write(FileReader.bytes(of: given), to: path)
        } else {
            tokenizer = try trained()
            try tokenizer.write(to: path)
        }
        let encoder = tokenizer.makeEncoder()
        var bytes = 0
        var tokens: [UInt32] = []
        for text in try HeldOutDocuments(heldOut).texts {
            bytes += text.utf8.count
            encoder.encode(text, into: &tokens)
        }
        return Product(
            vocabularySize: tokenizer.vocabularySize, digest: SHA256.digest(try FileReader.bytes(of: path)),
            bytesPerToken: Double(bytes) / Double(max(1, tokens.count)))
    }

    private func trained() throws -> Tokenizer {
        var trainer = TokenizerTrainer(vocabularySize: settings.vocabularySize, specialTokens: [Self.endOfText])
        let inputs = documents
        let share = settings.trainingBytes / max(1, inputs.count)
        var read = 0
        for input in inputs {
            // Documents are drawn evenly from the whole data set: the front of a pool is not like the rest of it.
            let limit = UInt64(min(1, Double(share) / Double(max(1, input.product.bytes))) * 0x1p63) << 1
            let takesAll = share >= input.product.bytes
            try DocumentFiles(paths: [input.folder + "/" + DocumentsStep.file]).forEach { document in
                guard takesAll || Draw.number(document, seed: seed, for: "tokenizer") < limit else { return }
                trainer.add(document.text)
                read += document.text.utf8.count
                site.post(read >> 10, "KiB")
            }
        }
        return try trainer.train()
    }

    func isWhole(_ product: Product, in folder: String) -> Bool { FileReader.exists(folder + "/" + Self.file) }
}
