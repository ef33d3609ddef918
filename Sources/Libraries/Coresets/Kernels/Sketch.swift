import ApusCore

/// Points in few numbers, by which squared distances can be bounded from below.
///
/// The numbers are a point's coordinates in the subspace in which a sample of the points varies most, and its distance
/// from that subspace: two points are at least as far apart as their sketches. The subspace decides how near bounds are
/// to distances, and any orthonormal basis keeps them true, so an approximate one is enough.
///
/// - Sources: Halko, Martinsson & Tropp 2011 §4.5 for the subspace; the bound is Pythagoras' and the triangle inequality
///   in the complement.
struct Sketch: Sendable {
    let rows: Int
    /// Numbers of a sketch, the distance from the subspace among them; whole vector registers.
    private let size: Int
    /// Whose sketch stands at each place: near points side by side.
    let order: [Int32]
    /// By place, as what follows.
    private let coordinates: AlignedBuffer<Float>
    private let blocks: PointBlocks<Float>
    /// Squared lengths of sketches, less what rounding may have added to a distance.
    private let norms: AlignedBuffer<Float>

    /// Points of a leaf at most: as many as a tile has.
    private static let leaf = 256

    /// The greatest part of all pairs that may be measured one by one for sketches to save time: a pair alone takes
    /// twice as long as one in a tile, and sketches and their lists have to be made.
    static var worthwhile: Double { 0.25 }

    /// Numbers of a sketch of points of so many; nil where it would save no work.
    private static func size(columns: Int) -> Int? { columns >= 384 ? 96 : columns >= 192 ? 64 : nil }

    /// Bytes that are taken at most for a point's sketch.
    static func bytesPerPoint(columns: Int) -> Int { size(columns: columns).map { 3 * $0 * 4 + 64 } ?? 0 }

    /// Nil where points have too few numbers for a sketch to save work, or such large ones that squares overflow.
    ///
    /// - Complexity: O(n·d·size).
    init?(_ points: some PointRows, seed: UInt64 = 0, threads: Int) {
        let (count, columns) = (points.rows, points.columns)
        guard let size = Self.size(columns: columns), count >= 4 * Self.leaf else { return nil }
        self.size = size
        let subspace = Subspace(points, dimensions: size - 1, seed: seed)
        let sketches = AlignedBuffer<Float>(uninitialised: count * size)
        let lengths = AlignedBuffer<Float>(uninitialised: count)
        Parallel.ranges(count, threads: threads, grain: 256) {
            subspace.project(points, $0, into: sketches.pointer, stride: size, lengths: lengths.pointer)
        }
        guard Float._maximum(lengths.pointer, count: count) < 1e30 else { return nil }
        // In any order of sums a coordinate's error is at most d·2⁻²⁴ of the point's length; those of a sketch's
        // coordinates add up to √size of that, and a squared distance has that error of either end twice.
        let slack = 4 * Float(size).squareRoot() * Float(columns) * Float.ulpOfOne / 2 + 1e-5
        guard slack < 0.05 else { return nil }
        rows = count
        order =
            ProjectionTree(
                Coordinates(buffer: sketches, rows: count, columns: size), leaf: Self.leaf, seed: seed, stream: 1
            ).order
        coordinates = AlignedBuffer(uninitialised: count * size)
        norms = AlignedBuffer(count: (count + 63) / 64 * 64, repeating: 0)
        for (place, row) in order.enumerated() {
            let source = sketches.pointer + Int(row) * size
            (coordinates.pointer + place * size).update(from: source, count: size)
            norms.pointer[place] =
                Float._dot(source, source, count: size) - slack * lengths.pointer[Int(row)]
                - Float.leastNormalMagnitude
        }
        blocks = PointBlocks(UnsafePointer(coordinates.pointer), count: count, dimensions: size)
    }

    /// What squared distances are at least, of places to places whose first begins a block.
    func bounds(
        _ queries: Range<Int>, to others: Range<Int>, into out: UnsafeMutablePointer<Float>, stride: Int
    ) {
        let lanes = Float._lanes
        let first = others.lowerBound / lanes
        let blockCount = (others.upperBound + lanes - 1) / lanes - first
        Float._dots(
            coordinates.pointer + queries.lowerBound * size, stride: size, count: queries.count,
            blocks: blocks.blocks.pointer + first * size * lanes, blockCount: blockCount, dim: size,
            into: out, outStride: stride)
        for place in queries {
            _ = Float._expand(
                out + (place - queries.lowerBound) * stride, norms: norms.pointer + first * lanes,
                norm: norms.pointer[place], limit: 0, count: blockCount * lanes)
        }
    }

    /// For each place a squared distance within which K points lie: the farthest of those whose sketches are nearest.
    func reach(_ points: some PointRows, neighbours: Int, threads: Int) -> AlignedBuffer<Float> {
        let lists = ExactSearch.lists(SketchTiles(sketch: self), neighbours: neighbours, threads: threads)
        let reach = AlignedBuffer<Float>(uninitialised: rows)
        Parallel.ranges(rows, threads: threads, grain: 64) { range in
            for place in range {
                var farthest: Float = 0
                for slot in 0..<neighbours {
                    let other = Int(order[Int(lists.list(place)[slot].row)])
                    farthest = max(farthest, points.squaredDistance(Int(order[place]), other))
                }
                reach.pointer[place] = farthest
            }
        }
        return reach
    }

    /// What part of all pairs would have to be measured, by a sample.
    func selectivity(reach: AlignedBuffer<Float>) -> Double {
        let lanes = Float._lanes
        let (queries, step) = (64, max(1, rows / 64))
        let stride = (rows + lanes - 1) / lanes * lanes
        let bound = AlignedBuffer<Float>(uninitialised: stride)
        let found = AlignedBuffer<Int32>(uninitialised: rows)
        var reached = 0
        for query in 0..<queries {
            bounds(query * step..<query * step + 1, to: 0..<rows, into: bound.pointer, stride: stride)
            reached += Float._within(
                bound.pointer, own: reach.pointer[query * step], bounds: reach.pointer, count: rows,
                list: found.pointer)
        }
        return Double(reached) / Double(queries * rows)
    }
}

extension Sketch {
    /// Rows of coordinates as points, for the tree.
    private struct Coordinates: PointRows {
        let buffer: AlignedBuffer<Float>
        let rows: Int
        let columns: Int

        func read(_ row: Int, into target: UnsafeMutablePointer<Float>) {
            target.update(from: buffer.pointer + row * columns, count: columns)
        }

        func squaredDistance(_ left: Int, _ right: Int) -> Float {
            Float._distance(buffer.pointer + left * columns, buffer.pointer + right * columns, count: columns)
        }
    }

    /// The squared distance of the sketches at two places.
    func squaredDistance(_ left: Int, _ right: Int) -> Float {
        Float._distance(coordinates.pointer + left * size, coordinates.pointer + right * size, count: size)
    }
}
