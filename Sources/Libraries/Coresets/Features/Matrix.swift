/// Rows of numbers: `rows` × `columns`, row-major.
public struct Matrix<Scalar: KernelScalar>: Sendable, Hashable, Codable {
    public let rows: Int
    public let columns: Int
    /// Element (r, c) is at `r * columns + c`.
    public let storage: [Scalar]

    /// - Throws: `CoresetError.dimensions` where the storage has another size, `.notFinite`.
    /// - Complexity: O(rows × columns).
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init(rows: Int, columns: Int, storage: [Scalar]) throws(CoresetError) {
        guard storage.count == rows * columns else {
            throw .dimensions(expected: rows * columns, found: storage.count, what: "elements of the matrix")
        }
        if let bad = Scalar.firstNotFinite(storage) {
            throw .notFinite(row: bad / max(1, columns), column: bad % max(1, columns))
        }
        self.rows = rows
        self.columns = columns
        self.storage = storage
    }

    /// - Throws: as `init(rows:columns:storage:)`; `.dimensions` where rows differ in length.
    public init(_ rows: [[Scalar]]) throws(CoresetError) {
        let columns = rows.first?.count ?? 0
        for (index, row) in rows.enumerated() where row.count != columns {
            throw .dimensions(expected: columns, found: row.count, what: "columns of row \(index)")
        }
        try self.init(rows: rows.count, columns: columns, storage: rows.flatMap { $0 })
    }

    /// Elements that are known to be finite.
    init(finite storage: [Scalar], rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        self.storage = storage
    }

    public subscript(row: Int, column: Int) -> Scalar { storage[row * columns + column] }

    /// One row. Complexity: O(1).
    public subscript(row row: Int) -> ArraySlice<Scalar> { storage[row * columns..<(row + 1) * columns] }

    /// Some rows, in the order given. Complexity: O(indices × columns).
    @_specialize(kind:partial,where Scalar == Float)
    @_specialize(kind:partial,where Scalar == Double)
    public func select(_ indices: some Collection<Int>) -> Matrix {
        var chosen: [Scalar] = []
        chosen.reserveCapacity(indices.count * columns)
        for index in indices { chosen.append(contentsOf: self[row: index]) }
        return Matrix(finite: chosen, rows: indices.count, columns: columns)
    }

    /// The same numbers in another precision.
    public func converted<Other: KernelScalar>(to type: Other.Type) -> Matrix<Other> {
        Matrix<Other>(finite: storage.map { Other($0) }, rows: rows, columns: columns)
    }

    /// Each column with mean 0 and deviation 1 (population); constant columns become 0.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public func standardised() -> Matrix {
        var result = storage
        for column in 0..<columns {
            var mean = 0.0
            for row in 0..<rows { mean += Double(storage[row * columns + column]) }
            mean /= Double(max(1, rows))
            var variance = 0.0
            for row in 0..<rows {
                let difference = Double(storage[row * columns + column]) - mean
                variance += difference * difference
            }
            let deviation = (variance / Double(max(1, rows))).squareRoot()
            for row in 0..<rows {
                let index = row * columns + column
                result[index] = deviation > 0 ? Scalar((Double(storage[index]) - mean) / deviation) : 0
            }
        }
        return Matrix(finite: result, rows: rows, columns: columns)
    }
}
