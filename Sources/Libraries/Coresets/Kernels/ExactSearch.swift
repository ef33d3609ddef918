/// Where an exact search gets its distances from, a tile of pairs at a time.
protocol DistanceTiles: Sendable {
    associatedtype Scalar: KernelScalar
    associatedtype Worker: DistanceTileWorker where Worker.Scalar == Scalar
    var count: Int { get }
    /// Room for one thread's tiles of up to `height` × `width` pairs.
    func makeWorker(height: Int, width: Int) -> Worker
}

/// Measures tiles on one thread. The distance of a pair is the same to the bit in both directions and in any tile.
protocol DistanceTileWorker {
    associatedtype Scalar: KernelScalar
    /// The points that the next tiles measure from; the first is a multiple of 64.
    mutating func take(_ queries: Range<Int>)
    /// Squared distances of those to others, a row of `stride` for each; the first other is a multiple of 64.
    mutating func measure(_ points: Range<Int>, into out: UnsafeMutablePointer<Scalar>, stride: Int)
}

/// The K nearest of each point by measuring each pair once: a distance is offered to the lists of both its ends.
///
/// A list holds the first K by distance and row of all that it was offered, in whatever order, so that neither tiles nor
/// threads change the result. Threads work on pairs of parts of the points that have no part in common, in rounds as of a
/// tournament, so that each list has one writer at a time.
struct ExactSearch<Tiles: DistanceTiles> {
    typealias Scalar = Tiles.Scalar

    private let tiles: Tiles
    private let lists: NeighbourLists<Scalar>
    /// The distance that an offer to each list must not exceed.
    private let bounds: AlignedBuffer<Scalar>
    private let threads: Int

    private static var height: Int { 64 }
    private static var width: Int { 512 }

    static func lists(_ tiles: Tiles, neighbours: Int, threads: Int) -> NeighbourLists<Scalar> {
        let search = ExactSearch(tiles, neighbours: neighbours, threads: threads)
        search.run()
        return search.lists
    }

    private init(_ tiles: Tiles, neighbours: Int, threads: Int) {
        self.tiles = tiles
        self.threads = threads
        lists = NeighbourLists(count: tiles.count, size: neighbours)
        bounds = AlignedBuffer(count: tiles.count, repeating: .infinity)
    }

    private func run() {
        // Each point stays in its own list whatever the distances are.
        for point in 0..<tiles.count {
            lists.offer(Neighbour(distance: -1, row: Int32(truncatingIfNeeded: point)), to: point)
            bounds.pointer[point] = lists.list(point)[0].distance
        }
        let groups = (tiles.count + Self.height - 1) / Self.height
        // Two pairs of parts a thread even out what else the machine does; an even number of parts, so that none waits.
        let parts = threads > 1 && groups >= 16 * threads ? 4 * threads : 1
        func part(_ index: Int) -> Range<Int> {
            let first = groups * index / parts * Self.height
            return first..<min(tiles.count, groups * (index + 1) / parts * Self.height)
        }
        Parallel.ranges(parts, threads: threads) { range in
            for index in range { measure(part(index), part(index)) }
        }
        for round in 0..<parts - 1 {
            Parallel.ranges(parts / 2, threads: threads) { range in
                for pair in range {
                    // The last part stays where it is, the others go round.
                    let one = pair == 0 ? parts - 1 : (round + pair) % (parts - 1)
                    let other = (round + parts - 1 - pair) % (parts - 1)
                    measure(part(min(one, other)), part(max(one, other)))
                }
            }
        }
    }

    /// All pairs of a point of the first part and a later one of the second, which is the same or lies behind.
    private func measure(_ queries: Range<Int>, _ points: Range<Int>) {
        var worker = tiles.makeWorker(height: Self.height, width: Self.width)
        let out = AlignedBuffer<Scalar>(uninitialised: Self.height * Self.width)
        let found = AlignedBuffer<Int32>(uninitialised: Self.width)
        for top in stride(from: queries.lowerBound, to: queries.upperBound, by: Self.height) {
            let rows = top..<min(queries.upperBound, top + Self.height)
            worker.take(rows)
            for left in stride(from: max(points.lowerBound, top), to: points.upperBound, by: Self.width) {
                let columns = left..<min(points.upperBound, left + Self.width)
                worker.measure(columns, into: out.pointer, stride: Self.width)
                for row in rows {
                    let first = max(left, row + 1)
                    guard first < columns.upperBound else { continue }
                    let distances = out.pointer + (row - top) * Self.width + (first - left)
                    offer(distances, of: row, to: first..<columns.upperBound, found.pointer)
                }
            }
        }
    }

    @inline(__always)
    private func offer(
        _ distances: UnsafePointer<Scalar>, of row: Int, to columns: Range<Int>, _ found: UnsafeMutablePointer<Int32>
    ) {
        // Nearly all pairs are nobody's neighbours.
        let count = Scalar._within(
            distances, own: bounds.pointer[row], bounds: bounds.pointer + columns.lowerBound, count: columns.count,
            list: found)
        for index in 0..<count {
            let distance = distances[Int(found[index])]
            // Points whose distance is no number of this precision are nobody's neighbours.
            guard distance < .infinity else { continue }
            let column = columns.lowerBound + Int(found[index])
            offer(distance, of: column, to: row)
            offer(distance, of: row, to: column)
        }
    }

    @inline(__always)
    private func offer(_ distance: Scalar, of other: Int, to point: Int) {
        guard distance <= bounds.pointer[point] else { return }
        lists.offer(Neighbour(distance: distance, row: Int32(truncatingIfNeeded: other)), to: point)
        bounds.pointer[point] = lists.list(point)[0].distance
    }
}

/// Tiles of prepared rows, which are all in memory.
struct PreparedTiles<Scalar: KernelScalar>: DistanceTiles {
    let rows: SimilarityRows<Scalar>

    var count: Int { rows.candidates }

    func makeWorker(height: Int, width: Int) -> Worker { Worker(rows: rows) }

    struct Worker: DistanceTileWorker {
        let rows: SimilarityRows<Scalar>
        var queries = 0..<0

        mutating func take(_ queries: Range<Int>) { self.queries = queries }

        mutating func measure(_ points: Range<Int>, into out: UnsafeMutablePointer<Scalar>, stride: Int) {
            rows.squaredDistances(queries, to: points, into: out, stride: stride)
        }
    }
}

/// Tiles of rows that are read and widened when they are needed.
struct ReadTiles<Rows: PointRows>: DistanceTiles {
    let rows: Rows

    var count: Int { rows.rows }

    func makeWorker(height: Int, width: Int) -> Worker {
        Worker(
            rows: rows, queries: AlignedBuffer(uninitialised: height * rows.columns),
            points: AlignedBuffer(uninitialised: width * rows.columns))
    }

    struct Worker: DistanceTileWorker {
        let rows: Rows
        let queries: AlignedBuffer<Float>
        let points: AlignedBuffer<Float>
        var count = 0

        mutating func take(_ wanted: Range<Int>) {
            count = wanted.count
            for row in wanted { rows.read(row, into: queries.pointer + (row - wanted.lowerBound) * rows.columns) }
        }

        mutating func measure(_ wanted: Range<Int>, into out: UnsafeMutablePointer<Float>, stride: Int) {
            for row in wanted { rows.read(row, into: points.pointer + (row - wanted.lowerBound) * rows.columns) }
            let blocks = PointBlocks(UnsafePointer(points.pointer), count: wanted.count, dimensions: rows.columns)
            Float._distances(
                queries.pointer, stride: rows.columns, count: count, blocks: blocks.blocks.pointer,
                blockCount: blocks.blockCount, dim: rows.columns, into: out, outStride: stride)
        }
    }
}
