import ArgumentParser
import Coresets
import Files
import Foundation
import JSON

/// `apus select FILE`: the rows of a file that stand for all of them.
struct SelectRowsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rows", abstract: "Chooses the rows of a file that represent it, or differ most.",
        discussion: """
            Reads features from NPY, CSV, JSON lines or safetensors and prints one JSON object: {"indices", "gains",
            "weights", "objective", "seconds", …}, rows numbered from 0 in order of choice. Weights are the rows that each
            pick represents.

            Objectives: \(SelectionRequest.objectives.joined(separator: ", ")); craig chooses in
            each class of --labels, and its objective is the bound L(S) on the error of the gradient.
            Metrics: \(Similarity.knownNames.joined(separator: ", ")); for the remote-* objectives also manhattan.

            EXAMPLE: apus select embeddings.npy --objective facility-location --metric exp-distance --count 100 --report picks.html
            """)

    @OptionGroup var input: FeatureOptions
    @Option(help: "What makes a set good.") var objective = "facility-location"
    @Option(help: "How alike two rows are.") var metric: String?
    @Option(name: [.long, .customShort("k")], help: "Rows to choose.") var count: Int?
    @Option(
        help: "How to search: \(Optimizer.knownNames.joined(separator: ", ")); as suits the objective where not given.")
    var optimizer: String?
    @Option(help: "Decides whatever is left to chance.") var seed: UInt64 = 0
    @Option(help: "α of saturated-coverage, λ of graph-cut and log-determinant, θ of max-coverage.") var parameter:
        Double?
    @Option(help: "ε or β of the optimiser.") var epsilon: Double?
    @Option(help: "Concave function of feature-based: sqrt, log, saturation.") var concave = "sqrt"
    @Option(help: "Similarities to this many nearest neighbours only.") var neighbours: Int?
    @Flag(help: "Look for neighbours by trees of random projections: nearly all, in much less time.") var approximate =
        false
    @Option(parsing: .upToNextOption, help: "Rows that are in the set from the start.") var initial: [Int] = []
    @Option(help: "automatic, single or double.") var precision = "automatic"
    @Option(help: "computed, stored or automatic: whether to keep all similarities.") var storage = "automatic"
    @Option(help: "Mebibytes that may be taken.") var memory: Int?
    @Option(help: "Threads; results do not depend on them.") var threads: Int?
    @Option(help: "Write a page with curves to this HTML file.") var report: String?
    @Option(help: "Write the curve of the objective to this SVG file.") var plot: String?
    @Option(help: "Write points and picks to this SVG or PNG file.", completion: .file()) var map: String?
    @Option(help: "Classes of the rows (NPY), for --objective craig.") var labels: String?
    @Option(help: "Share of each class that --objective craig chooses, instead of --count.") var fraction: Double?
    @Option(help: "Costs of the rows (NPY); with --budget, and --count no more than a limit.", completion: .file())
    var costs: String?
    @Option(help: "What the chosen rows may cost together.") var budget: Double?
    @Option(help: "Groups of the rows (NPY), of each of which at most --quota are chosen.", completion: .file())
    var groups: String?
    @Option(help: "Rows of each group at most.") var quota: Int?
    @Flag(help: "Print JSON to a terminal too.") var json = false

    func validate() throws {
        if objective == "craig" {
            guard labels != nil, (fraction == nil) != (count == nil) else {
                throw ValidationError("--objective craig needs --labels, and --fraction or --count (of each class).")
            }
        } else if count == nil {
            throw ValidationError("Say how many rows to choose with --count.")
        }
        guard (costs == nil) == (budget == nil), (groups == nil) == (quota == nil), costs == nil || groups == nil else {
            throw ValidationError(
                "--costs needs --budget, --groups needs --quota, and only one of both pairs can be given.")
        }
    }

    func run() throws {
        if objective == "craig" { return try runCraig() }
        var request = try makeRequest()
        let contents = try input.read(as: Double.self, mayBeEmpty: count == 0)
        let features = contents.features
        request.constraint = try makeConstraint(rows: features.rows)
        guard let precision = SelectionRequest.Precision(rawValue: precision) else {
            throw CoresetError.unknownName(
                what: "precision", name: precision, known: SelectionRequest.Precision.allCases.map(\.rawValue))
        }
        let outcome = try request.run(features, isDouble: contents.isDouble, precision: precision)
        let page = SelectionReport(
            source: URL(fileURLWithPath: input.file).lastPathComponent, request: request, outcome: outcome,
            features: report == nil && map == nil ? try Matrix(rows: 0, columns: 0, storage: []) : features)
        if let report { try AtomicFile.write(page.html, to: report) }
        if let plot { try AtomicFile.write(page.growthFile, to: plot) }
        if let map {
            if map.hasSuffix(".png") {
                try AtomicFile.write(try page.coverageImage(), to: map)
            } else {
                try AtomicFile.write(page.coverageFile, to: map)
            }
        }
        guard json || isatty(STDOUT_FILENO) == 0 else {
            let selection = outcome.selection
            print("\(selection.picks.count) rows by \(selection.objective) (\(outcome.metric), \(selection.optimizer))")
            print("objective \(selection.value), \(String(format: "%.3f", outcome.seconds)) s")
            print("row       gain            represents")
            for (index, pick) in selection.picks.enumerated() {
                let cells = [
                    "\(pick)", String(format: "%.6g", selection.gains[index]), "\(Int(outcome.weights[index]))",
                ]
                print(
                    zip(cells, [10, 16, 0]).map { $0.padding(toLength: max($1, $0.count), withPad: " ", startingAt: 0) }
                        .joined())
            }
            return
        }
        guard case .object(var object) = page.json, let names = try input.names() else {
            return print(page.json.text())
        }
        object["names"] = .array(outcome.selection.picks.map { .string(names[$0]) })
        print(JSONValue.object(object).text())
    }

    private func runCraig() throws {
        let quota = fraction.map { CraigCoreset.Quota.fraction($0) } ?? .equal(count ?? 0)
        let search = try Optimizer(named: optimizer ?? "lazy", parameter: epsilon)
        let storage = try wantedStorage()
        func select<Scalar: KernelScalar>(_ features: Matrix<Scalar>) throws -> CraigCoreset {
            try CraigCoreset(
                proxies: features, labels: input.integers(of: labels ?? "", rows: features.rows), quota: quota,
                optimizer: search, storage: storage,
                memoryLimit: memory.map { $0 << 20 }, seed: seed, threads: threads)
        }
        let coreset: CraigCoreset
        if precision == "double" {
            coreset = try select(try input.read(as: Double.self).features)
        } else {
            coreset = try select(try input.read(as: Float.self).features)
        }
        let all = coreset.classes
        print(
            JSONValue.object([
                "indices": .array(all.flatMap { $0.picks.map { JSONValue($0) } }),
                "gains": .array(all.flatMap { $0.gains.map { JSONValue($0) } }),
                "weights": .array(all.flatMap { $0.weights.map { JSONValue($0) } }),
                "objective": JSONValue(coreset.cost), "seconds": JSONValue(coreset.seconds),
                "meanCost": JSONValue(coreset.meanCost),
                "classes": .array(
                    all.map {
                        .object([
                            "label": JSONValue($0.label), "size": JSONValue($0.size),
                            "count": JSONValue($0.picks.count),
                            "cost": JSONValue($0.cost), "evaluations": JSONValue($0.evaluations),
                        ])
                    }),
            ]).text())
    }

    private func makeRequest() throws -> SelectionRequest {
        var request = try SelectionRequest(objective: objective, count: count ?? 0)
        if let metric {
            if request.objective.hasPrefix("remote-") || request.objective == "k-center",
                let distance = Distances.Metric(rawValue: metric)
            {
                request.distance = distance
            } else {
                request.metric = try Similarity(named: metric.hasPrefix("1 - ") ? String(metric.dropFirst(4)) : metric)
            }
        }
        request.optimizer = try optimizer.map { try Optimizer(named: $0, parameter: epsilon) }
        request.seed = seed
        request.parameter = parameter
        request.initial = initial
        request.neighbours = neighbours
        if approximate { request.search = .approximate(seed: seed) }
        request.threads = threads
        request.memoryLimit = memory.map { $0 << 20 }
        let concaves: [String: Concave] = [
            "sqrt": .squareRoot, "log": .logarithm, "saturation": .saturation, "sigmoid": .saturation,
        ]
        guard let concave = concaves[concave] else {
            throw CoresetError.unknownName(
                what: "concave function", name: concave, known: ["sqrt", "log", "saturation"])
        }
        request.concave = concave
        request.storage = try wantedStorage()
        return request
    }

    private func wantedStorage() throws -> Similarities.Storage {
        guard let found = Similarities.Storage(rawValue: storage) else {
            throw CoresetError.unknownName(
                what: "storage", name: storage, known: Similarities.Storage.allCases.map(\.rawValue))
        }
        return found
    }

    private func makeConstraint(rows: Int) throws -> Constraint {
        if let costs, let budget {
            let values: Matrix<Double> = try NumPyFile(contentsOf: costs).matrix()
            guard values.rows == rows, values.columns == 1 else {
                throw CoresetError.malformed(
                    file: costs, place: "the shape",
                    reason:
                        "\(values.rows) × \(values.columns) costs for the \(rows) rows of \(input.file); give one for each"
                )
            }
            return .knapsack(costs: values.storage, budget: budget)
        }
        guard let groups, let quota else { return .none }
        let members = try input.integers(of: groups, rows: rows, least: 0)
        return .partition(
            classes: members, quotas: [Int](repeating: quota, count: max(0, members.max() ?? -1) + 1))
    }
}
