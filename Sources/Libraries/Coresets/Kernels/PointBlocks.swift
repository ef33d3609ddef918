/// Points in the kernels' layout: blocks of `Scalar._lanes` points, a coordinate of all of them after the other.
///
/// Places beyond the last point of a block repeat a point; `rowAt` is −1 there, and whoever holds values for places
/// must keep them from counting.
struct PointBlocks<Scalar: KernelScalar>: Sendable {
    let count: Int
    let dimensions: Int
    let blockCount: Int
    /// Row at each place.
    let rowAt: [Int32]
    /// Place of each row.
    let placeOf: [Int32]
    let blocks: AlignedBuffer<Scalar>

    var places: Int { blockCount * Scalar._lanes }

    /// Points in the order given. Complexity: O(n·d) time and memory.
    init(_ points: UnsafePointer<Scalar>, count: Int, dimensions: Int) {
        let lanes = Scalar._lanes
        self.count = count
        self.dimensions = dimensions
        let blockCount = (count + lanes - 1) / lanes
        let places = blockCount * lanes
        self.blockCount = blockCount
        blocks = AlignedBuffer(uninitialised: places * dimensions)
        rowAt = [Int32](unsafeUninitializedCapacity: places) { rows, filled in
            for place in 0..<places { rows[place] = place < count ? Int32(truncatingIfNeeded: place) : -1 }
            filled = places
        }
        placeOf = Array(rowAt.prefix(count))
        for block in 0..<blockCount {
            let target = blocks.pointer + block * dimensions * lanes
            for lane in 0..<lanes {
                let source = points + min(block * lanes + lane, count - 1) * dimensions
                for t in 0..<dimensions { target[t * lanes + lane] = source[t] }
            }
        }
    }

    /// Points at the places that `order` gives, −1 where none is.
    init(_ points: UnsafePointer<Scalar>, count: Int, dimensions: Int, order: [Int32]) {
        let lanes = Scalar._lanes
        self.count = count
        self.dimensions = dimensions
        blockCount = order.count / lanes
        rowAt = order
        var placeOf = [Int32](repeating: 0, count: count)
        blocks = AlignedBuffer(uninitialised: order.count * dimensions)
        var last = 0
        for block in 0..<blockCount {
            let target = blocks.pointer + block * dimensions * lanes
            for lane in 0..<lanes {
                let place = block * lanes + lane
                if order[place] >= 0 {
                    last = Int(order[place])
                    placeOf[last] = Int32(truncatingIfNeeded: place)
                }
                let source = points + last * dimensions
                for t in 0..<dimensions { target[t * lanes + lane] = source[t] }
            }
        }
        self.placeOf = placeOf
    }

    /// The greatest squared distance of two points, exactly as the kernels compute it.
    ///
    /// A point can be an end of the greatest distance only if it and the point farthest from the mean are together far
    /// enough from it; the others are left out first.
    ///
    /// - Parameter points: the rows that the blocks were made from.
    /// - Complexity: O(n²·d) at worst, O(n·d) where few points are far out.
    func greatestSquaredDistance(_ points: UnsafePointer<Scalar>, threads: Int) -> Scalar {
        guard count > 1, dimensions > 0 else { return 0 }
        let out = AlignedBuffer<Scalar>(uninitialised: places)
        func distances(from query: UnsafePointer<Scalar>) {
            Scalar._distances(
                query, stride: dimensions, count: 1, blocks: blocks.pointer, blockCount: blockCount, dim: dimensions,
                into: out.pointer, outStride: places)
        }
        // From a point to the farthest and on from there: nearly the answer already.
        var best: Scalar = 0
        var row = 0
        for _ in 0..<8 {
            distances(from: points + row * dimensions)
            let most = Scalar._maximum(out.pointer, count: places)
            guard most > best else { break }
            best = most
            row = (0..<count).first { out.pointer[Int(placeOf[$0])] == most } ?? 0
        }
        var mean = [Double](repeating: 0, count: dimensions)
        for row in 0..<count {
            for t in 0..<dimensions { mean[t] += Double(points[row * dimensions + t]) }
        }
        let centre = mean.map { Scalar($0 / Double(count)) }
        centre.withUnsafeBufferPointer { if let centre = $0.baseAddress { distances(from: centre) } }
        let far = Scalar._maximum(out.pointer, count: places).squareRoot()
        let reach = best.squareRoot() / Self.inflation - far
        let outer = (0..<count).filter { out.pointer[Int(placeOf[$0])].squareRoot() * Self.inflation >= reach }
        guard outer.count > 1 else { return best }
        let rows = AlignedBuffer<Scalar>(uninitialised: outer.count * dimensions)
        for (index, row) in outer.enumerated() {
            (rows.pointer + index * dimensions).update(from: points + row * dimensions, count: dimensions)
        }
        let few = PointBlocks(rows.pointer, count: outer.count, dimensions: dimensions)
        let group = 64
        let groups = (outer.count + group - 1) / group
        let found = AlignedBuffer<Scalar>(count: groups, repeating: 0)
        Parallel.ranges(groups, threads: threads) { range in
            let out = AlignedBuffer<Scalar>(uninitialised: group * few.places)
            for index in range {
                let first = index * group
                let size = min(group, outer.count - first)
                // Pairs with earlier rows have been measured from there.
                let block = first / Scalar._lanes
                let width = few.blockCount - block
                Scalar._distances(
                    rows.pointer + first * dimensions, stride: dimensions, count: size,
                    blocks: few.blocks.pointer + block * dimensions * Scalar._lanes, blockCount: width,
                    dim: dimensions, into: out.pointer, outStride: width * Scalar._lanes)
                found.pointer[index] = Scalar._maximum(out.pointer, count: size * width * Scalar._lanes)
            }
        }
        return max(best, Scalar._maximum(found.pointer, count: groups))
    }

    /// Rounding of distances is far below this.
    static var inflation: Scalar { 1 + Scalar(Scalar.self == Float.self ? 2e-5 : 1e-12) }
}
