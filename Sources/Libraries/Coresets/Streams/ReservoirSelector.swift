import ApusCore

/// A uniform sample of a stream, for comparison: Vitter's algorithm R.
public struct ReservoirSelector: StreamSelector {
    public let capacity: Int
    public let dimensions: Int
    public private(set) var seen = 0
    public private(set) var kept: [Int] = []
    private var values: [Float] = []
    private var generator: SeededGenerator

    public init(capacity: Int, dimensions: Int, seed: UInt64) {
        self.capacity = capacity
        self.dimensions = dimensions
        generator = SeededGenerator(seed: seed)
        values.reserveCapacity(capacity * dimensions)
    }

    public var points: Matrix<Float> { Matrix(finite: values, rows: kept.count, columns: dimensions) }

    public mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision {
        defer { seen += 1 }
        if kept.count < capacity {
            kept.append(seen)
            values.append(contentsOf: point)
            return .added(slot: kept.count - 1)
        }
        let slot = generator.below(seen + 1)
        guard slot < capacity else { return .rejected }
        let evicted = kept[slot]
        kept[slot] = seen
        for t in 0..<dimensions { values[slot * dimensions + t] = point[t] }
        return .replaced(slot: slot, evicted: evicted)
    }
}
