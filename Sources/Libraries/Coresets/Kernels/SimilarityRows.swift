/// Similarities of candidates to represented points in one precision: computed row by row, or stored.
///
/// A value for a pair does not depend on how it is asked for, so that stored and computed rows agree bit for bit.
final class SimilarityRows<Scalar: KernelScalar>: Sendable {
    /// Up to this many dimensions distances are sums of squared differences; above,
    /// `Float` distances come from dot products, which take half the instructions.
    static var directLimit: Int { 64 }

    let metric: Similarity
    let candidates: Int
    let represented: Int
    let dimensions: Int
    /// Prepared rows: centred, or of length 1, as the metric wants them.
    let queries: AlignedBuffer<Scalar>
    /// Prepared rows of the represented points, and the same in blocks.
    let pointRows: AlignedBuffer<Scalar>
    let points: PointBlocks<Scalar>
    let transform: KernelTransform
    /// The greatest similarity there can be.
    let greatest: Double
    /// candidates × stride, or nothing.
    let stored: AlignedBuffer<Scalar>?
    let stride: Int
    let threads: Int
    private let queryNorms: [Scalar]
    private let pointNorms: AlignedBuffer<Scalar>

    /// Whether distances are expanded into norms and dot products.
    private let expands: Bool
    /// The points where these products are of bytes.
    private let bytes: BytePoints?
    /// Whether similarities come from sums of squared differences, and are not stored.
    var isDirect: Bool { metric.isOfDistance && !expands && stored == nil }

    /// - Parameters:
    ///   - represented: the points that candidates stand for; the candidates themselves where nil.
    ///   - stores: whether to keep all similarities.
    init(
        features: Matrix<Scalar>, represented other: Matrix<Scalar>?, metric: Similarity, stores: Bool, threads: Int
    ) {
        self.metric = metric
        self.threads = threads
        candidates = features.rows
        dimensions = features.columns
        represented = other?.rows ?? features.rows
        expands = metric.isOfDistance && Scalar.self == Float.self && features.columns > Self.directLimit
        bytes =
            expands
            ? ((other ?? features) as? Matrix<Float>).flatMap { points in
                BytePoints(points, from: other == nil ? nil : features as? Matrix<Float>)
            } : nil
        let offset = expands && bytes == nil ? Self.mean(of: other ?? features) : nil
        queries = Self.prepared(features, metric, offset: offset)
        pointRows = other.map { Self.prepared($0, metric, offset: offset) } ?? queries
        points = PointBlocks(UnsafePointer(pointRows.pointer), count: represented, dimensions: dimensions)
        stride = points.places
        let needsNorms = expands && bytes == nil || metric == .dot
        queryNorms = needsNorms ? Self.norms(queries, count: candidates, dimensions: dimensions) : []
        pointNorms = AlignedBuffer(count: needsNorms ? points.places : 0, repeating: 0)
        if needsNorms {
            let norms =
                other == nil ? queryNorms : Self.norms(pointRows, count: represented, dimensions: dimensions)
            for place in 0..<points.places {
                pointNorms.pointer[place] = norms[max(0, Int(points.rowAt[place]))]
            }
        }
        let raw = stores ? AlignedBuffer<Scalar>(uninitialised: features.rows * points.places) : nil
        let builder = Builder(
            queries: queries, queryNorms: queryNorms, points: points, pointNorms: pointNorms, bytes: bytes,
            expands: expands, isOfDistance: metric.isOfDistance, dimensions: dimensions)
        var maximum = 0.0
        if let raw {
            maximum = builder.store(
                into: raw, candidates: features.rows, symmetric: other == nil, threads: threads)
        } else if metric.needsMaximum {
            maximum =
                other == nil && !expands
                ? Double(points.greatestSquaredDistance(queries.pointer, threads: threads))
                : builder.greatest(candidates: features.rows, threads: threads)
        }
        transform = metric.transform(dimensions: dimensions, maximum: maximum)
        stored = raw
        switch metric {
        case .maximumMinusSquaredDistance, .maximumMinusDistance: greatest = transform.a
        case .dot:
            greatest =
                (Double(queryNorms.max() ?? 0) * Double(Scalar._maximum(pointNorms.pointer, count: stride)))
                .squareRoot()
        default: greatest = 1 + 1e-5
        }
        if let raw {
            let transform = transform
            let stride = stride
            Parallel.ranges(candidates, threads: threads, grain: 64) { range in
                Scalar._transform(transform, raw.pointer + range.lowerBound * stride, count: range.count * stride)
            }
        }
    }

    /// Bytes that the rows take, stored or not.
    static func bytes(candidates: Int, represented: Int, dimensions: Int, stores: Bool) -> Int {
        let size = MemoryLayout<Scalar>.size
        let packed = (represented + 16) * (dimensions + 8)
        return (candidates + represented) * dimensions * size + packed
            + (stores ? candidates * (represented + 64) * size : 0)
    }

    /// Similarities of one candidate to all places.
    func fill(_ candidate: Int, into out: UnsafeMutablePointer<Scalar>) { fill([candidate][...], into: out) }

    /// Squared distances of candidates to points that begin a block, for a metric of distance; up to the end of the last
    /// point's block.
    func squaredDistances(
        _ wanted: Range<Int>, to others: Range<Int>, into out: UnsafeMutablePointer<Scalar>, stride: Int
    ) {
        let first = others.lowerBound / Scalar._lanes
        builder.measure(
            queries.pointer + wanted.lowerBound * dimensions, candidates: wanted, firstBlock: first,
            blockCount: (others.upperBound + Scalar._lanes - 1) / Scalar._lanes - first, into: out, outStride: stride)
    }

    /// Similarities of some candidates to all places, a row of `stride` each.
    func fill(_ wanted: ArraySlice<Int>, into out: UnsafeMutablePointer<Scalar>) {
        if let stored {
            for (row, candidate) in wanted.enumerated() {
                (out + row * stride).update(from: stored.pointer + candidate * stride, count: stride)
            }
            return
        }
        measure(wanted, into: out)
        Scalar._transform(transform, out, count: wanted.count * stride)
    }

    private var builder: Builder {
        Builder(
            queries: queries, queryNorms: queryNorms, points: points, pointNorms: pointNorms, bytes: bytes,
            expands: expands, isOfDistance: metric.isOfDistance, dimensions: dimensions)
    }

    private func measure(_ wanted: ArraySlice<Int>, into out: UnsafeMutablePointer<Scalar>) {
        let gathered = AlignedBuffer<Scalar>(uninitialised: wanted.count * dimensions)
        gather(wanted, into: gathered.pointer)
        builder.measure(
            gathered.pointer, candidates: wanted, firstBlock: 0, blockCount: points.blockCount, into: out,
            outStride: stride)
    }

    /// Copies the prepared rows of some candidates next to each other.
    func gather(_ wanted: ArraySlice<Int>, into out: UnsafeMutablePointer<Scalar>) {
        for (row, candidate) in wanted.enumerated() {
            (out + row * dimensions).update(from: queries.pointer + candidate * dimensions, count: dimensions)
        }
    }

    // MARK: Preparation

    private static func mean(of matrix: Matrix<Scalar>) -> [Scalar] {
        var sums = [Double](repeating: 0, count: matrix.columns)
        matrix.storage.withUnsafeBufferPointer { values in
            for row in 0..<matrix.rows {
                for column in 0..<matrix.columns { sums[column] += Double(values[row * matrix.columns + column]) }
            }
        }
        return sums.map { Scalar($0 / Double(max(1, matrix.rows))) }
    }

    private static func norms(_ rows: AlignedBuffer<Scalar>, count: Int, dimensions: Int) -> [Scalar] {
        (0..<count).map {
            Scalar._dot(rows.pointer + $0 * dimensions, rows.pointer + $0 * dimensions, count: dimensions)
        }
    }

    private static func prepared(_ matrix: Matrix<Scalar>, _ metric: Similarity, offset: [Scalar]?) -> AlignedBuffer<
        Scalar
    > {
        let columns = matrix.columns
        let rows = AlignedBuffer<Scalar>(uninitialised: matrix.rows * columns)
        matrix.storage.withUnsafeBufferPointer { values in
            if let start = values.baseAddress { rows.pointer.update(from: start, count: values.count) }
        }
        if let offset {
            for row in 0..<matrix.rows {
                let point = rows.pointer + row * columns
                for column in 0..<columns { point[column] -= offset[column] }
            }
        }
        switch metric {
        case .cosine, .cosineSquared, .correlationSquared:
            for row in 0..<matrix.rows {
                let point = rows.pointer + row * columns
                var mean = 0.0
                if metric == .correlationSquared {
                    for column in 0..<columns { mean += Double(point[column]) }
                    mean /= Double(max(1, columns))
                }
                var norm = 0.0
                for column in 0..<columns {
                    let x = Double(point[column]) - mean
                    norm += x * x
                }
                let scale = norm > 0 ? 1 / norm.squareRoot() : 0
                for column in 0..<columns { point[column] = Scalar((Double(point[column]) - mean) * scale) }
            }
        default: break
        }
        return rows
    }

    /// Measures squared distances or dot products, before they become similarities.
    struct Builder {
        let queries: AlignedBuffer<Scalar>
        let queryNorms: [Scalar]
        let points: PointBlocks<Scalar>
        let pointNorms: AlignedBuffer<Scalar>
        let bytes: BytePoints?
        let expands: Bool
        let isOfDistance: Bool
        let dimensions: Int

        /// Rows that are measured at once.
        private static var groupSize: Int { 64 }

        /// Below this share of the norms a distance from dot products has lost its digits and is measured again.
        private static var cancellation: Scalar { 1e-4 }

        func measure(
            _ rows: UnsafePointer<Scalar>, candidates: some RandomAccessCollection<Int>, firstBlock: Int,
            blockCount: Int, into out: UnsafeMutablePointer<Scalar>, outStride: Int
        ) {
            if let bytes {
                // Only those of `Float` have them.
                return bytes.distances(
                    from: UnsafeRawPointer(rows).assumingMemoryBound(to: Float.self), count: candidates.count,
                    firstBlock: firstBlock, blockCount: blockCount,
                    into: UnsafeMutableRawPointer(out).assumingMemoryBound(to: Float.self), outStride: outStride)
            }
            let blocks = points.blocks.pointer + firstBlock * dimensions * Scalar._lanes
            if isOfDistance, !expands {
                return Scalar._distances(
                    rows, stride: dimensions, count: candidates.count, blocks: blocks, blockCount: blockCount,
                    dim: dimensions, into: out, outStride: outStride)
            }
            Scalar._dots(
                rows, stride: dimensions, count: candidates.count, blocks: blocks, blockCount: blockCount,
                dim: dimensions, into: out, outStride: outStride)
            guard expands else { return }
            let first = firstBlock * Scalar._lanes
            let norms = pointNorms.pointer + first
            for (row, candidate) in candidates.enumerated() {
                let values = out + row * outStride
                let norm = queryNorms[candidate]
                let doubtful = Scalar._expand(
                    values, norms: norms, norm: norm, limit: Self.cancellation, count: blockCount * Scalar._lanes)
                if doubtful > 0 { repair(values, rows + row * dimensions, norm, first, blockCount * Scalar._lanes) }
            }
        }

        private func repair(
            _ values: UnsafeMutablePointer<Scalar>, _ query: UnsafePointer<Scalar>, _ norm: Scalar, _ first: Int,
            _ count: Int
        ) {
            let lanes = Scalar._lanes
            for index in 0..<count where values[index] < Self.cancellation * (norm + pointNorms.pointer[first + index])
            {
                let place = first + index
                let source = points.blocks.pointer + (place / lanes) * dimensions * lanes + place % lanes
                var sum: Scalar = 0
                for t in 0..<dimensions {
                    let difference = query[t] - source[t * lanes]
                    sum += difference * difference
                }
                values[index] = sum
            }
        }

        /// Fills candidates × places and returns the greatest value.
        func store(into raw: AlignedBuffer<Scalar>, candidates: Int, symmetric: Bool, threads: Int) -> Double {
            let lanes = Scalar._lanes
            let stride = points.places
            let size = Self.groupSize
            let groups = (candidates + size - 1) / size
            let most = AlignedBuffer<Double>(count: groups, repeating: 0)
            Parallel.ranges(groups, threads: threads, grain: 2) { range in
                for group in range {
                    let rows = group * size..<min(candidates, (group + 1) * size)
                    // Points are in their own order here, so that the block of a row is known.
                    let firstBlock = symmetric ? rows.lowerBound / lanes : 0
                    let from = firstBlock * lanes
                    let out = raw.pointer + rows.lowerBound * stride + from
                    measure(
                        queries.pointer + rows.lowerBound * dimensions, candidates: rows, firstBlock: firstBlock,
                        blockCount: stride / lanes - firstBlock, into: out, outStride: stride)
                    var greatest = 0.0
                    for row in 0..<rows.count {
                        greatest = max(greatest, Double(Scalar._maximum(out + row * stride, count: stride - from)))
                    }
                    most.pointer[group] = greatest
                    if symmetric { mirror(raw, rows, candidates: candidates, stride: stride) }
                }
            }
            return (0..<groups).reduce(0) { max($0, most.pointer[$1]) }
        }

        /// Copies rows × (columns to the right of them) to columns × rows, a cache-sized tile at a time.
        private func mirror(_ raw: AlignedBuffer<Scalar>, _ rows: Range<Int>, candidates: Int, stride: Int) {
            let tile = 32
            for first in Swift.stride(from: rows.upperBound, to: candidates, by: tile) {
                for top in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: 16) {
                    for column in first..<min(candidates, first + tile) {
                        let target = raw.pointer + column * stride
                        for row in top..<min(rows.upperBound, top + 16) {
                            target[row] = raw.pointer[row * stride + column]
                        }
                    }
                }
            }
        }

        /// The greatest value over all pairs.
        func greatest(candidates: Int, threads: Int) -> Double {
            let stride = points.places
            let size = Self.groupSize
            let groups = (candidates + size - 1) / size
            let most = AlignedBuffer<Double>(count: groups, repeating: 0)
            Parallel.ranges(groups, threads: threads, grain: 2) { range in
                let out = AlignedBuffer<Scalar>(uninitialised: size * stride)
                for group in range {
                    let rows = group * size..<min(candidates, (group + 1) * size)
                    measure(
                        queries.pointer + rows.lowerBound * dimensions, candidates: rows, firstBlock: 0,
                        blockCount: stride / Scalar._lanes, into: out.pointer, outStride: stride)
                    most.pointer[group] = Double(Scalar._maximum(out.pointer, count: rows.count * stride))
                }
            }
            return (0..<groups).reduce(0) { max($0, most.pointer[$1]) }
        }
    }
}
