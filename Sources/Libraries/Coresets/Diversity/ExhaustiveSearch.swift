/// The best of all sets of a size, for small problems: what heuristics are measured against.
public enum ExhaustiveSearch {
    /// Sets that are tried at most; more are refused.
    public static let limit = 50_000_000

    /// The best set and its value; of equal values the first set in lexicographic order.
    public struct Optimum: Sendable, Hashable {
        public var set: [Int]
        public var value: Double
        /// Sets looked at.
        public var sets: Int
    }

    /// The set of `size` elements of 0 ..< count that makes a function largest.
    ///
    /// - Throws: `CoresetError.tooMany`, `.invalidParameter` for more than `limit` sets.
    /// - Complexity: C(count, size) calls.
    public static func maximum(count: Int, size: Int, of value: ([Int]) -> Double) throws(CoresetError) -> Optimum {
        try check(count, size)
        var set = Array(0..<size)
        var best = Optimum(set: set, value: value(set), sets: 1)
        while advance(&set, count: count) {
            best.sets += 1
            let now = value(set)
            if now > best.value { (best.set, best.value) = (set, now) }
        }
        return best
    }

    /// The best set of an objective, prefixes of sets shared.
    ///
    /// - Throws: as the other.
    public static func maximum(of objective: some Objective, size: Int) throws(CoresetError) -> Optimum {
        try check(objective.count, size)
        var best = Optimum(set: [], value: -.infinity, sets: 0)
        var set: [Int] = []
        extend(objective, from: 0, size: size, set: &set, best: &best)
        return best
    }

    private static func extend(
        _ objective: some Objective, from first: Int, size: Int, set: inout [Int], best: inout Optimum
    ) {
        if set.count == size {
            best.sets += 1
            if objective.value > best.value { (best.set, best.value) = (set, objective.value) }
            return
        }
        let left = size - set.count
        guard first + left <= objective.count else { return }
        for element in first...(objective.count - left) {
            var grown = objective
            grown.add(element)
            set.append(element)
            extend(grown, from: element + 1, size: size, set: &set, best: &best)
            set.removeLast()
        }
    }

    private static func check(_ count: Int, _ size: Int) throws(CoresetError) {
        guard size >= 0, size <= count else { throw .tooMany(count: size, rows: count) }
        var sets = 1.0
        for index in 0..<size { sets *= Double(count - index) / Double(index + 1) }
        guard sets <= Double(limit) else {
            throw .invalidParameter(
                name: "the number of sets of \(size) of \(count)", value: "\(sets)", expected: "at most \(limit)")
        }
    }

    /// The next set in lexicographic order.
    static func advance(_ set: inout [Int], count: Int) -> Bool {
        var index = set.count - 1
        while index >= 0, set[index] == count - set.count + index { index -= 1 }
        guard index >= 0 else { return false }
        set[index] += 1
        for later in (index + 1)..<max(index + 1, set.count) { set[later] = set[later - 1] + 1 }
        return true
    }
}
