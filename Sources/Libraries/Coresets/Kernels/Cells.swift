import Glibc

/// Points grouped by the nearest of some centres, and for each block how near a query must be to matter.
///
/// A point u at distance r(u) from its centre c is at least |d(e, c) − r(u)| from a query e. Where it has something at
/// distance `reach(u)` already, e matters to it only if it is nearer. A block therefore is passed over unless
/// r − reach < d(e, c) < r + reach for some of its points, and a cell unless that holds for one of its blocks. With the
/// chosen elements as centres and r(u) ≥ reach(u), all but the cells around e go.
struct Cells<Scalar: KernelScalar>: Sendable {
    let points: PointBlocks<Scalar>
    private let centres: PointBlocks<Scalar>
    /// Blocks of cell c are `firstBlock[c]..<firstBlock[c + 1]`.
    private let firstBlock: [Int32]
    private let cellOf: [Int32]
    private let nearest: [Scalar]
    private let farthest: [Scalar]
    /// Squares of the distances from the centre between which a query matters.
    private var from: [Scalar]
    private var below: [Scalar]
    /// Greatest `below` of each cell.
    private var cellBelow: [Scalar]

    /// - Parameters:
    ///   - points: the rows, `count` × `dimensions`.
    ///   - chosen: rows of the centres, `chosenCount` × `dimensions`.
    /// - Complexity: O(n·centres·d) time, O((n + 16·centres)·d) memory.
    init(
        _ points: UnsafePointer<Scalar>, count: Int, dimensions: Int, centres chosen: UnsafePointer<Scalar>,
        chosenCount: Int, threads: Int
    ) {
        let lanes = Scalar._lanes
        let centres = PointBlocks(chosen, count: chosenCount, dimensions: dimensions)
        self.centres = centres
        let cell = AlignedBuffer<Int32>(uninitialised: count)
        let distance = AlignedBuffer<Scalar>(uninitialised: count)
        Parallel.ranges((count + 63) / 64, threads: threads, grain: 8) { groups in
            let out = AlignedBuffer<Scalar>(uninitialised: 64 * centres.places)
            for group in groups {
                let rows = group * 64..<min(count, group * 64 + 64)
                Scalar._distances(
                    points + rows.lowerBound * dimensions, stride: dimensions, count: rows.count,
                    blocks: centres.blocks.pointer, blockCount: centres.blockCount, dim: dimensions,
                    into: out.pointer, outStride: centres.places)
                for row in rows {
                    let values = out.pointer + (row - rows.lowerBound) * centres.places
                    let least = Scalar._minimum(values, count: chosenCount)
                    var index = 0
                    while index < chosenCount - 1, values[index] != least { index += 1 }
                    cell.pointer[row] = Int32(truncatingIfNeeded: index)
                    distance.pointer[row] = least.squareRoot()
                }
            }
        }
        var sizes = [Int](repeating: 0, count: chosenCount + 1)
        for row in 0..<count { sizes[Int(cell.pointer[row]) + 1] += 1 }
        for index in 0..<chosenCount { sizes[index + 1] += sizes[index] }
        var members = [Int32](repeating: 0, count: count)
        var next = sizes
        for row in 0..<count {
            let index = Int(cell.pointer[row])
            members[next[index]] = Int32(truncatingIfNeeded: row)
            next[index] += 1
        }
        var order: [Int32] = []
        var firstBlock: [Int32] = [0]
        var cellOf: [Int32] = []
        var nearest: [Scalar] = []
        var farthest: [Scalar] = []
        order.reserveCapacity(count + chosenCount * lanes)
        for index in 0..<chosenCount {
            // Far ones first: blocks then are rings, and as reach shrinks the outer ones still matter alone.
            members[sizes[index]..<sizes[index + 1]].sort {
                let (left, right) = (distance.pointer[Int($0)], distance.pointer[Int($1)])
                return left == right ? $0 < $1 : left > right
            }
            for start in stride(from: sizes[index], to: sizes[index + 1], by: lanes) {
                let end = min(start + lanes, sizes[index + 1])
                order.append(contentsOf: members[start..<end])
                order.append(contentsOf: repeatElement(-1, count: lanes - (end - start)))
                cellOf.append(Int32(truncatingIfNeeded: index))
                farthest.append(distance.pointer[Int(members[start])] * PointBlocks<Scalar>.inflation)
                nearest.append(distance.pointer[Int(members[end - 1])] / PointBlocks<Scalar>.inflation)
            }
            firstBlock.append(Int32(truncatingIfNeeded: cellOf.count))
        }
        self.points = PointBlocks(points, count: count, dimensions: dimensions, order: order)
        self.firstBlock = firstBlock
        self.cellOf = cellOf
        self.nearest = nearest
        self.farthest = farthest
        from = [Scalar](repeating: 0, count: cellOf.count)
        below = [Scalar](repeating: .infinity, count: cellOf.count)
        cellBelow = [Scalar](repeating: .infinity, count: chosenCount)
    }

    var centreCount: Int { centres.count }
    func cell(ofBlock block: Int) -> Int { Int(cellOf[block]) }
    var centrePlaces: Int { centres.places }

    /// States within which distance something matters to the points of some blocks.
    ///
    /// - Parameter list: numbers of blocks, ascending.
    /// - Complexity: O(blocks of the cells that the blocks listed are in).
    mutating func setReaches(of list: UnsafeBufferPointer<Int32>, _ reach: (Int) -> Scalar) {
        var index = 0
        while index < list.count {
            let cell = Int(cellOf[Int(list[index])])
            let blocks = Int(firstBlock[cell])..<Int(firstBlock[cell + 1])
            while index < list.count, blocks.contains(Int(list[index])) {
                let block = Int(list[index])
                setBounds(block, reach(block))
                index += 1
            }
            bound(cell)
        }
    }

    /// The same for all blocks. Complexity: O(blocks).
    mutating func setReaches(_ reach: (Int) -> Scalar) {
        for block in below.indices { setBounds(block, reach(block)) }
        for cell in cellBelow.indices { bound(cell) }
    }

    @inline(__always)
    private mutating func setBounds(_ block: Int, _ reach: Scalar) {
        let outer = (farthest[block] + reach) * PointBlocks<Scalar>.inflation
        let inner = (nearest[block] - reach) / PointBlocks<Scalar>.inflation
        below[block] = outer * outer
        from[block] = inner > 0 ? inner * inner : -1
    }

    @inline(__always)
    private mutating func bound(_ cell: Int) {
        var most: Scalar = 0
        for block in Int(firstBlock[cell])..<Int(firstBlock[cell + 1]) { most = max(most, below[block]) }
        cellBelow[cell] = most
    }

    /// Squared distances of queries to the centres, `centrePlaces` a row.
    func measure(_ queries: UnsafePointer<Scalar>, count: Int, into out: UnsafeMutablePointer<Scalar>) {
        Scalar._distances(
            queries, stride: points.dimensions, count: count, blocks: centres.blocks.pointer,
            blockCount: centres.blockCount, dim: points.dimensions, into: out, outStride: centres.places)
    }

    /// Writes the blocks to which a query may matter, and tells how many.
    ///
    /// - Parameters:
    ///   - distances: its squared distances to the centres.
    ///   - list: room for all blocks.
    func blocks(within distances: UnsafePointer<Scalar>, into list: UnsafeMutablePointer<Int32>) -> Int {
        var listed = 0
        cellBelow.withUnsafeBufferPointer { cellBelow in
            below.withUnsafeBufferPointer { below in
                from.withUnsafeBufferPointer { from in
                    firstBlock.withUnsafeBufferPointer { firstBlock in
                        for cell in 0..<cellBelow.count where distances[cell] < cellBelow[cell] {
                            let distance = distances[cell]
                            var block = firstBlock[cell]
                            let end = firstBlock[cell + 1]
                            while block < end {
                                list[listed] = block
                                listed += distance < below[Int(block)] && distance > from[Int(block)] ? 1 : 0
                                block += 1
                            }
                        }
                    }
                }
            }
        }
        return listed
    }
}
