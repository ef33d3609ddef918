import ApusCore

/// How a core-set of one part is chosen.
public enum CoresetRule: Sendable, Hashable, Codable {
    /// Farthest-first traversal: a composable core-set for remote-edge, -tree and -cycle, and for k-center.
    case farthestFirst(count: Int)
    /// Greedy facility location: GreeDi's first round.
    case facilityLocation(count: Int, metric: Similarity)
    /// Uniformly at random, for comparison: the rows with the smallest hashes of seed, part and row, so that reducing any
    /// union gives the sample that all rows at once would have given.
    case random(count: Int, seed: UInt64)

    public var count: Int {
        switch self {
        case .farthestFirst(let count), .facilityLocation(let count, _), .random(let count, _): count
        }
    }

    /// Rows in order of choice; all of them where there are no more than `count`.
    ///
    /// - Parameter identity: part and row where a row comes from, by which `random` draws; itself where nil.
    public func picks(
        from features: Matrix<Float>, identity: ((Int) -> (part: Int, row: Int))? = nil
    ) throws(CoresetError) -> [Int] {
        let count = min(count, features.rows)
        switch self {
        case .farthestFirst: return try FarthestFirst(features, count: count).picks
        case .facilityLocation(_, let metric):
            let similarities = try Similarities(features, metric: metric, threads: 1)
            return try FacilityLocation(similarities).maximize(count: count).picks
        case .random(_, let seed):
            let hashes = (0..<features.rows).map { row in
                let own = identity?(row) ?? (part: 0, row: row)
                let part = SeededGenerator.mix(seed ^ SeededGenerator.mix(UInt64(bitPattern: Int64(own.part)) &+ 1))
                return SeededGenerator.mix(part ^ SeededGenerator.mix(UInt64(bitPattern: Int64(own.row))))
            }
            return Array((0..<features.rows).sorted { (hashes[$0], $0) < (hashes[$1], $1) }.prefix(count))
        }
    }

    /// The core-set of one part.
    public func coreset(of features: Matrix<Float>, part: Int) throws(CoresetError) -> PartialCoreset {
        let picks = try picks(from: features) { (part, $0) }
        let representation = Representation(of: features, by: picks, threads: 1)
        return try PartialCoreset(
            members: zip(picks, representation.weights).map { .init(part: part, row: $0, weight: $1) },
            features: features.select(picks))
    }
}
