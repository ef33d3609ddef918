/// A sparse matrix in compressed rows (CSR): row r has `values[offsets[r]..<offsets[r + 1]]` in the `columns` beside them.
public struct SparseMatrix: Sendable, Hashable, Codable {
    public let rowCount: Int
    public let columnCount: Int
    public let offsets: [Int]
    public let columns: [Int32]
    public let values: [Double]

    /// - Throws: `CoresetError.dimensions` and `.outOfRange` for offsets and columns that do not fit, `.notFinite`.
    public init(columnCount: Int, offsets: [Int], columns: [Int32], values: [Double]) throws(CoresetError) {
        guard let last = offsets.last, offsets[0] == 0 else {
            throw .dimensions(expected: 1, found: 0, what: "offsets of a sparse matrix (the first must be 0)")
        }
        guard columns.count == values.count, last == values.count else {
            throw .dimensions(expected: last, found: values.count, what: "values of the sparse matrix")
        }
        for row in 1..<max(1, offsets.count) where offsets[row] < offsets[row - 1] {
            throw .dimensions(expected: offsets[row - 1], found: offsets[row], what: "offset \(row), which falls")
        }
        for (index, column) in columns.enumerated() where column < 0 || Int(column) >= columnCount {
            throw .outOfRange(index: Int(column), rows: columnCount, what: "column of entry \(index),")
        }
        for (index, value) in values.enumerated() where !value.isFinite {
            throw .notFinite(row: offsets.lastIndex { $0 <= index } ?? 0, column: Int(columns[index]))
        }
        rowCount = offsets.count - 1
        self.columnCount = columnCount
        self.offsets = offsets
        self.columns = columns
        self.values = values
    }

    /// The elements that are not zero.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(_ matrix: Matrix<Scalar>) {
        let width = matrix.columns
        var offsets = [0]
        var columns: [Int32] = []
        var values: [Double] = []
        offsets.reserveCapacity(matrix.rows + 1)
        matrix.storage.withUnsafeBufferPointer { all in
            let filled = all.reduce(into: 0) { $0 += $1 != 0 ? 1 : 0 }
            columns.reserveCapacity(filled)
            values.reserveCapacity(filled)
            for row in 0..<matrix.rows {
                for column in 0..<width {
                    let value = all[row * width + column]
                    if value != 0 {
                        columns.append(Int32(truncatingIfNeeded: column))
                        values.append(Double(value))
                    }
                }
                offsets.append(values.count)
            }
        }
        rowCount = matrix.rows
        columnCount = matrix.columns
        self.offsets = offsets
        self.columns = columns
        self.values = values
    }

    /// Rows and columns exchanged. Complexity: O(entries + columns).
    public var transposed: SparseMatrix {
        var starts = [Int](repeating: 0, count: columnCount + 1)
        for column in columns { starts[Int(column) + 1] += 1 }
        for column in 0..<columnCount { starts[column + 1] += starts[column] }
        var next = starts
        var newColumns = [Int32](repeating: 0, count: values.count)
        var newValues = [Double](repeating: 0, count: values.count)
        for row in 0..<rowCount {
            for entry in offsets[row]..<offsets[row + 1] {
                let place = next[Int(columns[entry])]
                next[Int(columns[entry])] += 1
                newColumns[place] = Int32(row)
                newValues[place] = values[entry]
            }
        }
        return SparseMatrix(
            rowCount: columnCount, columnCount: rowCount, offsets: starts, columns: newColumns, values: newValues)
    }

    private init(rowCount: Int, columnCount: Int, offsets: [Int], columns: [Int32], values: [Double]) {
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.offsets = offsets
        self.columns = columns
        self.values = values
    }
}
