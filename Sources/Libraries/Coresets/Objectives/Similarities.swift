/// Similarities of candidates to the points they may represent: computed from features when asked, stored as a
/// matrix, or sparse.
///
/// Immutable and shared; several objectives can stand on one.
public final class Similarities: Sendable {
    /// Where values come from.
    public enum Storage: String, Sendable, CaseIterable, Codable {
        /// Computed each time they are needed: O((n + u)·d) memory.
        case computed
        /// Kept: O(n·u) memory.
        case stored
        /// Stored where distances are costly to recompute (more than 64 dimensions, or no distance) and the memory is
        /// there, else computed.
        case automatic
    }

    enum Source {
        case float(SimilarityRows<Float>)
        case double(SimilarityRows<Double>)
        case dense(DenseSimilarities)
        case sparse(SparseMatrix)
    }

    let source: Source
    /// Elements to choose from.
    public let count: Int
    /// Points to be represented.
    public let represented: Int
    /// The measure, unless values were given.
    public let metric: Similarity?
    let threads: Int

    /// Similarities between rows of features.
    ///
    /// - Parameters:
    ///   - represented: rows that candidates stand for; the candidates themselves where nil.
    ///   - memoryLimit: bytes that may be taken; what the machine has free where nil.
    ///   - threads: all processors where nil. Results do not depend on it.
    /// - Throws: `CoresetError.memory` before anything is allocated, `.dimensions`.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public convenience init<Scalar: KernelScalar>(
        _ features: Matrix<Scalar>, representing represented: Matrix<Scalar>? = nil, metric: Similarity,
        storage: Storage = .automatic, memoryLimit: Int? = nil, threads: Int? = nil
    ) throws(CoresetError) {
        if let represented, represented.columns != features.columns {
            throw .dimensions(expected: features.columns, found: represented.columns, what: "represented features")
        }
        let points = represented?.rows ?? features.rows
        func bytes(_ stores: Bool) -> Int {
            SimilarityRows<Scalar>.bytes(
                candidates: features.rows, represented: points, dimensions: features.columns, stores: stores)
        }
        let limit = memoryLimit ?? Memory.available
        let isCheap = metric.isOfDistance && features.columns <= SimilarityRows<Scalar>.directLimit
        let stores =
            switch storage {
            case .stored: true
            case .computed: false
            case .automatic: !isCheap && bytes(true) <= limit / 2
            }
        let remedy =
            stores
            ? "Compute similarities when needed (storage `computed`, \(bytes(false)) bytes), use a neighbour graph, "
                + "or select on parts and unite them."
            : "Select on parts and unite them, or stream."
        try Memory.require(
            bytes(stores), limit: limit, for: "\(features.rows) × \(points) similarities (\(metric.name))",
            remedy: remedy)
        let threads = threads ?? Parallel.processors
        let source: Source
        switch (features, represented) {
        case (let features as Matrix<Float>, let represented as Matrix<Float>?):
            source = .float(
                SimilarityRows(
                    features: features, represented: represented, metric: metric, stores: stores, threads: threads))
        case (let features as Matrix<Double>, let represented as Matrix<Double>?):
            source = .double(
                SimilarityRows(
                    features: features, represented: represented, metric: metric, stores: stores, threads: threads))
        default:
            throw .unsupported(what: "Features of \(Scalar.self) have no kernels", remedy: "Use Float or Double.")
        }
        self.init(source, count: features.rows, represented: points, metric: metric, threads: threads)
    }

    /// Given similarities: row u, column e tells how well candidate e represents point u.
    public convenience init<Scalar: KernelScalar>(matrix: Matrix<Scalar>) {
        self.init(
            .dense(DenseSimilarities(matrix)), count: matrix.columns, represented: matrix.rows, metric: nil, threads: 1)
    }

    /// Given similarities, 0 where absent: row u, column e as in `init(matrix:)`.
    public convenience init(sparse matrix: SparseMatrix) {
        self.init(
            .sparse(matrix.transposed), count: matrix.columnCount, represented: matrix.rowCount, metric: nil, threads: 1
        )
    }

    private init(_ source: Source, count: Int, represented: Int, metric: Similarity?, threads: Int) {
        self.source = source
        self.count = count
        self.represented = represented
        self.metric = metric
        self.threads = threads
    }

    /// The similarity of candidate `element` to each represented point, in their order.
    ///
    /// - Complexity: O(represented × dimensions), or O(represented) where stored.
    public func row(_ element: Int, into row: inout [Double]) {
        if row.count != represented { row = [Double](repeating: 0, count: represented) }
        switch source {
        case .float(let rows): Self.fill(rows, element, &row)
        case .double(let rows): Self.fill(rows, element, &row)
        case .dense(let dense):
            for point in 0..<represented { row[point] = dense.values.pointer[element * represented + point] }
        case .sparse(let matrix):
            for point in 0..<represented { row[point] = 0 }
            for entry in matrix.offsets[element]..<matrix.offsets[element + 1] {
                row[Int(matrix.columns[entry])] += matrix.values[entry]
            }
        }
    }

    private static func fill<Scalar: KernelScalar>(
        _ rows: SimilarityRows<Scalar>, _ element: Int, _ row: inout [Double]
    ) {
        let scratch = AlignedBuffer<Scalar>(uninitialised: rows.stride)
        rows.fill(element, into: scratch.pointer)
        rows.points.placeOf.withUnsafeBufferPointer { places in
            row.withUnsafeMutableBufferPointer { row in
                for point in 0..<row.count { row[point] = Double(scratch.pointer[Int(places[point])]) }
            }
        }
    }

    /// For each candidate its similarity to itself.
    func diagonal() -> [Double] {
        switch (source, metric) {
        case (.float, .exponentialDistance?), (.float, .gaussian?), (.float, .inverseDistance?),
            (.double, .exponentialDistance?), (.double, .gaussian?), (.double, .inverseDistance?):
            return [Double](repeating: 1, count: count)
        default:
            var row: [Double] = []
            return (0..<count).map {
                self.row($0, into: &row)
                return row[$0]
            }
        }
    }

    /// For each candidate the sum of its similarities, and its similarity to itself.
    func totals() -> (sums: [Double], diagonal: [Double]) {
        var sums: [Double] = []
        var diagonal: [Double] = []
        var row: [Double] = []
        for element in 0..<count {
            self.row(element, into: &row)
            sums.append(row.reduce(0, +))
            diagonal.append(row[element])
        }
        return (sums, diagonal)
    }

    /// Whether values that were left out count as 0.
    var isSparse: Bool { if case .sparse = source { true } else { false } }

    /// The greatest similarity there can be; with max-distance the distance of the phantom.
    var greatest: Double {
        switch source {
        case .float(let rows): rows.greatest
        case .double(let rows): rows.greatest
        case .dense(let dense): dense.greatest
        case .sparse(let matrix): matrix.values.max() ?? 0
        }
    }

    /// Bytes held.
    public var memory: Int {
        switch source {
        case .float(let rows):
            SimilarityRows<Float>.bytes(
                candidates: rows.candidates, represented: rows.represented, dimensions: rows.dimensions,
                stores: rows.stored != nil)
        case .double(let rows):
            SimilarityRows<Double>.bytes(
                candidates: rows.candidates, represented: rows.represented, dimensions: rows.dimensions,
                stores: rows.stored != nil)
        case .dense(let dense): dense.values.count * 8
        case .sparse(let matrix): matrix.values.count * 12 + matrix.offsets.count * 8
        }
    }
}

/// Given similarities, a row for each candidate.
final class DenseSimilarities: Sendable {
    let values: AlignedBuffer<Double>
    let greatest: Double

    init<Scalar: KernelScalar>(_ matrix: Matrix<Scalar>) {
        values = AlignedBuffer(uninitialised: matrix.rows * matrix.columns)
        for element in 0..<matrix.columns {
            for point in 0..<matrix.rows {
                values.pointer[element * matrix.rows + point] = Double(matrix[point, element])
            }
        }
        greatest = Double._maximum(values.pointer, count: values.count)
    }
}
