/// Where an exact search gets its distances from, a tile of pairs at a time.
///
/// Points stand at places, in the order of their rows or in one that puts near ones side by side.
protocol DistanceTiles: Sendable {
    associatedtype Scalar: KernelScalar
    associatedtype Worker: DistanceTileWorker where Worker.Scalar == Scalar
    /// How many queries and points a tile has; multiples of 64.
    static var height: Int { get }
    static var width: Int { get }
    /// Whether tiles hold no distances but what they are at least, so that pairs within reach are measured by `distance`.
    static var areBounds: Bool { get }
    var count: Int { get }
    /// The row of the point at a place.
    func row(_ place: Int) -> Int32
    /// Room for one thread's tiles.
    func makeWorker() -> Worker
    /// The squared distance of two rows, the same to the bit in both directions; asked for where tiles are bounds.
    func distance(_ left: Int, _ right: Int) -> Scalar
}

/// Measures tiles on one thread. The distance of a pair is the same to the bit in both directions and in any tile.
protocol DistanceTileWorker {
    associatedtype Scalar: KernelScalar
    /// The places that the next tiles measure from; the first is a multiple of 64.
    mutating func take(_ queries: Range<Int>)
    /// Squared distances of those to others, a row of `stride` for each; the first other is a multiple of 64.
    mutating func measure(_ points: Range<Int>, into out: UnsafeMutablePointer<Scalar>, stride: Int)
}

extension DistanceTiles {
    static var height: Int { 64 }
    static var width: Int { 512 }
    static var areBounds: Bool { false }
    func row(_ place: Int) -> Int32 { Int32(truncatingIfNeeded: place) }
}

/// Tiles of prepared rows, which are all in memory.
struct PreparedTiles<Scalar: KernelScalar>: DistanceTiles {
    let rows: SimilarityRows<Scalar>

    var count: Int { rows.candidates }

    func makeWorker() -> Worker { Worker(rows: rows) }

    func distance(_ left: Int, _ right: Int) -> Scalar {
        Scalar._distance(
            rows.queries.pointer + left * rows.dimensions, rows.queries.pointer + right * rows.dimensions,
            count: rows.dimensions)
    }

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

    func makeWorker() -> Worker {
        Worker(
            rows: rows, queries: AlignedBuffer(uninitialised: Self.height * rows.columns),
            points: AlignedBuffer(uninitialised: Self.width * rows.columns))
    }

    func distance(_ left: Int, _ right: Int) -> Float { rows.squaredDistance(left, right) }

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

/// Tiles of sketches' own distances; rows are places.
struct SketchTiles: DistanceTiles {
    let sketch: Sketch

    static var height: Int { 256 }
    static var width: Int { 256 }

    var count: Int { sketch.rows }

    func makeWorker() -> Worker { Worker(sketch: sketch) }

    func distance(_ left: Int, _ right: Int) -> Float { sketch.squaredDistance(left, right) }

    struct Worker: DistanceTileWorker {
        let sketch: Sketch
        var queries = 0..<0

        mutating func take(_ queries: Range<Int>) { self.queries = queries }

        mutating func measure(_ points: Range<Int>, into out: UnsafeMutablePointer<Float>, stride: Int) {
            sketch.bounds(queries, to: points, into: out, stride: stride)
        }
    }
}

/// Tiles of what squared distances are at least, by a sketch of the points.
struct SketchedTiles<Rows: PointRows>: DistanceTiles {
    let rows: Rows
    let sketch: Sketch

    /// Of a square tile each row that is measured serves the most pairs while it is in a cache.
    static var height: Int { 256 }
    static var width: Int { 256 }
    static var areBounds: Bool { true }

    var count: Int { sketch.rows }

    func row(_ place: Int) -> Int32 { sketch.order[place] }

    func makeWorker() -> SketchTiles.Worker { SketchTiles.Worker(sketch: sketch) }

    func distance(_ left: Int, _ right: Int) -> Float { rows.squaredDistance(left, right) }
}
