/// Where an exact search gets its distances from, a tile of pairs at a time.
///
/// Points stand at places, in the order of their rows or in one that puts near ones side by side.
protocol DistanceTiles: Sendable {
    associatedtype Scalar: KernelScalar
    associatedtype Worker: DistanceTileWorker where Worker.Scalar == Scalar
    /// How many queries and points a tile has; multiples of 64.
    static var height: Int { get }
    static var width: Int { get }
    var count: Int { get }
    /// The row of the point at a place.
    func row(_ place: Int) -> Int32
    /// Whether pairs of two tiles' points count.
    func areWanted(_ queries: Range<Int>, _ points: Range<Int>) -> Bool
    /// Room for one thread's tiles.
    func makeWorker() -> Worker
    /// The squared distance of two rows, the same to the bit in both directions, whose tile says `distance`: that, or
    /// what it is at least.
    func measured(_ distance: Scalar, _ left: Int32, _ right: Int32) -> Scalar
}

/// Measures tiles on one thread. The distance of a pair is the same to the bit in both directions and in any tile.
protocol DistanceTileWorker {
    associatedtype Scalar: KernelScalar
    /// The places that the next tiles measure from; the first is a multiple of 64.
    mutating func take(_ queries: Range<Int>)
    /// Lists pairs of those and others, whose first is a multiple of 64, that are at most as far apart as either's bound;
    /// pairs with places behind the last may be among them. There is a bound for each place up to a multiple of 64.
    mutating func near(_ points: Range<Int>, bounds: UnsafePointer<Scalar>, into pairs: PairList<Scalar>) -> Int
}

/// Room for the pairs of a tile: places within it, and squared distances.
struct PairList<Scalar: KernelScalar> {
    /// Query << 16 | point.
    let places: AlignedBuffer<UInt32>
    let distances: AlignedBuffer<Scalar>

    init(height: Int, width: Int) {
        places = AlignedBuffer(uninitialised: height * width)
        distances = AlignedBuffer(uninitialised: height * width)
    }
}

/// What measures whole tiles lists what is near in them.
struct TileBench<Scalar: KernelScalar> {
    private let width: Int
    private let found: AlignedBuffer<Int32>
    let out: AlignedBuffer<Scalar>

    init(height: Int, width: Int) {
        self.width = width
        found = AlignedBuffer(uninitialised: width)
        out = AlignedBuffer(uninitialised: height * width)
    }

    func list(
        _ queries: Range<Int>, _ points: Range<Int>, bounds: UnsafePointer<Scalar>, into pairs: PairList<Scalar>
    ) -> Int {
        var listed = 0
        for query in queries {
            let distances = out.pointer + (query - queries.lowerBound) * width
            let count = Scalar._within(
                distances, own: bounds[query], bounds: bounds + points.lowerBound, count: points.count,
                list: found.pointer)
            for index in 0..<count {
                let point = found.pointer[index]
                pairs.places.pointer[listed] = UInt32(query - queries.lowerBound) << 16 | UInt32(bitPattern: point)
                pairs.distances.pointer[listed] = distances[Int(point)]
                listed += 1
            }
        }
        return listed
    }
}

extension DistanceTiles {
    static var height: Int { 64 }
    static var width: Int { 512 }
    func row(_ place: Int) -> Int32 { Int32(truncatingIfNeeded: place) }
    func areWanted(_ queries: Range<Int>, _ points: Range<Int>) -> Bool { true }
    func measured(_ distance: Scalar, _ left: Int32, _ right: Int32) -> Scalar { distance }
}

/// Tiles of prepared rows, which are all in memory.
struct PreparedTiles<Scalar: KernelScalar>: DistanceTiles {
    let rows: SimilarityRows<Scalar>

    var count: Int { rows.candidates }

    func makeWorker() -> Worker { Worker(rows: rows, bench: TileBench(height: Self.height, width: Self.width)) }

    struct Worker: DistanceTileWorker {
        let rows: SimilarityRows<Scalar>
        let bench: TileBench<Scalar>
        var queries = 0..<0

        mutating func take(_ queries: Range<Int>) { self.queries = queries }

        mutating func near(
            _ points: Range<Int>, bounds: UnsafePointer<Scalar>, into pairs: PairList<Scalar>
        ) -> Int {
            rows.squaredDistances(queries, to: points, into: bench.out.pointer, stride: PreparedTiles.width)
            return bench.list(queries, points, bounds: bounds, into: pairs)
        }
    }
}

/// Tiles of rows that are read and widened when they are needed.
struct ReadTiles<Rows: PointRows>: DistanceTiles {
    let rows: Rows

    var count: Int { rows.rows }

    func makeWorker() -> Worker {
        Worker(
            rows: rows, bench: TileBench(height: Self.height, width: Self.width),
            read: AlignedBuffer(uninitialised: Self.height * rows.columns),
            others: AlignedBuffer(uninitialised: Self.width * rows.columns))
    }

    struct Worker: DistanceTileWorker {
        let rows: Rows
        let bench: TileBench<Float>
        let read: AlignedBuffer<Float>
        let others: AlignedBuffer<Float>
        var queries = 0..<0

        mutating func take(_ queries: Range<Int>) {
            self.queries = queries
            for row in queries { rows.read(row, into: read.pointer + (row - queries.lowerBound) * rows.columns) }
        }

        mutating func near(_ points: Range<Int>, bounds: UnsafePointer<Float>, into pairs: PairList<Float>) -> Int {
            for row in points { rows.read(row, into: others.pointer + (row - points.lowerBound) * rows.columns) }
            let blocks = PointBlocks(UnsafePointer(others.pointer), count: points.count, dimensions: rows.columns)
            Float._distances(
                read.pointer, stride: rows.columns, count: queries.count, blocks: blocks.blocks.pointer,
                blockCount: blocks.blockCount, dim: rows.columns, into: bench.out.pointer, outStride: ReadTiles.width)
            return bench.list(queries, points, bounds: bounds, into: pairs)
        }
    }
}

/// Tiles of sketches' own distances, of tiles that are near each other; rows are places.
struct SketchTiles: DistanceTiles {
    let sketch: Sketch
    private let tiles: TileNeighbours

    static var height: Int { Sketch.leaf }
    static var width: Int { Sketch.leaf }

    init(sketch: Sketch) {
        self.sketch = sketch
        tiles = TileNeighbours(sketch)
    }

    var count: Int { sketch.rows }

    func areWanted(_ queries: Range<Int>, _ points: Range<Int>) -> Bool {
        tiles.areNear(queries.lowerBound / Self.height, points.lowerBound / Self.width)
    }

    func makeWorker() -> Worker { Worker(sketch: sketch) }

    struct Worker: DistanceTileWorker {
        let sketch: Sketch
        var queries = 0..<0

        mutating func take(_ queries: Range<Int>) { self.queries = queries }

        mutating func near(_ points: Range<Int>, bounds: UnsafePointer<Float>, into pairs: PairList<Float>) -> Int {
            sketch.near(queries, points, bounds: bounds, into: pairs)
        }
    }
}

/// Tiles of what squared distances are at least, by a sketch of the points.
struct SketchedTiles<Rows: PointRows>: DistanceTiles {
    let rows: Rows
    let sketch: Sketch

    /// Of a square tile each row that is measured serves the most pairs while it is in a cache.
    static var height: Int { Sketch.leaf }
    static var width: Int { Sketch.leaf }

    var count: Int { sketch.rows }

    func row(_ place: Int) -> Int32 { sketch.order[place] }

    func makeWorker() -> SketchTiles.Worker { SketchTiles.Worker(sketch: sketch) }

    func measured(_ distance: Float, _ left: Int32, _ right: Int32) -> Float {
        rows.squaredDistance(Int(left), Int(right))
    }
}
