import ApusCore

/// Logistic regression on subsets.
struct LinearHead: SubsetHead {
    static var stream: UInt64 { 60 }

    private let data: SubsetExperiment.Examples
    private let experiment: SubsetExperiment
    private let seed: UInt64
    private let all: [WeightedExample]
    /// ‖∇ of all‖ at the start.
    private let scale: Double
    private var crest: Crest?
    private var model: LogisticRegression

    init(_ data: SubsetExperiment.Examples, _ experiment: SubsetExperiment, _ method: SubsetMethod, seed: UInt64) {
        self.data = data
        self.experiment = experiment
        self.seed = seed
        all = (0..<data.features.rows).map { WeightedExample(row: $0, weight: 1) }
        let start = LogisticRegression(dimensions: data.features.columns, ridge: experiment.ridge)
        model = start
        scale = Self.norm(start.gradient(data.features, labels: data.labels, examples: all))
        if method == .crest {
            crest = Crest(rows: data.features.rows, start: start, settings: experiment.crest, seed: seed)
        }
    }

    mutating func choose(_ method: SubsetMethod, _ draw: inout SubsetDraw) throws(CoresetError) -> [WeightedExample] {
        switch method {
        case .craigAnew:
            let order = draw.shuffled()
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
        case .gradientMatching: return try matchedBatches(draw.shuffled(), size: draw.size)
        // CREST chooses while it trains.
        case .full, .random, .randomAnew, .craig, .crest: return []
        }
    }

    /// Mini-batches of a hundred are the items; each of its examples has the batch's weight.
    private func matchedBatches(_ order: [Int], size: Int) throws(CoresetError) -> [WeightedExample] {
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

    mutating func train(
        on subset: [WeightedExample], isNew: Bool, for method: SubsetMethod, epoch: Int, rate: Double
    ) throws(CoresetError) -> (gradients: Int, choosing: Double) {
        guard method != .crest else { return try trainOnBatches(rate) }
        model.train(
            data.features, labels: data.labels, examples: subset, total: Double(all.count), epochs: 1,
            steps: .init(first: rate, factor: 1), seed: seed &+ UInt64(epoch) << 32)
        return (subset.count, 0)
    }

    /// As many gradients as an epoch of the others has.
    private mutating func trainOnBatches(_ rate: Double) throws(CoresetError) -> (gradients: Int, choosing: Double) {
        let size = max(1, Int((experiment.fraction * Double(all.count)).rounded(.up)))
        var (gradients, seconds) = (0, 0.0)
        while gradients < size, var crest {
            let begin = SelectionRequest.threadNow
            try crest.check(model, data.features, labels: data.labels)
            seconds += SelectionRequest.threadNow - begin
            for batch in crest.batches where gradients < size {
                // A batch of m examples moves as far as m examples of a subset that stands for all do.
                let mass = Double(batch.count) * Double(all.count) / Double(size)
                model.step(
                    data.features, labels: data.labels,
                    batch: batch.map { WeightedExample(row: $0.row, weight: $0.weight * mass) }, rate: rate,
                    mass: mass)
                gradients += batch.count
            }
            self.crest = crest
        }
        return (gradients, seconds)
    }

    func loss() -> Double { model.loss(data.features, labels: data.labels) }

    func accuracy(on test: SubsetExperiment.Examples) -> Double {
        model.accuracy(test.features, labels: test.labels)
    }

    // MARK: Errors of gradients

    func gradientError(of subset: [WeightedExample], for method: SubsetMethod) -> Double? {
        method == .crest ? nil : error(of: subset, at: model) * Self.inverse(scale)
    }

    /// Over weights that are nearly normal: sums of twelve uniform numbers.
    func randomPointError(of subset: [WeightedExample], for method: SubsetMethod) -> Double? {
        guard method == .craig || method == .random else { return nil }
        var generator = SeededGenerator(seed: 1, stream: 61)
        var sum = 0.0
        for _ in 0..<20 {
            var other = model
            for t in other.weights.indices {
                other.weights[t] = (0..<12).reduce(-6.0) { sum, _ in sum + generator.unit() }
            }
            let full = Self.norm(other.gradient(data.features, labels: data.labels, examples: all))
            sum += error(of: subset, at: other) * Self.inverse(full) / 20
        }
        return sum
    }

    private static func norm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    private static func inverse(_ scale: Double) -> Double { scale > 0 ? 1 / scale : 0 }

    private func error(of subset: [WeightedExample], at model: LogisticRegression) -> Double {
        let full = model.gradient(data.features, labels: data.labels, examples: all)
        let part = model.gradient(data.features, labels: data.labels, examples: subset)
        return Self.norm(zip(full, part).map { $0 - $1 })
    }
}
