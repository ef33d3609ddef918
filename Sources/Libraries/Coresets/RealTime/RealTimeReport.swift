import JSON
import Reports

/// The page of loops at several rates.
public struct RealTimeReport: Sendable {
    /// A loop, what its picks are worth, and where labels came back what was learnt beside what random picks teach.
    public typealias Row = (
        outcome: RealTimeOutcome, quality: (chosen: SampleMean, random: SampleMean)?, learning: RealTimeComparison?
    )

    public let source: String
    public let rows: [Row]

    public init(source: String, rows: [Row]) {
        self.source = source
        self.rows = rows
    }

    public var json: JSONValue {
        .object([
            "goal": .string(rows.first?.outcome.loop.goal.rawValue ?? ""),
            "metric": .string(rows.first?.outcome.loop.metric.name ?? ""),
            "rates": .array(rows.map { $0.outcome.json(quality: $0.quality, learning: $0.learning) }),
        ])
    }

    /// Both drawings, the latencies first, as SVG files.
    public var files: (latencies: String, quality: String) { (latencies.file, quality.file) }

    package var latencies: Plot {
        func line(_ name: String, _ share: Double, _ colour: Int) -> Plot.Series {
            Plot.Series(
                name, points: rows.map { ($0.outcome.loop.rate, $0.outcome.latency(share) * 1e3) },
                colour: colour)
        }
        return Plot(
            "latency against rate", horizontal: "rows a second", vertical: "ms from arrival to picks",
            series: [
                line("50 %", 0.5, 1), line("99 %", 0.99, 3), line("greatest", 1, 4),
                Plot.Series(
                    "allowed", points: rows.map { ($0.outcome.loop.rate, $0.outcome.loop.within * 1e3) },
                    mark: .dashed, colour: 5),
            ], horizontalScale: .logarithmic, verticalScale: .logarithmic)
    }

    package var quality: Plot {
        let known = rows.compactMap { row in row.quality.map { (row.outcome, $0) } }
        return Plot(
            "quality against rate", horizontal: "rows a second", vertical: "share of greedy's gain",
            series: [
                Plot.Series(
                    "in time", points: known.map { ($0.0.loop.rate, $0.1.chosen.mean) }, colour: 0,
                    intervals: known.map { $0.1.chosen.interval }),
                Plot.Series(
                    "random", points: known.map { ($0.0.loop.rate, $0.1.random.mean) }, mark: .dashed,
                    colour: 5,
                    intervals: known.map { $0.1.random.interval }),
                Plot.Series(
                    "guaranteed", points: rows.map { ($0.outcome.loop.rate, $0.outcome.meanGuarantee) },
                    colour: 1),
            ], horizontalScale: .logarithmic)
    }

    public var html: String {
        var page = HTMLWriter()
        page.document(title: "Choosing in time from \(source)", style: ReportStyle.css) { page in
            page.reportHeader(kind: "Apus · selection in real time", subject: source, verdict: verdict)
            page.element("main") { page in
                page.section("Latency against rate", id: "latency") { $0.raw(latencies.svg) }
                page.section("Quality against rate", id: "quality") { page in
                    page.raw(quality.svg)
                    page.element("p", class: "note") {
                        $0.text(
                            "What the picks gain, as a share of what greedy gains with all the time it wants, over "
                                + "batches spread over the run; “guaranteed” is the proven share of the optimum.")
                    }
                }
                page.section("Figures", id: "figures") { page in
                    page.table(
                        head: [
                            "rows/s", "batches", "late", "dropped", "50 %, ms", "90 %, ms", "99 %, ms",
                            "greatest, ms",
                            "quality", "random", "guaranteed", "accuracy, %", "of random picks, %", "difference",
                        ], numeric: Set(0...13),
                        rows: rows.map { row in
                            let one = row.outcome
                            func percent(_ mean: SampleMean?) -> HTMLWriter.Cell {
                                .text(
                                    mean.map {
                                        Format.decimal(100 * $0.mean, digits: 2) + " ± "
                                            + Format.decimal(100 * $0.halfWidth, digits: 2)
                                    } ?? "")
                            }
                            func ms(_ share: Double) -> HTMLWriter.Cell {
                                .text(Format.decimal(one.latency(share) * 1e3, digits: 2))
                            }
                            return [
                                .text(Format.count(Int(one.loop.rate))), .text(Format.count(one.records.count)),
                                .text(Format.count(one.late)), .text(Format.count(one.dropped)), ms(0.5), ms(0.9),
                                ms(0.99), ms(1),
                                .text(row.quality.map { Format.decimal($0.chosen.mean, digits: 3) } ?? ""),
                                .text(row.quality.map { Format.decimal($0.random.mean, digits: 3) } ?? ""),
                                .text(Format.decimal(one.meanGuarantee, digits: 3)),
                                percent(row.learning?.chosen), percent(row.learning?.random),
                                percent(row.learning?.difference),
                            ]
                        })
                    if let seeds = rows.compactMap(\.learning).first?.difference.count {
                        page.element("p", class: "note") {
                            $0.text(
                                "Accuracies are those on batches that the model had not learnt from, over the later half of "
                                    + "the stream: means over \(seeds) seeds ± half of the 95 % interval (Student's t); the "
                                    + "difference is that of runs with the same seed.")
                        }
                    }
                }
            }
        }
        return page.html
    }

    private var verdict: String {
        guard let loop = rows.first?.outcome.loop else { return "No rates." }
        let within = Format.decimal(loop.within * 1e3, digits: loop.within < 0.01 ? 1 : 0)
        let late = rows.reduce(0) { $0 + $1.outcome.late }
        let all = rows.reduce(0) { $0 + $1.outcome.records.count }
        return
            "\(Format.count(loop.count)) of each \(Format.count(loop.batch)) rows within \(within) ms: "
            + "\(Format.count(late)) of \(Format.count(all)) batches were late."
    }
}
