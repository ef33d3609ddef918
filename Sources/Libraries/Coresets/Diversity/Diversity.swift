/// How far apart the elements of a set are: the diversity problems of Indyk, Mahabadi, Mahdian & Mirrokni 2014.
///
/// Of one element every value is 0.
public enum Diversity: String, Sendable, CaseIterable, Codable {
    /// The least distance of two elements.
    case remoteEdge = "remote-edge"
    /// The sum of distances over unordered pairs.
    case remoteClique = "remote-clique"
    /// The least sum of distances from one element to the others.
    case remoteStar = "remote-star"
    /// The least sum of distances across a split into halves.
    case remoteBipartition = "remote-bipartition"
    /// The weight of a minimum spanning tree.
    case remoteTree = "remote-tree"
    /// The length of a shortest round trip; of two elements twice their distance.
    case remoteCycle = "remote-cycle"
    /// The sum of distances to the nearest other element.
    case remotePseudoforest = "remote-pseudoforest"
    /// The weight of a minimum perfect matching, for an even number of elements.
    case remoteMatching = "remote-matching"

    /// A value, and whether it is exact.
    public enum Value: Sendable, Hashable {
        case exact(Double)
        /// From a heuristic that never falls below the exact value.
        case estimate(Double)

        public var number: Double {
            switch self {
            case .exact(let value), .estimate(let value): value
            }
        }
        public var isExact: Bool { if case .exact = self { true } else { false } }
    }

    /// Sets up to this size have exact values for bipartition, cycle and matching.
    public static let exactLimit = 12

    /// What unions of core-sets by GMM keep of the optimum at least (the factor β of β-composability), where it is
    /// known for core-sets of k points: Indyk et al. 2014.
    public var composableFactor: Double? {
        switch self {
        case .remoteEdge, .remoteCycle: 3
        case .remoteTree: 4
        case .remoteClique, .remoteStar, .remoteBipartition, .remotePseudoforest, .remoteMatching: nil
        }
    }

    /// The diversity of a set whose distances are given.
    ///
    /// - Parameter distances: k × k, symmetric.
    /// - Complexity: O(k²); bipartition O(2^k·k²), cycle O(2^k·k²) and matching O(2^k·k) up to `exactLimit`, O(k³)
    ///   local search beyond.
    public func value(distances: [Double], count k: Int) -> Value {
        guard k > 1 else { return .exact(0) }
        func d(_ i: Int, _ j: Int) -> Double { distances[i * k + j] }
        switch self {
        case .remoteEdge:
            var least = Double.infinity
            for i in 0..<k { for j in 0..<i { least = min(least, d(i, j)) } }
            return .exact(least)
        case .remoteClique:
            var sum = 0.0
            for i in 0..<k { for j in 0..<i { sum += d(i, j) } }
            return .exact(sum)
        case .remoteStar:
            var least = Double.infinity
            for i in 0..<k {
                var sum = 0.0
                for j in 0..<k where j != i { sum += d(i, j) }
                least = min(least, sum)
            }
            return .exact(least)
        case .remotePseudoforest:
            var sum = 0.0
            for i in 0..<k {
                var least = Double.infinity
                for j in 0..<k where j != i { least = min(least, d(i, j)) }
                sum += least
            }
            return .exact(sum)
        case .remoteTree: return .exact(SpanningTree(distances: distances, count: k).weight)
        case .remoteBipartition:
            return k <= Self.exactLimit
                ? .exact(Bipartition.exact(distances, k)) : .estimate(Bipartition.bySwaps(distances, k))
        case .remoteCycle:
            return k <= Self.exactLimit ? .exact(Cycle.exact(distances, k)) : .estimate(Cycle.byExchange(distances, k))
        case .remoteMatching:
            guard k % 2 == 0 else { return .exact(0) }
            return k <= 2 * Self.exactLimit - 4
                ? .exact(Matching.exact(distances, k)) : .estimate(Matching.byExchange(distances, k))
        }
    }

    /// The diversity of some of many points.
    ///
    /// - Complexity: O(k²·d) for the distances, then as above.
    public func value(of set: [Int], in distances: Distances) -> Value {
        var row: [Double] = []
        var own: [Double] = []
        for element in set {
            distances.row(element, into: &row)
            for other in set { own.append(row[other]) }
        }
        return value(distances: own, count: set.count)
    }
}
