/// A fixed number of places for points, in the kernels' layout, for distances to all of them at once.
///
/// A value; memory is taken once. Empty places are at the origin and must be left out by the caller.
struct PointSlots: Sendable, Hashable, Codable {
    let capacity: Int
    let dimensions: Int
    private var blocks: [Float]
    private let blockCount: Int

    init(capacity: Int, dimensions: Int) {
        self.capacity = capacity
        self.dimensions = dimensions
        blockCount = (capacity + Float._lanes - 1) / Float._lanes
        blocks = [Float](repeating: 0, count: blockCount * dimensions * Float._lanes)
    }

    /// Room that `distances` needs.
    var places: Int { blockCount * Float._lanes }

    private func start(_ slot: Int) -> Int { slot / Float._lanes * dimensions * Float._lanes + slot % Float._lanes }

    mutating func set(_ slot: Int, _ point: UnsafeBufferPointer<Float>) {
        let first = start(slot)
        for t in 0..<dimensions { blocks[first + t * Float._lanes] = point[t] }
    }

    mutating func copy(_ slot: Int, to target: Int) {
        let (from, to) = (start(slot), start(target))
        for t in 0..<dimensions { blocks[to + t * Float._lanes] = blocks[from + t * Float._lanes] }
    }

    func point(_ slot: Int) -> [Float] {
        let first = start(slot)
        return (0..<dimensions).map { blocks[first + $0 * Float._lanes] }
    }

    /// The first `count` points.
    func matrix(count: Int) -> Matrix<Float> {
        Matrix(finite: (0..<count).flatMap { point($0) }, rows: count, columns: dimensions)
    }

    /// Squared distances to the first `count` places, and what follows to the end of a block.
    func distances(_ point: UnsafeBufferPointer<Float>, count: Int, into out: inout [Float]) {
        guard count > 0, let query = point.baseAddress else { return }
        out.withUnsafeMutableBufferPointer { out in
            blocks.withUnsafeBufferPointer { blocks in
                guard let out = out.baseAddress, let blocks = blocks.baseAddress else { return }
                Float._distances(
                    query, stride: dimensions, count: 1, blocks: blocks,
                    blockCount: (count + Float._lanes - 1) / Float._lanes, dim: dimensions, into: out,
                    outStride: places)
            }
        }
    }
}
