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

/// Feature-based selection: Σ_f w_f·φ(Σ_{j∈S} x_{jf}), x ≥ 0, φ concave. No similarities, O(entries) memory.
public struct FeatureBased: Objective {
    private enum Rows {
        /// Has a vector form: no weights, no logarithms.
        case single(SingleRows)
        case exact(SparseMatrix)
    }

    private let rows: Rows
    private let concave: Concave
    private let weights: [Double]?
    private var sums: [Double]
    private var values: [Double]
    public private(set) var value = 0.0

    /// - Throws: `CoresetError.notNegative`, `.dimensions`.
    /// - Complexity: a gain O(features of the element that are not 0).
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        _ features: Matrix<Scalar>, concave: Concave = .squareRoot, weights: [Double]? = nil
    ) throws(CoresetError) {
        if let single = features as? Matrix<Float>, weights == nil, concave != .logarithm {
            let rows = SingleRows(single)
            if rows.hasNegative { throw Self.negative(features) }
            try self.init(.single(rows), columnCount: features.columns, concave: concave, weights: weights)
        } else {
            if features.storage.contains(where: { $0 < 0 }) { throw Self.negative(features) }
            try self.init(
                .exact(SparseMatrix(features)), columnCount: features.columns, concave: concave, weights: weights)
        }
    }

    private static func negative<Scalar: KernelScalar>(_ features: Matrix<Scalar>) -> CoresetError {
        let bad = features.storage.firstIndex { $0 < 0 } ?? 0
        return .notNegative(row: bad / features.columns, column: bad % features.columns, objective: "feature-based")
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
        try self.init(.exact(features), columnCount: features.columnCount, concave: concave, weights: weights)
    }

    private init(_ rows: Rows, columnCount: Int, concave: Concave, weights: [Double]?) throws(CoresetError) {
        if let weights, weights.count != columnCount {
            throw .dimensions(expected: columnCount, found: weights.count, what: "feature weights")
        }
        if let weights, let bad = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw .invalidParameter(name: "feature weight \(bad)", value: "\(weights[bad])", expected: "0 or more")
        }
        self.rows = rows
        self.concave = concave
        self.weights = weights
        sums = [Double](repeating: 0, count: columnCount)
        values = sums
    }

    public var name: String { "feature-based" }

    public var count: Int {
        switch rows {
        case .single(let rows): rows.offsets.count - 1
        case .exact(let rows): rows.rowCount
        }
    }

    public var memory: Int {
        switch rows {
        case .single(let rows): rows.values.count * 8 + sums.count * 16
        case .exact(let rows): rows.values.count * 12 + sums.count * 16
        }
    }

    public mutating func gain(of element: Int) -> Double {
        switch rows {
        case .single(let rows):
            let start = rows.offsets[element]
            return avk_concave_gain(
                concave.rawValue, rows.values.pointer + start, rows.columns.pointer + start, sums, values,
                rows.offsets[element + 1] - start)
        case .exact(let rows):
            var sum = 0.0
            for entry in rows.offsets[element]..<rows.offsets[element + 1] {
                let column = Int(rows.columns[entry])
                let rise = concave(sums[column] + rows.values[entry]) - values[column]
                sum += weights.map { $0[column] * rise } ?? rise
            }
            return sum
        }
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        func put(_ column: Int32, _ x: Double) {
            let column = Int(column)
            sums[column] += x
            values[column] = concave(sums[column])
        }
        switch rows {
        case .single(let rows):
            for entry in rows.offsets[element]..<rows.offsets[element + 1] {
                put(rows.columns.pointer[entry], Double(rows.values.pointer[entry]))
            }
        case .exact(let rows):
            for entry in rows.offsets[element]..<rows.offsets[element + 1] {
                put(rows.columns[entry], rows.values[entry])
            }
        }
    }

    /// The elements of a matrix that are not zero, in single precision.
    private struct SingleRows: Sendable {
        private(set) var offsets: [Int]
        let columns: AlignedBuffer<Int32>
        let values: AlignedBuffer<Float>
        let hasNegative: Bool

        init(_ matrix: Matrix<Float>) {
            var filled = 0
            var least: Float = 0
            for value in matrix.storage {
                filled += value != 0 ? 1 : 0
                least = min(least, value)
            }
            hasNegative = least < 0
            // One place more: each element is written before it is known whether it counts.
            let columns = AlignedBuffer<Int32>(uninitialised: filled + 1)
            let values = AlignedBuffer<Float>(uninitialised: filled + 1)
            var offsets = [0]
            offsets.reserveCapacity(matrix.rows + 1)
            var next = 0
            matrix.storage.withUnsafeBufferPointer { all in
                for row in 0..<matrix.rows {
                    for column in 0..<matrix.columns {
                        let value = all[row * matrix.columns + column]
                        columns.pointer[next] = Int32(truncatingIfNeeded: column)
                        values.pointer[next] = value
                        next += value != 0 ? 1 : 0
                    }
                    offsets.append(next)
                }
            }
            self.offsets = offsets
            self.columns = columns
            self.values = values
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
