import Apus
import JSON
import LanguageModels
import Tokenization

/// Trains one model on one data set.
struct TrainingStep: ExperimentStep {
    struct Product: Codable, Sendable {
        var parameters: Int
        var steps: Int
        var tokens: Int
        var finalLoss: Double
        var seconds: Double
        var losses: [ModelResult.LossPoint]
    }

    static let kind = "training 1"
    /// Points of the loss curve that the report draws.
    static let curvePoints = 400

    var site: StepSite
    var dataset: String
    var settings: ExperimentConfiguration.Training
    var seed: UInt64
    @Input var shards: Finished<ShardsStep.Product>
    @Input var tokenizer: Finished<TokenizerStep.Product>

    /// Shards of equal digests train equal models, wherever they come from.
    var inputDigests: [String] { shards.product.digests }

    func parameters() throws -> JSONValue {
        [
            "scale": .string(settings.scale), "tokens": JSONValue(settings.tokens),
            "sequenceLength": JSONValue(settings.sequenceLength), "batch": JSONValue(settings.batch),
            "learningRate": .number(settings.learningRate), "seed": .string("\(seed)"),
            "vocabularySize": JSONValue(tokenizer.product.vocabularySize),
            "maximumEpochs": .number(settings.maximumEpochs),
        ]
    }

    func perform(in folder: String) async throws -> Product {
        guard Double(shards.product.tokens) * settings.maximumEpochs >= Double(settings.tokens) else {
            throw ExperimentError.tooFewTokens(
                dataset: dataset, tokens: shards.product.tokens, wanted: settings.tokens, epochs: settings.maximumEpochs
            )
        }
        let data = try TokenShards(folder: shards.folder + "/tokens")
        let scale = try ModelConfiguration.Scale(named: settings.scale)
        var model = scale.model(vocabulary: data.vocabularySize)
        model.context = max(model.context, settings.sequenceLength)
        var training = TrainingConfiguration(
            scale: scale, tokens: settings.tokens, vocabulary: data.vocabularySize,
            sequenceLength: settings.sequenceLength,
            batch: settings.batch)
        training.learningRate = settings.learningRate
        training.finalLearningRate = min(training.finalLearningRate, settings.learningRate)
        training.seed = seed
        // The passes are limited above; within them data are repeated.
        training.repeatsData = true
        let run = TrainingRun(model: model, training: training, data: data, output: folder + "/model")
        let site = site
        let result = try await run.run { progress in
            site.post(progress.last.step, of: progress.steps, "steps", note: "loss \(rounded(progress.last.loss))")
        }
        return try Product(
            parameters: result.parameters, steps: result.steps, tokens: result.tokens, finalLoss: result.loss,
            seconds: result.seconds, losses: Self.curve(run.steps().map { .init(tokens: $0.tokens, loss: $0.loss) }))
    }

    /// At most `curvePoints` points, each the mean of its stretch.
    static func curve(_ points: [ModelResult.LossPoint]) -> [ModelResult.LossPoint] {
        let stretch = max(1, (points.count + curvePoints - 1) / curvePoints)
        return stride(from: 0, to: points.count, by: stretch).map { start in
            let part = points[start..<min(points.count, start + stretch)]
            return .init(
                tokens: part[part.endIndex - 1].tokens, loss: part.reduce(0) { $0 + $1.loss } / Double(part.count))
        }
    }
}

/// Three digits behind the point.
private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
