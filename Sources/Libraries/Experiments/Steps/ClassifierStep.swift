import Apus
import Compression
import Curation
import Files
import JSON

/// Trains a quality classifier on pages of a pool that are told apart by their addresses.
package struct ClassifierStep: ExperimentStep {
    package struct Product: Codable, Sendable {
        /// The classifier's name in the experiment.
        var name: String
        var positives: Int
        var negatives: Int
        /// On examples that it was not trained on.
        var accuracy: Double?
        var digest: String
    }

    package static let kind = "classifier 1"
    static let file = "classifier.bin"

    package var site: StepSite
    var classifier: ExperimentConfiguration.Classifier
    var seed: UInt64
    @Input var curated: Finished<CurateStep.Product>

    package var inputDigests: [String] { [curated.digest] }

    package func parameters() throws -> JSONValue {
        [
            "positive": .array(classifier.positive.map(JSONValue.string)),
            "negative": .array(classifier.negative.map(JSONValue.string)), "seed": .string("\(seed)"),
        ]
    }

    package func perform(in folder: String) async throws -> Product {
        let positive = try CompressedFile(folder + "/positive.jsonl.zst")
        let negative = try CompressedFile(folder + "/negative.jsonl.zst")
        var counts = (positive: 0, negative: 0)
        var line: [UInt8] = []
        try DocumentFiles(paths: curated.product.shards.map { curated.folder + "/" + $0.file }).forEach { document in
            guard let url = document.url else { return }
            let isPositive = classifier.positive.contains { url.contains($0) }
            guard isPositive || classifier.negative.contains(where: { url.contains($0) }) else { return }
            line.removeAll(keepingCapacity: true)
            JSONValue.object(["text": .string(document.text), "url": .string(url)]).write(to: &line)
            line.append(10)
            if isPositive { counts.positive += 1 } else { counts.negative += 1 }
            try (isPositive ? positive : negative).write(line)
        }
        if counts.positive == 0 {
            throw ExperimentError.noClassifierExamples(classifier: classifier.name, which: "positive")
        }
        if counts.negative == 0 {
            throw ExperimentError.noClassifierExamples(classifier: classifier.name, which: "negative")
        }
        try positive.commit()
        try negative.commit()
        var training = ClassifierTraining(
            positives: [positive.path], negatives: [negative.path], output: folder + "/" + Self.file)
        training.options.seed = seed
        let result = try await training.run()
        return Product(
            name: classifier.name, positives: counts.positive, negatives: counts.negative, accuracy: result.accuracy,
            digest: SHA256.digest(try FileReader.bytes(of: folder + "/" + Self.file)))
    }

    package func isWhole(_ product: Product, in folder: String) -> Bool { FileReader.exists(folder + "/" + Self.file) }

    /// What `${NAME}` in a recipe stands for: the file of the classifier of that name.
    static func variables(_ classifiers: [Finished<Product>]) -> [String: String] {
        Dictionary(classifiers.map { ($0.product.name, Paths.absolute($0.folder + "/" + file)) }) { $1 }
    }
}
