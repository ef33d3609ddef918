import Apus
import ApusCore
import Coresets
import Foundation
import Testing

@Suite("Active learning") struct ActiveLearningTests {
    private static func rows(_ generator: inout SeededGenerator, _ rows: Int, _ columns: Int) throws -> Matrix<Float> {
        try Matrix(
            rows: rows, columns: columns, storage: (0..<rows * columns).map { _ in Float(generator.unit() * 2 - 1) })
    }

    // MARK: The model

    @Test("soft-max regression ends where its loss is least: no direction leads down") func optimum() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 40)
        for round in 0..<20 {
            let classes = 2 + generator.below(20)
            let features = try Self.rows(&generator, 60, 1 + generator.below(6))
            let labels = (0..<60).map { _ in generator.below(classes) }
            let weights = (0..<60).map { _ in generator.unit() + 0.1 }
            var model = try SoftmaxRegression(
                dimensions: features.columns, classes: classes, ridge: 0.05, steps: 2000)
            try model.fit(features, labels: labels, weights: weights)
            let probabilities = model.probabilities(of: features)
            // The loss is convex, so it is least where its gradient is 0: Σ wᵢ(p − onehot) must vanish with the offsets.
            let total = weights.reduce(0, +)
            for index in 0..<classes {
                let slope =
                    (0..<60).reduce(0.0) { sum, row in
                        sum + weights[row] * (Double(probabilities[row, index]) - (labels[row] == index ? 1 : 0))
                    } / total
                #expect(abs(slope) < 1e-4, Replay.note(round))
            }
            for row in 0..<60 { #expect(abs(probabilities[row: row].reduce(0, +) - 1) < 1e-5) }
        }
    }

    @Test("with two classes the least loss is that of logistic regression") func twoClasses() throws {
        var generator = SeededGenerator(seed: 3, stream: 41)
        let features = try Self.rows(&generator, 300, 4)
        let labels = (0..<300).map { row in
            features[row, 0] + 0.7 * features[row, 1] + Float(generator.unit() - 0.5) > 0 ? 1 : 0
        }
        // ½λ‖w‖² of one weight vector is λ/4 of two opposite halves each: ridge 2λ there.
        var softmax = try SoftmaxRegression(dimensions: 4, classes: 2, ridge: 0.02, steps: 5000)
        try softmax.fit(features, labels: labels)
        var logistic = LogisticRegression(dimensions: 4, ridge: 0.01)
        let examples = (0..<300).map { WeightedExample(row: $0, weight: 1) }
        logistic.train(
            features, labels: labels.map { UInt8($0) }, examples: examples, total: 300, epochs: 400,
            steps: .init(first: 0.05, factor: 0.98), seed: 1)
        let theirs = logistic.loss(features, labels: labels.map { UInt8($0) })
        #expect(abs(softmax.loss(features, labels: labels) - theirs) < 2e-3)
    }

    @Test("wrong labels and shapes are typed errors") func errors() throws {
        var model = try SoftmaxRegression(dimensions: 2, classes: 3)
        let features = try Matrix<Float>([[0, 1], [1, 0]])
        #expect(throws: CoresetError.outOfRange(index: 3, rows: 3, what: "the label of row 1,")) {
            try model.fit(features, labels: [0, 3])
        }
        #expect(throws: CoresetError.self) { try model.fit(features, labels: [0]) }
        #expect(throws: CoresetError.self) { try ActiveStrategy(named: "oracle") }
        var loop = try ActiveLoop(model: model, dimensions: 2)
        #expect(throws: CoresetError.self) { try loop.learn([7], labels: [0]) }
        #expect(throws: CoresetError.self) { try UnlabelledPool(dimensions: 2, rule: .farthestFirst(count: 0)) }
        try model.fit(try Matrix(rows: 0, columns: 2, storage: []), labels: [])
    }

    // MARK: Strategies

    @Test("every strategy names different candidates, whatever they are, before and after training")
    func different() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 42)
        for round in 0..<200 {
            let count = 1 + generator.below(40)
            let classes = 2 + generator.below(4)
            // Whole numbers: duplicates and ties.
            let candidates = try Matrix(
                rows: count, columns: 3, storage: (0..<count * 3).map { _ in Float(generator.below(3)) })
            let labelled = candidates.select((0..<generator.below(6)).map { _ in generator.below(count) })
            let raw = (0..<count).map { _ in (0..<classes).map { _ in Float(generator.below(3)) + 0.5 } }
            let probabilities = try Matrix(raw.map { row in row.map { $0 / row.reduce(0, +) } })
            let weights = (0..<count).map { _ in Double(1 + generator.below(4)) }
            for strategy in ActiveStrategy.allCases {
                for known in [nil, probabilities] {
                    let context = QueryContext(
                        candidates: candidates, weights: weights, probabilities: known, labelled: labelled,
                        classes: classes)
                    let wanted = generator.below(count + 3)
                    let picks = try strategy.query(context, count: wanted, generator: &generator)
                    #expect(picks.count == min(wanted, count), "\(strategy): \(Replay.note(round))")
                    #expect(Set(picks).count == picks.count, "\(strategy): \(Replay.note(round))")
                    #expect(picks.allSatisfy { (0..<count).contains($0) }, "\(strategy): \(Replay.note(round))")
                }
            }
        }
    }

    @Test("uncertain rows come in the order of the measures' definitions") func uncertainty() throws {
        let probabilities = try Matrix<Float>([
            [0.9, 0.05, 0.05], [0.5, 0.49, 0.01], [0.4, 0.3, 0.3], [0.5, 0.25, 0.25],
        ])
        let candidates = try Matrix<Float>([[0], [1], [2], [3]])
        let context = QueryContext(candidates: candidates, probabilities: probabilities, classes: 3)
        var generator = SeededGenerator(seed: 1)
        #expect(try ActiveStrategy.leastConfidence.query(context, count: 4, generator: &generator) == [2, 1, 3, 0])
        #expect(try ActiveStrategy.margin.query(context, count: 4, generator: &generator) == [1, 2, 3, 0])
        #expect(try ActiveStrategy.entropy.query(context, count: 4, generator: &generator) == [2, 3, 1, 0])
    }

    @Test("facility location and k-center go by the distance to the labelled rows and those before")
    func coverage() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 43)
        for round in 0..<100 {
            let all = try Self.rows(&generator, 24, 3)
            let candidates = all.select(0..<20)
            let context = QueryContext(candidates: candidates, labelled: all.select(20..<24), classes: 2)
            let distances = try Distances(all).matrix()
            func nearest(_ u: Int, _ set: [Int]) -> Double {
                set.reduce(Double.infinity) { min($0, distances[u * 24 + $1]) }
            }
            let labelled = Array(20..<24)
            func cost(_ picks: [Int]) -> Double {
                (0..<20).reduce(0.0) { $0 + nearest($1, picks + labelled) }
            }
            let chosen = try ActiveStrategy.facilityLocation.query(context, count: 5, generator: &generator)
            for step in 0..<5 {
                let before = Array(chosen[..<step])
                let best = (0..<20).filter { !before.contains($0) }.map { cost(before + [$0]) }.min() ?? 0
                #expect(abs(cost(before + [chosen[step]]) - best) < 1e-5, Replay.note(round))
            }
            let centres = try ActiveStrategy.kCenter.query(context, count: 5, generator: &generator)
            for step in 0..<5 {
                func near(_ u: Int) -> Double { nearest(u, Array(centres[..<step]) + labelled) }
                let most = (0..<20).map(near).max() ?? 0
                #expect(abs(near(centres[step]) - most) < 1e-5, Replay.note(round))
            }
        }
    }

    @Test("BADGE begins with the longest gradient and draws by squared distance of gradients") func badge() throws {
        let candidates = try Matrix<Float>([[1, 0], [0, 2], [1, 1], [3, 1]])
        let probabilities = try Matrix<Float>([[0.6, 0.4], [0.1, 0.9], [0.5, 0.5], [0.45, 0.55]])
        let gradients = (0..<4).map { row -> [Float] in
            let likely = probabilities[row, 0] >= probabilities[row, 1] ? 0 : 1
            return (0..<2).flatMap { c in
                candidates[row: row].map { (probabilities[row, c] - (c == likely ? 1 : 0)) * $0 }
            }
        }
        func square(_ i: Int, _ j: Int) -> Double {
            zip(gradients[i], gradients[j]).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        }
        let context = QueryContext(candidates: candidates, probabilities: probabilities, classes: 2)
        var drawn = [Int](repeating: 0, count: 4)
        for seed in 0..<4000 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let picks = try ActiveStrategy.badge.query(context, count: 2, generator: &generator)
            #expect(picks[0] == 3)
            drawn[picks[1]] += 1
        }
        let total = (0..<3).reduce(0) { $0 + square($1, 3) }
        // χ² of two degrees of freedom exceeds 13.8 once in a thousand times.
        let chi = (0..<3).reduce(0.0) { sum, row in
            let expected = 4000 * square(row, 3) / total
            return sum + (Double(drawn[row]) - expected) * (Double(drawn[row]) - expected) / expected
        }
        #expect(chi < 13.8 && drawn[3] == 0)
    }

    // MARK: Pool and loop

    @Test("a bounded pool holds at most twice its capacity and loses no weight; a random one depends on no cut")
    func pool() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 44)
        for round in 0..<60 {
            let count = 1 + generator.below(200)
            let capacity = 1 + generator.below(30)
            let features = try Self.rows(&generator, count, 2)
            let rules: [CoresetRule] = [
                .farthestFirst(count: capacity), .random(count: capacity, seed: 9),
                .facilityLocation(count: capacity, metric: .gaussian(gamma: 1)),
            ]
            for rule in rules {
                var cut = try UnlabelledPool(dimensions: 2, rule: rule)
                var first = 0
                while first < count {
                    let last = min(count, first + 1 + generator.below(40))
                    try cut.insert(features.select(first..<last), ids: Array(first..<last))
                    first = last
                }
                #expect(cut.count == min(count, capacity) && cut.mostHeld <= 2 * capacity, Replay.note(round))
                #expect(cut.weights.reduce(0, +) == Double(count) && cut.seen == count, Replay.note(round))
                if case .random = rule {
                    var whole = try UnlabelledPool(dimensions: 2, rule: rule)
                    try whole.insert(features, ids: Array(0..<count))
                    #expect(whole.ids == cut.ids, Replay.note(round))
                }
                cut.remove([cut.ids[0]])
                #expect(cut.count == min(count, capacity) - 1, Replay.note(round))
            }
        }
    }

    @Test("a loop written down between rounds goes on as if nothing had been") func resume() throws {
        var generator = SeededGenerator(seed: 5, stream: 45)
        let features = try Self.rows(&generator, 200, 4)
        let labels = (0..<200).map { features[$0, 0] > 0 ? 1 : 0 }
        let model = try SoftmaxRegression(dimensions: 4, classes: 2)
        for strategy in ActiveStrategy.allCases {
            var loop = try ActiveLoop(
                model: model, dimensions: 4, pool: .facilityLocation(count: 60, metric: .gaussian(gamma: 1)), seed: 11)
            try loop.receive(features.select(0..<100), ids: Array(0..<100))
            for _ in 0..<2 { try loop.round(strategy, count: 5) { $0.map { labels[$0] } } }
            let file = try JSONEncoder().encode(loop)
            var other = try JSONDecoder().decode(ActiveLoop<SoftmaxRegression>.self, from: file)
            #expect(other == loop)
            for part in 0..<2 {
                let range = Array(100 + 50 * part..<150 + 50 * part)
                try loop.receive(features.select(range), ids: range)
                try other.receive(features.select(range), ids: range)
                try loop.round(strategy, count: 5) { $0.map { labels[$0] } }
                try other.round(strategy, count: 5) { $0.map { labels[$0] } }
            }
            #expect(other == loop)
            #expect(Set(loop.labelledIDs).count == 20 && loop.pool.mostHeld <= 120)
            #expect(Set(loop.labelledIDs).isDisjoint(with: loop.pool.ids))
        }
    }

    @Test("one's own strategy and model fit in") func own() throws {
        struct First: QueryStrategy {
            let name = "first"
            func query(_ context: QueryContext, count: Int, generator: inout SeededGenerator) -> [Int] {
                Array(0..<min(count, context.candidates.rows))
            }
        }
        struct Constant: ActiveModel {
            let classes = 2
            var seen = 0
            mutating func fit(_ features: Matrix<Float>, labels: [Int], weights: [Double]?) { seen = labels.count }
            func probabilities(of features: Matrix<Float>) -> Matrix<Float> {
                (try? Matrix((0..<features.rows).map { _ in [0.25, 0.75] })) ?? features
            }
        }
        var loop = try ActiveLoop(model: Constant(), dimensions: 1)
        try loop.receive(try Matrix([[3], [4], [5]]), ids: [30, 40, 50])
        #expect(try loop.round(First(), count: 2) { _ in [1, 0] } == [30, 40])
        #expect(loop.model.seen == 2 && loop.pool.ids == [50] && loop.labels == [1, 0])
        #expect(loop.model.accuracy(try Matrix([[0], [0]]), labels: [1, 0]) == 0.5)
    }

    // MARK: What it is for

    @Test(
        "on digits, facility location beats random with few labels and margin with many; in a bounded pool too",
        .enabled(if: Shared.isThere, Shared.absent), arguments: [nil, 300])
    func digits(capacity: Int?) async throws {
        let raw: Matrix<Float> = try Shared.matrix("digits_X.npy")
        let features = try Matrix(rows: raw.rows, columns: raw.columns, storage: raw.storage.map { $0 / 16 })
        let labels = try NumPyFile(contentsOf: Shared.root + "digits_y.npy").integers()
        var experiment = ActiveExperiment(
            strategies: [.facilityLocation, .margin, .badge, .adaptive], counts: [20, 40, 60, 100, 200, 400],
            testRows: 400, capacity: capacity)
        experiment.ridge = 1e-3
        let chosen = experiment
        let outcome = try await withCluster(.embedded(cpus: 2)) { cluster in
            try await chosen.run(on: cluster, features, labels: labels)
        }
        let summaries = Dictionary(uniqueKeysWithValues: outcome.summaries.map { ($0.strategy, $0) })
        let random = try #require(summaries[.random])
        #expect(random.accuracy[0].mean > 0.5 && random.overRandom.allSatisfy { $0.mean == 0 })
        let location = try #require(summaries[.facilityLocation])
        for round in 0..<4 { #expect(location.overRandom[round].mean >= 0, "\(location.labels[round]) labels") }
        let margin = try #require(summaries[.margin])
        for round in 4..<6 { #expect(margin.overRandom[round].mean >= 0, "\(margin.labels[round]) labels") }
        if let capacity { #expect(outcome.summaries.allSatisfy { $0.mostHeld <= 2 * capacity }) }
        #expect(outcome.json["strategies"]?.arrayValue?.count == 5)
        #expect(ActiveReport(source: "digits", outcome: outcome).html.contains("better than random"))
    }

    @Test("intervals are Student's") func intervals() {
        // Mean 3, deviation √2.5, t(4) = 2.776.
        let one = SampleMean([1, 2, 3, 4, 5])
        #expect(one.mean == 3 && abs(one.deviation - 1.5811388) < 1e-6 && abs(one.halfWidth - 1.9629) < 1e-3)
        #expect(SampleMean([7]).halfWidth == 0)
    }
}
