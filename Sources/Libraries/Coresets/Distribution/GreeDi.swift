import Apus
import ApusCore

/// Facility location in two rounds: greedy on random parts, then greedy on the union of what they chose (RandGreeDi).
///
/// - Source: Mirzasoleiman et al. 2013; Barbosa et al. 2015 for the random parts: (1 − 1/e)/2 in expectation.
public struct GreeDi: Sendable {
    public var count: Int
    public var parts: Int
    /// A similarity that does not depend on the greatest distance of the set, which parts do not know.
    public var metric: Similarity
    public var seed: UInt64

    public init(count: Int, parts: Int, metric: Similarity, seed: UInt64 = 0) {
        self.count = count
        self.parts = max(1, parts)
        self.metric = metric
        self.seed = seed
    }

    /// The better of the second round's choice and the best part's, by the objective over all rows.
    ///
    /// - Throws: `CoresetError.unsupported` for a metric that needs the greatest distance; `TaskError`.
    public func run(on cluster: Cluster, _ features: Matrix<Float>) async throws -> Selection {
        guard !metric.needsMaximum else {
            throw CoresetError.unsupported(
                what: "Parts do not know the greatest distance that \(metric.name) needs",
                remedy: "Use exp-distance or gaussian:GAMMA, or give max-distance its phantom.")
        }
        guard count <= features.rows else { throw CoresetError.tooMany(count: count, rows: features.rows) }
        var order = Array(0..<features.rows)
        var generator = SeededGenerator(seed: seed)
        generator.shuffle(&order)
        let shares = (0..<parts).map { Array(order[order.count * $0 / parts..<order.count * ($0 + 1) / parts]) }
        var tasks: [ObjectRef<PartialCoreset>] = []
        for (part, rows) in shares.enumerated() {
            let input = try await cluster.put(features.select(rows))
            let rule = CoresetRule.facilityLocation(count: count, metric: metric)
            tasks.append(try cluster.submit(SelectPart(features: input, part: part, rule: rule)))
        }
        let sets = try await cluster.get(tasks).map { $0.members.map { shares[$0.part][$0.row] } }
        let union = Array(Set(sets.joined())).sorted()
        let similarities = try Similarities(features.select(union), representing: features, metric: metric)
        var best = try FacilityLocation(similarities).maximize(count: min(count, union.count))
        best.picks = best.picks.map { union[$0] }
        best.optimizer = "GreeDi"
        best.seed = seed
        best.guarantee = (1 - 1 / Double.exp1) / 2
        let placeOf = Dictionary(uniqueKeysWithValues: union.enumerated().map { ($1, $0) })
        for set in sets where set.count == best.picks.count {
            var objective = FacilityLocation(similarities)
            var gains: [Double] = []
            for row in set.compactMap({ placeOf[$0] }) {
                gains.append(objective.gain(of: row))
                objective.add(row)
            }
            if objective.value > best.value { (best.picks, best.gains, best.value) = (set, gains, objective.value) }
        }
        return best
    }
}
