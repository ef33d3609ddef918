import ArgumentParser
import JSON

extension BenchCommand {
    struct Pages: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Web pages: parsing, and extraction with charset, parsing and choice, in MB/s on one core.",
            discussion: """
                Against others: Benchmarks/html/run and Benchmarks/extract/run.

                Example:
                  apus bench pages page.html other.html.gz --only "extract fast" --quick --json
                """)

        @Argument(help: "HTML files, packed or not.") var files: [String]
        @Option(help: "Run only the benchmarks with these names: \(PageBenchmarks.names.joined(separator: ", ")).")
        var only: [String] = []
        @Flag(help: "Short rounds, for a look.") var quick = false
        @Flag(help: "Print one JSON object.") var json = false

        func validate() throws {
            for name in only where !PageBenchmarks.names.contains(name) {
                throw ValidationError(
                    "No benchmark is named `\(name)`. There are: \(PageBenchmarks.names.joined(separator: ", ")).")
            }
        }

        func run() async throws {
            let benchmarks = try PageBenchmarks(files: files, harness: quick ? .quick : .exact)
            var measurements: [BenchmarkHarness.Measurement] = []
            for name in PageBenchmarks.names where only.isEmpty || only.contains(name) {
                let measurement = try await benchmarks.measure(name)
                measurements.append(measurement)
                if !json { print("\(measurement.name): \(Int64(measurement.value)) \(measurement.unit)") }
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
