import Apus
import Files
import JSON
import Tokenization

/// Turns a data set's documents into shuffled sequences of tokens.
struct ShardsStep: ExperimentStep {
    struct Product: Codable, Sendable {
        var tokens: Int
        var sequences: Int
        /// SHA-256 of the shards, in order.
        var digests: [String]
    }

    static let kind = "shards 1"

    var site: StepSite
    var sequenceLength: Int
    var seed: UInt64
    @Input var documents: Finished<DocumentsStep.Product>
    @Input var tokenizer: Finished<TokenizerStep.Product>

    /// The tokenizer counts by its file, so that shards outlive a change of it that changes nothing.
    var inputDigests: [String] { [documents.digest, tokenizer.product.digest] }

    func parameters() throws -> JSONValue { ["sequenceLength": JSONValue(sequenceLength), "seed": .string("\(seed)")] }

    func perform(in folder: String) async throws -> Product {
        let builder = try ShardBuilder(
            inputs: [documents.folder + "/" + DocumentsStep.file],
            tokenizer: try Tokenizer(contentsOf: tokenizer.folder + "/" + TokenizerStep.file),
            output: folder + "/tokens",
            sequenceLength: sequenceLength, seed: seed)
        let site = site
        let total = documents.product.documents
        _ = try await builder.run { site.post($0.documents, of: total, "documents") }
        let shards = try TokenShards(folder: folder + "/tokens")
        return Product(tokens: shards.tokenCount, sequences: shards.sequenceCount, digests: shards.digests)
    }

    func isWhole(_ product: Product, in folder: String) -> Bool { FileReader.exists(folder + "/tokens/manifest.json") }
}
