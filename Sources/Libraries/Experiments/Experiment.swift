import Apus
import Curation
import Files
import Foundation
import JSON

/// A dataset experiment: pools become data sets, each data set trains models of one budget, and held-out text says which
/// data was better.
///
/// ```swift
/// let experiment = Experiment(try ExperimentConfiguration(file: "experiment.yaml"), output: "out")
/// let result = try await withCluster(.fromEnvironment) { try await experiment.run(on: $0) }
/// print(result.verdict)
/// ```
/// Everything runs as one graph of tasks. Steps that finished before are found again by the content that they come from;
/// an interrupted run goes on where it was. Equal configurations over equal pools give equal results.
public struct Experiment: Sendable {
    public let configuration: ExperimentConfiguration
    /// The folder that gets `result.json`, `report.html` and `steps/`.
    public let output: String

    public init(_ configuration: ExperimentConfiguration, output: String) {
        self.configuration = configuration
        self.output = output
    }

    /// What happens while an experiment runs.
    public enum Event: Sendable {
        case progress(step: String, done: Int, total: Int?, unit: String, note: String)
        case finished(step: String, seconds: Double, isReused: Bool)
    }

    /// Runs the experiment and writes `result.json` and `report.html`.
    ///
    /// - Parameter event: called on the steps' threads; must be quick.
    /// - Throws: `ExperimentError` where the configuration and the data do not fit; or a step fails, which is named;
    ///   `RecipeError`; `PoolError`; `FileError`; `CancellationError`.
    public func run(on cluster: Cluster, event: @escaping @Sendable (Event) -> Void = { _ in }) async throws
        -> ExperimentResult
    {
        try check()
        guard let lock = try FolderLock(output) else { throw ExperimentError.busy(path: output) }
        defer { withExtendedLifetime(lock) {} }
        let board = ProgressBoard.open { post in
            event(.progress(step: post.step, done: post.done, total: post.total, unit: post.unit, note: post.note))
        }
        defer { ProgressBoard.close(board) }
        let graph = try ExperimentGraph(configuration, output: output, board: board, cluster: cluster)
        let outcome = try await graph.outcome(event)
        try Task.checkCancellation()
        let result = outcome.result(of: configuration)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try AtomicFile.write([UInt8](try encoder.encode(result)) + [10], to: output + "/result.json")
        try AtomicFile.write(Report(result).html, to: output + "/report.html")
        return result
    }

    /// Finds what is wrong with recipes and pools before anything runs for minutes.
    ///
    /// - Throws: `ExperimentError`, `RecipeError`, `PoolError`, `FileError`.
    public func check() throws {
        let recipes =
            configuration.datasets.map(\.recipe) + [configuration.heldOut.recipe]
            + configuration.classifiers.map(\.recipe)
        for recipe in Set(recipes).sorted() {
            try Recipe.check(file: configuration.path(recipe), variables: configuration.classifiers.map(\.name))
        }
        for pool in configuration.pools { _ = try PoolFiles.expand(pool.paths) }
    }
}

extension ExperimentConfiguration {
    /// Puts other files in the place of a pool's.
    ///
    /// - Throws: `ExperimentError.unknownName`.
    public mutating func replacePool(_ name: String, with paths: [String], file: String) throws {
        guard let place = pools.firstIndex(where: { $0.name == name }) else {
            throw ExperimentError.unknownName(file: file, key: "--pool", name: name, known: pools.map(\.name))
        }
        pools[place].paths = paths
    }

    /// A path of the file, from its folder.
    func path(_ name: String) -> String { Paths.join(folder, name) }
}
