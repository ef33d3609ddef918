import Apus
import ArgumentParser
import Coresets
import Files
import Foundation
import JSON

/// `apus select active`: which rows are worth a label.
struct SelectActiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "active", abstract: "Compares strategies of active learning on labelled rows, random beside them.",
        discussion: """
            Rows are shuffled by the seed; the last --test are kept for testing, the others are the unlabelled pool. Each
            round a strategy asks for labels until there are as many as the next number of --at, and a soft-max
            regression learns from all of them. With --capacity the rows arrive as a stream, a part before each round, and
            a core-set of that size is kept of those that have no label. Prints JSON: for each strategy accuracies with
            their 95 % intervals over the seeds, differences to random with the same seeds, and the labels it needs to
            reach what random reaches in the end. Strategies and seeds are tasks of a cluster (APUS_CLUSTER, APUS_CPUS).

            Strategies: \(ActiveStrategy.knownNames.joined(separator: ", ")).

            EXAMPLE: apus select active images.npy --labels classes.npy --scale 0.00392 --test 2000 --report curves.html
            """)

    @OptionGroup var input: FeatureOptions
    @Option(help: "The rows' classes, from 0 (NPY).", completion: .file()) var labels: String
    @Option(parsing: .upToNextOption, help: "Strategies; all where none is named. Random is always among them.")
    var strategy: [String] = []
    @Option(parsing: .upToNextOption, help: "Labels after each round.")
    var at: [Int] = [20, 40, 60, 80, 100, 200, 300, 500, 1000, 2000]
    @Option(help: "Seeds, 1 to this.") var seeds = 5
    @Option(help: "Rows for testing; a fifth where not given.") var test: Int?
    @Option(help: "Unlabelled rows to keep of a stream; all rows from the start where not given.") var capacity: Int?
    @Option(help: "How a stream's rows are kept few: facility-location, farthest-first or random.")
    var reduction = "facility-location"
    @Option(help: "λ of the model.") var ridge = 1e-3
    @Option(help: "Steps of a fit at most.") var steps = 100
    @Option(help: "Write a page with curves to this HTML file.", completion: .file()) var report: String?
    @Option(help: "Write the curves to this SVG file.", completion: .file()) var plot: String?
    @Flag(help: "Print JSON to a terminal too.") var json = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds must be positive.") }
    }

    func run() async throws {
        let features = try input.read(as: Float.self).features
        let classes = try input.integers(of: labels, rows: features.rows, least: 0)
        let test = test ?? features.rows / 5
        var experiment = ActiveExperiment(
            strategies: try strategy.isEmpty
                ? ActiveStrategy.allCases : strategy.map { try ActiveStrategy(named: $0) },
            seeds: (1...UInt64(seeds)).map { $0 }, counts: at.filter { $0 <= features.rows - test }, testRows: test,
            capacity: capacity)
        guard let rule = ActiveExperiment.Reduction(rawValue: reduction) else {
            throw CoresetError.unknownName(
                what: "reduction", name: reduction, known: ActiveExperiment.Reduction.allCases.map(\.rawValue))
        }
        experiment.reduction = rule
        experiment.ridge = ridge
        experiment.steps = steps
        let chosen = experiment
        let outcome = try await withCluster(.fromEnvironment) { cluster in
            try await chosen.run(on: cluster, features, labels: classes)
        }
        let page = ActiveReport(source: URL(fileURLWithPath: input.file).lastPathComponent, outcome: outcome)
        if let report { try AtomicFile.write(page.html, to: report) }
        if let plot { try AtomicFile.write(page.curvesFile, to: plot) }
        guard json || isatty(STDOUT_FILENO) == 0 else { return show(outcome) }
        print(outcome.json.text())
    }

    private func show(_ outcome: ActiveOutcome) {
        print("accuracy in %, mean ± half of the 95 % interval over \(outcome.experiment.seeds.count) seeds")
        for summary in outcome.summaries {
            let cells = zip(summary.labels, summary.accuracy).map {
                "\($0): \(String(format: "%.2f ± %.2f", 100 * $1.mean, 100 * $1.halfWidth))"
            }
            print("\(summary.strategy.rawValue)  \(cells.joined(separator: "  "))")
        }
    }
}
