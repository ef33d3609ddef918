import CVectorKernels
import Glibc

/// A concave function of sums of features.
public enum Concave: Int32, Sendable, Hashable, CaseIterable, Codable {
    /// √x
    case squareRoot = 0
    /// log(1 + x)
    case logarithm = 1
    /// x / (1 + x); apricot's sigmoid, submodlib's inverse.
    case saturation = 2

    @inline(__always)
    func callAsFunction(_ x: Double) -> Double {
        switch self {
        case .squareRoot: x.squareRoot()
        case .logarithm: log1p(x)
        case .saturation: x / (1 + x)
        }
    }
}

/// Feature-based selection: Σ_f w_f·φ(Σ_{j∈S} x_{jf}), x ≥ 0, φ concave. No similarities, O(n·d) memory.
public struct FeatureBased: Objective {
    private let features: Matrix<Float>?
    private let exact: SparseMatrix
    private let concave: Concave
    private let weights: [Double]?
    private var sums: [Double]
    private var values: [Double]
    public private(set) var value = 0.0

    /// - Throws: `CoresetError.notNegative`, `.dimensions`.
    /// - Complexity: a gain O(d), or O(features that are not 0) for `Double` and sparse features.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        _ features: Matrix<Scalar>, concave: Concave = .squareRoot, weights: [Double]? = nil
    ) throws(CoresetError) {
        if let bad = features.storage.firstIndex(where: { $0 < 0 }) {
            throw .notNegative(row: bad / features.columns, column: bad % features.columns, objective: "feature-based")
        }
        // Mostly zeros, or logarithms, which have no vector form here: work by the entries that are there.
        let filled = features.storage.reduce(into: 0) { $0 += $1 != 0 ? 1 : 0 }
        let isDense =
            Scalar.self == Float.self && weights == nil && concave != .logarithm && filled * 6 > features.storage.count
        try self.init(
            SparseMatrix(features), dense: isDense ? features as? Matrix<Float> : nil, concave: concave,
            weights: weights)
    }

    /// - Throws: as the other initialiser.
    public init(sparse features: SparseMatrix, concave: Concave = .squareRoot, weights: [Double]? = nil)
        throws(CoresetError)
    {
        for row in 0..<features.rowCount {
            for entry in features.offsets[row]..<features.offsets[row + 1] where features.values[entry] < 0 {
                throw .notNegative(row: row, column: Int(features.columns[entry]), objective: "feature-based")
            }
        }
        try self.init(features, dense: nil, concave: concave, weights: weights)
    }

    private init(_ features: SparseMatrix, dense: Matrix<Float>?, concave: Concave, weights: [Double]?)
        throws(CoresetError)
    {
        if let weights, weights.count != features.columnCount {
            throw .dimensions(expected: features.columnCount, found: weights.count, what: "feature weights")
        }
        if let weights, let bad = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw .invalidParameter(name: "feature weight \(bad)", value: "\(weights[bad])", expected: "0 or more")
        }
        self.features = dense
        exact = features
        self.concave = concave
        self.weights = weights
        sums = [Double](repeating: 0, count: features.columnCount)
        values = sums
    }

    public var name: String { "feature-based" }
    public var count: Int { exact.rowCount }
    public var memory: Int { exact.values.count * 12 + sums.count * 16 }

    public mutating func gain(of element: Int) -> Double {
        if let features {
            return features.storage.withUnsafeBufferPointer { all in
                avk_concave_gain(
                    concave.rawValue, all.baseAddress.map { $0 + element * features.columns }, sums, values,
                    features.columns)
            }
        }
        var sum = 0.0
        for entry in exact.offsets[element]..<exact.offsets[element + 1] {
            let column = Int(exact.columns[entry])
            let rise = concave(sums[column] + exact.values[entry]) - values[column]
            sum += weights.map { $0[column] * rise } ?? rise
        }
        return sum
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        for entry in exact.offsets[element]..<exact.offsets[element + 1] {
            let column = Int(exact.columns[entry])
            sums[column] += exact.values[entry]
            values[column] = concave(sums[column])
        }
    }
}

/// Coverage of concepts: Σ_c w_c·min(Σ_{j∈S} x_{jc}, θ). θ = 1 and x ∈ {0, 1} is set cover.
public struct MaximumCoverage: Objective {
    private let features: SparseMatrix
    private let threshold: Double
    private let weights: [Double]
    private var counts: [Double]
    public private(set) var value = 0.0

    /// - Throws: `CoresetError.notNegative`, `.dimensions`, `.invalidParameter`.
    public init(_ features: SparseMatrix, threshold: Double = 1, weights: [Double]? = nil) throws(CoresetError) {
        guard threshold > 0 else {
            throw .invalidParameter(name: "the coverage threshold", value: "\(threshold)", expected: "positive")
        }
        if let bad = features.values.firstIndex(where: { $0 < 0 }) {
            let row = (0..<features.rowCount).first { features.offsets[$0 + 1] > bad } ?? 0
            throw .notNegative(row: row, column: Int(features.columns[bad]), objective: "coverage")
        }
        if let weights, weights.count != features.columnCount {
            throw .dimensions(expected: features.columnCount, found: weights.count, what: "concept weights")
        }
        self.features = features
        self.threshold = threshold
        self.weights = weights ?? [Double](repeating: 1, count: features.columnCount)
        counts = [Double](repeating: 0, count: features.columnCount)
    }

    public var name: String { "max-coverage" }
    public var count: Int { features.rowCount }

    public mutating func gain(of element: Int) -> Double {
        var sum = 0.0
        for entry in features.offsets[element]..<features.offsets[element + 1] {
            let concept = Int(features.columns[entry])
            let before = min(counts[concept], threshold)
            sum += weights[concept] * (min(counts[concept] + features.values[entry], threshold) - before)
        }
        return sum
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        for entry in features.offsets[element]..<features.offsets[element + 1] {
            counts[Int(features.columns[entry])] += features.values[entry]
        }
    }
}

/// Probabilistic coverage: Σ_c w_c·(1 − Π_{j∈S} (1 − p_{jc})).
public struct ProbabilisticCoverage: Objective {
    private let features: SparseMatrix
    private let weights: [Double]
    private var missed: [Double]
    public private(set) var value = 0.0

    /// - Throws: `CoresetError.invalidParameter` for what is no probability, `.dimensions`.
    public init(_ features: SparseMatrix, weights: [Double]? = nil) throws(CoresetError) {
        if let bad = features.values.first(where: { !(0...1).contains($0) }) {
            throw .invalidParameter(name: "a probability of coverage", value: "\(bad)", expected: "from 0 to 1")
        }
        if let weights, weights.count != features.columnCount {
            throw .dimensions(expected: features.columnCount, found: weights.count, what: "concept weights")
        }
        self.features = features
        self.weights = weights ?? [Double](repeating: 1, count: features.columnCount)
        missed = [Double](repeating: 1, count: features.columnCount)
    }

    public var name: String { "probabilistic-coverage" }
    public var count: Int { features.rowCount }

    public mutating func gain(of element: Int) -> Double {
        var sum = 0.0
        for entry in features.offsets[element]..<features.offsets[element + 1] {
            let concept = Int(features.columns[entry])
            sum += weights[concept] * missed[concept] * features.values[entry]
        }
        return sum
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        for entry in features.offsets[element]..<features.offsets[element + 1] {
            missed[Int(features.columns[entry])] *= 1 - features.values[entry]
        }
    }
}
