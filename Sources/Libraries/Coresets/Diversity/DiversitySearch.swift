/// Sets of large diversity, by the heuristics with known factors.
///
/// Objectives of least distances (edge, tree, cycle, pseudoforest, matching) start from farthest-first traversal,
/// objectives of sums (clique, star, bipartition) from greedy on the sum of distances; then single elements are swapped
/// while the value rises, where that is asked for.
public struct DiversitySearch: Sendable {
    public let diversity: Diversity
    public let distances: Distances

    public init(_ diversity: Diversity, distances: Distances) {
        self.diversity = diversity
        self.distances = distances
    }

    /// - Parameters:
    ///   - swaps: rounds of swaps at most; each round tries every pick against every other element.
    ///   - start: the first pick.
    /// - Throws: `CoresetError.tooMany`, `.outOfRange`.
    /// - Complexity: O(n·k·d), and O(n·k) evaluations of the diversity for a round of swaps.
    public func select(count: Int, swaps: Int = 0, start: Int = 0) throws(CoresetError) -> Selection {
        var picks: [Int]
        switch diversity {
        case .remoteEdge, .remoteTree, .remoteCycle, .remotePseudoforest, .remoteMatching:
            picks = try FarthestFirst(distances, count: count, start: start).picks
        case .remoteClique, .remoteStar, .remoteBipartition:
            let greedy = try DisparitySum(distances).maximize(
                count: max(0, count - (count > 0 ? 1 : 0)), using: .naive, initial: count > 0 ? [start] : [])
            picks = (count > 0 ? [start] : []) + greedy.picks
        }
        var evaluations = 0
        if swaps > 0, count > 1 { picks = improved(picks, rounds: swaps, evaluations: &evaluations) }
        var gains: [Double] = []
        var value = 0.0
        for size in 0..<picks.count {
            let next = diversity.value(of: Array(picks[...size]), in: distances).number
            gains.append(next - value)
            value = next
        }
        return Selection(
            picks: picks, gains: gains, value: value, evaluations: evaluations, objective: diversity.rawValue,
            optimizer: swaps > 0 ? "local-search" : "greedy",
            guarantee: swaps > 0 || diversity != .remoteEdge ? nil : 0.5)
    }

    private func improved(_ start: [Int], rounds: Int, evaluations: inout Int) -> [Int] {
        var set = start
        var value = diversity.value(of: set, in: distances).number
        var isIn = Set(set)
        for _ in 0..<rounds {
            var swapped = false
            for position in set.indices {
                for candidate in 0..<distances.count where !isIn.contains(candidate) {
                    var other = set
                    other[position] = candidate
                    evaluations += 1
                    let now = diversity.value(of: other, in: distances).number
                    if now > value * (1 + 1e-9) {
                        isIn.remove(set[position])
                        isIn.insert(candidate)
                        (set, value) = (other, now)
                        swapped = true
                    }
                }
            }
            if !swapped { break }
        }
        return set
    }
}
