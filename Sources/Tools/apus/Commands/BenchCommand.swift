import Apus
import ArgumentParser
import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure parts of Apus on this machine.",
        subcommands: [Runtime.self])

    struct Runtime: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tasks, objects and actors: the usual single-node microbenchmarks.",
            discussion: """
                Each benchmark idles 10 s, warms up, and runs 4 rounds of 2 s; --quick takes about 2 s for each.

                Example:
                  apus bench runtime --backend embedded --quick --only "single client tasks async" --json
                """)

        enum BackendName: String, ExpressibleByArgument, CaseIterable { case embedded }

        @Option(help: "Where tasks run: \(BackendName.allCases.map(\.rawValue).joined(separator: ", ")).")
        var backend = BackendName.embedded
        @Option(help: "Processors for tasks; all of the machine's where absent.")
        var cpus: Int?
        @Option(help: "Run only the benchmarks with these names.")
        var only: [String] = []
        @Flag(help: "Short rounds, for a look.")
        var quick = false
        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws {
            if let cpus, cpus < 1 || cpus > 4096 { throw ValidationError("--cpus must be from 1 to 4096, not \(cpus).") }
            for name in only where !RuntimeBenchmarks.names.contains(name) {
                throw ValidationError(
                    "No benchmark is named `\(name)`. There are: \(RuntimeBenchmarks.names.joined(separator: ", ")).")
            }
        }

        func run() async throws {
            var measurements: [BenchmarkHarness.Measurement] = []
            for name in RuntimeBenchmarks.names where only.isEmpty || only.contains(name) {
                try await withCluster(.embedded(cpus: cpus.map { .init($0) })) { cluster in
                    let benchmarks = RuntimeBenchmarks(cluster: cluster, harness: quick ? .quick : .exact)
                    for measurement in try await benchmarks.measure(name) {
                        measurements.append(measurement)
                        if !json {
                            print(
                                "\(measurement.name): \(Int64(measurement.value)) ± \(Int64(measurement.deviation)) "
                                    + measurement.unit)
                            fflush(nil)
                        }
                    }
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
