import Apus
import ArgumentParser
import Coresets
import Foundation
import JSON

/// `apus select shards`: the same choice from parts, beside that from all rows at once.
struct SelectShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards", abstract: "Chooses from many parts in tasks, and says what that costs in quality.",
        discussion: """
            Rows are dealt to --shards parts in their order. A core-set of each is chosen in a task (APUS_CLUSTER,
            APUS_CPUS), unions up a tree of tasks, and of the last the picks. Prints JSON: the picks, the objective over all
            rows, that of a central choice by the same rule unless --alone is given, and the share of it that was reached.

            EXAMPLE: APUS_CLUSTER=local apus select shards embeddings.npy --count 100 --shards 64
            """)

    @OptionGroup var input: FeatureOptions
    @Option(name: [.long, .customShort("k")], help: "Rows to choose.") var count: Int
    @Option(help: "Parts.") var shards = 64
    @Option(help: "Core-sets that one task unites.") var fanIn = 8
    @Option(help: "facility-location or k-center.") var objective = "facility-location"
    @Option(help: "How alike two rows are, for facility-location.") var metric = "exp-distance"
    @Flag(help: "Leave out the central choice.") var alone = false

    func run() async throws {
        let features = try input.read(as: Float.self).features
        guard count > 0, shards > 0, count <= features.rows, shards <= features.rows else {
            throw CoresetError.tooMany(count: max(count, shards), rows: features.rows)
        }
        let metric = try Similarity(named: metric)
        let rule: CoresetRule
        switch objective {
        case "facility-location": rule = .facilityLocation(count: count, metric: metric)
        case "k-center": rule = .farthestFirst(count: count)
        default:
            throw CoresetError.unknownName(
                what: "objective of parts", name: objective, known: ["facility-location", "k-center"])
        }
        let (parts, width) = (shards, fanIn)
        func bounds(_ shard: Int) -> Range<Int> {
            features.rows * shard / parts..<features.rows * (shard + 1) / parts
        }
        let clock = ContinuousClock()
        let start = clock.now
        let limit = 8 * count
        let united = try await withCluster(.fromEnvironment) { cluster in
            var references: [ObjectRef<Matrix<Float>>] = []
            for shard in 0..<parts { references.append(try await cluster.put(features.select(bounds(shard)))) }
            return try await DistributedSelection(rule: rule, fanIn: width, limit: limit)
                .run(on: cluster, parts: references)
        }
        let chosen = try united.reduced(by: rule)
        let seconds = (clock.now - start) / .seconds(1)
        let picks = chosen.members.map { bounds($0.part).lowerBound + $0.row }
        let value = try value(of: picks, in: features, metric)
        var object: JSONObject = [
            "indices": .array(picks.map { JSONValue($0) }),
            "weights": .array(chosen.members.map { JSONValue($0.weight) }), "objective": JSONValue(value),
            "seconds": JSONValue(seconds), "shards": JSONValue(shards), "height": JSONValue(chosen.height),
        ]
        if !alone {
            let begin = clock.now
            let central = try self.value(of: try rule.picks(from: features), in: features, metric)
            object["centralSeconds"] = JSONValue((clock.now - begin) / .seconds(1))
            object["central"] = JSONValue(central)
            object["share"] = JSONValue(central == 0 ? 1 : value / central)
        }
        print(JSONValue.object(object).text())
    }

    /// Σ of best similarities, or the covering radius.
    private func value(of picks: [Int], in features: Matrix<Float>, _ metric: Similarity) throws -> Double {
        guard objective == "facility-location" else { return Representation(of: features, by: picks).radius }
        var location = FacilityLocation(
            try Similarities(features.select(picks), representing: features, metric: metric))
        for pick in picks.indices { location.add(pick) }
        return location.value
    }
}
