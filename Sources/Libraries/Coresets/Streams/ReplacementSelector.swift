/// k points far apart, kept by replacement: the stream algorithms of Wang, Flynn & Luo 2023, for remote-edge.
///
/// The least pairwise distance of the kept points never falls along the stream.
///
/// - Complexity: O(k·d) where a point is rejected, O(k·d + k²) where it is kept.
public struct ReplacementSelector: StreamSelector {
    /// Which kept points may have to go for an arrival.
    public enum Rule: String, Sendable, CaseIterable, Codable {
        /// Any: the one whose exchange for the arrival is best (k-replacement).
        case all
        /// The one nearest to the arrival, if it is of the closest pair, else none (k-adjacency replacement).
        case adjacent
    }

    public let capacity: Int
    public let dimensions: Int
    public let rule: Rule
    public private(set) var seen = 0
    public private(set) var kept: [Int] = []
    /// The least squared distance of two kept points, and which.
    private var least = Float.infinity
    private var closest = (0, 0)
    private var slots: PointSlots
    private var distances: [Float]
    /// Squared distances of kept points, capacity × capacity.
    private var between: [Float]

    /// - Throws: `CoresetError.invalidParameter`.
    public init(capacity: Int, dimensions: Int, rule: Rule) throws(CoresetError) {
        guard capacity > 1 else {
            throw .invalidParameter(name: "the number of points to keep", value: "\(capacity)", expected: "2 or more")
        }
        self.capacity = capacity
        self.dimensions = dimensions
        self.rule = rule
        slots = PointSlots(capacity: capacity, dimensions: dimensions)
        distances = [Float](repeating: 0, count: slots.places)
        between = [Float](repeating: .infinity, count: capacity * capacity)
    }

    /// The remote-edge of the kept points; 0 while there are fewer than two.
    public var diversity: Double { kept.count > 1 ? Double(least).squareRoot() : 0 }
    public var points: Matrix<Float> { slots.matrix(count: kept.count) }

    public mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision {
        defer { seen += 1 }
        slots.distances(point, count: kept.count, into: &distances)
        guard kept.count == capacity else {
            let slot = kept.count
            kept.append(seen)
            place(point, in: slot)
            return .added(slot: slot)
        }
        // Without a point that is not of the closest pair the least distance is what it was, and no exchange can raise
        // it: only the two need to be tried, and only if the arrival is far enough from all others.
        let (near, second) = twoNearest()
        var best: (slot: Int, value: Float)?
        for slot in [min(closest.0, closest.1), max(closest.0, closest.1)] where rule == .all || slot == near.slot {
            let toOthers = slot == near.slot ? second : near.square
            guard toOthers > least else { continue }
            let value = min(toOthers, leastWithout(slot))
            if value > (best?.value ?? least) { best = (slot, value) }
        }
        guard let best else { return .rejected }
        let evicted = kept[best.slot]
        kept[best.slot] = seen
        place(point, in: best.slot)
        return .replaced(slot: best.slot, evicted: evicted)
    }

    private func twoNearest() -> (near: (slot: Int, square: Float), second: Float) {
        distances.withUnsafeBufferPointer { distances in
            var near = (slot: 0, square: Float.infinity)
            var second = Float.infinity
            for slot in 0..<kept.count {
                let square = distances[slot]
                if square < near.square {
                    second = near.square
                    near = (slot, square)
                } else if square < second {
                    second = square
                }
            }
            return (near, second)
        }
    }

    private func leastWithout(_ slot: Int) -> Float {
        between.withUnsafeBufferPointer { between in
            var least = Float.infinity
            for i in 0..<capacity where i != slot {
                for j in 0..<i where j != slot { least = min(least, between[i * capacity + j]) }
            }
            return least
        }
    }

    private mutating func place(_ point: UnsafeBufferPointer<Float>, in slot: Int) {
        slots.set(slot, point)
        for other in 0..<kept.count where other != slot {
            between[slot * capacity + other] = distances[other]
            between[other * capacity + slot] = distances[other]
        }
        least = .infinity
        for i in 0..<kept.count {
            for j in 0..<i where between[i * capacity + j] < least {
                least = between[i * capacity + j]
                closest = (j, i)
            }
        }
    }
}
