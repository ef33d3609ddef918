import JSON

/// How a model is trained: everything but its shape and its data.
public struct TrainingConfiguration: Hashable, Sendable {
    /// When a checkpoint is written, besides the end.
    public enum CheckpointInterval: Hashable, Sendable {
        case steps(Int)
        case time(Duration)
        case never
    }

    /// Tokens to train on; the last incomplete batch is left out.
    public var tokens: Int
    /// Tokens of a sequence that the model sees, each with its successor as target.
    public var sequenceLength: Int
    /// Sequences in a step.
    public var batch: Int
    /// Sequences that one thread takes at once; they divide the batch. Nil takes about a thousand tokens. Other parts mean other
    /// roundings, so that this belongs to the run, which the number of threads does not.
    public var microBatch: Int?
    public var learningRate: Double
    public var finalLearningRate: Double
    public var warmUpSteps: Int
    /// Of all parameters, gains and embeddings included.
    public var weightDecay: Double
    /// Weight of mean(logsumexp²) in the loss.
    public var zLoss: Double
    /// The greatest L2 norm of a gradient.
    public var clip: Double
    /// Decides the initial weights and the order of the data.
    public var seed: UInt64
    public var checkpointInterval: CheckpointInterval = .time(.seconds(30))
    /// Parts of the run, C in the published recipe's number of steps. Each part loses its incomplete sequence.
    public var intervals = 1
    /// Whether sequences may be taken again, in another order, when all have been. Where not, too few are an error.
    public var repeatsData = true
    /// Nil takes the faster one on this machine, which the run then keeps.
    public var precision: Precision?
    /// Threads; nil takes all processors. The results do not depend on it.
    public var threads: Int?

    public init(
        tokens: Int, sequenceLength: Int, batch: Int, microBatch: Int? = nil, learningRate: Double = 3e-3,
        finalLearningRate: Double = 3e-5, warmUpSteps: Int, weightDecay: Double = 0.033, zLoss: Double = 1e-4,
        clip: Double = 1, seed: UInt64 = 124
    ) {
        self.tokens = tokens
        self.sequenceLength = sequenceLength
        self.batch = batch
        self.microBatch = microBatch
        self.learningRate = learningRate
        self.finalLearningRate = finalLearningRate
        self.warmUpSteps = warmUpSteps
        self.weightDecay = weightDecay
        self.zLoss = zLoss
        self.clip = clip
        self.seed = seed
    }

    /// The recipe that goes with a scale. For the published ones, theirs; for the others derived from it: the same rates, decay and
    /// loss, a tenth of the steps (at most 2000) as warm-up, twenty tokens for each parameter.
    ///
    /// - Parameters:
    ///   - scale: whose recipe it is.
    ///   - tokens: of the run, where not the recipe's.
    ///   - vocabulary: the model's; it bears on the parameters, and so on the tokens.
    ///   - sequenceLength: that of the data, where not the scale's context.
    ///   - batch: sequences in a step, where not the recipe's.
    public init(
        scale: ModelConfiguration.Scale, tokens: Int? = nil,
        vocabulary: Int = ModelConfiguration.Scale.publishedVocabulary, sequenceLength: Int? = nil, batch: Int? = nil
    ) {
        let model = scale.model(vocabulary: vocabulary)
        func own(_ usual: Int) -> TrainingConfiguration {
            let tokens = tokens ?? 20 * model.parameterCount
            let (length, batch) = (max(1, sequenceLength ?? model.context), max(1, batch ?? usual))
            return TrainingConfiguration(
                tokens: tokens, sequenceLength: length, batch: batch,
                warmUpSteps: min(2000, max(1, tokens / length / batch / 10)))
        }
        func published(
            _ tokens: Int, _ usual: Int, accumulation: Int, warmUp: Int, _ rate: Double, _ decay: Double,
            _ zLoss: Double
        ) -> TrainingConfiguration {
            let batch = max(1, batch ?? usual)
            var configuration = TrainingConfiguration(
                tokens: tokens, sequenceLength: sequenceLength ?? model.context, batch: batch,
                microBatch: batch.isMultiple(of: accumulation) ? batch / accumulation : nil,
                learningRate: rate, warmUpSteps: warmUp, weightDecay: decay, zLoss: zLoss)
            configuration.intervals = 5
            configuration.precision = .bfloat16
            configuration.repeatsData = false
            return configuration
        }
        switch scale {
        case .tiny: self = own(16)
        case .small: self = own(32)
        case .medium: self = own(64)
        case .scale411m:
            self = published(tokens ?? 8_232_325_120, 512, accumulation: 8, warmUp: 2000, 3e-3, 0.033, 1e-4)
        case .scale1b:
            self = published(tokens ?? 28_795_904_000, 256, accumulation: 1, warmUp: 5000, 3e-3, 0.033, 1e-4)
        case .scale3b:
            self = published(tokens ?? 55_918_643_200, 256, accumulation: 1, warmUp: 5000, 3e-3, 0.033, 1e-4)
        case .scale7b:
            self = published(tokens ?? 137_788_211_200, 2048, accumulation: 2, warmUp: 5000, 2e-3, 0.05, 5e-6)
        case .scale7bTwice:
            self = published(tokens ?? 275_576_422_400, 2048, accumulation: 2, warmUp: 5000, 2e-3, 0.05, 5e-6)
        }
    }

    /// Steps: ⌊⌊⌊tokens/C⌋/length⌋·C / batch⌋ for C intervals.
    public var steps: Int { tokens / intervals / sequenceLength * intervals / batch }

    /// The rate of each step.
    public var schedule: LearningRateSchedule {
        LearningRateSchedule(peak: learningRate, final: finalLearningRate, warmUpSteps: warmUpSteps, steps: steps)
    }

    /// Tokens of one step.
    public var tokensPerStep: Int { batch * sequenceLength }

    /// About a thousand tokens: enough for fast products, little enough for the cache.
    private static let microBatchTokens = 1024

    /// The same with nothing left open.
    ///
    /// - Throws: `LanguageModelError.badSetting` naming the first setting that makes no sense.
    func resolved() throws(LanguageModelError) -> TrainingConfiguration {
        func require(_ holds: Bool, _ name: String, _ value: some CustomStringConvertible, _ expected: String)
            throws(LanguageModelError)
        {
            guard holds else { throw .badSetting(name: name, value: "\(value)", expected: expected) }
        }
        try require((1...(1 << 20)).contains(sequenceLength), "sequence length", sequenceLength, "1 to 1048576")
        try require((1...(1 << 20)).contains(batch), "batch", batch, "1 to 1048576")
        try require((1...1000).contains(intervals), "intervals", intervals, "1 to 1000")
        try require(steps >= 1, "tokens", tokens, "at least \(tokensPerStep * intervals), so that there is a step")
        try require(steps < 1 << 32, "tokens", tokens, "fewer, for less than 2³² steps")
        try require(
            (0...steps).contains(warmUpSteps), "warm-up steps", warmUpSteps, "0 to the \(steps) steps of the run")
        try require(learningRate > 0 && learningRate.isFinite, "learning rate", learningRate, "positive")
        try require(
            (0...learningRate).contains(finalLearningRate), "final learning rate", finalLearningRate,
            "0 to the learning rate")
        try require((0...1).contains(weightDecay), "weight decay", weightDecay, "0 to 1")
        try require((0...1).contains(zLoss), "z-loss", zLoss, "0 to 1")
        try require(clip > 0, "clip", clip, "positive")
        try require((1...4096).contains(threads ?? 1), "threads", threads ?? 1, "1 to 4096")
        if case .steps(let count) = checkpointInterval {
            try require(count >= 1, "checkpoint interval", count, "at least one step")
        }
        var resolved = self
        let part =
            microBatch ?? (1...batch).last { batch.isMultiple(of: $0) && $0 * sequenceLength <= Self.microBatchTokens }
            ?? 1
        try require(
            part >= 1 && part <= batch && batch.isMultiple(of: part), "micro-batch", part,
            "a divisor of the batch \(batch)")
        resolved.microBatch = part
        resolved.precision = precision ?? .fastest
        return resolved
    }

    /// What a run is known by: settings of which another value gives other losses.
    public var json: JSONValue {
        [
            "tokens": JSONValue(tokens), "sequenceLength": JSONValue(sequenceLength), "batch": JSONValue(batch),
            "microBatch": microBatch.map { JSONValue($0) } ?? .null, "learningRate": JSONValue(learningRate),
            "finalLearningRate": JSONValue(finalLearningRate), "warmUpSteps": JSONValue(warmUpSteps),
            "weightDecay": JSONValue(weightDecay), "zLoss": JSONValue(zLoss), "clip": JSONValue(clip),
            "seed": .string(String(seed)), "intervals": JSONValue(intervals), "repeatsData": JSONValue(repeatsData),
            "precision": precision.map { JSONValue($0.rawValue) } ?? .null,
        ]
    }
}
