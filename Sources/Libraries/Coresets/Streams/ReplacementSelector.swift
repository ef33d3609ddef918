/// k points far apart, kept by replacement: the stream algorithms of Wang, Flynn & Luo 2023, for remote-edge.
///
/// An arrival takes the place of the kept point without which the least pairwise distance becomes greatest, of equal ones
/// the first, if it becomes greater. That distance never falls along the stream. All rules decide alike and differ in what
/// they look at.
public struct ReplacementSelector: StreamSelector {
    public enum Rule: String, Sendable, CaseIterable, Codable {
        /// Every kept point, with the distances of all pairs that are left without it, as the definition says.
        ///
        /// - Complexity: O(k·d + k³).
        case exhaustive
        /// k-replacement: an exchange can raise the least distance only if it takes away an end of the closest pair, so
        /// that only the two are tried, and only if the arrival is far enough from all others.
        ///
        /// - Complexity: O(k·d) where a point is rejected, O(k·d + k²) where it could be kept.
        case all
        /// k-adjacency replacement: each kept point knows its two nearest among the others, and what would be left without
        /// the nearest to the arrival or an end of the closest pair is read off them.
        ///
        /// - Complexity: O(k·d), and O(k) for each point to which the one that goes was near.
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
    /// For `adjacent`: the two kept points that are nearest to each, and their squared distances.
    private var neighbours: [Neighbours]

    private struct Neighbours: Sendable {
        var (first, second) = (-1, -1)
        var (near, next) = (Float.infinity, Float.infinity)

        mutating func meet(_ slot: Int, _ square: Float) {
            if square < near {
                (second, next) = (first, near)
                (first, near) = (slot, square)
            } else if square < next {
                (second, next) = (slot, square)
            }
        }
    }

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
        neighbours = [Neighbours](repeating: Neighbours(), count: rule == .adjacent ? capacity : 0)
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
        guard let slot = rule == .exhaustive ? bestOfAll() : bestOfEnds() else { return .rejected }
        let evicted = kept[slot]
        kept[slot] = seen
        place(point, in: slot)
        return .replaced(slot: slot, evicted: evicted)
    }

    private func bestOfAll() -> Int? {
        var best: (slot: Int, value: Float)?
        for slot in 0..<capacity {
            var value = leastWithout(slot)
            for other in 0..<capacity where other != slot { value = min(value, distances[other]) }
            if value > (best?.value ?? least) { best = (slot, value) }
        }
        return best?.slot
    }

    private func bestOfEnds() -> Int? {
        // The nearest point is a candidate where it is an end: without another point the closest pair would stay.
        let (near, second) = twoNearest()
        var best: (slot: Int, value: Float)?
        for slot in [min(closest.0, closest.1), max(closest.0, closest.1)] {
            let toOthers = slot == near.slot ? second : near.square
            guard toOthers > least else { continue }
            let value = min(toOthers, rule == .adjacent ? leastByNeighbours(without: slot) : leastWithout(slot))
            if value > (best?.value ?? least) { best = (slot, value) }
        }
        return best?.slot
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

    private func leastByNeighbours(without slot: Int) -> Float {
        var value = Float.infinity
        neighbours.withUnsafeBufferPointer { neighbours in
            for other in 0..<neighbours.count where other != slot {
                value = min(value, neighbours[other].first == slot ? neighbours[other].next : neighbours[other].near)
            }
        }
        return value
    }

    private mutating func place(_ point: UnsafeBufferPointer<Float>, in slot: Int) {
        slots.set(slot, point)
        for other in 0..<kept.count where other != slot {
            between[slot * capacity + other] = distances[other]
            between[other * capacity + slot] = distances[other]
        }
        least = .infinity
        if rule == .adjacent { return meet(slot) }
        for i in 0..<kept.count {
            for j in 0..<i where between[i * capacity + j] < least {
                least = between[i * capacity + j]
                closest = (j, i)
            }
        }
    }

    /// Brings the neighbours up to date after the point in `slot` has changed, and the closest pair.
    private mutating func meet(_ slot: Int) {
        let (kept, capacity) = (kept.count, capacity)
        let found = between.withUnsafeBufferPointer { between in
            neighbours.withUnsafeMutableBufferPointer { neighbours -> (Float, (Int, Int)) in
                var least = Float.infinity
                for other in 0..<kept {
                    let line = other * capacity
                    if other == slot || neighbours[other].first == slot || neighbours[other].second == slot {
                        var own = Neighbours()
                        for third in 0..<kept where third != other { own.meet(third, between[line + third]) }
                        neighbours[other] = own
                    } else {
                        neighbours[other].meet(slot, between[line + slot])
                    }
                    least = min(least, neighbours[other].near)
                }
                // The pair that a scan of all pairs, j < i, would find first.
                for i in 1..<max(1, kept) where neighbours[i].near == least {
                    for j in 0..<i where between[i * capacity + j] == least { return (least, (j, i)) }
                }
                return (least, (0, 0))
            }
        }
        (least, closest) = found
    }
}
