import ArgumentParser
import JSON

/// How far one node goes.
struct BenchScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "How far one node goes: a million tasks, thousands of arguments, results, objects and actors.",
        discussion: """
            Each test runs once, in worker processes of this machine; all that comes back is checked, and the memory is
            recorded. The tests: \(ScaleBenchmarks.names.joined(separator: ", ")).

            Example:
              apus bench scale --only "large object" --object-gigabytes 4 --json
            """)

    @Option(help: "Tasks that are queued at once.") var tasks = 1_000_000
    @Option(help: "Object arguments of one task.") var arguments = 10_000
    @Option(help: "Results of one task, each with a reference.") var results = 3000
    @Option(help: "Objects that are got at once.") var objects = 10_000
    @Option(help: "Gigabytes of the one large object.") var objectGigabytes = 8
    @Option(help: "Gigabytes of objects that pass through a smaller store.") var spilledGigabytes = 20
    @Option(help: "Gigabytes of that store.") var storeGigabytes = 2
    @Option(help: "Spill to this folder.", completion: .directory) var folder: String?
    @Option(help: "Actors, each in a process of its own; fewer where memory is not enough.") var actors = 2000
    @Option(help: "Run only the tests with these names.") var only: [String] = []
    @Flag(help: "Show no progress.") var quiet = false
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        for (name, value, limit) in [
            ("--tasks", tasks, 100_000_000), ("--arguments", arguments, 1_000_000), ("--results", results, 1_000_000),
            ("--objects", objects, 1_000_000), ("--object-gigabytes", objectGigabytes, 100_000),
            ("--spilled-gigabytes", spilledGigabytes, 100_000), ("--store-gigabytes", storeGigabytes, 100_000),
            ("--actors", actors, 100_000),
        ] where value < 1 || value > limit {
            throw ValidationError("\(name) must be from 1 to \(limit), not \(value).")
        }
        for name in only where !ScaleBenchmarks.names.contains(name) {
            throw ValidationError(
                "No test is named `\(name)`. There are: \(ScaleBenchmarks.names.joined(separator: ", ")).")
        }
    }

    func run() async throws {
        let sizes = ScaleBenchmarks.Sizes(
            tasks: tasks, arguments: arguments, results: results, objects: objects, objectGigabytes: objectGigabytes,
            spilledGigabytes: spilledGigabytes, storeGigabytes: storeGigabytes, actors: actors, spillFolder: folder)
        var measurements: [BenchmarkHarness.Measurement] = []
        for name in ScaleBenchmarks.names where only.isEmpty || only.contains(name) {
            let line = ProgressLine(name, unit: "done", isQuiet: quiet)
            let benchmarks = ScaleBenchmarks(sizes: sizes) { line.update($0, of: $1) }
            let measured: [BenchmarkHarness.Measurement]
            do {
                measured = try await benchmarks.measure(name)
            } catch {
                line.finish()
                throw error
            }
            line.finish()
            measurements += measured
            if !json { for measurement in measured { print(measurement.line) } }
        }
        if json {
            let report: JSONValue = .object([
                "machine": BenchmarkHarness.machine, "results": .array(measurements.map(\.json)),
            ])
            print(report.text())
        }
    }
}
