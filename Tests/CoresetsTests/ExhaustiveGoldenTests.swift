import Coresets
import JSON
import Testing

/// Optima of tiny instances, found by an independent program.
@Suite("Optima of tiny instances", .enabled(if: Shared.isThere, Shared.absent))
struct ExhaustiveGoldenTests {
    struct Instance {
        let id: String
        let points: Matrix<Double>
        let distances: Distances
        let all: [Double]
        let k: Int
        let record: JSONValue

        init(_ record: JSONValue) throws {
            self.record = record
            id = try #require(record["id"]?.stringValue)
            points = try Matrix(try #require(record["points"]?.arrayValue).map(\.doubles))
            k = try #require(record["k"]?.intValue)
            let metric = try #require(Distances.Metric(rawValue: record["metric"]?.stringValue ?? ""))
            distances = Distances(points, metric: metric)
            all = try distances.matrix()
        }

        var count: Int { points.rows }

        /// −f for the objectives that are minimised.
        func value(_ name: String) throws -> (([Int]) -> Double)? {
            let n = count
            if let diversity = Diversity(rawValue: name.replacing("_", with: "-")) {
                return { set in
                    diversity.value(distances: set.flatMap { i in set.map { all[i * n + $0] } }, count: set.count)
                        .number
                }
            }
            func nearest(_ u: Int, _ set: [Int]) -> Double { set.reduce(.infinity) { min($0, all[u * n + $1]) } }
            switch name {
            case "k_center": return { set in -(0..<n).reduce(0) { max($0, nearest($1, set)) } }
            case "k_median": return { set in -(0..<n).reduce(0) { $0 + nearest($1, set) } }
            default: return nil
            }
        }

        func objective(_ name: String) throws -> (any Objective)? {
            let n = count
            let largest = all.max() ?? 0
            switch name {
            case "facility_location":
                return FacilityLocation(
                    Similarities(matrix: try Matrix(rows: n, columns: n, storage: all.map { largest - $0 })))
            case "log_det":
                let mean = all.reduce(0, +) / Double(n * n)
                return try LogDeterminant(
                    Similarities(
                        matrix: try Matrix(
                            rows: n, columns: n, storage: all.map { gaussian(-$0 * $0 / (2 * mean * mean)) })), ridge: 1
                )
            case "graph_cut":
                return try GraphCut(
                    Similarities(matrix: try Matrix(rows: n, columns: n, storage: all.map { largest - $0 })),
                    representation: 1, penalty: 0.5)
            default: return nil
            }
        }
    }

    @Test("are what exhaustive search finds, with these values") func optima() throws {
        var checked = 0
        for record in try Shared.lines("golden_tiny.jsonl") {
            let instance = try Instance(record)
            for (name, optimum) in try #require(record["optimum"]?.objectValue) {
                let expected = try #require(optimum["value"]?.doubleValue)
                let set = try #require(optimum["subset"]).ints
                let comment = Comment(rawValue: "\(instance.id) \(name)")
                if let value = try instance.value(name) {
                    let best = try ExhaustiveSearch.maximum(count: instance.count, size: instance.k, of: value)
                    #expect(abs(abs(value(set)) - expected) <= 1e-9 * max(1, expected), comment)
                    #expect(abs(abs(best.value) - expected) <= 1e-9 * max(1, expected), comment)
                    // Equal values within rounding may name another set.
                    if optimum["ties"]?.intValue == 1 { #expect(best.set == set, comment) }
                } else {
                    let objective = try #require(try instance.objective(name), comment)
                    let best = try ExhaustiveSearch.maximum(of: objective, size: instance.k)
                    #expect(abs(best.value - expected) <= 1e-9 * max(1, abs(expected)), comment)
                    if optimum["ties"]?.intValue == 1 { #expect(best.set == set, comment) }
                }
                checked += 1
            }
        }
        #expect(checked > 1200)
    }

    @Test("bound greedy by 1 − 1/e, farthest-first by 2, and unions of core-sets by their factors") func factors()
        throws
    {
        for record in try Shared.lines("golden_tiny.jsonl") {
            let instance = try Instance(record)
            let comment = Comment(rawValue: instance.id)
            func optimum(_ name: String) throws -> Double {
                try #require(record["optimum"]?[name]?["value"]?.doubleValue)
            }
            for name in ["facility_location", "log_det"] {
                let objective = try #require(try instance.objective(name))
                let greedy = try objective.maximize(count: instance.k)
                #expect(greedy.value >= (1 - 1 / 2.718281828459045) * (try optimum(name)) - 1e-9, comment)
            }
            let gmm = try #require(record["gmm"])
            let ours = try FarthestFirst(instance.distances, count: instance.k)
            #expect(ours.picks == gmm["picks"]?.ints, comment)
            let radii = try #require(gmm["radii"]).doubles + [try #require(gmm["cover_radius"]?.doubleValue)]
            for (radius, expected) in zip(ours.radii, radii) {
                #expect(abs(radius - expected) <= 1e-12 * max(1, expected))
            }
            #expect(ours.radius <= 2 * (try optimum("k_center")) + 1e-9, comment)
            for diversity in Diversity.allCases {
                let name = diversity.rawValue.replacing("-", with: "_")
                guard let expected = gmm["values"]?[name]?.doubleValue else { continue }
                #expect(abs(diversity.value(of: ours.picks, in: instance.distances).number - expected) <= 1e-9, comment)
            }
            #expect(
                2 * Diversity.remoteEdge.value(of: ours.picks, in: instance.distances).number
                    >= (try optimum("remote_edge")) - 1e-9)

            let composed = try #require(record["composed_even_odd"])
            let union = try #require(composed["union"]).ints
            for diversity in [Diversity.remoteEdge, .remoteTree, .remoteCycle] {
                let value = try #require(try instance.value(diversity.rawValue.replacing("-", with: "_")))
                let best = try ExhaustiveSearch.maximum(count: union.count, size: instance.k) { set in
                    value(set.map { union[$0] })
                }
                let name = diversity.rawValue.replacing("-", with: "_")
                let expected = try #require(composed["best"]?[name]?.doubleValue)
                #expect(abs(best.value - expected) <= 1e-9, comment)
                let factor = try #require(diversity.composableFactor)
                #expect(factor * best.value >= (try optimum(name)) - 1e-9, comment)
            }
        }
    }

    @Test("are farthest-first picks and radii of the reference, in both precisions") func farthestFirst() throws {
        for record in try Shared.lines("golden_reference.jsonl") where record["kind"]?.stringValue == "gmm" {
            let path = try #require(record["instance"]?.stringValue)
            let picks = try #require(record["picks"]).ints
            let radii = try #require(record["radius_after"]).doubles
            let ours = try FarthestFirst(try Shared.matrix(path) as Matrix<Double>, count: picks.count)
            #expect(ours.picks == picks)
            for (radius, expected) in zip(ours.radii, radii) {
                #expect(abs(radius - expected) <= 1e-9 * max(1, expected))
            }
            let single = try FarthestFirst(try Shared.matrix(path) as Matrix<Float>, count: picks.count)
            for (radius, expected) in zip(single.radii, radii) {
                #expect(abs(radius - expected) <= 1e-5 * max(1, expected))
            }
        }
    }
}
