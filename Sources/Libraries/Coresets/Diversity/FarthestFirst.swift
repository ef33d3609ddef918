/// Farthest-first traversal (GMM): each pick is the point farthest from those before.
///
/// A 2-approximation for k-center and for remote-edge, and for every prefix; Gonzalez 1985. Ties go to the smallest
/// row.
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
        _ features: Matrix<Scalar>, count: Int, start: Int = 0, initial: [Int] = []
    ) throws(CoresetError) {
        try Self.check(count, start, initial, rows: features.rows)
        guard count > 0 else { return }
        var run = Traversal(features, wanted: count + initial.count)
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

/// The state of a traversal: each point's squared distance to the nearest pick, as far as it matters.
///
/// Only the greatest is asked for. A block of points whose greatest was less than that when it was last looked at, at
/// fewer picks, cannot have it now, since distances to the nearest pick only fall; most blocks are looked at a few times,
/// against all the picks that they have missed at once, and then no more.
private struct Traversal<Scalar: KernelScalar> {
    private let features: Matrix<Scalar>
    private let dimensions: Int
    private let points: PointBlocks<Scalar>
    /// The picks' coordinates.
    private let picked: AlignedBuffer<Scalar>
    private var pickedCount = 0
    /// −1 at places without a point, and of picks, so that no point is picked twice.
    private let near: AlignedBuffer<Scalar>
    private let blockMost: AlignedBuffer<Scalar>
    /// Picks that each block has been measured against.
    private let seen: AlignedBuffer<Int32>
    private let list: AlignedBuffer<Int32>
    private(set) var farthest: (row: Int, square: Scalar) = (0, .infinity)

    init(_ features: Matrix<Scalar>, wanted: Int) {
        dimensions = features.columns
        self.features = features
        let picked = AlignedBuffer<Scalar>(uninitialised: wanted * features.columns)
        self.picked = picked
        points = features.storage.withUnsafeBufferPointer { values in
            // Without columns there is no memory, and nothing is read.
            PointBlocks(
                values.baseAddress ?? UnsafePointer(picked.pointer), count: features.rows,
                dimensions: features.columns)
        }
        near = AlignedBuffer(count: points.places, repeating: .infinity)
        for place in features.rows..<max(features.rows, points.places) { near.pointer[place] = -1 }
        blockMost = AlignedBuffer(count: points.blockCount, repeating: .infinity)
        seen = AlignedBuffer(count: points.blockCount, repeating: 0)
        list = AlignedBuffer(uninitialised: points.blockCount)
    }

    mutating func add(_ row: Int) {
        features.storage.withUnsafeBufferPointer { values in
            for t in 0..<dimensions { picked.pointer[pickedCount * dimensions + t] = values[row * dimensions + t] }
        }
        pickedCount += 1
        let own = Int(points.placeOf[row])
        near.pointer[own] = -1
        let lanes = Scalar._lanes
        let block = own / lanes
        blockMost.pointer[block] = Scalar._maximum(near.pointer + block * lanes, count: lanes)
        var most: Scalar = 0
        let listed = Scalar._farthest(
            picked.pointer, count: pickedCount, blocks: points.blocks.pointer, blockCount: points.blockCount,
            dim: dimensions, seen: seen.pointer, near: near.pointer, blockMost: blockMost.pointer, list: list.pointer,
            greatest: &most)
        var best = Int32.max
        for index in 0..<listed {
            let start = Int(list.pointer[index]) * lanes
            for place in start..<start + lanes where near.pointer[place] == most && points.rowAt[place] >= 0 {
                best = min(best, points.rowAt[place])
            }
        }
        farthest = (Int(best == .max ? 0 : best), max(0, most))
    }
}
