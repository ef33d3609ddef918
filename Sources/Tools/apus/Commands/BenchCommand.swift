import Apus
import ArgumentParser
import Files
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
        subcommands: [
            Runtime.self, BenchScaleCommand.self, BenchChaosCommand.self, Store.self, Pages.self, Curation.self,
            TokenizationBenchmark.self,
            CoresetBenchmark.self,
        ])

    struct Runtime: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tasks, objects and actors: the usual single-node microbenchmarks.",
            discussion: """
                Each benchmark idles 10 s, warms up, and runs 4 rounds of 2 s; --quick takes about 2 s for each.

                Example:
                  apus bench runtime --backend embedded --quick --only "single client tasks async" --json
                """)

        enum BackendName: String, ExpressibleByArgument, CaseIterable {
            case embedded, local

            func configuration(cpus: Int?) -> ClusterConfiguration {
                switch self {
                case .embedded: .embedded(cpus: cpus.map { .init($0) }, resources: ["custom": 1])
                case .local: .local(cpus: cpus.map { .init($0) }, resources: ["custom": 1])
                }
            }
        }

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
            if let cpus, cpus < 1 || cpus > 4096 {
                throw ValidationError("--cpus must be from 1 to 4096, not \(cpus).")
            }
            for name in only where !RuntimeBenchmarks.names.contains(name) {
                throw ValidationError(
                    "No benchmark is named `\(name)`. There are: \(RuntimeBenchmarks.names.joined(separator: ", ")).")
            }
        }

        func run() async throws {
            var measurements: [BenchmarkHarness.Measurement] = []
            for name in RuntimeBenchmarks.names where only.isEmpty || only.contains(name) {
                try await withCluster(backend.configuration(cpus: cpus)) { cluster in
                    let benchmarks = RuntimeBenchmarks(cluster: cluster, harness: quick ? .quick : .exact)
                    for measurement in try await benchmarks.measure(name) {
                        measurements.append(measurement)
                        if !json {
                            print(measurement.line)
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
    struct Curation: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Heuristic curation steps: megabytes of text a second on one core.",
            discussion: """
                Each step, and the rule sets of whole papers (gopher_quality, gopher_repetition, c4_quality,
                refinedweb_heuristics), over the texts of JSON-lines files, repeated to --megabytes; medians of 3 rounds.

                Example:
                  apus bench curation pages.jsonl --only gopher_quality --json
                """)

        @Argument(help: "Files of JSON lines with `text`.", completion: .file()) var files: [String]
        @Option(help: "Repeat the texts until there is this much of them.") var megabytes = 50
        @Option(help: "Run only the benchmarks with these names.") var only: [String] = []
        @Option(help: "Write which pages stay, a 0 or 1 a line, to DECISIONS.NAME.") var decisions: String?
        @Flag(help: "Print one JSON object.") var json = false

        func validate() throws {
            if files.isEmpty { throw ValidationError("Name at least one file of JSON lines.") }
            if megabytes < 1 || megabytes > 100_000 {
                throw ValidationError("--megabytes must be from 1 to 100000, not \(megabytes).")
            }
        }

        func run() throws {
            let groups = try CurationBenchmarks.groups()
            let names = groups.map(\.name)
            for name in only where !names.contains(name) {
                throw ValidationError("No benchmark is named `\(name)`. There are: \(names.joined(separator: ", ")).")
            }
            let benchmarks = try CurationBenchmarks(files: files, bytes: megabytes * 1_000_000)
            var results: [JSONValue] = []
            for group in groups where only.isEmpty || only.contains(group.name) {
                let measurement = benchmarks.measure(group)
                results.append(measurement.json)
                if let decisions {
                    try AtomicFile.write(
                        measurement.isKept.flatMap { [$0 ? 0x31 : 0x30, 0x0A] }, to: "\(decisions).\(group.name)")
                }
                if !json {
                    print(
                        "\(measurement.name): \(Int(measurement.rate.rounded())) MB/s, keeps \(measurement.kept) of \(benchmarks.count)"
                    )
                    fflush(nil)
                }
            }
            if json {
                let report: JSONValue = [
                    "machine": BenchmarkHarness.machine, "pages": JSONValue(benchmarks.count),
                    "bytes": JSONValue(benchmarks.bytes), "results": .array(results),
                ]
                print(report.text())
            }
        }
    }
}
