/// The K nearest points of each point, as sparse similarities.
///
/// A point is its own nearest, at distance 0. Ties go to the smaller row. O(n·K) is kept.
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
    ///   - search: the approximate one measures in single precision.
    ///   - memoryLimit: bytes that may be taken; what the machine has free where nil.
    /// - Throws: `CoresetError.tooMany`, `.unsupported` for a metric of dot products, `.memory` before it is taken,
    ///   `.invalidParameter`.
    /// - Complexity: O(n²·d) time for the exact search, see `NeighbourSearch` for the other; O(n·K) memory.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        _ features: Matrix<Scalar>, neighbours: Int, metric: Similarity, symmetry: Symmetry = .union,
        search: NeighbourSearch = .exact, memoryLimit: Int? = nil, threads: Int? = nil
    ) throws(CoresetError) {
        let threads = threads ?? Parallel.processors
        try Self.check(
            rows: features.rows, columns: features.columns, neighbours, metric, search, memoryLimit, threads: threads,
            copied: MemoryLayout<Scalar>.size)
        if case .approximate = search {
            let single = (features as? Matrix<Float>) ?? features.converted(to: Float.self)
            let lists = Self.approximate(
                SinglePrecisionRows(matrix: single), neighbours: neighbours, search, threads: threads)
            try self.init(lists, columns: features.columns, metric: metric, symmetry: symmetry)
        } else {
            if let single = features as? Matrix<Float>,
                let lists = Self.sketched(
                    AlignedRows(single), neighbours: neighbours, threads: threads)
            {
                try self.init(lists, columns: features.columns, metric: metric, symmetry: symmetry)
                return
            }
            // The rows themselves measure distances; a metric without a maximum keeps the constructor from looking for it.
            let rows = SimilarityRows(
                features: features, represented: nil, metric: .gaussian(gamma: 1), stores: false, threads: threads)
            let lists = ExactSearch.lists(PreparedTiles(rows: rows), neighbours: neighbours, threads: threads)
            try self.init(lists, columns: features.columns, metric: metric, symmetry: symmetry)
        }
    }

    /// As the other, of packed rows, which are widened a tile at a time.
    public init(
        _ features: PackedMatrix, neighbours: Int, metric: Similarity, symmetry: Symmetry = .union,
        search: NeighbourSearch = .exact, memoryLimit: Int? = nil, threads: Int? = nil
    ) throws(CoresetError) {
        let threads = threads ?? Parallel.processors
        try Self.check(
            rows: features.rows, columns: features.columns, neighbours, metric, search, memoryLimit, threads: threads,
            copied: 0)
        let lists =
            if case .approximate = search {
                Self.approximate(features, neighbours: neighbours, search, threads: threads)
            } else {
                Self.sketched(features, neighbours: neighbours, threads: threads)
                    ?? ExactSearch.lists(ReadTiles(rows: features), neighbours: neighbours, threads: threads)
            }
        try self.init(lists, columns: features.columns, metric: metric, symmetry: symmetry)
    }

    private static func check(
        rows: Int, columns: Int, _ neighbours: Int, _ metric: Similarity, _ search: NeighbourSearch, _ limit: Int?,
        threads: Int, copied: Int
    ) throws(CoresetError) {
        guard neighbours >= 1, neighbours <= max(1, rows) else { throw .tooMany(count: neighbours, rows: rows) }
        guard metric.isOfDistance else {
            throw .unsupported(
                what: "A neighbour graph is of distances, and \(metric.name) is of dot products",
                remedy: "Use exp-distance, max-distance or gaussian:GAMMA on rows of length 1.")
        }
        if case .approximate(let trees, let leaf, let rounds, _) = search {
            guard trees >= 1, leaf >= 2, rounds >= 0 else {
                throw .invalidParameter(
                    name: "trees, leaf or rounds", value: "\(trees), \(leaf), \(rounds)",
                    expected: "at least 1, 2 and 0")
            }
        }
        func bytes(_ neighbours: Int) -> Int {
            search.bytes(rows: rows, columns: columns, neighbours: neighbours, threads: threads, copied: copied)
        }
        let allowed = limit ?? Memory.available
        let fits = allowed > bytes(0) ? (allowed - bytes(0)) / max(1, bytes(1) - bytes(0)) : 0
        try Memory.require(
            bytes(neighbours), limit: allowed, for: "a graph of \(rows) points with \(neighbours) neighbours",
            remedy: fits > 0
                ? "\(fits) neighbours would fit." : "Select on parts and unite them, or stream.")
    }

    // MARK: Searches

    /// The exact lists by way of sketches; nil where most pairs would have to be measured all the same.
    private static func sketched(
        _ rows: some PointRows, neighbours: Int, threads: Int
    ) -> NeighbourLists<Float>? {
        guard let sketch = Sketch(rows, threads: threads), sketch.isPromising(rows, neighbours: neighbours) else {
            return nil
        }
        let reach = sketch.reach(rows, neighbours: neighbours, threads: threads)
        guard sketch.isSelective(reach: reach) else { return nil }
        return ExactSearch.lists(
            SketchedTiles(rows: rows, sketch: sketch), neighbours: neighbours, reach: reach, threads: threads)
    }

    private static func approximate(
        _ rows: some PointRows, neighbours: Int, _ search: NeighbourSearch, threads: Int
    ) -> NeighbourLists<Float> {
        guard case .approximate(let trees, let leaf, let rounds, let seed) = search else {
            return NeighbourLists(count: 0, size: neighbours)
        }
        // A leaf of one point's neighbours and no more would leave nothing to choose from.
        return ApproximateSearch(
            rows: rows, neighbours: neighbours, trees: trees, leaf: max(leaf, 2 * neighbours), rounds: rounds,
            seed: seed, threads: threads
        ).run()
    }

    // MARK: The matrix

    private init<Scalar: KernelScalar>(
        _ lists: NeighbourLists<Scalar>, columns dimensions: Int, metric: Similarity, symmetry: Symmetry
    ) throws(CoresetError) {
        let (count, size) = (lists.count, lists.size)
        var greatest: Scalar = 0
        for point in 0..<count {
            let list = lists.list(point)
            var ordered = UnsafeMutableBufferPointer(start: list, count: size)
            ordered.sort { $0.row < $1.row }
            for slot in 0..<size where list[slot].row != .max {
                if Int(list[slot].row) == point { list[slot].distance = 0 }
                greatest = max(greatest, list[slot].distance)
            }
        }
        let transform = metric.transform(dimensions: dimensions, maximum: Double(greatest))
        let row = AlignedBuffer<Scalar>(uninitialised: size)
        for point in 0..<count {
            let list = lists.list(point)
            for slot in 0..<size { row.pointer[slot] = list[slot].row == .max ? 0 : list[slot].distance }
            Scalar._transform(transform, row.pointer, count: size)
            for slot in 0..<size { list[slot].distance = row.pointer[slot] }
        }
        // Whom each point is a neighbour of, rows ascending.
        var starts = [Int](repeating: 0, count: count + 1)
        let reversed = AlignedBuffer<Neighbour<Scalar>>(uninitialised: symmetry == .none ? 0 : count * size)
        if symmetry != .none {
            for point in 0..<count {
                for slot in 0..<size where lists.list(point)[slot].row != .max {
                    starts[Int(lists.list(point)[slot].row) + 1] += 1
                }
            }
            for point in 0..<count { starts[point + 1] += starts[point] }
            var next = starts
            for point in 0..<count {
                for slot in 0..<size where lists.list(point)[slot].row != .max {
                    let one = lists.list(point)[slot]
                    reversed.pointer[next[Int(one.row)]] = Neighbour(
                        distance: one.distance, row: Int32(truncatingIfNeeded: point))
                    next[Int(one.row)] += 1
                }
            }
        }
        var offsets = [0]
        var columns: [Int32] = []
        var values: [Double] = []
        offsets.reserveCapacity(count + 1)
        columns.reserveCapacity(count * size)
        values.reserveCapacity(count * size)
        func append(_ one: Neighbour<Scalar>) {
            columns.append(one.row)
            values.append(Double(one.distance))
        }
        for point in 0..<count {
            let list = lists.list(point)
            var (i, j) = (0, starts[point])
            let end = symmetry == .none ? j : starts[point + 1]
            while true {
                let left = i < size ? list[i].row : .max
                let right = j < end ? reversed.pointer[j].row : .max
                guard left != .max || right != .max else { break }
                if left == right {
                    append(list[i])
                } else if symmetry != .mutual {
                    append(left < right ? list[i] : reversed.pointer[j])
                }
                i += left <= right ? 1 : 0
                j += right <= left ? 1 : 0
            }
            offsets.append(columns.count)
        }
        similarities = try SparseMatrix(columnCount: count, offsets: offsets, columns: columns, values: values)
    }
}
