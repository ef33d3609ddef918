import Apus
import ArgumentParser
import Coresets
import Files
import Foundation
import JSON

/// `apus select training`: what training on a part of the data costs and reaches.
struct SelectTrainingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training", abstract: "Trains a model on core-sets, random subsets, and everything.",
        discussion: """
            Label 1 is told from every other by logistic regression; with --hidden a network with a layer of as many sigmoids
            tells all classes apart, and learns from mini-batches. Each method trains with a share of the gradients; step sizes g·bᵉ are tuned for
            each by a seed of their own. Prints JSON: losses on all training rows, test accuracy, errors of gradients, and
            the seconds for choosing and for training, with 95 % intervals over the seeds. Trainings are tasks of a cluster
            (APUS_CLUSTER, APUS_CPUS).

            Methods: \(SubsetMethod.allCases.map(\.rawValue).joined(separator: ", ")).

            EXAMPLE: apus select training x.npy --labels y.npy --test x2.npy --test-labels y2.npy --report training.html
            """)

    @OptionGroup var input: FeatureOptions
    @Option(help: "The rows' classes (NPY).", completion: .file()) var labels: String
    @Option(help: "Features for testing; the training rows where not given.", completion: .file()) var test: String?
    @Option(help: "Their classes (NPY).", completion: .file()) var testLabels: String?
    @Option(parsing: .upToNextOption, help: "Methods; all where none is named.") var method: [String] = []
    @Option(help: "Share of the rows to train on.") var fraction = 0.1
    @Option(help: "Passes over all rows.") var epochs = 20
    @Option(help: "Passes over the subset; as many where not given.") var subsetEpochs: Int?
    @Option(help: "Random parts that craig-anew chooses from one by one.") var parts = 10
    @Option(help: "Epochs after which methods that choose anew do.") var refresh = 5
    @Option(help: "Seeds, 1 to this.") var seeds = 5
    @Option(help: "λ of the model.") var ridge = 1e-5
    @Option(help: "Hidden units of a network; logistic regression where 0.") var hidden = 0
    @Option(help: "Examples of a step of the network.") var batch = 10
    @Option(help: "Write a page with curves to this HTML file.", completion: .file()) var report: String?
    @Option(help: "Write the losses to this SVG file.", completion: .file()) var plot: String?
    @Flag(help: "Print JSON to a terminal too.") var json = false

    func validate() throws {
        guard seeds > 0, hidden >= 0, batch > 0, parts > 0 else {
            throw ValidationError("--seeds, --batch and --parts must be positive, --hidden not negative.")
        }
        guard (test == nil) == (testLabels == nil) else {
            throw ValidationError("--test and --test-labels belong together.")
        }
        guard test == nil || !input.standardise else {
            throw ValidationError("--standardise would treat training and test rows differently; prepare both before.")
        }
    }

    func run() async throws {
        let features = try input.read(as: Float.self).features
        let own = try input.integers(of: labels, rows: features.rows, least: hidden > 0 ? 0 : .min)
        var held: (features: Matrix<Float>, labels: [Int])?
        if let test, let testLabels {
            var other = input
            other.file = test
            let rows = try other.read(as: Float.self).features
            held = (rows, try other.integers(of: testLabels, rows: rows.rows, least: hidden > 0 ? 0 : .min))
        }
        // Logistic regression tells label 1 from every other.
        let classes = max(own.max() ?? 0, held?.labels.max() ?? 0) + 1
        func examples(_ features: Matrix<Float>, _ labels: [Int]) throws -> SubsetExperiment.Examples {
            hidden > 0
                ? try SubsetExperiment.Examples(features: features, labels: labels, classes: classes)
                : try SubsetExperiment.Examples(features: features, labels: labels)
        }
        let train = try examples(features, own)
        let tested = try held.map { try examples($0.features, $0.labels) } ?? train
        var experiment = SubsetExperiment(
            methods: try method.isEmpty
                ? SubsetMethod.allCases.filter { hidden == 0 || ($0 != .crest && $0 != .gradientMatching) }
                : method.map { try SubsetMethod(named: $0) },
            seeds: (1...UInt64(seeds)).map { $0 }, fraction: fraction)
        experiment.epochs = epochs
        experiment.subsetEpochs = subsetEpochs
        experiment.parts = parts
        experiment.refresh = refresh
        experiment.ridge = ridge
        experiment.hidden = hidden
        experiment.batch = batch
        if hidden > 0 { (experiment.firsts, experiment.factors) = ([0.03, 0.1, 0.3], [0.95, 1]) }
        let (chosen, heldOut) = (experiment, tested)
        let outcome = try await withCluster(.fromEnvironment) { cluster in
            try await chosen.run(on: cluster, train: train, test: heldOut)
        }
        let page = SubsetReport(source: URL(fileURLWithPath: input.file).lastPathComponent, outcome: outcome)
        if let report { try AtomicFile.write(page.html, to: report) }
        if let plot { try AtomicFile.write(outcome.lossFile, to: plot) }
        guard json || isatty(STDOUT_FILENO) == 0 else {
            for one in outcome.summaries {
                print(
                    one.method.rawValue, String(format: "loss %.4f", one.losses.last?.mean ?? 0),
                    String(format: "accuracy %.4f", one.accuracy.mean),
                    String(format: "choosing %.2f s, training %.3f s", one.selection.mean, one.training.mean))
            }
            return
        }
        print(outcome.json.text())
    }
}
