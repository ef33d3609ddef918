import ApusCore
import Coresets
import Testing

@Suite("Selection in time") struct RealTimeTests {
    /// A clock that only work moves: each look at it takes a step.
    private final class WorkClock {
        var time = 0.0
        let step: Double
        init(step: Double) { self.step = step }
        func now() -> Double {
            time += step
            return time
        }
    }

    private static func objective(_ generator: inout SeededGenerator, rows: Int) throws -> FacilityLocation {
        let points = try Matrix<Float>(
            rows: rows, columns: 3, storage: (0..<rows * 3).map { _ in Float(generator.below(7)) })
        return FacilityLocation(try Similarities(points, metric: .gaussian(gamma: 0.2), storage: .stored))
    }

    @Test("with all the time it wants it is greedy, to the bit, and promises what greedy does") func complete() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 50)
        for round in 0..<300 {
            let objective = try Self.objective(&generator, rows: 1 + generator.below(60))
            let count = generator.below(objective.count + 1)
            var anytime = try AnytimeGreedy(objective, count: count, seed: UInt64(round))
            while !anytime.isComplete {
                while !anytime.hasSeenAll { anytime.look(1 + generator.below(9)) }
                anytime.take()
            }
            let greedy = try objective.maximize(count: count, using: .naive)
            #expect(anytime.picks == greedy.picks && anytime.gains == greedy.gains, Replay.note(round))
            #expect(anytime.filled == greedy.picks, Replay.note(round))
            #expect(anytime.evaluations <= max(1, greedy.evaluations), Replay.note(round))
            if count > 0 { #expect(anytime.guarantee >= 1 - 1 / 2.718281828459045 - 1e-12, Replay.note(round)) }
        }
    }

    @Test("stopped anywhere it has as many different picks as asked for, and more time never costs promise")
    func anytime() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 51)
        for round in 0..<200 {
            let objective = try Self.objective(&generator, rows: 20 + generator.below(60))
            let count = 1 + generator.below(12)
            var before = -1.0
            for budget in [0.0, 1, 3, 10, 30, 100, 1000] {
                var anytime = try AnytimeGreedy(objective, count: count, seed: UInt64(round))
                let clock = WorkClock(step: 1)
                anytime.run(until: budget + 0.5, unit: 4, now: clock.now)
                let picks = anytime.filled
                #expect(picks.count == count && Set(picks).count == count, Replay.note(round))
                #expect(Array(picks.prefix(anytime.picks.count)) == anytime.picks, Replay.note(round))
                #expect(anytime.guarantee >= before - 0.02, Replay.note(round))
                before = anytime.guarantee
            }
            #expect(before >= 1 - 1 / 2.718281828459045 - 1e-12, Replay.note(round))
        }
    }

    @Test("what little looking promises holds on average, against the true optimum") func promise() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 52)
        for round in 0..<20 {
            let objective = try Self.objective(&generator, rows: 12)
            let optimum = try ExhaustiveSearch.maximum(of: objective, size: 3).value
            for seen in [1, 3, 6] {
                var (value, promised) = (0.0, 0.0)
                for seed in 0..<200 {
                    var anytime = try AnytimeGreedy(objective, count: 3, seed: UInt64(seed))
                    while !anytime.isComplete {
                        for _ in 0..<seen where !anytime.hasSeenAll { anytime.look(1) }
                        anytime.take()
                    }
                    value += anytime.value / 200
                    promised += anytime.guarantee * optimum / 200
                }
                #expect(value >= promised, Replay.note(round))
            }
        }
    }

    @Test("a full queue blocks or drops as it was told, and nothing is lost uncounted") func queue() throws {
        for policy in ArrivalQueue<Int>.Policy.allCases {
            var queue = try ArrivalQueue<Int>(limit: 3, policy: policy)
            let taken = (0..<5).map { queue.arrive($0, at: Double($0)) }
            var left: [Int] = []
            while let next = queue.next() {
                #expect(next.time == Double(next.element))
                left.append(next.element)
            }
            switch policy {
            case .block: #expect(left == [0, 1, 2] && queue.dropped == 0 && taken == [true, true, true, false, false])
            case .dropNewest: #expect(left == [0, 1, 2] && queue.dropped == 2 && !taken.contains(false))
            case .dropOldest: #expect(left == [2, 3, 4] && queue.dropped == 2 && !taken.contains(false))
            }
        }
        #expect(throws: CoresetError.self) { try ArrivalQueue<Int>(limit: 0, policy: .block) }
    }

    @Test(
        "on a clock that work moves, every batch is chosen from in time while work keeps up, and none is lost uncounted"
    )
    func loop() throws {
        var generator = SeededGenerator(seed: 7, stream: 53)
        let features = try StreamTests.stream(&generator, rows: 2000, columns: 4)
        var qualities: [Double] = []
        // A look at the clock, with up to eight gains, takes 1 ms.
        for within in [0.02, 0.06, 0.4] {
            for goal in RealTimeLoop.Goal.allCases {
                var loop = RealTimeLoop(
                    count: 5, batch: 100, rate: 100, within: within, batches: 40, metric: .gaussian(gamma: 0.1))
                loop.goal = goal
                let clock = WorkClock(step: 0.001)
                let outcome = try loop.run(features, now: clock.now) { clock.time = max(clock.time, $0) }
                #expect(outcome.records.count == 40 && outcome.dropped == 0)
                // Until the greatest cost of finishing is known, a few may be late by it.
                #expect(outcome.late <= 3)
                for record in outcome.records {
                    #expect(Set(record.picks).count == 5 && record.picks.allSatisfy { (0..<100).contains($0) })
                }
                let quality = try #require(try outcome.quality(features))
                if goal == .facilityLocation { qualities.append(quality.chosen.mean) }
                #expect(quality.chosen.mean > quality.random.mean)
            }
        }
        #expect(qualities[0] <= qualities[2] + 0.02 && qualities[2] > 0.98)
        // Batches come ten times faster than one can be worked on: what is late or lost is said.
        for policy in ArrivalQueue<Int>.Policy.allCases {
            var loop = RealTimeLoop(
                count: 5, batch: 100, rate: 100_000, within: 0.01, batches: 200, metric: .gaussian(gamma: 0.1))
            loop.policy = policy
            let clock = WorkClock(step: 0.001)
            let outcome = try loop.run(features, now: clock.now) { clock.time = max(clock.time, $0) }
            #expect(outcome.records.count + outcome.dropped == 200)
            #expect(outcome.late > 0 && (policy == .block) == (outcome.dropped == 0))
            #expect(outcome.records.allSatisfy { $0.picks.count == 5 })
        }
    }

    @Test("what cannot be run on a stream is a typed error") func errors() throws {
        let features = try Matrix<Float>(rows: 2, columns: 1, storage: [0, 1])
        func run(_ loop: RealTimeLoop) throws { _ = try loop.run(features, now: { 0 }, wait: { _ in }) }
        let good = RealTimeLoop(
            count: 1, batch: 2, rate: 1, within: 1, batches: 1, metric: .gaussian(gamma: 1))
        var bad = good
        bad.count = 3
        #expect(throws: CoresetError.tooMany(count: 3, rows: 2)) { try run(bad) }
        bad = good
        bad.metric = .maximumMinusDistance()
        #expect(throws: CoresetError.self) { try run(bad) }
        bad = good
        bad.rate = 0
        #expect(throws: CoresetError.self) { try run(bad) }
    }

    @Test("a stream is standardised as all its rows at once are") func standardiser() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 54)
        let features = try StreamTests.stream(&generator, rows: 300, columns: 3)
        var running = RunningStandardiser(dimensions: 3, warmUp: 200)
        for row in 0..<300 { Array(features[row: row]).withUnsafeBufferPointer { running.observe($0) } }
        #expect(running.isFrozen && running.seen == 200)
        let expected = features.select(0..<200).converted(to: Double.self).standardised()
        for row in 0..<200 {
            var result = [Float](repeating: 0, count: 3)
            result.withUnsafeMutableBufferPointer { out in
                Array(features[row: row]).withUnsafeBufferPointer { running.standardise($0, into: out) }
            }
            for t in 0..<3 { #expect(abs(Double(result[t]) - expected[row, t]) < 1e-4) }
        }
    }
}
