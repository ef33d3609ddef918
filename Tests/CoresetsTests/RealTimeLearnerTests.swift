import ApusCore
import Coresets
import Testing

@Suite("Labels inside the loop in time") struct RealTimeLearnerTests {
    /// Three clouds in a plane, two of them near each other.
    private static func clouds(_ generator: inout SeededGenerator, rows: Int) throws -> (Matrix<Float>, [Int]) {
        let centres: [(Float, Float)] = [(0, 0), (2, 0), (0, 8)]
        var (storage, labels): ([Float], [Int]) = ([], [])
        for _ in 0..<rows {
            let label = generator.below(3)
            labels.append(label)
            for centre in [centres[label].0, centres[label].1] {
                storage.append(centre + Float((0..<12).reduce(-6.0) { sum, _ in sum + generator.unit() }))
            }
        }
        return (try Matrix(rows: rows, columns: 2, storage: storage), labels)
    }

    /// Each look takes a millisecond.
    private final class Clock: @unchecked Sendable {
        // Unchecked: each test has its own, on one thread.
        var time = 0.0
        private let tick: Double

        init(tick: Double = 0.001) { self.tick = tick }

        func now() -> Double {
            time += tick
            return time
        }
    }

    private static func run(
        _ features: Matrix<Float>, _ labels: [Int], batches: Int, isRandom: Bool = false, limit: Int = 2000
    ) throws -> (RealTimeOutcome, RealTimeLearner<SoftmaxRegression>) {
        var loop = RealTimeLoop(
            count: 6, batch: 60, rate: 60, within: 0.2, batches: batches, metric: .gaussian(gamma: 0.5))
        loop.isRandom = isRandom
        loop.memory = 0
        var learner = try RealTimeLearner(
            model: SoftmaxRegression(dimensions: 2, classes: 3), dimensions: 2, limit: limit, within: 0.05)
        let clock = Clock()
        let outcome = try loop.run(features, labels: labels, learner: &learner, now: clock.now) {
            clock.time = max(clock.time, $0)
        }
        return (outcome, learner)
    }

    @Test("a batch's labels train the model that scores the next: its picks are of the smallest margins") func scores()
        throws
    {
        var generator = SeededGenerator(seed: Replay.seed, stream: 55)
        let (features, labels) = try Self.clouds(&generator, rows: 120)
        let (outcome, learner) = try Self.run(features, labels, batches: 2)
        let first = outcome.records[0].picks
        #expect(outcome.records[0].accuracy == nil)
        // Trained apart, with the steps that the clock allowed: a look before each, from 50 ms before the deadline.
        var steps = 0
        var model = try SoftmaxRegression(dimensions: 2, classes: 3)
        try model.fit(features.select(first), labels: first.map { labels[$0] }, weights: nil) {
            steps += 1
            return steps < 50
        }
        let next = features.select(60..<120)
        #expect(
            try #require(outcome.records[1].accuracy) == model.accuracy(next, labels: Array(labels[60...])))
        let likely = model.probabilities(of: next)
        let margins = (0..<60).map { row -> Float in
            let sorted = Array(likely[row: row]).sorted(by: >)
            return sorted[0] - sorted[1]
        }
        let least = Set((0..<60).sorted { (margins[$0], $0) < (margins[$1], $1) }.prefix(30))
        #expect(outcome.records[1].picks.allSatisfy { least.contains($0) })
        #expect(Set(outcome.records[1].picks).count == 6)
        #expect(learner.labels == (first.map { labels[$0] } + outcome.records[1].picks.map { labels[60 + $0] }))
    }

    @Test(
        "the model comes near to the best classifier, keeps a bounded number of rows, and says what random picks reach")
    func learns() throws {
        var generator = SeededGenerator(seed: 3, stream: 56)
        let (features, labels) = try Self.clouds(&generator, rows: 3600)
        let (outcome, learner) = try Self.run(features, labels, batches: 60, limit: 100)
        #expect(learner.labels.count == 100 && learner.labelled.rows == 100 && learner.rounds == 60)
        // Equal clouds a distance of 2 apart: the best classifier errs in Φ(−1) = 15.9 % of two thirds of the rows.
        let accuracy = try #require(outcome.accuracy)
        #expect(accuracy > 0.85 && accuracy <= 0.93, "\(accuracy)")
        let (control, _) = try Self.run(features, labels, batches: 60, isRandom: true, limit: 100)
        #expect(try #require(control.accuracy) > 0.8)
        #expect(control.records.allSatisfy { $0.greedy == 0 && Set($0.picks).count == 6 })
    }

    @Test("over seeds the means, their intervals and those of paired differences are those of the single runs")
    func comparison() throws {
        var generator = SeededGenerator(seed: 4, stream: 57)
        let (features, labels) = try Self.clouds(&generator, rows: 1200)
        var loop = RealTimeLoop(
            count: 6, batch: 60, rate: 60, within: 0.2, batches: 20, metric: .gaussian(gamma: 0.5))
        loop.memory = 0
        let start = try RealTimeLearner(
            model: SoftmaxRegression(dimensions: 2, classes: 3), dimensions: 2, within: 0.05)
        let seeds: [UInt64] = [3, 4, 5, 6, 7]
        // Ticks without rounding, so that runs that begin later see the same differences.
        let clock = Clock(tick: 1.0 / 1024)
        let comparison = try RealTimeComparison(
            loop, features, labels: labels, learner: start, seeds: seeds, now: clock.now
        ) { clock.time = max(clock.time, $0) }
        var singles: [(Double, Double)] = []
        for seed in seeds {
            let pair = try [false, true].map { isRandom in
                var (own, learner) = (loop, start)
                (own.seed, own.isRandom) = (seed, isRandom)
                let clock = Clock(tick: 1.0 / 1024)
                let outcome = try own.run(features, labels: labels, learner: &learner, now: clock.now) {
                    clock.time = max(clock.time, $0)
                }
                return try #require(outcome.accuracy)
            }
            singles.append((pair[0], pair[1]))
        }
        #expect(comparison.chosen == SampleMean(singles.map(\.0)) && comparison.random == SampleMean(singles.map(\.1)))
        #expect(comparison.random.deviation > 0)
        // 2.776 is the quantile of Student's t for four degrees of freedom.
        let differences = singles.map { $0.0 - $0.1 }
        let mean = differences.reduce(0, +) / 5
        let deviation = (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4).squareRoot()
        let json = comparison.outcome.json(quality: nil, learning: comparison)
        #expect(json["seeds"] == 5 && json["chosen"] == 100)
        let interval = (json["overRandomInterval"]?.arrayValue ?? []).compactMap(\.doubleValue)
        #expect(interval.count == 2)
        for (value, sign) in zip(interval, [-1.0, 1]) {
            #expect(abs(value - (mean + sign * 2.776 * deviation / 5.0.squareRoot())) < 2e-6)
        }
        #expect(json["accuracyInterval"] != nil && json["randomAccuracyInterval"] != nil)
        #expect(throws: CoresetError.self) {
            try RealTimeComparison(
                loop, features, labels: labels, learner: start, seeds: [], now: clock.now, wait: { _ in })
        }
    }

    /// Takes ten seconds to look at rows.
    private struct Slow: ActiveModel {
        let clock: Clock
        /// For a batch.
        let thirds: Matrix<Float>
        var classes: Int { 3 }
        func fit(_ features: Matrix<Float>, labels: [Int], weights: [Double]?) throws(CoresetError) {}
        func probabilities(of features: Matrix<Float>) -> Matrix<Float> {
            clock.time += 10
            return thirds
        }
    }

    @Test("finding out how good the model was keeps no batch waiting") func accuracyIsOutside() throws {
        var generator = SeededGenerator(seed: 5, stream: 58)
        let (features, labels) = try Self.clouds(&generator, rows: 600)
        var loop = RealTimeLoop(
            count: 6, batch: 60, rate: 60, within: 0.2, batches: 10, metric: .gaussian(gamma: 0.5))
        loop.isRandom = true
        let clock = Clock()
        var learner = try RealTimeLearner(
            model: Slow(
                clock: clock, thirds: Matrix(rows: 60, columns: 3, storage: [Float](repeating: 1 / 3, count: 180))),
            dimensions: 2, within: 0.05)
        let outcome = try loop.run(features, labels: labels, learner: &learner, now: clock.now) {
            clock.time = max(clock.time, $0)
        }
        #expect(outcome.late == 0 && outcome.dropped == 0 && outcome.latency(1) < 0.1)
        #expect(outcome.records.count { $0.accuracy != nil } == 9)
    }

    @Test("of a long stream a bounded number of models is kept, evenly spread") func longStream() throws {
        var generator = SeededGenerator(seed: 6, stream: 59)
        let (features, labels) = try Self.clouds(&generator, rows: 600)
        let (outcome, _) = try Self.run(features, labels, batches: 1100, isRandom: true, limit: 60)
        let known = outcome.records.indices.filter { outcome.records[$0].accuracy != nil }
        #expect(outcome.records.count == 1100 && known.count > 128 && known.count <= 256)
        #expect(Set(zip(known, known.dropFirst()).map { $1 - $0 }) == [8])
        #expect(try #require(known.last) >= 1092)
    }

    @Test("labels that do not fit are typed errors") func errors() throws {
        let features = try Matrix<Float>(rows: 60, columns: 2, storage: [Float](repeating: 0, count: 120))
        #expect(throws: CoresetError.self) { try Self.run(features, [0, 1], batches: 1) }
        #expect(throws: CoresetError.self) { try Self.run(features, [Int](repeating: 7, count: 60), batches: 1) }
        #expect(throws: CoresetError.self) {
            try RealTimeLearner(model: SoftmaxRegression(dimensions: 2, classes: 2), dimensions: 2, limit: 0)
        }
    }
}
