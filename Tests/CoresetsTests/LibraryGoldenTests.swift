import Coresets
import Foundation
import JSON
import Testing

/// Runs of apricot-select 0.6.1 and submodlib-py 0.0.3 on the same input.
@Suite("Reference libraries' selections", .enabled(if: Shared.isThere, Shared.absent))
struct LibraryGoldenTests {
    /// The objective of a case, from float64 features.
    static func objective(_ record: JSONValue) throws -> any Objective {
        let path = try #require(record["instance"]?.stringValue)
        let library = record["library"]?.stringValue
        let metric = record["metric"]?.stringValue ?? ""
        let parameters = record["params"]
        func features() throws -> Matrix<Double> { try Shared.matrix(path) }
        func scaled(_ factor: Double) throws -> Matrix<Double> {
            let x = try features()
            return try Matrix(rows: x.rows, columns: x.columns, storage: x.storage.map { $0 * factor })
        }
        func scale() throws -> Matrix<Double> {
            switch parameters?["scale"]?.stringValue {
            case "1/16": return try scaled(1 / 16)
            case "1/255": return try scaled(1 / 255)
            case "column min-max":
                let x = try features()
                var result = x.storage
                for column in 0..<x.columns {
                    let values = (0..<x.rows).map { x[$0, column] }
                    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
                    for row in 0..<x.rows {
                        result[row * x.columns + column] =
                            high > low ? (x[row, column] - low) / (high - low) : 0
                    }
                }
                return try Matrix(rows: x.rows, columns: x.columns, storage: result)
            default: return try features()
            }
        }
        func binary() throws -> SparseMatrix {
            let limit = try #require(Double(parameters?["binarise"]?.stringValue?.dropFirst() ?? ""))
            let x = try features()
            return SparseMatrix(
                try Matrix(rows: x.rows, columns: x.columns, storage: x.storage.map { $0 > limit ? 1 : 0 }))
        }
        let similarity: Similarity =
            switch metric {
            case "euclidean(max d^2 - d^2)", "euclidean": .maximumMinusSquaredDistance
            case "cosine squared": .cosineSquared
            case "correlation squared": .correlationSquared
            case "exp(-d/dim)", "1 - exp(-d/dim)": .exponentialDistance
            case "cosine", "1 - cosine": library == "apricot" ? .cosineSquared : .cosine
            default: .cosine
            }
        func similarities(_ storage: Similarities.Storage = .stored) throws -> Similarities {
            try Similarities(try features(), metric: similarity, storage: storage)
        }
        func number(_ key: String) throws -> Double { try #require(parameters?[key]?.doubleValue) }
        let concaves: [String: Concave] = ["sqrt": .squareRoot, "log": .logarithm, "sigmoid": .saturation]
        switch record["objective"]?.stringValue {
        case "facility_location": return FacilityLocation(try similarities(.computed))
        case "facility_location_sparse":
            let stem = path.replacingOccurrences(of: ".npy", with: "") + "_knn20_"
            let data: [Double] = try Shared.column(stem + "data.npy")
            let indices = try NumPyFile(contentsOf: Shared.root + stem + "indices.npy").integers()
            let offsets = try NumPyFile(contentsOf: Shared.root + stem + "indptr.npy").integers()
            return FacilityLocation(
                Similarities(
                    sparse: try SparseMatrix(
                        columnCount: offsets.count - 1, offsets: offsets, columns: indices.map { Int32($0) },
                        values: data)))
        case "feature_based":
            let concave = try #require(concaves[parameters?["concave"]?.stringValue ?? ""])
            return try FeatureBased(try scale(), concave: concave)
        case "saturated_coverage": return try SaturatedCoverage(try similarities(), saturation: try number("alpha"))
        case "graph_cut":
            return library == "apricot"
                ? try GraphCut(try similarities(), representation: try number("alpha"), penalty: 1)
                : try GraphCut(try similarities(), representation: 1, penalty: try number("lambda"))
        case "max_coverage": return try MaximumCoverage(try binary(), threshold: try number("threshold"))
        case "set_cover": return try MaximumCoverage(try binary())
        case "probabilistic_set_cover": return try ProbabilisticCoverage(SparseMatrix(try scaled(1 / 20)))
        case "sum_redundancy": return try SumRedundancy(try similarities())
        case "mixture":
            let x = try scale()
            return try Mixture([
                (0.7, try FeatureBased(x, concave: .squareRoot)),
                (0.3, try MaximumCoverage(SparseMatrix(x), threshold: 2)),
            ])
        case "disparity_sum": return DisparitySum(Distances(oneMinus: try similarities()))
        case "disparity_min": return DisparityMin(Distances(oneMinus: try similarities()))
        case "log_determinant": return try LogDeterminant(try similarities(), ridge: try number("lambda"))
        default:
            Issue.record("objective \(record["objective"]?.text() ?? "?") is not known")
            throw CoresetError.unknownName(what: "objective", name: "", known: [])
        }
    }

    @Test("have our gains at each of their picks, and are ours where no tie decides", arguments: 0..<60)
    func golden(index: Int) throws {
        let record = try Shared.lines("golden_library.jsonl")[index]
        let id = Comment(rawValue: record["id"]?.stringValue ?? "?")
        let isDouble = record["library"]?.stringValue == "apricot"
        let picks = try #require(record["picks"]).ints
        let exact = try #require(record["exact_gains_f64"]).doubles
        let margins = try #require(record["margin_first8"]).doubles
        let objective = try Self.objective(record)
        var constraint = Constraint.none
        if record["params"]?["knapsack_cost"] != nil {
            constraint = .knapsack(
                costs: (0..<objective.count).map { Double(1 + $0 % 5) }, budget: .infinity, ranking: .ratio)
        }
        let initial = record["params"]?["initial_subset"]?.ints ?? []

        // Replayed: our gains at their picks are the exact ones.
        var replay = objective
        for element in initial { replay.add(element) }
        let scale = exact.map(abs).max() ?? 1
        for (step, pick) in picks.enumerated() {
            let gain = replay.gain(of: pick)
            #expect(abs(gain - exact[step]) <= 1e-9 * max(abs(exact[step]), 1e-3 * scale), "\(id), pick \(step)")
            replay.add(pick)
        }

        // Chosen: the same picks up to the first step that rounding could decide.
        let tolerance = isDouble ? 1e-9 : 1e-5
        let isTie = (margins.first ?? 0) < tolerance
        let forced = isTie ? [picks[0]] : []
        let selection = try objective.maximize(
            count: picks.count - forced.count, using: .naive, constraint: constraint, initial: initial + forced,
            stopAt: .never)
        let ours = forced + selection.picks
        for step in picks.indices where ours[step] != picks[step] {
            // Picks before this one agree, so the gains of both are at the same set.
            var at = objective
            for element in initial + picks[..<step] { at.add(element) }
            let (theirs, own) = (at.gain(of: picks[step]), at.gain(of: ours[step]))
            #expect(abs(theirs - own) <= tolerance * max(abs(theirs), abs(own)), "\(id), pick \(step)")
            break
        }
    }

    @Test("of lazy, two-stage and naive optimisers are one", arguments: [0, 5, 6, 9, 10, 12, 18, 24, 30, 33, 36, 53])
    func optimisers(index: Int) throws {
        let record = try Shared.lines("golden_library.jsonl")[index]
        let count = try #require(record["picks"]).ints.count
        func picks(_ optimizer: Optimizer) throws -> [Int] {
            try Self.objective(record).maximize(count: count, using: optimizer).picks
        }
        let naive = try picks(.naive)
        #expect(try picks(.lazy) == naive)
        #expect(try picks(.twoStage(first: 3)) == naive)
    }
}
