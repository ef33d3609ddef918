import ApusTensor

/// What a model thinks of one token, given those before it.
public struct TokenScore: Hashable, Sendable {
    /// ln p.
    public var logLikelihood: Float
    /// Whether no other token is likelier.
    public var isGreedy: Bool
}

/// Scores token sequences with a trained model.
///
/// ```swift
/// let scorer = try Scorer("model")
/// let likelihoods = try scorer.tokenLogLikelihoods([[0, 15, 27, 3]])   // of 15, 27 and 3
/// ```
///
/// Sequences are scored in batches on several threads; the scores are the same for any number of them. One thread at a
/// time may use a scorer.
public final class Scorer {
    public let configuration: ModelConfiguration
    /// Metadata of the model's file.
    public let origin: [String: String]
    /// Tokens by which windows over long sequences move on; half the context unless set.
    public var stride: Int
    /// Called as sequences are done: tokens done, tokens in all.
    public var progress: (@Sendable (Int, Int) -> Void)?

    let passes: [ForwardPass]

    /// - Parameters:
    ///   - path: a model's file, or the folder of its training.
    ///   - precision: float32, as the published evaluations use.
    ///   - threads: nil takes all processors.
    /// - Throws: `LanguageModelError.noModel`, `.badCheckpoint`, `.tensor`.
    public convenience init(_ path: String, precision: Precision = .float32, threads: Int? = nil)
        throws(LanguageModelError)
    {
        let (model, origin) = try ModelFile.read(path)
        try self.init(model, origin: origin, precision: precision, threads: threads)
    }

    /// Scores with a model that is at hand; it must not change meanwhile.
    public init(
        _ model: Transformer, origin: [String: String] = [:], precision: Precision = .float32, threads: Int? = nil
    ) throws(LanguageModelError) {
        configuration = model.configuration
        self.origin = origin
        stride = max(1, model.configuration.context / 2)
        passes = try LanguageModelError.wrapping {
            let weights = try ComputeWeights(model, precision)
            return try (0..<max(1, threads ?? Processors.count)).map { _ in
                try ForwardPass(model.configuration, try weights.twin(recordsGradients: false))
            }
        }
    }

    /// ln p of each token but the first, given those before it.
    ///
    /// - Parameter sequences: at least two tokens each, all in the vocabulary. Longer ones than the context are taken in windows
    ///   that move on by `stride`.
    /// - Returns: for each sequence, one number fewer than it has tokens.
    /// - Throws: `LanguageModelError.badData` naming the sequence; `CancellationError`.
    public func tokenLogLikelihoods(_ sequences: [[Int32]]) throws -> [[Float]] {
        try score(sequences, greedy: false).map { $0.map(\.logLikelihood) }
    }

    /// The same with whether each token is the likeliest.
    public func tokenScores(_ sequences: [[Int32]]) throws -> [[TokenScore]] { try score(sequences, greedy: true) }

    private func score(_ sequences: [[Int32]], greedy: Bool) throws -> [[TokenScore]] {
        var readings: [Reading] = []
        var places: [(sequence: Int, firstTarget: Int)] = []
        let stride = min(max(1, stride), configuration.context)
        for (index, sequence) in sequences.enumerated() {
            guard sequence.count >= 2 else {
                throw LanguageModelError.badData(
                    source: "sequence \(index)", reason: "at least two tokens are needed to score one")
            }
            try requireVocabulary(sequence, "sequence \(index)")
            for window in ScoringWindow.cover(tokens: sequence.count, context: configuration.context, stride: stride) {
                let end = window.start + window.length
                readings.append(
                    Reading(
                        inputs: Array(sequence[window.start..<end]),
                        targets: (window.firstTarget...end).map {
                            .init(position: $0 - 1 - window.start, token: sequence[$0])
                        }))
                places.append((index, window.firstTarget))
            }
        }
        var scores = sequences.map {
            [TokenScore](repeating: TokenScore(logLikelihood: 0, isGreedy: false), count: $0.count - 1)
        }
        for (place, row) in zip(places, try read(readings, greedy: greedy)) {
            scores[place.sequence].replaceSubrange(place.firstTarget - 1..<place.firstTarget - 1 + row.count, with: row)
        }
        return scores
    }

    func requireVocabulary(_ tokens: [Int32], _ source: String) throws(LanguageModelError) {
        if let wrong = tokens.first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) {
            throw .badData(
                source: source,
                reason: "the token \(wrong) is not in the model's vocabulary of \(configuration.vocabulary)")
        }
    }
}
