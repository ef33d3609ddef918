import ApusCore

/// CRAIG: a weighted subset whose gradient follows that of all the data.
///
/// In each class, facility location on D₀ − d, D₀ the greatest distance of the class; a pick's weight is the number of
/// points it is nearest to. L(S) = Σ_i min_{j∈S} d(i, j) bounds the error of the weighted gradient, up to the constant
/// that turns distances of proxies into distances of gradients.
///
/// Proxies: features, for convex losses of one class; p − onehot(y) for soft-max with cross-entropy
/// (`GradientProxy.logits`).
///
/// - Source: Mirzasoleiman, Bilmes & Leskovec 2020.
public struct CraigCoreset: Sendable, Hashable, Codable {
    /// What was chosen of one class.
    public struct Class: Sendable, Hashable, Codable {
        public var label: Int
        /// Rows of the class.
        public var size: Int
        /// Rows of the whole data, in order of choice.
        public var picks: [Int]
        public var gains: [Double]
        /// Rows represented by each pick; they sum to `size`.
        public var weights: [Int]
        /// L(S) within the class.
        public var cost: Double
        /// D₀.
        public var phantom: Double
        public var evaluations: Int
    }

    public var classes: [Class]
    /// Time for the selection; to be counted with the training that it saves.
    public var seconds: Double

    /// How many of each class.
    public enum Quota: Sendable, Hashable {
        /// ⌈fraction · size⌉.
        case fraction(Double)
        /// The same number of each, as far as a class has them.
        case equal(Int)
    }

    /// - Parameters:
    ///   - proxies: a row for each example.
    ///   - labels: class of each example.
    /// - Throws: `CoresetError.dimensions`, `.invalidParameter`, `.memory`.
    /// - Complexity: that of facility location in each class; O(n·d) memory for up to 64 dimensions.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        proxies: Matrix<Scalar>, labels: [Int], quota: Quota, optimizer: Optimizer = .lazy,
        storage: Similarities.Storage = .automatic, memoryLimit: Int? = nil, seed: UInt64 = 0, threads: Int? = nil
    ) throws(CoresetError) {
        guard labels.count == proxies.rows else {
            throw .dimensions(expected: proxies.rows, found: labels.count, what: "labels")
        }
        if case .fraction(let share) = quota, !(share > 0 && share <= 1) {
            throw .invalidParameter(name: "the fraction", value: "\(share)", expected: "above 0 and at most 1")
        }
        if case .equal(let count) = quota, count < 0 {
            throw .invalidParameter(name: "the quota", value: "\(count)", expected: "0 or more")
        }
        let start = SelectionRequest.now
        var members: [Int: [Int]] = [:]
        for (row, label) in labels.enumerated() { members[label, default: []].append(row) }
        var classes: [Class] = []
        for (label, rows) in members.sorted(by: { $0.key < $1.key }) {
            let count =
                switch quota {
                // A product a rounding above a whole number must not ask for one more.
                case .fraction(let share): min(rows.count, Int((share * Double(rows.count) - 1e-9).rounded(.up)))
                case .equal(let count): min(count, rows.count)
                }
            classes.append(
                try Self.select(
                    proxies.select(rows), rows: rows, label: label, count: count, optimizer: optimizer,
                    storage: storage, memoryLimit: memoryLimit, seed: seed, threads: threads))
        }
        self.classes = classes
        seconds = SelectionRequest.now - start
    }

    private static func select<Scalar: KernelScalar>(
        _ proxies: Matrix<Scalar>, rows: [Int], label: Int, count: Int, optimizer: Optimizer,
        storage: Similarities.Storage, memoryLimit: Int?, seed: UInt64, threads: Int?
    ) throws(CoresetError) -> Class {
        let similarities = try Similarities(
            proxies, metric: .maximumMinusDistance(), storage: storage, memoryLimit: memoryLimit, threads: threads)
        let selection = try FacilityLocation(similarities).maximize(count: count, using: optimizer, seed: seed)
        let representation = Representation(of: proxies, by: selection.picks, threads: threads)
        return Class(
            label: label, size: rows.count, picks: selection.picks.map { rows[$0] }, gains: selection.gains,
            weights: representation.weights.map { Int($0) }, cost: representation.cost,
            phantom: similarities.greatest, evaluations: selection.evaluations)
    }

    public var count: Int { classes.reduce(0) { $0 + $1.picks.count } }
    /// L(S) of all classes.
    public var cost: Double { classes.reduce(0) { $0 + $1.cost } }
    /// L(S)/n: the bound on the error of the mean gradient, per unit of the proxies' constant.
    public var meanCost: Double { cost / Double(max(1, classes.reduce(0) { $0 + $1.size })) }

    /// All picks with their weights, classes interleaved in proportion to their sizes, large gains first: an order for
    /// incremental gradient methods.
    public var examples: [WeightedExample] {
        var result: [WeightedExample] = []
        result.reserveCapacity(count)
        var next = [Int](repeating: 0, count: classes.count)
        while result.count < count {
            // The class that lags most behind its share.
            var best = -1
            var most = -Double.infinity
            for (index, one) in classes.enumerated() where next[index] < one.picks.count {
                let lag = 1 - Double(next[index]) / Double(one.picks.count)
                if lag > most { (best, most) = (index, lag) }
            }
            let one = classes[best]
            result.append(WeightedExample(row: one.picks[next[best]], weight: Double(one.weights[next[best]])))
            next[best] += 1
        }
        return result
    }
}

/// A row of the data and the rows it stands for.
public struct WeightedExample: Sendable, Hashable, Codable {
    public var row: Int
    public var weight: Double

    public init(row: Int, weight: Double) {
        self.row = row
        self.weight = weight
    }
}

/// What stands for an example's gradient.
public enum GradientProxy {
    /// The gradient of soft-max with cross-entropy by its logits: p − onehot(y).
    ///
    /// - Parameter probabilities: a row for each example, a column for each class.
    /// - Throws: `CoresetError.dimensions`, `.outOfRange`.
    public static func logits<Scalar: KernelScalar>(
        probabilities: Matrix<Scalar>, labels: [Int]
    ) throws(CoresetError) -> Matrix<Scalar> {
        guard labels.count == probabilities.rows else {
            throw .dimensions(expected: probabilities.rows, found: labels.count, what: "labels")
        }
        var values = probabilities.storage
        for (row, label) in labels.enumerated() {
            guard (0..<probabilities.columns).contains(label) else {
                throw .outOfRange(index: label, rows: probabilities.columns, what: "the label of row \(row),")
            }
            values[row * probabilities.columns + label] -= 1
        }
        return Matrix(finite: values, rows: probabilities.rows, columns: probabilities.columns)
    }
}

/// Mini-batches of weighted examples in a new order each epoch, and when to select anew.
///
/// ```swift
/// var loader = WeightedLoader(coreset.examples, batch: 32, seed: 7)
/// for epoch in 0..<epochs {
///     if epoch > 0, epoch % 5 == 0 { loader.replace(try CraigCoreset(…).examples) }
///     for batch in loader.epoch() { step(rows: batch.rows, weights: batch.weights) }
/// }
/// ```
public struct WeightedLoader: Sendable {
    /// Rows, and weights that sum to 1: the batch's loss is Σ weightᵢ · lossᵢ.
    public struct Batch: Sendable, Hashable {
        public var rows: [Int]
        public var weights: [Double]
        /// Sum of the examples' weights before they were made to sum to 1.
        public var mass: Double
    }

    private var examples: [WeightedExample]
    private let size: Int
    private var generator: SeededGenerator

    public init(_ examples: [WeightedExample], batch: Int, seed: UInt64) {
        self.examples = examples
        size = max(1, batch)
        generator = SeededGenerator(seed: seed)
    }

    /// Uses another core-set from the next epoch on.
    public mutating func replace(_ examples: [WeightedExample]) { self.examples = examples }

    /// The batches of one epoch, each example once.
    public mutating func epoch() -> [Batch] {
        generator.shuffle(&examples)
        return stride(from: 0, to: examples.count, by: size).map { first in
            let part = examples[first..<min(examples.count, first + size)]
            let mass = part.reduce(0) { $0 + $1.weight }
            return Batch(
                rows: part.map(\.row), weights: part.map { mass > 0 ? $0.weight / mass : 0 }, mass: mass)
        }
    }
}
