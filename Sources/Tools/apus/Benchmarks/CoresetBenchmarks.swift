import Apus
import ArgumentParser
import Coresets
import Files
import Foundation
import JSON

extension BenchCommand {
    /// `apus bench coresets`: selectors of streams in points a second, and how their time grows.
    struct CoresetBenchmark: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "coresets",
            abstract: "Stream selectors: points a second, latencies, memory; growth with points; selection on parts.",
            discussion: """
                Rows of the file, in a circle, are shown to each selector one by one on one thread. --study measures small
                runs instead, fits log t = a + b·log n + c·log k and laws with a start, and compares what the law that continues best
                within the small runs predicts for 50,000 points with a run.
                --growth selects from up to a million points drawn from the rows. --parts selects on parts, in tasks, and
                compares with selection from all rows.

                EXAMPLE: apus bench coresets features.npy --points 10000000 --json
                """)

        @Argument(help: "A file of features.", completion: .file()) var file: String
        @Option(help: "Points to show to each selector.") var points = 1_000_000
        @Option(help: "Run only the selectors with these names.") var only: [String] = []
        @Flag(help: "Fit how time grows with points and kept points.") var study = false
        @Flag(help: "Measure how the time of selections grows with points.") var growth = false
        @Option(help: "The most points that --growth goes to.") var most = 1_000_000
        @Option(help: "Select by facility location on this many parts (RandGreeDi).") var parts: Int?
        @Option(help: "Rows that --parts chooses.") var count = 100
        @Option(help: "Write the plot of --study or --growth to this SVG file.") var plot: String?
        @Option(parsing: .upToNextOption, help: "Columns of a CSV file to leave out.") var skip: [String] = []
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let features: Matrix<Float> = try FeatureFile(file).read(skipping: skip).features
            guard features.rows > 0, points > 0 else {
                throw ValidationError("There must be at least one row and one point.")
            }
            var results: [JSONValue] = []
            func show(_ value: JSONValue, _ line: String) {
                results.append(value)
                if !json { print(line) }
            }
            if study {
                let growths = try RuntimeStudy().run(features)
                for growth in growths {
                    show(
                        growth.json,
                        "\(growth.algorithm.rawValue): t ∝ \(growth.power.text), R² "
                            + "\(Self.short(growth.power.determination)); continued best by \(growth.law.text); "
                            + "50,000 points: predicted \(Self.short(growth.predicted * 1e3)) ms (by the power law "
                            + "\(Self.short(growth.powerPredicted * 1e3))), measured "
                            + "\(Self.short(growth.measured.seconds * 1e3)) ms, ratio \(Self.short(growth.ratio))"
                    )
                }
                if let plot { try AtomicFile.write(RuntimeStudy.plot(growths), to: plot) }
            } else if growth {
                var works = SelectionGrowth()
                works.points.removeAll { $0 > most }
                let all = try works.run(features) { one in
                    show(
                        .object([
                            "name": JSONValue(one.work.rawValue), "points": JSONValue(one.points),
                            "value": JSONValue(one.seconds), "unit": "s",
                        ]), "\(one.work.rawValue), \(one.points) points: \(Self.short(one.seconds)) s")
                }
                if let plot { try AtomicFile.write(SelectionGrowth.plot(all), to: plot) }
            } else if let parts {
                let (value, line) = try await Self.distributed(features, parts: parts, count: count)
                show(value, line)
            } else {
                try selectors(features) { name, make in
                    guard only.isEmpty || only.contains(name) else { return }
                    let one = Self.measure(make, features, points: points)
                    show(
                        .object([
                            "name": JSONValue(name), "value": JSONValue(one.rate), "unit": "points/s",
                            "p99": JSONValue(one.p99), "memoryGrowth": JSONValue(one.growth),
                        ]),
                        "\(name): \(Int(one.rate)) points/s, 99th percentile \(Self.short(one.p99 * 1e6)) µs, "
                            + "memory \(one.growth >= 0 ? "+" : "")\(one.growth >> 10) KiB")
                }
            }
            if json {
                print(
                    JSONValue.object(["machine": BenchmarkHarness.machine, "results": .array(results)]).text())
            }
        }

        private func selectors(
            _ features: Matrix<Float>, _ body: (String, any StreamSelector) throws -> Void
        ) throws {
            let d = features.columns
            try body("doubling k=100", DoublingCenters(capacity: 100, dimensions: d))
            try body("k-replacement k=100", ReplacementSelector(capacity: 100, dimensions: d, rule: .all))
            try body("k-adjacency k=100", ReplacementSelector(capacity: 100, dimensions: d, rule: .adjacent))
            let empty = StreamLogDeterminant(capacity: 20, dimensions: d, gamma: 1 / Double(max(1, d)))
            try body(
                "three-sieves k=20", ThreeSieves(empty, count: 20, greatestGain: empty.greatestGain))
            try body("sieve++ k=20", SieveStreaming(empty, count: 20, epsilon: 0.1))
            // A reference sample of a thousand rows, as apricot's reservoir.
            let step = max(1, features.rows / 1000)
            let reference = features.select(Array(stride(from: 0, to: features.rows, by: step).prefix(1000)))
            try body(
                "sieve++ facility-location k=20",
                SieveStreaming(
                    StreamFacilityLocation(reference: reference, metric: .exponentialDistance), count: 20, epsilon: 0.1)
            )
            try body("reservoir k=100", ReservoirSelector(capacity: 100, dimensions: d, seed: 1))
        }

        /// Facility location on parts and on all rows, in value and time.
        private static func distributed(
            _ features: Matrix<Float>, parts: Int, count: Int
        ) async throws -> (JSONValue, String) {
            let clock = ContinuousClock()
            let start = clock.now
            let central = try FacilityLocation(
                Similarities(features, metric: .exponentialDistance, threads: 1)
            ).maximize(count: count)
            let middle = clock.now
            let united = try await withCluster(.embedded(cpus: 1)) { cluster in
                try await GreeDi(count: count, parts: parts, metric: .exponentialDistance, seed: 1)
                    .run(on: cluster, features)
            }
            let end = clock.now
            func seconds(_ duration: Duration) -> Double {
                Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
            }
            let (all, split) = (seconds(middle - start), seconds(end - middle))
            return (
                .object([
                    "name": "RandGreeDi", "parts": JSONValue(parts), "value": JSONValue(united.value / central.value),
                    "unit": "of the central objective", "seconds": JSONValue(split), "centralSeconds": JSONValue(all),
                ]),
                "RandGreeDi on \(parts) parts: \(short(united.value / central.value)) of the central objective in "
                    + "\(short(split)) s; central \(short(all)) s"
            )
        }

        private static func measure(
            _ start: any StreamSelector, _ features: Matrix<Float>, points: Int
        ) -> (rate: Double, p99: Double, growth: Int) {
            func run(_ selector: some StreamSelector) -> (rate: Double, p99: Double, growth: Int) {
                var selector = selector
                let clock = ContinuousClock()
                let columns = features.columns
                var slow: [Double] = []
                slow.reserveCapacity(points / 64 + 1)
                var row = 0
                var memory = 0
                let begin = clock.now
                features.storage.withUnsafeBufferPointer { values in
                    for point in 0..<points {
                        let slice = UnsafeBufferPointer(rebasing: values[row * columns..<(row + 1) * columns])
                        row = row + 1 == features.rows ? 0 : row + 1
                        if point == points / 10 { memory = resident() }
                        // Every 64th is timed alone: a clock costs as much as a point.
                        if point % 64 == 0 {
                            let before = clock.now
                            selector.observe(slice)
                            slow.append(Double((clock.now - before).components.attoseconds) * 1e-18)
                        } else {
                            selector.observe(slice)
                        }
                    }
                }
                let elapsed = clock.now - begin
                let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
                let growth = resident() - memory
                slow.sort()
                return (Double(points) / seconds, slow[min(slow.count - 1, slow.count * 99 / 100)], growth)
            }
            return run(start)
        }

        private static func resident() -> Int {
            let text = (try? FileReader.text(of: "/proc/self/statm")) ?? ""
            let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
        }

        private static func short(_ value: Double) -> String { String(format: "%.3g", value) }
    }
}
