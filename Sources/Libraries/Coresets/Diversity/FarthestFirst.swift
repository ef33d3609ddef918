/// Farthest-first traversal (GMM): each pick is the point farthest from those before.
///
/// A 2-approximation for k-center and for remote-edge, and for every prefix; Gonzalez 1985. Ties go to the smallest
/// row. Points are grouped in cells around the picks as their number doubles, and cells too far from a new pick are
/// passed over.
public struct FarthestFirst: Sendable, Hashable, Codable {
    /// Rows in order of choice.
    public var picks: [Int] = []
    /// The greatest distance of a point to the picks, after each pick; it never rises.
    public var radii: [Double] = []

    /// The k-center cost of all picks.
    public var radius: Double { radii.last ?? 0 }

    /// - Parameters:
    ///   - count: points to pick.
    ///   - start: the first pick, where there is no initial set.
    ///   - initial: points that count as picked already; not among the picks.
    /// - Throws: `CoresetError.tooMany`, `.outOfRange`.
    /// - Complexity: O(n·count·d) time, O(n·d) memory.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public init<Scalar: KernelScalar>(
        _ features: Matrix<Scalar>, count: Int, start: Int = 0, initial: [Int] = [], threads: Int? = nil
    ) throws(CoresetError) {
        try Self.check(count, start, initial, rows: features.rows)
        guard count > 0 else { return }
        var run = Traversal(features, wanted: count + initial.count, threads: threads ?? Parallel.processors)
        for element in initial { run.add(element) }
        for step in 0..<count {
            let next = step == 0 && initial.isEmpty ? start : run.farthest.row
            run.add(next)
            picks.append(next)
            radii.append(Double(run.farthest.square).squareRoot())
        }
    }

    /// As the other, for any distances. Complexity: `count` rows of distances.
    public init(_ distances: Distances, count: Int, start: Int = 0, initial: [Int] = []) throws(CoresetError) {
        try Self.check(count, start, initial, rows: distances.count)
        var near = [Double](repeating: .infinity, count: distances.count)
        var row: [Double] = []
        func farthest() -> Int { near.indices.reduce(0) { near[$1] > near[$0] ? $1 : $0 } }
        func add(_ element: Int) {
            distances.row(element, into: &row)
            for other in near.indices { near[other] = min(near[other], row[other]) }
            near[element] = -.infinity
        }
        for element in initial { add(element) }
        for step in 0..<count {
            let next = step == 0 && initial.isEmpty ? start : farthest()
            add(next)
            picks.append(next)
            radii.append(max(0, near[farthest()]))
        }
    }

    private static func check(_ count: Int, _ start: Int, _ initial: [Int], rows: Int) throws(CoresetError) {
        guard count >= 0, count <= rows - initial.count else {
            throw .tooMany(count: count, rows: rows - initial.count)
        }
        guard count == 0 || rows == 0 || (0..<rows).contains(start) else {
            throw .outOfRange(index: start, rows: rows, what: "the start")
        }
        var seen = Set<Int>()
        for element in initial {
            guard (0..<rows).contains(element) else {
                throw .outOfRange(index: element, rows: rows, what: "the initial element")
            }
            guard seen.insert(element).inserted else { throw .duplicateIndex(element, what: "the initial set") }
        }
    }
}

/// The state of a traversal: each point's squared distance to the nearest pick.
private struct Traversal<Scalar: KernelScalar> {
    private let rows: AlignedBuffer<Scalar>
    private let dimensions: Int
    private let count: Int
    private let wanted: Int
    private let threads: Int
    private var points: PointBlocks<Scalar>
    private var cells: Cells<Scalar>?
    /// −1 at places without a point, and of picks, so that no point is picked twice.
    private var near: AlignedBuffer<Scalar>
    private var blockMost: AlignedBuffer<Scalar>
    private var list: AlignedBuffer<Int32>
    private var picked: [Int] = []
    /// Picks from which grouping saves more than it costs.
    private var nextCells = 64
    private(set) var farthest: (row: Int, square: Scalar) = (0, .infinity)

    init(_ features: Matrix<Scalar>, wanted: Int, threads: Int) {
        self.wanted = wanted
        count = features.rows
        dimensions = features.columns
        self.threads = threads
        let rows = AlignedBuffer<Scalar>(uninitialised: features.storage.count)
        features.storage.withUnsafeBufferPointer {
            if let start = $0.baseAddress { rows.pointer.update(from: start, count: $0.count) }
        }
        self.rows = rows
        points = PointBlocks(rows.pointer, count: count, dimensions: dimensions)
        near = AlignedBuffer(count: points.places, repeating: .infinity)
        for place in 0..<points.places where points.rowAt[place] < 0 { near.pointer[place] = -1 }
        blockMost = AlignedBuffer(count: points.blockCount, repeating: .infinity)
        list = AlignedBuffer(uninitialised: points.blockCount)
    }

    mutating func add(_ row: Int) {
        let query = rows.pointer + row * dimensions
        var listed = points.blockCount
        if let cells {
            let distances = AlignedBuffer<Scalar>(uninitialised: cells.centrePlaces)
            cells.measure(query, count: 1, into: distances.pointer)
            listed = cells.blocks(within: distances.pointer, into: list.pointer)
        } else {
            for block in 0..<listed { list.pointer[block] = Int32(truncatingIfNeeded: block) }
        }
        Scalar._listLower(
            query, blocks: points.blocks.pointer, list: list.pointer, listed: listed, dim: dimensions,
            near: near.pointer, blockMost: blockMost.pointer)
        let own = Int(points.placeOf[row])
        near.pointer[own] = -1
        let block = own / Scalar._lanes
        blockMost.pointer[block] = Scalar._maximum(near.pointer + block * Scalar._lanes, count: Scalar._lanes)
        picked.append(row)
        let most = blockMost.pointer
        cells?.setReaches(of: UnsafeBufferPointer(start: list.pointer, count: listed)) {
            max(0, most[$0]).squareRoot()
        }
        if picked.count == nextCells, count >= 2048, dimensions <= 256 { regroup() }
        findFarthest()
    }

    private mutating func findFarthest() {
        let most = Scalar._maximum(blockMost.pointer, count: points.blockCount)
        var best = Int32.max
        for block in 0..<points.blockCount where blockMost.pointer[block] == most {
            for place in block * Scalar._lanes..<(block + 1) * Scalar._lanes
            where near.pointer[place] == most && points.rowAt[place] >= 0 { best = min(best, points.rowAt[place]) }
        }
        farthest = (Int(best == .max ? 0 : best), max(0, most))
    }

    private mutating func regroup() {
        nextCells *= 2
        // Grouping costs as much as a pick for each centre, so that enough picks must be left to gain by it.
        if wanted - picked.count < 2 * picked.count + 64 { return }
        if let cells, cells.centreCount >= count / 16 { return }
        let chosen = AlignedBuffer<Scalar>(uninitialised: picked.count * dimensions)
        for (index, row) in picked.enumerated() {
            (chosen.pointer + index * dimensions).update(from: rows.pointer + row * dimensions, count: dimensions)
        }
        var made = Cells(
            UnsafePointer(rows.pointer), count: count, dimensions: dimensions, centres: UnsafePointer(chosen.pointer),
            chosenCount: picked.count, threads: threads)
        let fresh = AlignedBuffer<Scalar>(count: made.points.places, repeating: -1)
        for row in 0..<count {
            fresh.pointer[Int(made.points.placeOf[row])] = near.pointer[Int(points.placeOf[row])]
        }
        let lanes = Scalar._lanes
        let most = AlignedBuffer<Scalar>(uninitialised: made.points.blockCount)
        for block in 0..<made.points.blockCount {
            most.pointer[block] = Scalar._maximum(fresh.pointer + block * lanes, count: lanes)
        }
        made.setReaches { max(0, most.pointer[$0]).squareRoot() }
        points = made.points
        cells = made
        near = fresh
        blockMost = most
        list = AlignedBuffer(uninitialised: made.points.blockCount)
    }
}
