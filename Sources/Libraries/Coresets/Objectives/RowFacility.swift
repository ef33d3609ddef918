import Glibc

/// Facility location with similarities computed when they are needed.
///
/// Early rounds measure every candidate against every point, a tile at a time. Once there are picks, points are grouped
/// in cells around them (`Cells`), again each time their number has doubled; a gain then costs the distances to the
/// picks and to the few blocks where the candidate could be nearer.
struct RowFacility<Scalar: KernelScalar>: FacilityEngine {
    /// Picks from which cells are worth making, and points for each centre, at least.
    private static var firstCells: Int { 16 }
    private static var pointsPerCentre: Int { 16 }

    private let rows: SimilarityRows<Scalar>
    private let rounding: Double
    private var points: PointBlocks<Scalar>
    private var cells: Cells<Scalar>?
    /// Best similarity at each place; infinite where no point is.
    private var state: AlignedBuffer<Scalar>
    /// Least of `state` in each block.
    private var blockLeast: AlignedBuffer<Scalar>
    private var added: [Int] = []
    private var nextCells = Self.firstCells

    init(_ rows: SimilarityRows<Scalar>) {
        self.rows = rows
        rounding = Scalar.rounding(count: rows.represented, greatest: rows.greatest)
        points = rows.points
        state = Self.emptyState(rows.points)
        blockLeast = AlignedBuffer(count: rows.points.blockCount, repeating: 0)
    }

    private static func emptyState(_ points: PointBlocks<Scalar>) -> AlignedBuffer<Scalar> {
        let state = AlignedBuffer<Scalar>(count: points.places, repeating: 0)
        for place in 0..<points.places where points.rowAt[place] < 0 { state.pointer[place] = .infinity }
        return state
    }

    var best: [Double] { points.placeOf.map { Double(state.pointer[Int($0)]) } }

    // Called through an existential, which does not specialise by itself.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    mutating func gains(of elements: [Int], into gains: inout [Double]) {
        let result = AlignedBuffer<Double>(count: elements.count, repeating: 0)
        let work = rows.represented * max(1, rows.dimensions) / (cells == nil ? 1 : 16) + 1
        Parallel.ranges(elements.count, threads: rows.threads, grain: max(8, 400_000 / work)) { range in
            if let cells {
                cellGains(elements, range, cells, into: result.pointer)
            } else if rows.isDirect {
                allGains(elements, range, into: result.pointer)
            } else {
                rowGains(elements, range, into: result.pointer)
            }
        }
        gains.removeAll(keepingCapacity: true)
        gains.append(contentsOf: UnsafeBufferPointer(start: result.pointer, count: elements.count))
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    mutating func add(_ element: Int) {
        if !isKnownUniquelyReferenced(&state) { state = state.copy() }
        if !isKnownUniquelyReferenced(&blockLeast) { blockLeast = blockLeast.copy() }
        added.append(element)
        let query = rows.queries.pointer + element * rows.dimensions
        guard rows.isDirect else {
            let row = AlignedBuffer<Scalar>(uninitialised: rows.stride)
            rows.fill(element, into: row.pointer)
            _ = Scalar._raise(row.pointer, state.pointer, count: rows.represented)
            return
        }
        let list = AlignedBuffer<Int32>(uninitialised: points.blockCount)
        var listed = points.blockCount
        if let cells {
            let distances = AlignedBuffer<Scalar>(uninitialised: cells.centrePlaces)
            cells.measure(query, count: 1, into: distances.pointer)
            listed = cells.blocks(within: distances.pointer, into: list.pointer)
        } else {
            for block in 0..<listed { list.pointer[block] = Int32(truncatingIfNeeded: block) }
        }
        Scalar._listRaise(
            query, blocks: points.blocks.pointer, list: list.pointer, listed: listed, dim: rows.dimensions,
            transform: rows.transform, best: state.pointer, blockLeast: blockLeast.pointer)
        if var own = cells {
            // Out of the property while it changes, so that it is not copied.
            cells = nil
            own.setReaches(of: UnsafeBufferPointer(start: list.pointer, count: listed)) {
                reach(blockLeast.pointer[$0])
            }
            cells = own
        }
        if added.count == nextCells, rows.represented >= 512 { regroup() }
    }

    /// Distance within which a similarity exceeds `least`, rounding allowed for.
    private func reach(_ least: Scalar) -> Scalar {
        let slack = 8 * rows.greatest * Double(Scalar.ulpOfOne)
        let value = Double(least) - slack
        let transform = rows.transform
        let distance: Double
        switch rows.metric {
        case .maximumMinusSquaredDistance: distance = max(0, transform.a - value).squareRoot()
        case .maximumMinusDistance: distance = max(0, transform.a - value)
        case .exponentialDistance: distance = value > 0 ? max(0, -log(value) / transform.b) : .infinity
        case .gaussian: distance = value > 0 ? max(0, -log(value) / transform.b).squareRoot() : .infinity
        case .inverseDistance: distance = value > 0 ? max(0, 1 / value - 1) / transform.b : .infinity
        case .cosine, .cosineSquared, .correlationSquared, .dot: distance = .infinity
        }
        return Scalar(distance)
    }

    private mutating func regroup() {
        nextCells = added.count * 2
        let limit = max(Self.firstCells, rows.represented / Self.pointsPerCentre)
        if let cells, cells.centreCount >= limit { return }
        let chosen = added.prefix(limit)
        let centres = AlignedBuffer<Scalar>(uninitialised: chosen.count * rows.dimensions)
        for (index, element) in chosen.enumerated() {
            (centres.pointer + index * rows.dimensions).update(
                from: rows.queries.pointer + element * rows.dimensions, count: rows.dimensions)
        }
        var made = Cells(
            UnsafePointer(rows.pointRows.pointer), count: rows.represented, dimensions: rows.dimensions,
            centres: centres.pointer, chosenCount: chosen.count, threads: rows.threads)
        let fresh = Self.emptyState(made.points)
        for row in 0..<rows.represented {
            fresh.pointer[Int(made.points.placeOf[row])] = state.pointer[Int(points.placeOf[row])]
        }
        let lanes = Scalar._lanes
        let least = AlignedBuffer<Scalar>(uninitialised: made.points.blockCount)
        for block in 0..<made.points.blockCount {
            least.pointer[block] = Scalar._minimum(fresh.pointer + block * lanes, count: lanes)
        }
        made.setReaches { reach(least.pointer[$0]) }
        points = made.points
        cells = made
        state = fresh
        blockLeast = least
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    func upperBounds() -> [Double]? { added.isEmpty ? FacilityBounds(rows: rows).bounds : nil }

    // MARK: Ways to gains

    private func cellGains(
        _ elements: [Int], _ range: Range<Int>, _ cells: Cells<Scalar>, into result: UnsafeMutablePointer<Double>
    ) {
        let batch = 8
        let dimensions = rows.dimensions
        let queries = AlignedBuffer<Scalar>(uninitialised: batch * dimensions)
        let distances = AlignedBuffer<Scalar>(uninitialised: batch * cells.centrePlaces)
        let list = AlignedBuffer<Int32>(uninitialised: points.blockCount)
        for first in stride(from: range.lowerBound, to: range.upperBound, by: batch) {
            let size = min(batch, range.upperBound - first)
            rows.gather(elements[first..<first + size], into: queries.pointer)
            cells.measure(queries.pointer, count: size, into: distances.pointer)
            for index in 0..<size {
                let listed = cells.blocks(
                    within: distances.pointer + index * cells.centrePlaces, into: list.pointer)
                result[first + index] = Scalar._listGain(
                    queries.pointer + index * dimensions, blocks: points.blocks.pointer, list: list.pointer,
                    listed: listed, dim: dimensions, transform: rows.transform, best: state.pointer,
                    rounding: rounding)
            }
        }
    }

    private func allGains(_ elements: [Int], _ range: Range<Int>, into result: UnsafeMutablePointer<Double>) {
        let batch = 64
        let queries = AlignedBuffer<Scalar>(uninitialised: batch * rows.dimensions)
        for first in stride(from: range.lowerBound, to: range.upperBound, by: batch) {
            let size = min(batch, range.upperBound - first)
            rows.gather(elements[first..<first + size], into: queries.pointer)
            Scalar._allGains(
                queries.pointer, stride: rows.dimensions, count: size, blocks: points.blocks.pointer,
                blockCount: points.blockCount, dim: rows.dimensions, transform: rows.transform, best: state.pointer,
                rounding: rounding, into: result + first)
        }
    }

    private func rowGains(_ elements: [Int], _ range: Range<Int>, into result: UnsafeMutablePointer<Double>) {
        let batch = 16
        let out = AlignedBuffer<Scalar>(uninitialised: min(batch, range.count) * rows.stride)
        for first in stride(from: range.lowerBound, to: range.upperBound, by: batch) {
            let wanted = elements[first..<min(range.upperBound, first + batch)]
            rows.fill(wanted, into: out.pointer)
            for (row, index) in wanted.indices.enumerated() {
                result[index] = Scalar._gain(
                    out.pointer + row * rows.stride, state.pointer, count: rows.represented, rounding: rounding)
            }
        }
    }
}
