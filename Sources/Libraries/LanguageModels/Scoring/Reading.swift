import ApusTensor
import Dispatch
import Synchronization

/// Tokens that a model reads in one go, and those that it is asked to score on the way.
struct Reading {
    struct Target {
        /// The input behind which the token would stand.
        var position: Int
        var token: Int32
    }

    /// 1 … context.
    var inputs: [Int32]
    var targets: [Target]
}

extension Scorer {
    /// Tokens that one thread takes at once: enough for fast products, little enough for the cache.
    private static let batchTokens = 1024
    /// Batches between two looks at whether the task was cancelled.
    private static let group = 32

    /// The scores of each reading's targets. Logits are computed for their positions alone.
    ///
    /// - Throws: `CancellationError`.
    func read(_ readings: [Reading], greedy: Bool) throws -> [[TokenScore]] {
        // Equal lengths side by side, so that little is padded. The order is total: batches depend on the input alone.
        let order = readings.indices.sorted { (readings[$0].inputs.count, $0) < (readings[$1].inputs.count, $1) }
        let batches = Self.batches(order, readings)
        let total = readings.reduce(0) { $0 + $1.inputs.count }
        var scores = [[TokenScore]](repeating: [], count: readings.count)
        var done = 0
        for start in Swift.stride(from: 0, to: batches.count, by: Self.group) {
            try Task.checkCancellation()
            let group = Array(batches[start..<min(start + Self.group, batches.count)])
            for (batch, rows) in zip(group, try run(group.map { order[$0].map { readings[$0] } }, greedy)) {
                for (place, row) in zip(order[batch], rows) {
                    scores[place] = row
                    done += readings[place].inputs.count
                }
            }
            progress?(done, total)
        }
        return scores
    }

    /// Neighbours whose padded tokens stay below a batch's.
    private static func batches(_ order: [Int], _ readings: [Reading]) -> [Range<Int>] {
        var batches: [Range<Int>] = []
        var start = 0
        for end in order.indices
        where end > start && (end - start + 1) * readings[order[end]].inputs.count > batchTokens {
            batches.append(start..<end)
            start = end
        }
        if start < order.count { batches.append(start..<order.count) }
        return batches
    }

    /// What the threads share while they score a group of batches.
    private struct Shared {
        var next = 0
        var results: [Int: [[TokenScore]]] = [:]
        var failure: LanguageModelError?
    }

    /// Scores batches on all threads.
    private func run(_ batches: [[Reading]], _ greedy: Bool) throws -> [[[TokenScore]]] {
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
                    let rows = try Self.score(batches[index], passes.value[number], greedy)
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

    private static func score(_ readings: [Reading], _ pass: ForwardPass, _ greedy: Bool) throws -> [[TokenScore]] {
        let length = readings.last?.inputs.count ?? 0
        // Behind the end of a shorter reading stands token 0: no earlier position sees it, and nothing is asked of it.
        var inputs = [Int64](repeating: 0, count: readings.count * length)
        var rows: [Int64] = []
        var tokens: [Int64] = []
        for (number, reading) in readings.enumerated() {
            for (offset, token) in reading.inputs.enumerated() { inputs[number * length + offset] = Int64(token) }
            for target in reading.targets {
                rows.append(Int64(number * length + target.position))
                tokens.append(Int64(target.token))
            }
        }
        return try withoutGradients {
            let hidden = try pass.hidden(try Tensor(inputs, shape: [readings.count, length]))
            var scores = try pass.scores(of: hidden, rows: rows, targets: tokens, greedy: greedy)[...]
            return readings.map { reading in
                defer { scores = scores.dropFirst(reading.targets.count) }
                return Array(scores.prefix(reading.targets.count))
            }
        }
    }
}

extension ForwardPass {
    /// What it thinks of a target behind each of some rows of hidden states.
    fileprivate func scores(of hidden: Tensor, rows: [Int64], targets: [Int64], greedy: Bool) throws -> [TokenScore] {
        let slice = HeadLoss.sliceRows(vocabulary: configuration.vocabulary)
        var scores: [TokenScore] = []
        scores.reserveCapacity(rows.count)
        for start in Swift.stride(from: 0, to: rows.count, by: slice) {
            let range = start..<min(start + slice, rows.count)
            let chosen = try Tensor.call(
                "index_select", .tensor(hidden), .integer(0),
                .tensor(try Tensor(Array(rows[range]), shape: [range.count])))
            let logarithms = try logits(of: chosen).logSoftmax(1)
            let target = try Tensor(Array(targets[range]), shape: [range.count, 1])
            let likelihoods = try logarithms.gather(1, target).elements(as: Float.self)
            let likeliest = greedy ? try logarithms.argmax(1).elements(as: Int64.self) : []
            for (offset, likelihood) in likelihoods.enumerated() {
                scores.append(
                    TokenScore(
                        logLikelihood: likelihood, isGreedy: greedy && likeliest[offset] == targets[start + offset]))
            }
        }
        return scores
    }
}
