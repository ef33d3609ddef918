/// Whom each point is represented by, and how well.
public struct Representation: Sendable, Hashable {
    /// For each point the position of its pick.
    public var assignment: [Int32]
    /// For each pick the points it represents; they sum to the number of points.
    public var weights: [Double]
    /// Σ over points of the Euclidean distance to their pick.
    public var cost: Double
    /// The greatest of these distances.
    public var radius: Double

    /// Assigns each point to its nearest pick; ties to the pick that was chosen first.
    ///
    /// - Parameter metric: what near means; a similarity of dot products assigns by it, all others by distance.
    /// - Complexity: O(n·k·d) time, O(n + k·d) memory.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        of features: Matrix<Scalar>, by picks: [Int], metric: Similarity? = nil, threads: Int? = nil
    ) {
        let rows = features.rows
        let dimensions = features.columns
        assignment = [Int32](repeating: 0, count: rows)
        weights = [Double](repeating: 0, count: picks.count)
        cost = 0
        radius = 0
        guard !picks.isEmpty, rows > 0 else { return }
        let own = AlignedBuffer<Int32>(count: rows, repeating: 0)
        let far = AlignedBuffer<Double>(count: rows, repeating: 0)
        let chosen = features.select(picks)
        let similar = metric.flatMap { metric in
            metric.isOfDistance
                ? nil
                : SimilarityRows(
                    features: features, represented: chosen, metric: metric, stores: false, threads: threads ?? 1)
        }
        let blocks = chosen.storage.withUnsafeBufferPointer { values in
            values.baseAddress.map { PointBlocks($0, count: picks.count, dimensions: dimensions) }
        }
        features.storage.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress, let blocks else { return }
            Parallel.ranges((rows + 63) / 64, threads: threads ?? Parallel.processors, grain: 8) { groups in
                let out = AlignedBuffer<Scalar>(uninitialised: 64 * blocks.places)
                let likeness = AlignedBuffer<Scalar>(uninitialised: similar == nil ? 0 : 64 * blocks.places)
                for group in groups {
                    let range = group * 64..<min(rows, group * 64 + 64)
                    Scalar._distances(
                        start + range.lowerBound * dimensions, stride: dimensions, count: range.count,
                        blocks: blocks.blocks.pointer, blockCount: blocks.blockCount, dim: dimensions,
                        into: out.pointer, outStride: blocks.places)
                    similar?.fill(Array(range)[...], into: likeness.pointer)
                    for row in range {
                        let offset = (row - range.lowerBound) * blocks.places
                        var index = 0
                        if similar == nil {
                            let least = Scalar._minimum(out.pointer + offset, count: picks.count)
                            while index < picks.count - 1, out.pointer[offset + index] != least { index += 1 }
                        } else {
                            let most = Scalar._maximum(likeness.pointer + offset, count: picks.count)
                            while index < picks.count - 1, likeness.pointer[offset + index] != most { index += 1 }
                        }
                        own.pointer[row] = Int32(truncatingIfNeeded: index)
                        far.pointer[row] = Double(out.pointer[offset + index]).squareRoot()
                    }
                }
            }
        }
        for row in 0..<rows {
            assignment[row] = own.pointer[row]
            weights[Int(own.pointer[row])] += 1
            cost += far.pointer[row]
            radius = max(radius, far.pointer[row])
        }
    }
}
