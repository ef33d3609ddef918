import ArgumentParser
import Curation
import Foundation
import JSON

/// `apus curate train-classifier`: a quality classifier from good and bad examples.
struct TrainClassifierCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-classifier", abstract: "Trains a quality classifier from good and bad texts.",
        discussion: """
            Reads JSONL files with `text` (.zst, .gz or plain; of folders, every such file) and writes a fastText model
            with the labels hq and cc, for classify_fasttext_hq_prob_enricher. A tenth of the texts is held out and only
            measured. The same texts, options and seed give the same file.

            EXAMPLE: apus curate train-classifier --positive good.jsonl --negative bad.jsonl.zst --out model.bin
            """)

    @Option(parsing: .upToNextOption, help: "Good texts: files or folders.", completion: .file()) var positive: [String]
    @Option(parsing: .upToNextOption, help: "Bad texts: files or folders.", completion: .file()) var negative: [String]
    @Option(help: "The model to write (.bin).") var out: String
    @Option(help: "Columns of the vectors.") var dim = ClassifierTraining.defaults.dimension
    @Option(help: "Passes over the texts.") var epoch = ClassifierTraining.defaults.epochs
    @Option(help: "The first learning rate.") var lr = ClassifierTraining.defaults.rate
    @Option(name: .customLong("word-ngrams"), help: "Longest word n-gram.")
    var wordNgrams = ClassifierTraining.defaults.wordNgrams
    @Option(help: "Rows that hashed n-grams share; the model takes (words + rows) · dim · 4 bytes.")
    var buckets = ClassifierTraining.defaults.buckets
    @Option(name: .customLong("min-count"), help: "Rarer words have no vector.")
    var minimumCount = ClassifierTraining.defaults.minimumCount
    @Option(name: .customLong("held-out"), help: "Share of the texts that is measured with, 0 to 0.9.") var heldOut =
        0.1
    @Option(help: "Seed of the order, the first vectors and the held-out texts.") var seed: UInt64 = 1
    @Flag(help: "One JSON object on standard output.") var json = false
    @Flag(help: "No progress.") var quiet = false

    func run() async throws {
        var training = ClassifierTraining(positives: positive, negatives: negative, output: out)
        training.options.dimension = dim
        training.options.epochs = epoch
        training.options.rate = lr
        training.options.wordNgrams = wordNgrams
        training.options.buckets = buckets
        training.options.minimumCount = minimumCount
        training.options.seed = seed
        training.heldOut = heldOut
        let line = ProgressLine("train-classifier", unit: "%", isQuiet: quiet)
        let outcome = try await interruptible { [training] in
            try await training.run {
                line.update(Int($0.done * 100), of: 100, note: String(format: "loss %.4f", $0.loss))
            }
        }
        line.finish()
        if json {
            let failed = outcome.failed.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }
            let object: JSONValue = [
                "positives": JSONValue(outcome.positives), "negatives": JSONValue(outcome.negatives),
                "heldOut": JSONValue(outcome.heldOut), "accuracy": outcome.accuracy.map(JSONValue.number) ?? .null,
                "missedPositives": JSONValue(outcome.missedPositives),
                "missedNegatives": JSONValue(outcome.missedNegatives), "words": JSONValue(outcome.words),
                "failed": .object(JSONObject(failed)), "model": .string(out),
            ]
            print(object.text())
            return
        }
        print("trained on  \(outcome.positives) positives, \(outcome.negatives) negatives, \(outcome.words) words")
        if let accuracy = outcome.accuracy {
            print(
                "held out    \(outcome.heldOut): accuracy \(String(format: "%.4f", accuracy)), "
                    + "\(outcome.missedPositives) positives and \(outcome.missedNegatives) negatives missed")
        }
        for (reason, count) in outcome.failed.sorted(by: { $0.key < $1.key }) {
            print("failed      \(reason) \(count)")
        }
        print("model       \(out)")
    }
}
