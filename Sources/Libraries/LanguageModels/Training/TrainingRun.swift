import ApusTensor
import JSON
import Synchronization
import Threads
import Tokenization

/// How far a run is.
public struct TrainingProgress: Sendable {
    /// What the last step did.
    public var last: TrainingStep
    /// Steps of the whole run.
    public var steps: Int
    /// Tokens of the whole run.
    public var totalTokens: Int
    /// Over the last steps.
    public var tokensPerSecond: Double
    /// Steps that were done before this call, where it resumed a run.
    public var resumedAt: Int
}

/// What a run gave.
public struct TrainingResult: Hashable, Sendable {
    /// The model's file.
    public var model: String
    public var parameters: Int
    public var steps: Int
    public var tokens: Int
    /// Mean cross-entropy of the last twenty steps, in nats a token.
    public var loss: Double
    /// How often the data were gone through, the last time perhaps in part.
    public var passes: Double
    /// Time spent in steps, that of calls before included.
    public var seconds: Double
    public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }

    public var json: JSONValue {
        [
            "model": JSONValue(model), "parameters": JSONValue(parameters), "steps": JSONValue(steps),
            "tokens": JSONValue(tokens), "loss": JSONValue(loss), "passes": JSONValue(passes),
            "seconds": JSONValue(seconds), "tokensPerSecond": JSONValue(tokensPerSecond.rounded()),
        ]
    }
}

/// Trains a model on token shards, in a folder from which it resumes.
///
/// ```swift
/// let shards = try TokenShards(folder: "tokens")
/// let scale = ModelConfiguration.Scale.tiny
/// let run = TrainingRun(
///     model: scale.model(vocabulary: shards.vocabularySize),
///     training: TrainingConfiguration(scale: scale, tokens: 2_000_000), data: shards, output: "model")
/// let result = try await run.run { print($0.last.step, $0.last.loss) }
/// ```
///
/// The same settings and data give the same losses, bit for bit, on one kind of processor: for any number of threads, and
/// whether the run was interrupted or not. The folder holds `run.json` (settings), `log.jsonl` (one line a step),
/// `checkpoint.safetensors` while it is not finished, then `model.safetensors` and `result.json`.
public struct TrainingRun: Sendable {
    public let model: ModelConfiguration
    public let training: TrainingConfiguration
    public let output: String
    private let data: any SequenceSource

    public init(model: ModelConfiguration, training: TrainingConfiguration, data: TokenShards, output: String) {
        self.init(model: model, training: training, source: data, output: output)
    }

    package init(model: ModelConfiguration, training: TrainingConfiguration, source: any SequenceSource, output: String)
    {
        self.model = model
        self.training = training
        data = source
        self.output = output
    }

    /// What each step of the run did, from its log.
    ///
    /// - Throws: `LanguageModelError.badLine`, `FileError`.
    public func steps() throws -> [TrainingStep] { try TrainingLog.read(RunFolder(output).log) }

    /// Trains to the end, from where the folder stands; a finished run's result is given at once.
    ///
    /// The work is done on threads of its own. When the task is cancelled, a checkpoint is written after the step at
    /// hand.
    ///
    /// - Parameter progress: called after each step, on the training thread; it must be quick.
    /// - Throws: `LanguageModelError`; `CancellationError`.
    public func run(progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }) async throws -> TrainingResult
    {
        let stop = StopFlag()
        return try await withTaskCancellationHandler {
            do {
                return try await OwnThread.run {
                    try TrainingLoop(model, training, data, output).run(stop: stop, progress: progress)
                }
            } catch let error as CancellationError {
                throw error
            } catch let error as ThreadError {
                throw LanguageModelError.noThread(code: error.code)
            } catch {
                throw LanguageModelError.from(error)
            }
        } onCancel: {
            stop.raise()
        }
    }
}

/// Tells the training thread that its task was cancelled.
final class StopFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    func raise() { raised.store(true, ordering: .relaxed) }
    var isRaised: Bool { raised.load(ordering: .relaxed) }
}
