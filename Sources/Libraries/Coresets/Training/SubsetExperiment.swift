import Apus
import ApusCore

/// Ways to choose what to train on.
public enum SubsetMethod: String, Sendable, CaseIterable, Codable {
    /// All examples.
    case full
    /// As many at random, once, each weighing n/|S|.
    case random
    /// As many at random, anew each time.
    case randomAnew = "random-anew"
    /// CRAIG on the features of each class, once.
    case craig
    /// CRAIG on the gradients of each class at the present weights, on random parts, anew each time.
    case craigAnew = "craig-anew"
    /// GradMatch on the gradients of random mini-batches, anew each time.
    case gradientMatching = "gradient-matching"
    case crest

    /// - Throws: `CoresetError.unknownName`.
    public init(named name: String) throws(CoresetError) {
        guard let found = Self(rawValue: name) else {
            throw .unknownName(what: "method", name: name, known: Self.allCases.map(\.rawValue))
        }
        self = found
    }

    /// Whether it chooses anew every few epochs.
    var isRefreshed: Bool {
        switch self {
        case .full, .random, .craig, .crest: false
        case .randomAnew, .craigAnew, .gradientMatching: true
        }
    }
}

/// Logistic regression, or a network with a hidden layer, trained on subsets chosen in several ways, with equal numbers of gradients; every seed draws its
/// own subsets and orders.
///
/// Step sizes g·bᵉ are tuned for each method on a grid, by the loss of a seed that is not reported.
public struct SubsetExperiment: Sendable, Codable {
    public var methods: [SubsetMethod]
    public var seeds: [UInt64]
    /// Share of the examples.
    public var fraction: Double
    /// Passes over all, for `full`.
    public var epochs = 20
    /// Passes over the subset; as many as over all where nil. With more, subsets have the time to reach what `full` does.
    public var subsetEpochs: Int?
    /// Epochs after which methods that choose anew do.
    public var refresh = 5
    /// Parts that `craig-anew` chooses from one by one.
    public var parts = 10
    /// λ.
    public var ridge = 1e-5
    public var firsts = [0.0003, 0.001, 0.003, 0.01, 0.03]
    public var factors = [0.8, 0.9, 1.0]
    /// How near to the last loss of `full` counts as having reached it, in shares of it.
    public var tolerances = [0.002, 0.005, 0.01, 0.02]
    public var crest = Crest.Settings()
    /// Units of a hidden layer; logistic regression where 0.
    public var hidden = 0
    /// Examples of a step of a network.
    public var batch = 10

    public init(
        methods: [SubsetMethod] = SubsetMethod.allCases, seeds: [UInt64] = [1, 2, 3, 4, 5], fraction: Double = 0.1
    ) {
        self.methods = methods
        self.seeds = seeds
        self.fraction = fraction
    }

    func passes(of method: SubsetMethod) -> Int { method == .full ? epochs : subsetEpochs ?? epochs }

    /// Labelled examples.
    public struct Examples: Sendable, Codable {
        public var features: Matrix<Float>
        /// Below `classes`.
        public var labels: [UInt8]
        public let classes: Int

        /// Of two classes: label 1 and every other.
        public init(features: Matrix<Float>, labels: [Int]) throws(CoresetError) {
            try self.init(features: features, labels: labels.map { $0 == 1 ? 1 : 0 }, classes: 2)
        }

        /// Labels are 0 ..< classes, at most 256.
        public init(features: Matrix<Float>, labels: [Int], classes: Int) throws(CoresetError) {
            guard labels.count == features.rows else {
                throw .dimensions(expected: features.rows, found: labels.count, what: "labels")
            }
            for (row, label) in labels.enumerated() where !(0..<min(256, classes)).contains(label) {
                throw .outOfRange(index: label, rows: min(256, classes), what: "the label of row \(row),")
            }
            self.features = features
            self.labels = labels.map { UInt8($0) }
            self.classes = classes
        }
    }

    /// Trains everything on a cluster.
    ///
    /// - Throws: `CoresetError.invalidParameter`; `TaskError`.
    public func run(on cluster: Cluster, train: Examples, test: Examples) async throws -> SubsetOutcome {
        guard fraction > 0, fraction <= 1, epochs > 0, subsetEpochs ?? 1 > 0, refresh > 0, parts > 0, !seeds.isEmpty
        else {
            throw CoresetError.invalidParameter(
                name: "one of fraction, epochs, refresh, parts and seeds",
                value: "\(fraction), \(epochs), \(refresh), \(parts), \(seeds.count)",
                expected: "positive, the fraction at most 1")
        }
        if hidden > 0, let other = methods.first(where: { $0 == .crest || $0 == .gradientMatching }) {
            throw CoresetError.unsupported(
                what: "\(other.rawValue) is not there for networks",
                remedy: "Leave it out, or train without hidden units.")
        }
        guard test.classes == train.classes, test.features.columns == train.features.columns else {
            throw CoresetError.dimensions(
                expected: train.features.columns, found: test.features.columns,
                what: "columns of the test rows (\(train.classes) and \(test.classes) classes)")
        }
        let inputs = (train: try await cluster.put(train), test: try await cluster.put(test))
        var fixed: CraigCoreset?
        var seconds = 0.0
        if methods.contains(.craig) {
            let begin = SelectionRequest.processorNow
            fixed = try CraigCoreset(
                proxies: train.features, labels: train.labels.map { Int($0) }, quota: .fraction(fraction))
            seconds = SelectionRequest.processorNow - begin
        }
        let coreset = try await cluster.put(fixed?.examples ?? [])
        let coresetSeconds = seconds
        func submit(_ method: SubsetMethod, _ steps: LogisticRegression.Steps, _ seed: UInt64) throws
            -> ObjectRef<SubsetRun.Result>
        {
            try cluster.submit(
                SubsetRun(
                    train: inputs.train, test: inputs.test, coreset: coreset, coresetSeconds: coresetSeconds,
                    experiment: self,
                    method: method, steps: steps, seed: seed))
        }
        // The seed of the grid is none of those reported.
        let tuning = (seeds.max() ?? 0) &+ 1000
        var grids: [(SubsetMethod, [LogisticRegression.Steps], [ObjectRef<SubsetRun.Result>])] = []
        for method in methods {
            let grid = firsts.flatMap { first in factors.map { LogisticRegression.Steps(first: first, factor: $0) } }
            grids.append((method, grid, try grid.map { try submit(method, $0, tuning) }))
        }
        var results: [SubsetRun.Result] = []
        for (method, grid, tasks) in grids {
            let losses = try await cluster.get(tasks).map(\.loss)
            let best = grid[losses.indices.min { losses[$0] < losses[$1] } ?? 0]
            results += try await cluster.get(try seeds.map { try submit(method, best, $0) })
        }
        return SubsetOutcome(experiment: self, coreset: fixed, results: results)
    }
}

/// One training, as a task.
public struct SubsetRun: RemoteTask {
    public struct Result: Sendable, Codable {
        public var method: SubsetMethod
        public var seed: UInt64
        public var steps: LogisticRegression.Steps
        /// On all training examples, after each epoch.
        public var losses: [Double]
        /// Processor seconds for choosing and training until then, and gradients computed in training.
        public var seconds: [Double] = []
        public var spent: [Int] = []
        /// Of the test examples, at the end.
        public var accuracy: Double
        /// ‖∇ of all − ∇ of the subset‖ over ‖∇ of all‖ at the start, before each epoch: the mean.
        public var gradientError: Double
        /// The same at 20 random weights over the norm there, for subsets that are chosen once.
        public var randomPointError: Double?
        /// Processor seconds.
        public var selection: Double
        public var training: Double
        /// Gradients computed in training.
        public var gradients: Int

        public var loss: Double { losses.last ?? .infinity }
    }

    @Input public var train: SubsetExperiment.Examples
    @Input public var test: SubsetExperiment.Examples
    @Input public var coreset: [WeightedExample]
    public var coresetSeconds: Double
    public var experiment: SubsetExperiment
    public var method: SubsetMethod
    public var steps: LogisticRegression.Steps
    public var seed: UInt64

    public init(
        train: ObjectRef<SubsetExperiment.Examples>, test: ObjectRef<SubsetExperiment.Examples>,
        coreset: ObjectRef<[WeightedExample]>, coresetSeconds: Double, experiment: SubsetExperiment,
        method: SubsetMethod, steps: LogisticRegression.Steps, seed: UInt64
    ) {
        _train = train
        _test = test
        _coreset = coreset
        self.coresetSeconds = coresetSeconds
        self.experiment = experiment
        self.method = method
        self.steps = steps
        self.seed = seed
    }

    public func run() async throws -> Result {
        var result: Result
        if experiment.hidden > 0 {
            var trainer = NetworkTrainer(train, experiment, method, coreset, seed: seed)
            result = try trainer.train(steps, test: test)
        } else {
            var trainer = SubsetTrainer(train, experiment, method, coreset, seed: seed)
            result = try trainer.train(steps)
            result.accuracy = trainer.model.accuracy(test.features, labels: test.labels)
        }
        if method == .craig {
            result.selection = coresetSeconds
            for epoch in result.seconds.indices { result.seconds[epoch] += coresetSeconds }
        }
        return result
    }
}

/// A training as it goes on.
struct SubsetTrainer {
    private let data: SubsetExperiment.Examples
    private let experiment: SubsetExperiment
    private let method: SubsetMethod
    private let seed: UInt64
    private let all: [WeightedExample]
    private let fixed: [WeightedExample]
    private var generator: SeededGenerator
    private var crest: Crest?
    private(set) var model: LogisticRegression
    private var selection = 0.0

    init(
        _ data: SubsetExperiment.Examples, _ experiment: SubsetExperiment, _ method: SubsetMethod,
        _ coreset: [WeightedExample], seed: UInt64
    ) {
        self.data = data
        self.experiment = experiment
        self.method = method
        self.seed = seed
        all = (0..<data.features.rows).map { WeightedExample(row: $0, weight: 1) }
        fixed = coreset
        generator = SeededGenerator(seed: seed, stream: 60)
        model = LogisticRegression(dimensions: data.features.columns, ridge: experiment.ridge)
        if method == .crest {
            crest = Crest(rows: data.features.rows, start: model, settings: experiment.crest, seed: seed)
        }
    }

    private var size: Int { max(1, Int((experiment.fraction * Double(all.count)).rounded(.up))) }

    mutating func train(_ steps: LogisticRegression.Steps) throws(CoresetError) -> SubsetRun.Result {
        var result = SubsetRun.Result(
            method: method, seed: seed, steps: steps, losses: [], accuracy: 0, gradientError: 0, selection: 0,
            training: 0, gradients: 0)
        let scale = Self.norm(model.gradient(data.features, labels: data.labels, examples: all))
        var subset: [WeightedExample] = []
        let passes = experiment.passes(of: method)
        for epoch in 0..<passes {
            let begin = SelectionRequest.threadNow
            if epoch == 0 || (method.isRefreshed && epoch % experiment.refresh == 0) { subset = try choose() }
            selection += SelectionRequest.threadNow - begin
            if method != .crest {
                result.gradientError += error(of: subset, at: model) * scaleFree(scale) / Double(passes)
            }
            if epoch == 0, method == .craig || method == .random { result.randomPointError = randomPointError(subset) }
            let start = SelectionRequest.threadNow
            let rate = steps.first * Double.power(steps.factor, Double(epoch))
            if method == .crest {
                let choosing = try trainOnBatches(rate, &result)
                selection += choosing
                result.training -= choosing
            } else {
                model.train(
                    data.features, labels: data.labels, examples: subset, total: Double(all.count), epochs: 1,
                    steps: .init(first: rate, factor: 1), seed: seed &+ UInt64(epoch) << 32)
                result.gradients += subset.count
            }
            result.training += SelectionRequest.threadNow - start
            result.losses.append(model.loss(data.features, labels: data.labels))
            result.seconds.append(selection + result.training)
            result.spent.append(result.gradients)
        }
        result.selection = selection
        return result
    }

    private mutating func choose() throws(CoresetError) -> [WeightedExample] {
        switch method {
        case .full: return all
        case .craig: return fixed
        case .crest: return []
        case .random, .randomAnew:
            let weight = Double(all.count) / Double(size)
            return shuffled().prefix(size).map { WeightedExample(row: $0, weight: weight) }
        case .craigAnew:
            let order = shuffled()
            var result: [WeightedExample] = []
            for part in 0..<experiment.parts {
                let rows = Array(
                    order[order.count * part / experiment.parts..<order.count * (part + 1) / experiment.parts])
                let proxies = model.gradients(data.features, labels: data.labels, rows: rows)
                let coreset = try CraigCoreset(
                    proxies: proxies, labels: rows.map { Int(data.labels[$0]) }, quota: .fraction(experiment.fraction),
                    threads: 1)
                result += coreset.examples.map { WeightedExample(row: rows[$0.row], weight: $0.weight) }
            }
            return result
        case .gradientMatching: return try matchedBatches()
        }
    }

    private mutating func shuffled() -> [Int] {
        var order = Array(0..<all.count)
        generator.shuffle(&order)
        return order
    }

    /// Mini-batches of a hundred are the items; each of its examples has the batch's weight.
    private mutating func matchedBatches() throws(CoresetError) -> [WeightedExample] {
        let order = shuffled()
        let batches = stride(from: 0, to: order.count, by: 100).map { Array(order[$0..<min(order.count, $0 + 100)]) }
        let gradients = batches.map { rows in
            model.gradient(
                data.features, labels: data.labels, examples: rows.map { WeightedExample(row: $0, weight: 1) })
        }
        let matching = try GradientMatching(
            gradients: Matrix(gradients), count: max(1, min(batches.count, size / 100)), ridge: 0.5)
        var result: [WeightedExample] = []
        let total = zip(matching.picks, matching.weights).reduce(0) { $0 + $1.1 * Double(batches[$1.0].count) }
        // With the ridge weights come out too small; together they stand for all examples.
        let factor = total > 0 ? Double(all.count) / total : 0
        for (pick, weight) in zip(matching.picks, matching.weights) where weight > 0 {
            result += batches[pick].map { WeightedExample(row: $0, weight: weight * factor) }
        }
        return result
    }

    /// As many gradients as an epoch of the others has.
    ///
    /// - Returns: seconds of it for choosing.
    private mutating func trainOnBatches(_ rate: Double, _ result: inout SubsetRun.Result) throws(CoresetError)
        -> Double
    {
        var seconds = 0.0
        var left = size
        while left > 0, var crest {
            let begin = SelectionRequest.threadNow
            try crest.check(model, data.features, labels: data.labels)
            seconds += SelectionRequest.threadNow - begin
            for batch in crest.batches where left > 0 {
                // A batch of m examples moves as far as m examples of a subset that stands for all do.
                let mass = Double(batch.count) * Double(all.count) / Double(size)
                model.step(
                    data.features, labels: data.labels,
                    batch: batch.map { WeightedExample(row: $0.row, weight: $0.weight * mass) }, rate: rate,
                    mass: mass)
                left -= batch.count
                result.gradients += batch.count
            }
            self.crest = crest
        }
        return seconds
    }

    // MARK: Errors of gradients

    private static func norm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    private func scaleFree(_ scale: Double) -> Double { scale > 0 ? 1 / scale : 0 }

    private func error(of subset: [WeightedExample], at model: LogisticRegression) -> Double {
        let full = model.gradient(data.features, labels: data.labels, examples: all)
        let part = model.gradient(data.features, labels: data.labels, examples: subset)
        return Self.norm(zip(full, part).map { $0 - $1 })
    }

    /// Over weights that are nearly normal: sums of twelve uniform numbers.
    private func randomPointError(_ subset: [WeightedExample]) -> Double {
        var generator = SeededGenerator(seed: 1, stream: 61)
        var sum = 0.0
        for _ in 0..<20 {
            var other = model
            for t in other.weights.indices {
                other.weights[t] = (0..<12).reduce(-6.0) { sum, _ in sum + generator.unit() }
            }
            let full = Self.norm(other.gradient(data.features, labels: data.labels, examples: all))
            sum += error(of: subset, at: other) * scaleFree(full) / 20
        }
        return sum
    }
}
