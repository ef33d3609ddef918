import Apus
import ApusCore
import JSON

/// Strategies of active learning compared on labelled data: several seeds each, random beside them.
///
/// Rows are shuffled by the seed, the last become the test set, the others the stream. Every strategy sees the same
/// streams. Each strategy and seed is a task of its own.
public struct ActiveExperiment: Sendable, Codable {
    public var strategies: [ActiveStrategy]
    public var seeds: [UInt64]
    /// Labels after each round, rising.
    public var counts: [Int]
    public var testRows: Int
    /// Rows of the pool at most; the stream arrives in as many parts as there are rounds. Nil: all rows are there from
    /// the start and are kept.
    public var capacity: Int?
    /// How a bounded pool is kept small. The random strategy always keeps a uniform sample.
    public var reduction = Reduction.facilityLocation
    /// λ of the model.
    public var ridge = 1e-3
    /// Steps of a fit at most.
    public var steps = 100
    public var threads: Int?

    public enum Reduction: String, Sendable, CaseIterable, Codable {
        case facilityLocation = "facility-location"
        case farthestFirst = "farthest-first"
        case random
    }

    public init(
        strategies: [ActiveStrategy] = ActiveStrategy.allCases, seeds: [UInt64] = [1, 2, 3, 4, 5],
        counts: [Int] = [20, 40, 60, 80, 100, 200, 300, 500, 1000, 2000], testRows: Int, capacity: Int? = nil
    ) {
        self.strategies = strategies
        self.seeds = seeds
        self.counts = counts
        self.testRows = testRows
        self.capacity = capacity
    }

    /// Runs everything on a cluster.
    ///
    /// - Parameter labels: 0 ..< classes, one a row.
    /// - Throws: `CoresetError.dimensions`, `.invalidParameter`, `.tooMany`; `TaskError`.
    public func run(on cluster: Cluster, _ features: Matrix<Float>, labels: [Int]) async throws -> ActiveOutcome {
        try check(rows: features.rows, labels: labels)
        let inputs = (features: try await cluster.put(features), labels: try await cluster.put(labels))
        var tasks: [ObjectRef<ActiveCurve>] = []
        let wanted = [ActiveStrategy.random] + strategies.filter { $0 != .random }
        for strategy in wanted {
            for seed in seeds {
                tasks.append(
                    try cluster.submit(
                        ActiveRun(
                            features: inputs.features, labels: inputs.labels, experiment: self, strategy: strategy,
                            seed: seed)))
            }
        }
        return ActiveOutcome(experiment: self, curves: try await cluster.get(tasks))
    }

    private func check(rows: Int, labels: [Int]) throws(CoresetError) {
        guard labels.count == rows else { throw .dimensions(expected: rows, found: labels.count, what: "labels") }
        if let bad = labels.firstIndex(where: { $0 < 0 }) {
            throw .outOfRange(index: labels[bad], rows: (labels.max() ?? 0) + 1, what: "the label of row \(bad),")
        }
        guard testRows > 0, testRows < rows else {
            throw .invalidParameter(
                name: "the number of test rows", value: "\(testRows)", expected: "from 1 to \(rows - 1)")
        }
        guard let first = counts.first, first > 0, zip(counts, counts.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .invalidParameter(name: "the label counts", value: "\(counts)", expected: "positive and rising")
        }
        guard !seeds.isEmpty else {
            throw .invalidParameter(name: "the seeds", value: "none", expected: "at least one")
        }
        guard counts[counts.count - 1] <= rows - testRows else {
            throw .tooMany(count: counts[counts.count - 1], rows: rows - testRows)
        }
    }

    fileprivate func rule(_ strategy: ActiveStrategy, seed: UInt64, metric: Similarity) -> CoresetRule? {
        guard let capacity else { return nil }
        if strategy == .random { return .random(count: capacity, seed: seed) }
        return switch reduction {
        case .facilityLocation: .facilityLocation(count: capacity, metric: metric)
        case .farthestFirst: .farthestFirst(count: capacity)
        case .random: .random(count: capacity, seed: seed)
        }
    }
}

/// One strategy with one seed, as a task.
public struct ActiveRun: RemoteTask {
    @Input public var features: Matrix<Float>
    @Input public var labels: [Int]
    public var experiment: ActiveExperiment
    public var strategy: ActiveStrategy
    public var seed: UInt64

    public init(
        features: ObjectRef<Matrix<Float>>, labels: ObjectRef<[Int]>, experiment: ActiveExperiment,
        strategy: ActiveStrategy, seed: UInt64
    ) {
        _features = features
        _labels = labels
        self.experiment = experiment
        self.strategy = strategy
        self.seed = seed
    }

    public func run() async throws -> ActiveCurve {
        let (features, labels) = (features, labels)
        var order = Array(0..<features.rows)
        var generator = SeededGenerator(seed: seed, stream: 1)
        generator.shuffle(&order)
        let stream = Array(order.dropLast(experiment.testRows))
        let test = Array(order.suffix(experiment.testRows))
        let (testFeatures, testLabels) = (features.select(test), test.map { labels[$0] })
        let classes = (labels.max() ?? 0) + 1
        let model = try SoftmaxRegression(
            dimensions: features.columns, classes: classes, ridge: experiment.ridge, steps: experiment.steps)
        let metric = Similarity.maximumMinusDistance(phantom: Self.phantom(features, stream))
        var loop = try ActiveLoop(
            model: model, dimensions: features.columns,
            pool: experiment.rule(strategy, seed: seed, metric: metric), seed: seed)
        loop.threads = experiment.threads ?? 1
        var curve = ActiveCurve(strategy: strategy, seed: seed)
        let clock = ContinuousClock()
        let parts = experiment.capacity == nil ? 1 : experiment.counts.count
        for (round, count) in experiment.counts.enumerated() {
            let begin = clock.now
            if round < parts {
                let rows = Array(stream[stream.count * round / parts..<stream.count * (round + 1) / parts])
                try loop.receive(features.select(rows), ids: rows)
            }
            let wanted = try loop.query(strategy, count: count - loop.labels.count)
            let middle = clock.now
            try loop.learn(wanted, labels: wanted.map { labels[$0] })
            curve.points.append(
                .init(
                    labels: loop.labels.count, accuracy: loop.model.accuracy(testFeatures, labels: testLabels),
                    selection: (middle - begin) / .seconds(1), training: (clock.now - middle) / .seconds(1)))
        }
        curve.mostHeld = loop.pool.mostHeld
        return curve
    }

    /// Twice the greatest distance from the first row: no two rows are farther apart.
    private static func phantom(_ features: Matrix<Float>, _ rows: [Int]) -> Double {
        guard let first = rows.first else { return 1 }
        var most = 0.0
        features.storage.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            for row in rows {
                let square = Float._distance(
                    start + first * features.columns, start + row * features.columns, count: features.columns)
                most = max(most, Double(square))
            }
        }
        return max(2 * most.squareRoot(), 1e-6)
    }
}

/// What one strategy reached with one seed.
public struct ActiveCurve: Sendable, Hashable, Codable {
    public struct Point: Sendable, Hashable, Codable {
        public var labels: Int
        /// Of the test rows.
        public var accuracy: Double
        /// Seconds for the pool and the query, and for the model.
        public var selection: Double
        public var training: Double
    }

    public var strategy: ActiveStrategy
    public var seed: UInt64
    public var points: [Point] = []
    /// Unlabelled rows that were held at a time.
    public var mostHeld = 0
}
