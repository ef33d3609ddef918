import ApusCore

/// What is trained on subsets: a model, and what only it knows of choosing for it.
protocol SubsetHead {
    /// The stream of random numbers that subsets of its runs come from.
    static var stream: UInt64 { get }

    /// Chooses as only this model can, by its gradients; counts as choosing all of its time.
    mutating func choose(_ method: SubsetMethod, _ run: inout SubsetDraw) throws(CoresetError) -> [WeightedExample]
    /// ‖∇ of all − weighted ∇ of the subset‖ over a norm of ∇ of all; nil where a method has no subset of its own.
    func gradientError(of subset: [WeightedExample], for method: SubsetMethod) throws(CoresetError) -> Double?
    /// The same at random weights, for subsets that are chosen once; nil where the model has no such measure.
    func randomPointError(of subset: [WeightedExample], for method: SubsetMethod) -> Double?
    /// An epoch on a subset.
    ///
    /// - Parameter isNew: whether the subset has been chosen since the last epoch.
    /// - Returns: gradients computed, and processor seconds of the epoch that went into choosing.
    mutating func train(
        on subset: [WeightedExample], isNew: Bool, for method: SubsetMethod, epoch: Int, rate: Double
    ) throws(CoresetError) -> (gradients: Int, choosing: Double)
    /// Looks at all rows, and returns their loss.
    mutating func loss() -> Double
    func accuracy(on test: SubsetExperiment.Examples) -> Double
}

/// Draws from all rows of a run.
struct SubsetDraw {
    let rows: Int
    /// Rows of a subset.
    let size: Int
    private var generator: SeededGenerator

    init(rows: Int, fraction: Double, generator: SeededGenerator) {
        self.rows = rows
        self.generator = generator
        size = max(1, Int((fraction * Double(rows)).rounded(.up)))
    }

    /// All rows in random order.
    mutating func shuffled() -> [Int] {
        var order = Array(0..<rows)
        generator.shuffle(&order)
        return order
    }

    /// As many rows as a subset has, which stand for all.
    mutating func random() -> [WeightedExample] {
        let weight = Double(rows) / Double(size)
        return shuffled().prefix(size).map { WeightedExample(row: $0, weight: weight) }
    }
}

/// The training of a model on subsets that a method chooses.
struct SubsetTrainer<Head: SubsetHead> {
    private let experiment: SubsetExperiment
    private let method: SubsetMethod
    private let seed: UInt64
    private let fixed: [WeightedExample]
    private var draw: SubsetDraw
    private var head: Head

    /// - Parameter coreset: what `craig` chose once.
    init(
        _ head: Head, rows: Int, _ experiment: SubsetExperiment, _ method: SubsetMethod, _ coreset: [WeightedExample],
        seed: UInt64
    ) {
        self.head = head
        self.experiment = experiment
        self.method = method
        self.seed = seed
        fixed = coreset
        draw = SubsetDraw(
            rows: rows, fraction: experiment.fraction, generator: SeededGenerator(seed: seed, stream: Head.stream))
    }

    mutating func train(
        _ steps: LogisticRegression.Steps, test: SubsetExperiment.Examples
    ) throws(CoresetError) -> SubsetRun.Result {
        var result = SubsetRun.Result(
            method: method, seed: seed, steps: steps, losses: [], accuracy: 0, gradientError: 0, selection: 0,
            training: 0, gradients: 0)
        var subset: [WeightedExample] = []
        let passes = experiment.passes(of: method)
        for epoch in 0..<passes {
            let isNew = epoch == 0 || (method.isRefreshed && epoch % experiment.refresh == 0)
            if isNew {
                let begin = SelectionRequest.threadNow
                subset = try choose()
                result.selection += SelectionRequest.threadNow - begin
            }
            if let error = try head.gradientError(of: subset, for: method) {
                result.gradientError += error / Double(passes)
            }
            if epoch == 0 { result.randomPointError = head.randomPointError(of: subset, for: method) }
            let start = SelectionRequest.threadNow
            let (gradients, choosing) = try head.train(
                on: subset, isNew: isNew, for: method, epoch: epoch,
                rate: steps.first * Double.power(steps.factor, Double(epoch)))
            result.training += SelectionRequest.threadNow - start - choosing
            result.selection += choosing
            result.gradients += gradients
            result.losses.append(head.loss())
            result.seconds.append(result.selection + result.training)
            result.spent.append(result.gradients)
        }
        result.accuracy = head.accuracy(on: test)
        return result
    }

    private mutating func choose() throws(CoresetError) -> [WeightedExample] {
        switch method {
        case .full: (0..<draw.rows).map { WeightedExample(row: $0, weight: 1) }
        case .craig: fixed
        case .random, .randomAnew: draw.random()
        case .craigAnew, .gradientMatching, .crest: try head.choose(method, &draw)
        }
    }
}
