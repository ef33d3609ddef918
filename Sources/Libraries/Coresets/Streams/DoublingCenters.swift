/// k-center on a stream by doubling: at most k centres, each point within 4τ of one, and τ/2 at most the optimum.
///
/// A point enters when it is farther than 2τ from all centres. When there are k + 1, τ doubles (first it becomes their
/// least distance), and in the order of arrival centres stay that are more than 2τ apart; the others' weights go to the
/// centre that absorbs them. The ratio to the best radius is at most 8.
///
/// - Complexity: O(k·d) a point, O(k·d) memory. No allocation once τ has settled.
/// - Source: Charikar, Chekuri, Feder & Motwani 1997, with the constants derived for this form.
public struct DoublingCenters: StreamSelector, Hashable, Codable {
    public let capacity: Int
    public let dimensions: Int
    public private(set) var seen = 0
    /// Numbers of the centres in the stream.
    public private(set) var kept: [Int] = []
    /// Points that each centre stands for; they sum to `seen`.
    public private(set) var weights: [Double] = []
    /// Centres are more than 2τ apart.
    public private(set) var threshold = 0.0
    /// No k centres have a smaller covering radius than this.
    public private(set) var lowerBound = 0.0
    private var slots: PointSlots
    private var distances: [Float]

    /// - Throws: `CoresetError.invalidParameter`.
    public init(capacity: Int, dimensions: Int) throws(CoresetError) {
        guard capacity > 0 else {
            throw .invalidParameter(name: "the number of centres", value: "\(capacity)", expected: "positive")
        }
        self.capacity = capacity
        self.dimensions = dimensions
        slots = PointSlots(capacity: capacity + 1, dimensions: dimensions)
        distances = [Float](repeating: 0, count: slots.places)
        kept.reserveCapacity(capacity + 1)
        weights.reserveCapacity(capacity + 1)
    }

    /// Every point seen is within this distance of a centre.
    public var coveringBound: Double { 4 * threshold }
    public var points: Matrix<Float> { slots.matrix(count: kept.count) }

    public mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision {
        seen += 1
        return insert(point, number: seen - 1, weight: 1)
    }

    /// Takes the centres of another stream in, with the points they stand for. Its points are numbered after this
    /// one's.
    ///
    /// - Throws: `CoresetError.dimensions`.
    public mutating func merge(_ other: DoublingCenters) throws(CoresetError) {
        guard other.dimensions == dimensions else {
            throw .dimensions(expected: dimensions, found: other.dimensions, what: "dimensions of the other stream")
        }
        lowerBound = max(lowerBound, other.lowerBound)
        // A centre that goes takes points within 4·(τ/2) with it to one within 2τ: 4τ holds after a doubling.
        let greater = max(threshold, other.threshold)
        if greater > 0 {
            threshold = 2 * greater
            filter()
        }
        let offset = seen
        seen += other.seen
        for slot in other.kept.indices {
            other.slots.point(slot).withUnsafeBufferPointer {
                _ = insert($0, number: offset + other.kept[slot], weight: other.weights[slot])
            }
        }
    }

    private mutating func insert(_ point: UnsafeBufferPointer<Float>, number: Int, weight: Double) -> StreamDecision {
        if !kept.isEmpty {
            slots.distances(point, count: kept.count, into: &distances)
            let (nearest, square) = nearestSlot(kept.count)
            if Double(square).squareRoot() <= 2 * threshold {
                weights[nearest] += weight
                return .rejected
            }
        }
        let slot = kept.count
        slots.set(slot, point)
        kept.append(number)
        weights.append(weight)
        guard kept.count > capacity else { return .added(slot: slot) }
        while kept.count > capacity {
            // k + 1 centres are more than the old 2τ apart, which is the new τ: of any k, one covers two of them.
            threshold = threshold == 0 ? leastDistance() : 2 * threshold
            lowerBound = max(lowerBound, threshold / 2)
            filter()
        }
        return kept.firstIndex(of: number).map { .added(slot: $0) } ?? .rejected
    }

    private func nearestSlot(_ count: Int) -> (Int, Float) {
        distances.withUnsafeBufferPointer { distances in
            guard let start = distances.baseAddress else { return (0, .infinity) }
            let least = Float._minimum(start, count: count)
            var slot = 0
            while slot < count - 1, start[slot] != least { slot += 1 }
            return (slot, least)
        }
    }

    private mutating func leastDistance() -> Double {
        var least = Float.infinity
        for slot in 1..<kept.count {
            slots.point(slot).withUnsafeBufferPointer { slots.distances($0, count: slot, into: &distances) }
            least = min(least, nearestSlot(slot).1)
        }
        return Double(least).squareRoot()
    }

    /// Keeps centres, in the order of arrival, that are more than 2τ from those kept before.
    private mutating func filter() {
        var count = 0
        for slot in kept.indices {
            if count > 0 {
                slots.point(slot).withUnsafeBufferPointer { slots.distances($0, count: count, into: &distances) }
                let (nearest, square) = nearestSlot(count)
                if Double(square).squareRoot() <= 2 * threshold {
                    weights[nearest] += weights[slot]
                    continue
                }
            }
            if count != slot {
                slots.copy(slot, to: count)
                kept[count] = kept[slot]
                weights[count] = weights[slot]
            }
            count += 1
        }
        kept.removeLast(kept.count - count)
        weights.removeLast(weights.count - count)
    }
}
