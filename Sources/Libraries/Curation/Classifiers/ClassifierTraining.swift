import FastText

/// Trains a quality classifier: fastText over words and word pairs, positives (`hq`) against negatives (`cc`), as
/// DataComp-LM's, to be used by `classify_fasttext_hq_prob_enricher`.
///
/// ```swift
/// let training = ClassifierTraining(positives: ["good.jsonl"], negatives: ["bad.jsonl"], output: "model.bin")
/// let outcome = try await training.run()
/// print(outcome.accuracy)
/// ```
/// A share of the texts, told by their content, is held out to measure the classifier and never trained on. One thread;
/// the same texts, options and seed give the same file.
public struct ClassifierTraining: Sendable, Hashable, Codable {
    /// JSONL files with `text` (.zst, .gz or plain), or folders of them.
    public var positives: [String]
    /// Of the negatives, the same.
    public var negatives: [String]
    /// The model to write, in fastText's `.bin` format.
    public var output: String
    /// Of the model and its training.
    public var options: FastTextTrainingOptions
    /// What the model calls the positives.
    public var positiveLabel = "hq"
    /// What the model calls the negatives; classify_fasttext_hq_prob_enricher looks for `cc`.
    public var negativeLabel = "cc"
    /// Share of the texts that is held out, 0 … 0.9. Equal texts are on the same side of the cut.
    public var heldOut = 0.1

    /// A training with the published settings, unless others are given.
    public init(
        positives: [String], negatives: [String], output: String,
        options: FastTextTrainingOptions = ClassifierTraining.defaults
    ) {
        self.positives = positives
        self.negatives = negatives
        self.output = output
        self.options = options
    }

    /// The published settings (word pairs, 100 columns, 5 epochs, rate 0.1), in an order drawn by the seed.
    public static var defaults: FastTextTrainingOptions {
        var options = FastTextTrainingOptions.qualityClassifier
        options.shuffles = true
        return options
    }

    /// What came of a training.
    public struct Outcome: Sendable, Hashable, Codable {
        /// Texts trained on.
        public var positives = 0
        /// Negatives trained on.
        public var negatives = 0
        /// Texts held out, and how many of them got their own label.
        public var heldOut = 0
        /// Held-out texts that got their own label.
        public var correct = 0
        /// Held-out positives taken for negatives, and the reverse.
        public var missedPositives = 0
        /// Held-out negatives taken for positives.
        public var missedNegatives = 0
        /// Lines without a text, by reason.
        public var failed: [String: Int] = [:]
        /// Distinct words that have a vector.
        public var words = 0

        /// Share of the held-out texts that got their own label; nil where none was held out.
        public var accuracy: Double? { heldOut == 0 ? nil : Double(correct) / Double(heldOut) }
        /// Texts trained on.
        public var examples: Int { positives + negatives }
    }

    /// How far a training is: 0 … 1 of all passes, and the mean loss lately.
    public struct Progress: Sendable, Hashable {
        /// Share of the training that is done, 0…1.
        public var done: Double
        /// Mean loss of the latest texts.
        public var loss: Double
    }

    /// Trains, measures, writes.
    ///
    /// It computes on the caller's executor without a pause: inside a task of the cluster it holds up nothing else.
    ///
    /// - Throws: `ClassifierError`, `FastTextError`, `PoolError`, `FileError`; `CancellationError` (nothing is written).
    /// - Complexity: that of `FastTextTrainer.train`; texts stream and are not kept.
    public func run(progress: @Sendable (Progress) -> Void = { _ in }) async throws -> Outcome {
        guard (0...0.9).contains(heldOut) else { throw ClassifierError.share(heldOut) }
        let sides = [
            (label: positiveLabel, name: "positive", files: try PoolFiles.expand(positives)),
            (label: negativeLabel, name: "negative", files: try PoolFiles.expand(negatives)),
        ]
        var outcome = Outcome()
        var trainer = try FastTextTrainer(options)
        for (label, name, files) in sides {
            let before = trainer.exampleCount
            let texts = TrainingTexts(files)
            while let text = try texts.next() {
                try Task.checkCancellation()
                if !isHeldOut(text) { try trainer.add(text, label: label) }
            }
            outcome.failed.merge(texts.failed, uniquingKeysWith: +)
            let count = trainer.exampleCount - before
            guard count > 0 else {
                throw ClassifierError.noTexts(side: name, files: files, failed: texts.failed.values.reduce(0, +))
            }
            if label == positiveLabel { outcome.positives = count } else { outcome.negatives = count }
        }
        let model = try trainer.train { done, loss in
            try Task.checkCancellation()
            progress(Progress(done: done, loss: loss))
        }
        outcome.words = model.wordCount
        try measure(model, sides.map { ($0.label, $0.files) }, &outcome)
        try model.write(to: output)
        return outcome
    }

    private func measure(_ model: FastTextModel, _ sides: [(String, [String])], _ outcome: inout Outcome) throws {
        guard heldOut > 0 else { return }
        let predictor = FastTextPredictor(model)
        for (label, files) in sides {
            let texts = TrainingTexts(files)
            while let text = try texts.next() {
                guard isHeldOut(text) else { continue }
                try Task.checkCancellation()
                outcome.heldOut += 1
                if predictor.predict(text).first?.label == label {
                    outcome.correct += 1
                } else if label == positiveLabel {
                    outcome.missedPositives += 1
                } else {
                    outcome.missedNegatives += 1
                }
            }
        }
    }

    /// By the text alone, so that repeats are not trained on and measured with. FNV-1a with 64 bits, then a finaliser.
    private func isHeldOut(_ text: String) -> Bool {
        guard heldOut > 0 else { return false }
        var hash = 0xCBF2_9CE4_8422_2325 ^ options.seed
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        return Double(hash >> 11) * 0x1p-53 < heldOut
    }
}
