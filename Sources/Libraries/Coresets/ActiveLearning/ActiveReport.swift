import JSON
import Reports

/// The page of a comparison of strategies.
public struct ActiveReport: Sendable {
    public let source: String
    public let outcome: ActiveOutcome

    public init(source: String, outcome: ActiveOutcome) {
        self.source = source
        self.outcome = outcome
    }

    /// The curves as an SVG file.
    public var curvesFile: String { curves.file }

    /// Accuracy against labels. Each strategy a little aside of the others, so that intervals can be told apart.
    package var curves: Plot {
        var series: [Plot.Series] = []
        var colour = 0
        for (index, summary) in outcome.summaries.enumerated() {
            let isRandom = summary.strategy == .random
            let shift = 1 + 0.008 * Double(index - outcome.summaries.count / 2)
            series.append(
                Plot.Series(
                    summary.strategy.rawValue,
                    points: zip(summary.labels, summary.accuracy).map { (Double($0) * shift, $1.mean) },
                    mark: isRandom || colour >= 5 ? .dashed : .line, colour: isRandom ? 5 : colour % 5,
                    intervals: summary.accuracy.map(\.interval)))
            if !isRandom { colour += 1 }
        }
        return Plot(
            "accuracy against labels", horizontal: "labels", vertical: "accuracy on the test rows", series: series,
            horizontalScale: .logarithmic)
    }

    /// Accuracy less random's with the same seed.
    package var differences: Plot {
        var series: [Plot.Series] = []
        for (index, summary) in outcome.summaries.filter({ $0.strategy != .random }).enumerated() {
            series.append(
                Plot.Series(
                    summary.strategy.rawValue,
                    points: zip(summary.labels, summary.overRandom).map {
                        (Double($0) * (1 + 0.008 * Double(index)), $1.mean)
                    },
                    mark: index >= 5 ? .dashed : .line, colour: index % 5,
                    intervals: summary.overRandom.map(\.interval)))
        }
        return Plot(
            "accuracy over random", horizontal: "labels", vertical: "accuracy over random", series: series,
            horizontalScale: .logarithmic)
    }

    public var html: String {
        let summaries = outcome.summaries
        var page = HTMLWriter()
        page.document(title: "Active learning on \(source)", style: ReportStyle.css) { page in
            page.reportHeader(kind: "Apus · active learning", subject: source, verdict: verdict)
            page.element("main") { page in
                page.section("Accuracy against labels", id: "curves") { page in
                    page.raw(curves.svg)
                    page.element("p", class: "note") {
                        $0.text(
                            "Means over \(outcome.experiment.seeds.count) seeds with 95 % intervals (Student's t); "
                                + "\(Format.count(outcome.experiment.testRows)) test rows.")
                    }
                }
                page.section("Beside random", id: "differences") { page in
                    page.raw(differences.svg)
                    page.element("p", class: "note") {
                        $0.text("Differences to random with the same stream and test rows, with 95 % intervals.")
                    }
                }
                page.section("Figures", id: "figures") { page in
                    page.table(
                        head: ["labels"] + summaries.map(\.strategy.rawValue),
                        numeric: Set(0...summaries.count),
                        rows: outcome.experiment.counts.indices.map { round in
                            [.text(Format.count(outcome.experiment.counts[round]))]
                                + summaries.map { .text(Self.percent($0.accuracy[round])) }
                        })
                    page.table(
                        head: [
                            "strategy", "labels to match random's last", "selecting, s", "training, s", "rows held",
                        ],
                        numeric: [1, 2, 3, 4],
                        rows: summaries.map { one in
                            [
                                .text(one.strategy.rawValue),
                                .text(one.labelsToMatchRandom.map { Format.count($0) } ?? "not reached"),
                                .text(Format.decimal(one.selection, digits: 2)),
                                .text(Format.decimal(one.training, digits: 2)), .text(Format.count(one.mostHeld)),
                            ]
                        })
                }
            }
        }
        return page.html
    }

    private var verdict: String {
        guard let last = outcome.experiment.counts.last else { return "No rounds." }
        let final = outcome.experiment.counts.count - 1
        let better = outcome.summaries.filter {
            $0.strategy != .random && $0.overRandom[final].interval.lowerBound > 0
        }.map(\.strategy.rawValue)
        return better.isEmpty
            ? "At \(Format.count(last)) labels no strategy is better than random beyond chance."
            : "At \(Format.count(last)) labels better than random beyond chance: \(better.joined(separator: ", "))."
    }

    private static func percent(_ value: SampleMean) -> String {
        "\(Format.decimal(100 * value.mean, digits: 2)) ± \(Format.decimal(100 * value.halfWidth, digits: 2)) %"
    }
}
