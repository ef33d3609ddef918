import ApusCore
import CVectorKernels

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
    static let leaf = 128

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

    /// Lists pairs of places that may be as near each other as either's bound says; the first of the others begins a block.
    func near(
        _ queries: Range<Int>, _ others: Range<Int>, bounds: UnsafePointer<Float>, into pairs: PairList<Float>
    ) -> Int {
        let lanes = Float._lanes
        let first = others.lowerBound / lanes
        return avk_near(
            coordinates.pointer + queries.lowerBound * size, norms.pointer + queries.lowerBound,
            bounds + queries.lowerBound, queries.count, blocks.blocks.pointer + first * size * lanes,
            norms.pointer + first * lanes, bounds + first * lanes, (others.upperBound + lanes - 1) / lanes - first,
            size,
            pairs.places.pointer, pairs.distances.pointer)
    }

    /// For each place a squared distance within which K points lie, itself among them: the K-th of some more whose
    /// sketches are nearest.
    func reach(_ points: some PointRows, neighbours: Int, threads: Int) -> AlignedBuffer<Float> {
        // With a fifth more the K-th is nearly the right one.
        let size = min(rows, neighbours + neighbours / 5 + 1)
        let lists = ExactSearch.lists(SketchTiles(sketch: self), neighbours: size, threads: threads)
        let reach = AlignedBuffer<Float>(count: norms.count, repeating: 0)
        Parallel.ranges(rows, threads: threads, grain: 64) { range in
            var distances = [Float](repeating: 0, count: size)
            for place in range {
                for slot in 0..<size {
                    let other = lists.list(place)[slot].row
                    distances[slot] =
                        other == .max
                        ? .infinity : points.squaredDistance(Int(order[place]), Int(order[Int(other)]))
                }
                distances.sort()
                reach.pointer[place] = distances[neighbours - 1]
            }
        }
        return reach
    }

    /// Whether a few of the points leave hope that most pairs are ruled out, before lists are made for all.
    ///
    /// - Complexity: O(n·d).
    func isPromising(_ points: some PointRows, neighbours: Int) -> Bool {
        let reach = AlignedBuffer<Float>(count: norms.count, repeating: -1)
        let part = selectivity(queries: 8) { place in
            let distances = (0..<rows).map { points.squaredDistance(Int(order[place]), $0) }.sorted()
            reach.pointer[place] = distances[neighbours - 1]
            return reach
        }
        return part < Self.worthwhile
    }

    /// Whether so few pairs have to be measured, by a sample, that sketches save time.
    func isSelective(reach: AlignedBuffer<Float>) -> Bool { selectivity(queries: 64) { _ in reach } < Self.worthwhile }

    private func selectivity(queries: Int, reach: (_ place: Int) -> AlignedBuffer<Float>) -> Double {
        let step = max(1, rows / queries)
        let pairs = PairList<Float>(height: 1, width: Self.leaf)
        var reached = 0
        for query in 0..<queries {
            let place = query * step
            let bounds = reach(place)
            for first in stride(from: 0, to: rows, by: Self.leaf) {
                reached += near(
                    place..<place + 1, first..<min(rows, first + Self.leaf), bounds: bounds.pointer, into: pairs)
            }
        }
        return Double(reached) / Double(queries * rows)
    }

    /// The mean of some places' sketches.
    func centre(_ places: Range<Int>) -> [Float] {
        var sums = [Float](repeating: 0, count: size)
        for place in places {
            for index in 0..<size { sums[index] += coordinates.pointer[place * size + index] / Float(places.count) }
        }
        return sums
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
}
