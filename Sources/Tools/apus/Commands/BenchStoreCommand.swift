import ArgumentParser
import JSON

extension BenchCommand {
    struct Store: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The object store of one node: copies into shared memory, its decisions, its spill file.",
            discussion: """
                Each copy runs in turn with memcpy of the same bytes; the ratio is the median of the rounds'.

                Example:
                  apus bench store --only "put recycled" --json
                """)

        @Option(help: "Run only the benchmarks with these names: \(StoreBenchmarks.names.joined(separator: ", ")).")
        var only: [String] = []
        @Option(help: "Spill to this folder.", completion: .directory) var folder = "/tmp"
        @Option(help: "Rounds of each.") var rounds = 9
        @Flag(help: "Print one JSON object.") var json = false

        func validate() throws {
            if rounds < 1 || rounds > 1000 {
                throw ValidationError("--rounds must be from 1 to 1000, not \(rounds).")
            }
            for name in only where !StoreBenchmarks.names.contains(name) {
                throw ValidationError(
                    "No benchmark is named `\(name)`. There are: \(StoreBenchmarks.names.joined(separator: ", ")).")
            }
        }

        func run() throws {
            let benchmarks = StoreBenchmarks(folder: folder, rounds: rounds)
            var measurements: [StoreBenchmarks.Measurement] = []
            for name in StoreBenchmarks.names where only.isEmpty || only.contains(name) {
                for measurement in try benchmarks.measure(name) {
                    measurements.append(measurement)
                    if !json { print(measurement.line) }
                }
            }
            if json {
                let report: JSONValue = .object([
                    "machine": BenchmarkHarness.machine, "results": .array(measurements.map(\.json)),
                ])
                print(report.text())
            }
        }
    }
}
