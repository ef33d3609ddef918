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

/// Logistic regression, or a network with a hidden layer, trained on subsets chosen in several ways, with equal numbers of
/// gradients; every seed draws its own subsets and orders.
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
        let rows = train.features.rows
        var result: Result
        if experiment.hidden > 0 {
            let head = NetworkHead(train, experiment, seed: seed)
            var trainer = SubsetTrainer(head, rows: rows, experiment, method, coreset, seed: seed)
            result = try trainer.train(steps, test: test)
        } else {
            let head = LinearHead(train, experiment, method, seed: seed)
            var trainer = SubsetTrainer(head, rows: rows, experiment, method, coreset, seed: seed)
            result = try trainer.train(steps, test: test)
        }
        if method == .craig {
            result.selection = coresetSeconds
            for epoch in result.seconds.indices { result.seconds[epoch] += coresetSeconds }
        }
        return result
    }
}
