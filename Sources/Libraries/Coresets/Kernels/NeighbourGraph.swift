/// The K nearest points of each point, as sparse similarities.
///
/// A point is its own nearest, at distance 0. Ties go to the smaller row. Exact: every pair is measured, a tile at a
/// time, and O(n·K) kept.
public struct NeighbourGraph: Sendable {
    /// How the lists of two points that do not name each other become one matrix.
    public enum Symmetry: String, Sendable, CaseIterable {
        case none
        case union
        case mutual
    }

    /// Row u: the neighbours of u and their similarities, columns ascending.
    public let similarities: SparseMatrix

    /// - Parameters:
    ///   - neighbours: K, the point itself among them; 1 … n.
    ///   - metric: a similarity that falls with distance; a greatest distance that it needs is the greatest of the
    ///     graph.
    /// - Throws: `CoresetError.tooMany`, `.unsupported` for a metric of dot products.
    /// - Complexity: O(n²·d) time, O(n·K) memory.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        _ features: Matrix<Scalar>, neighbours: Int, metric: Similarity, symmetry: Symmetry = .union,
        threads: Int? = nil
    ) throws(CoresetError) {
        let rows = features.rows
        guard neighbours >= 1, neighbours <= max(1, rows) else { throw .tooMany(count: neighbours, rows: rows) }
        guard metric.isOfDistance else {
            throw .unsupported(
                what: "A neighbour graph is of distances, and \(metric.name) is of dot products",
                remedy: "Use exp-distance, max-distance or gaussian:GAMMA on rows of length 1.")
        }
        let kept = AlignedBuffer<Neighbour<Scalar>>(
            count: rows * neighbours, repeating: Neighbour(distance: 0, row: 0))
        // The rows themselves measure distances; a metric without a maximum keeps the constructor from looking for it.
        let measured = SimilarityRows(
            features: features, represented: nil, metric: .gaussian(gamma: 1), stores: false,
            threads: threads ?? Parallel.processors)
        Parallel.ranges((rows + 63) / 64, threads: threads ?? Parallel.processors, grain: 2) { groups in
            let out = AlignedBuffer<Scalar>(uninitialised: 64 * measured.stride)
            for group in groups {
                let range = group * 64..<min(rows, group * 64 + 64)
                measured.squaredDistances(Array(range)[...], into: out.pointer)
                for row in range {
                    let values = out.pointer + (row - range.lowerBound) * measured.stride
                    values[row] = 0
                    Self.nearest(
                        values, count: rows, keep: neighbours, self: row, into: kept.pointer + row * neighbours)
                }
            }
        }
        var greatest = 0.0
        for index in 0..<rows * neighbours { greatest = max(greatest, Double(kept.pointer[index].distance)) }
        let transform = metric.transform(dimensions: features.columns, maximum: greatest)
        var values = [Scalar](unsafeUninitializedCapacity: rows * neighbours) { target, used in
            for index in 0..<rows * neighbours { target[index] = kept.pointer[index].distance }
            used = rows * neighbours
        }
        values.withUnsafeMutableBufferPointer {
            if let start = $0.baseAddress { Scalar._transform(transform, start, count: $0.count) }
        }
        var lists = [[(column: Int32, value: Double)]](repeating: [], count: rows)
        for row in 0..<rows {
            for slot in row * neighbours..<(row + 1) * neighbours {
                lists[row].append((kept.pointer[slot].row, Double(values[slot])))
            }
            lists[row].sort { $0.column < $1.column }
        }
        switch symmetry {
        case .none: break
        case .union:
            var reverse = [[(column: Int32, value: Double)]](repeating: [], count: rows)
            for row in 0..<rows { for one in lists[row] { reverse[Int(one.column)].append((Int32(row), one.value)) } }
            for row in 0..<rows { lists[row] = Self.merged(lists[row], reverse[row], keepsAll: true) }
        case .mutual:
            var reverse = [[(column: Int32, value: Double)]](repeating: [], count: rows)
            for row in 0..<rows { for one in lists[row] { reverse[Int(one.column)].append((Int32(row), one.value)) } }
            for row in 0..<rows { lists[row] = Self.merged(lists[row], reverse[row], keepsAll: false) }
        }
        var offsets = [0]
        offsets.reserveCapacity(rows + 1)
        for list in lists { offsets.append(offsets[offsets.count - 1] + list.count) }
        similarities = try SparseMatrix(
            columnCount: rows, offsets: offsets, columns: lists.flatMap { $0.map(\.column) },
            values: lists.flatMap { $0.map(\.value) })
    }

    struct Neighbour<Scalar: KernelScalar>: BitwiseCopyable {
        var distance: Scalar
        var row: Int32

        @inline(__always)
        func isBefore(_ other: Neighbour) -> Bool {
            distance < other.distance || (distance == other.distance && row < other.row)
        }
    }

    /// Keeps the nearest in a heap with the worst on top; nearly all others fail one comparison.
    private static func nearest<Scalar: KernelScalar>(
        _ values: UnsafePointer<Scalar>, count: Int, keep: Int, self own: Int,
        into heap: UnsafeMutablePointer<Neighbour<Scalar>>
    ) {
        func sink(_ start: Int, _ size: Int) {
            var index = start
            let entry = heap[start]
            while true {
                var child = 2 * index + 1
                guard child < size else { break }
                if child + 1 < size, heap[child].isBefore(heap[child + 1]) { child += 1 }
                guard entry.isBefore(heap[child]) else { break }
                heap[index] = heap[child]
                index = child
            }
            heap[index] = entry
        }
        for row in 0..<keep { heap[row] = Neighbour(distance: values[row], row: Int32(truncatingIfNeeded: row)) }
        for index in stride(from: keep / 2 - 1, through: 0, by: -1) { sink(index, keep) }
        for row in keep..<max(keep, count) where values[row] < heap[0].distance {
            heap[0] = Neighbour(distance: values[row], row: Int32(truncatingIfNeeded: row))
            sink(0, keep)
        }
        // A point with more duplicates than K of smaller rows would lose itself.
        if !(0..<keep).contains(where: { Int(heap[$0].row) == own }) {
            heap[0] = Neighbour(distance: 0, row: Int32(truncatingIfNeeded: own))
        }
    }

    private static func merged(
        _ left: [(column: Int32, value: Double)], _ right: [(column: Int32, value: Double)], keepsAll: Bool
    ) -> [(column: Int32, value: Double)] {
        var result: [(column: Int32, value: Double)] = []
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            if j == right.count || (i < left.count && left[i].column < right[j].column) {
                if keepsAll { result.append(left[i]) }
                i += 1
            } else if i == left.count || right[j].column < left[i].column {
                if keepsAll { result.append(right[j]) }
                j += 1
            } else {
                result.append(left[i])
                i += 1
                j += 1
            }
        }
        return result
    }
}
