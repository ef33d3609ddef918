import ApusCore
import Coresets
import Testing

@Suite("Greedy optimisers") struct OptimiserTests {
    /// Points with duplicates and ties: small whole coordinates.
    static func points<Scalar: KernelScalar>(_ generator: inout SeededGenerator) throws -> Matrix<Scalar> {
        let rows = 2 + generator.below(30)
        let columns = 1 + generator.below(4)
        return try Matrix(
            rows: rows, columns: columns, storage: (0..<rows * columns).map { _ in Scalar(generator.below(5)) })
    }

    static let metrics: [Similarity] = [
        .maximumMinusSquaredDistance, .maximumMinusDistance(), .exponentialDistance, .gaussian(gamma: 0.3), .cosine,
        .cosineSquared, .correlationSquared, .inverseDistance,
    ]

    @Test("lazy, two-stage and naive agree bit for bit, ties and duplicates included, stored or computed")
    func agreement() throws {
        var generator = SeededGenerator(seed: Replay.seed)
        for round in 0..<1000 {
            let metric = Self.metrics[round % Self.metrics.count]
            let single: Matrix<Float> = try Self.points(&generator)
            let double: Matrix<Double> = single.converted(to: Double.self)
            let count = generator.below(single.rows + 1)
            for similarities in [
                try Similarities(single, metric: metric, storage: .computed),
                try Similarities(single, metric: metric, storage: .stored),
                try Similarities(double, metric: metric, storage: .computed),
                try Similarities(double, metric: metric, storage: .stored, threads: 1),
            ] {
                let objective = FacilityLocation(similarities)
                let naive = try objective.maximize(count: count, using: .naive)
                let lazy = try objective.maximize(count: count, using: .lazy)
                let staged = try objective.maximize(count: count, using: .twoStage(first: 2))
                #expect(lazy.picks == naive.picks && staged.picks == naive.picks, Replay.note(round))
                #expect(lazy.gains == naive.gains && staged.gains == naive.gains, Replay.note(round))
                #expect(Set(naive.picks).count == count, Replay.note(round))
            }
        }
    }

    @Test("computed and stored similarities give the same bits once points are grouped around the picks")
    func cells() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 2)
        for round in 0..<6 {
            let rows = 600 + generator.below(1500)
            let columns = 1 + generator.below(12)
            let storage = (0..<rows * columns).map { _ in Float(generator.unit() * generator.unit()) }
            let points = try Matrix(rows: rows, columns: columns, storage: storage)
            for metric in [
                Similarity.maximumMinusSquaredDistance, .maximumMinusDistance(), .exponentialDistance,
                .gaussian(gamma: 2), .inverseDistance,
            ] {
                let computed = try FacilityLocation(Similarities(points, metric: metric, storage: .computed))
                    .maximize(count: 200)
                let stored = try FacilityLocation(Similarities(points, metric: metric, storage: .stored, threads: 1))
                    .maximize(count: 200)
                #expect(computed.picks == stored.picks, Replay.note(round))
                #expect(computed.gains == stored.gains, Replay.note(round))
                let double = points.converted(to: Double.self)
                let wide = try FacilityLocation(Similarities(double, metric: metric, storage: .computed, threads: 3))
                    .maximize(count: 200)
                let kept = try FacilityLocation(Similarities(double, metric: metric, storage: .stored))
                    .maximize(count: 200)
                #expect(wide.picks == kept.picks && wide.gains == kept.gains, Replay.note(round))
            }
        }
    }

    @Test("greedy never falls below 1 − 1/e of the optimum, whatever the objective") func guarantee() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 3)
        for round in 0..<400 {
            let rows = 5 + generator.below(7)
            let size = 1 + generator.below(4)
            let points = try Matrix(rows: rows, columns: 3, storage: (0..<rows * 3).map { _ in generator.unit() })
            let similarities = try Similarities(points, metric: .gaussian(gamma: 2), storage: .stored)
            let objectives: [any Objective] = [
                FacilityLocation(similarities), try FeatureBased(points, concave: .logarithm),
                try SaturatedCoverage(similarities, saturation: 0.3), try LogDeterminant(similarities, ridge: 1),
                try MaximumCoverage(SparseMatrix(points), threshold: 1.2),
                try ProbabilisticCoverage(SparseMatrix(points)),
            ]
            for objective in objectives {
                try check(objective, size, round, &generator)
            }
        }
    }

    private func check(_ objective: some Objective, _ size: Int, _ round: Int, _ generator: inout SeededGenerator)
        throws
    {
        let optimum = try ExhaustiveSearch.maximum(of: objective, size: size)
        let note = Comment(rawValue: "\(objective.name): \(Replay.note(round))")
        let greedy = try objective.maximize(count: size)
        #expect(greedy.value >= (1 - 1 / 2.718281828459045) * optimum.value - 1e-9, note)
        let threshold = try objective.maximize(count: size, using: .threshold(epsilon: 0.1))
        #expect(threshold.value >= (1 - 1 / 2.718281828459045 - 0.1) * optimum.value - 1e-9, note)
        let swapped = try objective.maximize(count: size, using: .localSearch())
        #expect(swapped.value >= greedy.value - 1e-9, note)
        #expect(swapped.value <= optimum.value + 1e-9, note)
        // A partition matroid of two classes, against its own optimum.
        let classes = (0..<objective.count).map { _ in generator.below(2) }
        let quotas = [1, 1]
        let constrained = try objective.maximize(
            count: min(2, objective.count), constraint: .partition(classes: classes, quotas: quotas))
        var best = 0.0
        for i in 0..<objective.count {
            for j in 0..<objective.count where i != j && classes[i] != classes[j] {
                var set = objective
                set.add(i)
                set.add(j)
                best = max(best, set.value)
            }
        }
        #expect(constrained.value >= 0.5 * best - 1e-9, note)
        #expect(constrained.picks.filter { classes[$0] == 0 }.count <= 1, note)
        // A knapsack of random costs.
        let costs = (0..<objective.count).map { _ in 0.5 + generator.unit() }
        let packed = try objective.maximize(
            count: objective.count, constraint: .knapsack(costs: costs, budget: 2))
        #expect(packed.picks.reduce(0) { $0 + costs[$1] } <= 2, note)
    }

    @Test("no element is chosen twice when all gains are 0") func zeroGains() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 4)
        // 300 × 300 of 0 and 1, 2 % ones, 250 picks: a library chooses 63 elements twice here.
        let storage = (0..<300 * 300).map { _ in generator.below(50) == 0 ? 1.0 : 0.0 }
        let similarities = Similarities(matrix: try Matrix(rows: 300, columns: 300, storage: storage))
        let naive = try FacilityLocation(similarities).maximize(count: 250, using: .naive)
        for optimizer in [Optimizer.naive, .lazy, .twoStage(), .stochastic(), .threshold(), .approximateLazy()] {
            let selection = try FacilityLocation(similarities).maximize(count: 250, using: optimizer)
            #expect(Set(selection.picks).count == 250)
        }
        #expect(zip(naive.gains, naive.gains.dropFirst()).allSatisfy { $0 >= $1 })
        let stopped = try FacilityLocation(similarities).maximize(count: 250, stopAt: .zero)
        #expect(stopped.stop == .gain && stopped.gains.allSatisfy { $0 > 0 })
    }

    @Test("wrong calls are typed errors") func errors() throws {
        let points = try Matrix<Float>(rows: 4, columns: 2, storage: [0, 1, 1, 0, 2, 2, 3, 1])
        let similarities = try Similarities(points, metric: .exponentialDistance)
        #expect(throws: CoresetError.tooMany(count: 5, rows: 4)) {
            try FacilityLocation(similarities).maximize(count: 5)
        }
        #expect(throws: CoresetError.notSubmodular(objective: "remote-edge", optimizer: "lazy")) {
            try DisparityMin(Distances(points)).maximize(count: 2, using: .lazy)
        }
        #expect(throws: CoresetError.notFinite(row: 1, column: 0)) {
            try Matrix<Float>(rows: 2, columns: 2, storage: [0, 1, .nan, 0])
        }
        #expect(throws: CoresetError.self) {
            try Similarities(points, metric: .cosine, storage: .stored, memoryLimit: 64)
        }
        #expect(throws: CoresetError.self) {
            try LogDeterminant(try Similarities(points, metric: .maximumMinusSquaredDistance))
        }
        #expect(throws: CoresetError.duplicateIndex(1, what: "the initial set")) {
            try FacilityLocation(similarities).maximize(count: 1, initial: [1, 1])
        }
        #expect(try FacilityLocation(similarities).maximize(count: 0).picks.isEmpty)
        let none = try Matrix<Float>(rows: 0, columns: 0, storage: [])
        #expect(try FacilityLocation(Similarities(none, metric: .cosine)).maximize(count: 0).picks.isEmpty)
        let constant = try Matrix<Float>(rows: 3, columns: 2, storage: [1, 1, 1, 1, 1, 1])
        #expect(
            try FacilityLocation(Similarities(constant, metric: .maximumMinusSquaredDistance)).maximize(count: 3).picks
                == [0, 1, 2])
    }
}
