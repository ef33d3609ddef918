import ApusTensor
import Files
import Glibc
import JSON

/// The training itself, on the thread that calls it.
struct TrainingLoop {
    private let model: ModelConfiguration
    private let training: TrainingConfiguration
    private let data: any SequenceSource
    private let folder: RunFolder
    /// Digest of the settings, by which a checkpoint knows its run.
    private let identity: String

    /// Steps over whose losses a result takes the mean.
    private static let finalSteps = 20

    /// Checks everything that can be checked before training, and claims the folder.
    init(_ model: ModelConfiguration, _ training: TrainingConfiguration, _ data: any SequenceSource, _ output: String)
        throws
    {
        try model.check()
        var training = training
        let resolved = try training.resolved()
        guard data.tokensPerSequence == training.sequenceLength + 1 else {
            throw LanguageModelError.badSetting(
                name: "sequence length", value: "\(training.sequenceLength)",
                expected: "\(data.tokensPerSequence - 1), which \(data.name) is cut for")
        }
        guard training.sequenceLength <= model.context else {
            throw LanguageModelError.badSetting(
                name: "sequence length", value: "\(training.sequenceLength)",
                expected: "at most the model's context, \(model.context)")
        }
        guard data.vocabulary <= model.vocabulary else {
            throw LanguageModelError.badData(
                source: data.name,
                reason: "its vocabulary of \(data.vocabulary) tokens does not fit the model's of \(model.vocabulary)")
        }
        guard data.count > 0 else {
            throw LanguageModelError.badData(source: data.name, reason: "it holds no sequence; give more text")
        }
        guard training.repeatsData || resolved.steps * resolved.batch <= data.count else {
            throw LanguageModelError.badData(
                source: data.name,
                reason:
                    "its \(data.count) sequences are fewer than the \(resolved.steps * resolved.batch) of the run; allow repetition or give more"
            )
        }
        // Before the folder is made: without the library nothing else can go on.
        _ = try TensorLibrary.shared
        folder = try RunFolder(output)
        if training.precision == nil {
            training.precision = try folder.storedSettings()?["training"]?["precision"]?.stringValue.flatMap(
                Precision.init)
        }
        training = try training.resolved()
        let settings: JSONValue = [
            "model": model.json, "training": training.json,
            "data": ["identity": JSONValue(data.identity), "sequences": JSONValue(data.count)],
        ]
        try folder.claim(settings)
        identity = SHA256.digest(Array(settings.text().utf8))
        self.model = model
        self.training = training
        self.data = data
    }

    func run(stop: StopFlag, progress: (TrainingProgress) -> Void) throws -> TrainingResult {
        if let stored = try folder.storedResult() { return try result(stored) }
        let threadsBefore = try TensorLibrary.threads
        defer { try? TensorLibrary.setThreads(threadsBefore) }
        // Norms and other sums outside the micro-batches are the same for any number of threads, since they use one.
        try TensorLibrary.setThreads(1)
        let transformer = try Transformer(model, seed: training.seed)
        let optimiser = try AdamW(transformer.parameters, weightDecay: training.weightDecay)
        var state = TrainingCheckpoint(step: 0, seconds: 0, run: identity)
        if FileReader.exists(folder.checkpoint) {
            state = try TrainingCheckpoint(folder.checkpoint, run: identity, into: transformer, optimiser)
        }
        let resumedAt = state.step
        let log = try TrainingLog(folder.log, keeping: state.step)
        let computer = try GradientComputer(
            transformer, length: training.sequenceLength, microBatch: training.microBatch ?? 1, zLoss: training.zLoss,
            precision: training.precision ?? .float32, threads: training.threads ?? Processors.count)
        let order = BatchOrder(count: data.count, seed: training.seed)
        let schedule = training.schedule
        var recent = Recent()
        var lastSaved = ContinuousClock.now
        while state.step < schedule.steps {
            if stop.isRaised {
                try save(state, transformer, optimiser, log)
                throw CancellationError()
            }
            let start = ContinuousClock.now
            let batch = try batch(state.step, order)
            let loss = try computer.compute(batch)
            let rate = schedule.rate(at: state.step)
            let norm = try optimiser.clipGradients(to: training.clip)
            let zLoss = training.zLoss * loss.squaredLogSum
            for (quantity, value) in [("loss", loss.crossEntropy + zLoss), ("gradient's norm", norm)]
            where !value.isFinite {
                throw LanguageModelError.notFinite(quantity: quantity, step: state.step + 1, learningRate: rate)
            }
            try optimiser.step(learningRate: rate)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            state.step += 1
            state.seconds += seconds
            let entry = TrainingStep(
                step: state.step, tokens: state.step * training.tokensPerStep, loss: loss.crossEntropy, zLoss: zLoss,
                learningRate: rate, gradientNorm: norm,
                tokensPerSecond: Double(training.tokensPerStep) / max(seconds, 1e-9))
            try log.append(entry)
            recent.add(seconds)
            progress(
                TrainingProgress(
                    last: entry, steps: schedule.steps, totalTokens: schedule.steps * training.tokensPerStep,
                    tokensPerSecond: Double(training.tokensPerStep) / max(recent.mean, 1e-9), resumedAt: resumedAt))
            if state.step < schedule.steps, isDue(state.step, since: lastSaved) {
                try save(state, transformer, optimiser, log)
                lastSaved = .now
            }
        }
        try log.flush()
        return try finish(state, transformer)
    }

    /// The tokens of a step, sequence after sequence.
    private func batch(_ step: Int, _ order: BatchOrder) throws -> [Int64] {
        let width = data.tokensPerSequence
        var tokens = [Int64](repeating: 0, count: training.batch * width)
        try tokens.withUnsafeMutableBufferPointer { buffer in
            for index in 0..<training.batch {
                let sequence = order.sequence(at: step * training.batch + index)
                try data.read(
                    sequence,
                    into: UnsafeMutableBufferPointer(rebasing: buffer[(index * width)..<((index + 1) * width)]))
            }
        }
        if let wrong = tokens.first(where: { $0 < 0 || $0 >= Int64(model.vocabulary) }) {
            throw LanguageModelError.badData(
                source: data.name,
                reason: "it holds the token \(wrong), which the vocabulary of \(model.vocabulary) lacks")
        }
        return tokens
    }

    private func isDue(_ step: Int, since last: ContinuousClock.Instant) -> Bool {
        switch training.checkpointInterval {
        case .steps(let count): step.isMultiple(of: count)
        case .time(let duration): ContinuousClock.now - last >= duration
        case .never: false
        }
    }

    private func save(_ state: TrainingCheckpoint, _ model: Transformer, _ optimiser: AdamW, _ log: TrainingLog) throws
    {
        try log.flush()
        try state.write(model, optimiser, to: folder.checkpoint)
    }

    private func finish(_ state: TrainingCheckpoint, _ transformer: Transformer) throws -> TrainingResult {
        let losses = try TrainingLog.read(folder.log).suffix(Self.finalSteps).map(\.loss)
        let result = TrainingResult(
            model: folder.model, parameters: model.totalParameterCount, steps: state.step,
            tokens: state.step * training.tokensPerStep, loss: losses.reduce(0, +) / Double(max(1, losses.count)),
            passes: Double(state.step * training.batch) / Double(data.count), seconds: state.seconds)
        try ModelFile.write(
            transformer,
            origin: [
                "training": training.json.text(), "data": data.identity, "tokens": "\(result.tokens)",
                "loss": "\(result.loss)",
            ], to: folder.model)
        try folder.finish(result.json)
        return result
    }

    private func result(_ stored: JSONValue) throws -> TrainingResult {
        guard let steps = stored["steps"]?.intValue, let tokens = stored["tokens"]?.intValue,
            let loss = stored["loss"]?.doubleValue, let passes = stored["passes"]?.doubleValue,
            let seconds = stored["seconds"]?.doubleValue, FileReader.exists(folder.model)
        else {
            throw LanguageModelError.badCheckpoint(file: folder.path, reason: "its result.json or model is damaged")
        }
        return TrainingResult(
            model: folder.model, parameters: model.totalParameterCount, steps: steps, tokens: tokens, loss: loss,
            passes: passes, seconds: seconds)
    }

    /// Times of the last steps.
    private struct Recent {
        private var times: [Double] = []
        mutating func add(_ seconds: Double) {
            times.append(seconds)
            if times.count > 16 { times.removeFirst() }
        }
        var mean: Double { times.reduce(0, +) / Double(max(1, times.count)) }
    }
}
