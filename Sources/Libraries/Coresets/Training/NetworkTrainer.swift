import ApusCore

/// The training of a network with a hidden layer on a subset.
///
/// Gradients of the loss by the scores, p − onehot(y), stand for those of examples: they are free with a look at all rows.
struct NetworkTrainer {
    private let data: SubsetExperiment.Examples
    private let experiment: SubsetExperiment
    private let method: SubsetMethod
    private let fixed: [WeightedExample]
    private let labels: [Int]
    private var generator: SeededGenerator
    private var network: HiddenLayerNetwork
    private let seed: UInt64

    init(
        _ data: SubsetExperiment.Examples, _ experiment: SubsetExperiment, _ method: SubsetMethod,
        _ coreset: [WeightedExample], seed: UInt64
    ) {
        self.data = data
        self.experiment = experiment
        self.method = method
        self.seed = seed
        fixed = coreset
        labels = data.labels.map { Int($0) }
        generator = SeededGenerator(seed: seed, stream: 81)
        network = HiddenLayerNetwork(
            dimensions: data.features.columns, hidden: experiment.hidden, classes: data.classes,
            ridge: experiment.ridge, seed: seed)
    }

    mutating func train(
        _ steps: LogisticRegression.Steps, test: SubsetExperiment.Examples
    ) throws(CoresetError) -> SubsetRun.Result {
        var result = SubsetRun.Result(
            method: method, seed: seed, steps: steps, losses: [], accuracy: 0, gradientError: 0, selection: 0,
            training: 0, gradients: 0)
        var loader = WeightedLoader([], batch: experiment.batch, seed: seed)
        var subset: [WeightedExample] = []
        var present = network.probabilities(of: data.features)
        let passes = experiment.passes(of: method)
        for epoch in 0..<passes {
            if epoch == 0 || (method.isRefreshed && epoch % experiment.refresh == 0) {
                let begin = SelectionRequest.threadNow
                // The look at all rows that gradients are taken from counts as choosing.
                if method == .craigAnew { present = network.probabilities(of: data.features) }
                subset = try choose(present)
                loader.replace(subset)
                result.selection += SelectionRequest.threadNow - begin
            }
            result.gradientError += try error(of: subset, present) / Double(passes)
            let start = SelectionRequest.threadNow
            let rate = Float(steps.first * Double.power(steps.factor, Double(epoch)))
            for batch in loader.epoch() {
                network.step(data.features, labels: data.labels, batch: batch, rate: rate)
                result.gradients += batch.rows.count
            }
            result.training += SelectionRequest.threadNow - start
            present = network.probabilities(of: data.features)
            result.losses.append(network.loss(present, labels: data.labels))
            result.seconds.append(result.selection + result.training)
            result.spent.append(result.gradients)
        }
        let likely = network.probabilities(of: test.features)
        let right = test.labels.indices.count { row in
            let line = likely[row: row]
            return line.firstIndex(of: line.max() ?? 0).map { $0 - line.startIndex } == Int(test.labels[row])
        }
        result.accuracy = Double(right) / Double(max(1, test.labels.count))
        return result
    }

    private mutating func choose(_ present: Matrix<Float>) throws(CoresetError) -> [WeightedExample] {
        let rows = data.features.rows
        switch method {
        case .full: return (0..<rows).map { WeightedExample(row: $0, weight: 1) }
        case .craig: return fixed
        case .craigAnew:
            let proxies = try GradientProxy.logits(probabilities: present, labels: labels)
            return try CraigCoreset(
                proxies: proxies, labels: labels, quota: .fraction(experiment.fraction), threads: 1
            ).examples
        case .random, .randomAnew:
            let size = max(1, Int((experiment.fraction * Double(rows)).rounded(.up)))
            var order = Array(0..<rows)
            generator.shuffle(&order)
            return order.prefix(size).map { WeightedExample(row: $0, weight: Double(rows) / Double(size)) }
        case .gradientMatching, .crest:
            throw .unsupported(
                what: "\(method.rawValue) is not there for networks",
                remedy: "Leave it out, or train without hidden units.")
        }
    }

    /// ‖Σ of all − weighted Σ of the subset‖ / ‖Σ of all‖ of the proxies.
    private func error(of subset: [WeightedExample], _ present: Matrix<Float>) throws(CoresetError) -> Double {
        let proxies = try GradientProxy.logits(probabilities: present, labels: labels)
        var (all, part) = ([Double](repeating: 0, count: data.classes), [Double](repeating: 0, count: data.classes))
        for row in labels.indices { for label in 0..<data.classes { all[label] += Double(proxies[row, label]) } }
        for one in subset {
            for label in 0..<data.classes { part[label] += one.weight * Double(proxies[one.row, label]) }
        }
        let norm = all.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let off = zip(all, part).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        return norm > 0 ? off / norm : 0
    }
}
