import ArgumentParser
import Foundation
import LanguageModels
import Tokenization

/// `apus train`: a language model from token shards.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a language model on token shards.",
        discussion: """
            The architecture and the recipe are OpenLM's. Scales: tiny, small and medium for one machine's processors, and
            the published 411m_1x, 1b_1x_fast, 3b_1x_fast, 7b_1x_fast, 7b_2x_fast. The folder OUT holds the settings, a log
            with one line a step, a checkpoint while the run is not finished, then the model. The same command resumes an
            interrupted run; the losses are those of one that was not, whatever the number of threads.

            EXAMPLE: apus train --data tokens --scale tiny --tokens 2000000 --out model
            """)

    @Option(help: "Folder of flat token shards, as `apus tokenize` writes it.", completion: .directory) var data: String
    @Option(help: "Size of the model and its recipe.") var scale = ModelConfiguration.Scale.tiny.rawValue
    @Option(help: "Tokens to train on; twenty for each parameter without it.") var tokens: Int?
    @Option(help: "Folder of the run.", completion: .directory) var out: String
    @Option(help: "Seed of the initial weights and the order of the data; the recipe's without it.") var seed: UInt64?
    @Option(help: "Sequences in a step.") var batch: Int?
    @Option(name: .customLong("micro-batch"), help: "Sequences that one thread takes at once; they divide the batch.")
    var microBatch: Int?
    @Option(help: "Greatest learning rate.") var lr: Double?
    @Option(name: .customLong("final-lr"), help: "Learning rate at the end.") var finalRate: Double?
    @Option(name: .customLong("warm-up"), help: "Steps until the greatest learning rate.") var warmUp: Int?
    @Option(name: .customLong("weight-decay"), help: "Decoupled decay of all parameters.") var weightDecay: Double?
    @Option(name: .customLong("z-loss"), help: "Weight of mean(logsumexp²).") var zLoss: Double?
    @Option(help: "Products in float32 or bfloat16; the faster on this machine without it.") var precision: String?
    @Option(help: "Threads; all processors without it.") var threads: Int?
    @Option(name: .customLong("checkpoint-seconds"), help: "Time between checkpoints.") var checkpointSeconds = 30
    @Flag(
        name: .customLong("single-pass"),
        help: "Fails where the data are fewer than the tokens, instead of repeating them.")
    var singlePass = false
    @Flag(help: "One JSON object on standard output.") var json = false
    @Flag(help: "No progress.") var quiet = false

    func run() async throws {
        let scale = try ModelConfiguration.Scale(named: scale)
        let shards = try TokenShards(folder: data)
        var model = scale.model(vocabulary: shards.vocabularySize)
        model.context = max(model.context, shards.sequenceLength)
        var training = TrainingConfiguration(
            scale: scale, tokens: tokens, vocabulary: shards.vocabularySize, sequenceLength: shards.sequenceLength,
            batch: batch)
        training.microBatch = microBatch ?? training.microBatch
        training.learningRate = lr ?? training.learningRate
        training.finalLearningRate = finalRate ?? min(training.finalLearningRate, training.learningRate)
        training.warmUpSteps = warmUp ?? training.warmUpSteps
        training.weightDecay = weightDecay ?? training.weightDecay
        training.zLoss = zLoss ?? training.zLoss
        training.seed = seed ?? training.seed
        training.threads = threads
        training.repeatsData = training.repeatsData && !singlePass
        training.checkpointInterval = .time(.seconds(max(1, checkpointSeconds)))
        if let precision {
            guard let named = Precision(rawValue: precision) else {
                throw ValidationError("--precision is ‘\(precision)’, but must be float32 or bfloat16.")
            }
            training.precision = named
        }
        let run = TrainingRun(model: model, training: training, data: shards, output: out)
        let line = ProgressLine("train", unit: "tokens", isQuiet: quiet)
        let result = try await interruptible {
            try await run.run { progress in
                // The rate on the line is of this call alone.
                line.update(
                    progress.last.tokens, of: progress.totalTokens,
                    note: String(
                        format: "loss %.3f, %.0f tokens/s in the last steps", progress.last.loss,
                        progress.tokensPerSecond))
            }
        }
        line.finish()
        if json {
            print(result.json.text())
            return
        }
        print(
            """
            model       \(result.model)
            parameters  \(result.parameters)
            tokens      \(result.tokens) in \(result.steps) steps, \(String(format: "%.2f", result.passes)) passes over the data
            loss        \(String(format: "%.4f", result.loss)) nats a token, mean of the last steps
            time        \(String(format: "%.1f", result.seconds)) s, \(Int(result.tokensPerSecond)) tokens/s
            """)
    }
}
