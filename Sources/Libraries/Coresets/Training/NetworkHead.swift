/// A network with a hidden layer on subsets.
///
/// Gradients of the loss by the scores, p − onehot(y), stand for those of examples: they are free with a look at all rows.
struct NetworkHead: SubsetHead {
    static var stream: UInt64 { 81 }

    private let data: SubsetExperiment.Examples
    private let experiment: SubsetExperiment
    private let labels: [Int]
    private var network: HiddenLayerNetwork
    private var loader: WeightedLoader
    /// Probabilities of all rows, as the last look saw them.
    private var present: Matrix<Float>

    init(_ data: SubsetExperiment.Examples, _ experiment: SubsetExperiment, seed: UInt64) {
        self.data = data
        self.experiment = experiment
        labels = data.labels.map { Int($0) }
        let start = HiddenLayerNetwork(
            dimensions: data.features.columns, hidden: experiment.hidden, classes: data.classes,
            ridge: experiment.ridge, seed: seed)
        network = start
        present = start.probabilities(of: data.features)
        loader = WeightedLoader([], batch: experiment.batch, seed: seed)
    }

    mutating func choose(_ method: SubsetMethod, _ draw: inout SubsetDraw) throws(CoresetError) -> [WeightedExample] {
        guard method == .craigAnew else {
            throw .unsupported(
                what: "\(method.rawValue) is not there for networks",
                remedy: "Leave it out, or train without hidden units.")
        }
        // The look at all rows that gradients are taken from counts as choosing.
        present = network.probabilities(of: data.features)
        return try CraigCoreset(
            proxies: GradientProxy.logits(probabilities: present, labels: labels), labels: labels,
            quota: .fraction(experiment.fraction), threads: 1
        ).examples
    }

    mutating func train(
        on subset: [WeightedExample], isNew: Bool, for method: SubsetMethod, epoch: Int, rate: Double
    ) -> (gradients: Int, choosing: Double) {
        if isNew { loader.replace(subset) }
        var gradients = 0
        for batch in loader.epoch() {
            network.step(data.features, labels: data.labels, batch: batch, rate: Float(rate))
            gradients += batch.rows.count
        }
        return (gradients, 0)
    }

    mutating func loss() -> Double {
        present = network.probabilities(of: data.features)
        return network.loss(present, labels: data.labels)
    }

    func accuracy(on test: SubsetExperiment.Examples) -> Double {
        let likely = network.probabilities(of: test.features)
        let right = test.labels.indices.count { row in
            let line = likely[row: row]
            return line.firstIndex(of: line.max() ?? 0).map { $0 - line.startIndex } == Int(test.labels[row])
        }
        return Double(right) / Double(max(1, test.labels.count))
    }

    /// ‖Σ of all − weighted Σ of the subset‖ / ‖Σ of all‖ of the proxies.
    func gradientError(of subset: [WeightedExample], for method: SubsetMethod) throws(CoresetError) -> Double? {
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

    func randomPointError(of subset: [WeightedExample], for method: SubsetMethod) -> Double? { nil }
}
