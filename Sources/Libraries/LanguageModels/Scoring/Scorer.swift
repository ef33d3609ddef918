import ApusTensor
import Dispatch
import Synchronization

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

    private let passes: [ForwardPass]
    /// Tokens that one thread takes at once: enough for fast products, little enough for the cache.
    private static let batchTokens = 1024
    /// Batches between two looks at whether the task was cancelled.
    private static let group = 32

    /// - Parameters:
    ///   - path: a model's file, or the folder of its training.
    ///   - precision: float32, as the published evaluations use.
    ///   - threads: nil takes all processors.
    /// - Throws: `LanguageModelError.noModel`, `.badCheckpoint`, `.tensor`.
    public convenience init(_ path: String, precision: Precision = .float32, threads: Int? = nil) throws(LanguageModelError) {
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

    private struct Piece {
        var sequence: Int
        var window: ScoringWindow
    }

    private func score(_ sequences: [[Int32]], greedy: Bool) throws -> [[TokenScore]] {
        var pieces: [Piece] = []
        let stride = min(max(1, stride), configuration.context)
        for (index, sequence) in sequences.enumerated() {
            guard sequence.count >= 2 else {
                throw LanguageModelError.badData(source: "sequence \(index)", reason: "at least two tokens are needed to score one")
            }
            if let wrong = sequence.first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) {
                throw LanguageModelError.badData(
                    source: "sequence \(index)",
                    reason: "the token \(wrong) is not in the model's vocabulary of \(configuration.vocabulary)")
            }
            for window in ScoringWindow.cover(tokens: sequence.count, context: configuration.context, stride: stride) {
                pieces.append(Piece(sequence: index, window: window))
            }
        }
        // Equal lengths side by side, so that little is padded. The order is total: batches depend on the input alone.
        pieces.sort { ($0.window.length, $0.sequence, $0.window.start) < ($1.window.length, $1.sequence, $1.window.start) }
        var scores = sequences.map { [TokenScore](repeating: TokenScore(logLikelihood: 0, isGreedy: false), count: $0.count - 1) }
        let batches = Self.batches(pieces)
        let total = pieces.reduce(0) { $0 + $1.window.length }
        var done = 0
        for start in Swift.stride(from: 0, to: batches.count, by: Self.group) {
            try Task.checkCancellation()
            let group = Array(batches[start..<min(start + Self.group, batches.count)])
            for (batch, values) in zip(group, try run(group.map { Array(pieces[$0]) }, sequences, greedy)) {
                for (piece, row) in zip(pieces[batch], values) {
                    let window = piece.window
                    for target in window.firstTarget...(window.start + window.length) {
                        scores[piece.sequence][target - 1] = row[target - 1 - window.start]
                    }
                    done += window.length
                }
            }
            progress?(done, total)
        }
        return scores
    }

    /// Neighbours whose padded tokens stay below a batch's.
    private static func batches(_ pieces: [Piece]) -> [Range<Int>] {
        var batches: [Range<Int>] = []
        var start = 0
        for end in pieces.indices where end > start && (end - start + 1) * pieces[end].window.length > batchTokens {
            batches.append(start..<end)
            start = end
        }
        if start < pieces.count { batches.append(start..<pieces.count) }
        return batches
    }

    /// What the threads share while they score a group of batches.
    private struct Shared {
        var next = 0
        var results: [Int: [[TokenScore]]] = [:]
        var failure: LanguageModelError?
    }

    /// Scores batches on all threads.
    private func run(_ batches: [[Piece]], _ sequences: [[Int32]], _ greedy: Bool) throws -> [[[TokenScore]]] {
        let shared = Mutex(Shared())
        // Each pass is used by the iteration that has its number, and all iterations end before this call does.
        let passes = Lent(passes)
        DispatchQueue.concurrentPerform(iterations: min(self.passes.count, batches.count)) { number in
            do {
                try TensorLibrary.setThreads(1)
                while let index = shared.withLock({ shared -> Int? in
                    guard shared.failure == nil, shared.next < batches.count else { return nil }
                    defer { shared.next += 1 }
                    return shared.next
                }) {
                    let rows = try Self.score(batches[index], sequences, passes.value[number], greedy)
                    shared.withLock { $0.results[index] = rows }
                }
            } catch {
                shared.withLock { $0.failure = $0.failure ?? .from(error) }
            }
        }
        return try shared.withLock { shared in
            if let failure = shared.failure { throw failure }
            return batches.indices.map { shared.results[$0] ?? [] }
        }
    }

    private static func score(
        _ pieces: [Piece], _ sequences: [[Int32]], _ pass: ForwardPass, _ greedy: Bool
    ) throws -> [[TokenScore]] {
        let length = pieces.last?.window.length ?? 0
        // Behind the end of a shorter piece stands token 0: no earlier position sees it, and its scores are not read.
        var inputs = [Int64](repeating: 0, count: pieces.count * length)
        var targets = inputs
        for (row, piece) in pieces.enumerated() {
            for offset in 0..<piece.window.length {
                inputs[row * length + offset] = Int64(sequences[piece.sequence][piece.window.start + offset])
                targets[row * length + offset] = Int64(sequences[piece.sequence][piece.window.start + offset + 1])
            }
        }
        return try withoutGradients {
            let hidden = try pass.hidden(try Tensor(inputs, shape: [pieces.count, length]))
            let (likelihoods, isGreedy) = try pass.scores(of: hidden, targets: targets, greedy: greedy)
            return pieces.indices.map { row in
                (0..<pieces[row].window.length).map { offset in
                    let index = row * length + offset
                    return TokenScore(logLikelihood: likelihoods[index], isGreedy: greedy && isGreedy[index])
                }
            }
        }
    }
}

extension ForwardPass {
    /// ln p of each row's target, and whether it is the likeliest token, where that is asked for.
    fileprivate func scores(of hidden: Tensor, targets: [Int64], greedy: Bool) throws -> ([Float], [Bool]) {
        let rows = hidden.shape[0]
        let slice = HeadLoss.sliceRows(vocabulary: configuration.vocabulary)
        var likelihoods: [Float] = []
        var isGreedy: [Bool] = []
        likelihoods.reserveCapacity(rows)
        for start in Swift.stride(from: 0, to: rows, by: slice) {
            let range = start..<min(start + slice, rows)
            let target = try Tensor(Array(targets[range]), shape: [range.count, 1])
            let logarithms = try logits(of: try hidden.slice(0, range)).logSoftmax(1)
            likelihoods += try logarithms.gather(1, target).elements(as: Float.self)
            if greedy {
                isGreedy += zip(try logarithms.argmax(1).elements(as: Int64.self), targets[range]).map { $0 == $1 }
            }
        }
        return (likelihoods, isGreedy)
    }
}
