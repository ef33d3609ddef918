import JSON
import Reports

/// What trainings on subsets reached.
public struct SubsetOutcome: Sendable {
    public let experiment: SubsetExperiment
    /// The core-set of `craig`.
    public let coreset: CraigCoreset?
    public let results: [SubsetRun.Result]

    public struct Summary: Sendable {
        public var method: SubsetMethod
        public var steps: LogisticRegression.Steps
        /// After each epoch.
        public var losses: [SampleMean]
        public var accuracy: SampleMean
        public var gradientError: SampleMean
        public var randomPointError: SampleMean?
        public var selection: SampleMean
        public var training: SampleMean
        public var gradients: Int
        /// What it took to come near to the last loss of `full`, for each tolerance.
        public var reaches: [Reach]
    }

    /// The first epoch with a loss of at most 1 + `within` times the mean last loss of `full`.
    public struct Reach: Sendable {
        public var within: Double
        /// Seeds that got there; the means are over these.
        public var seeds: Int
        public var gradients: SampleMean
        public var seconds: SampleMean
    }

    private func reach(_ own: [SubsetRun.Result], _ target: Double, within: Double) -> Reach {
        let found = own.compactMap { one in
            one.losses.firstIndex { $0 <= target * (1 + within) }.map { (one.spent[$0], one.seconds[$0]) }
        }
        return Reach(
            within: within, seeds: found.count, gradients: SampleMean(found.map { Double($0.0) }),
            seconds: SampleMean(found.map(\.1)))
    }

    /// The mean last loss of `full`.
    public var target: Double? {
        let losses = results.filter { $0.method == .full }.map(\.loss)
        return losses.isEmpty ? nil : SampleMean(losses).mean
    }

    public var summaries: [Summary] {
        experiment.methods.compactMap { method in
            let own = results.filter { $0.method == method }
            guard let first = own.first else { return nil }
            let points = own.compactMap(\.randomPointError)
            return Summary(
                method: method, steps: first.steps,
                losses: first.losses.indices.map { epoch in SampleMean(own.map { $0.losses[epoch] }) },
                accuracy: SampleMean(own.map(\.accuracy)), gradientError: SampleMean(own.map(\.gradientError)),
                randomPointError: points.isEmpty ? nil : SampleMean(points),
                selection: SampleMean(own.map(\.selection)), training: SampleMean(own.map(\.training)),
                gradients: first.gradients,
                reaches: target.map { target in
                    experiment.tolerances.map { reach(own, target, within: $0) }
                } ?? [])
        }
    }

    public var json: JSONValue {
        func mean(_ value: SampleMean) -> JSONValue {
            .object([
                "mean": JSONValue(value.mean), "low": JSONValue(value.interval.lowerBound),
                "high": JSONValue(value.interval.upperBound),
            ])
        }
        let methods = summaries.map { one -> JSONValue in
            var object: JSONObject = [
                "name": .string(one.method.rawValue), "g": JSONValue(one.steps.first), "b": JSONValue(one.steps.factor),
                "loss": one.losses.last.map(mean) ?? .null,
                "losses": .array(one.losses.map { JSONValue($0.mean) }),
                "accuracy": mean(one.accuracy), "gradientError": mean(one.gradientError),
                "selectionSeconds": mean(one.selection), "trainingSeconds": mean(one.training),
                "gradients": JSONValue(one.gradients),
            ]
            if let error = one.randomPointError { object["randomPointError"] = mean(error) }
            object["reached"] = .array(
                one.reaches.map { reach in
                    .object([
                        "within": JSONValue(reach.within), "seeds": JSONValue(reach.seeds),
                        "gradients": reach.seeds > 0 ? mean(reach.gradients) : .null,
                        "seconds": reach.seeds > 0 ? mean(reach.seconds) : .null,
                    ])
                })
            return .object(object)
        }
        var object: JSONObject = [
            "fraction": JSONValue(experiment.fraction), "epochs": JSONValue(experiment.epochs),
            "hidden": JSONValue(experiment.hidden),
            "subsetEpochs": JSONValue(experiment.subsetEpochs ?? experiment.epochs),
            "refresh": JSONValue(experiment.refresh), "ridge": JSONValue(experiment.ridge),
            "seeds": JSONValue(experiment.seeds.count), "methods": .array(methods),
        ]
        if let coreset {
            object["craig"] = .array(
                coreset.classes.map {
                    .object([
                        "label": JSONValue($0.label), "size": JSONValue($0.size), "count": JSONValue($0.picks.count),
                        "cost": JSONValue($0.cost),
                    ])
                })
        }
        return .object(object)
    }

    /// Loss after each epoch, as an SVG file.
    public var lossFile: String { losses.file }

    package var losses: Plot {
        Plot(
            "loss against epochs", horizontal: "epochs", vertical: "loss on all training rows",
            series: summaries.enumerated().map { index, one in
                Plot.Series(
                    one.method.rawValue,
                    points: one.losses.enumerated().map { (Double($0.offset + 1), $0.element.mean) },
                    mark: index >= 5 ? .dashed : .line, colour: one.method == .full ? 5 : index % 5,
                    intervals: one.losses.map(\.interval))
            })
    }
}

/// The page of trainings on subsets.
public struct SubsetReport: Sendable {
    public let source: String
    public let outcome: SubsetOutcome

    public init(source: String, outcome: SubsetOutcome) {
        self.source = source
        self.outcome = outcome
    }

    public var html: String {
        let summaries = outcome.summaries
        var page = HTMLWriter()
        page.document(title: "Training on parts of \(source)", style: ReportStyle.css) { page in
            page.reportHeader(kind: "Apus · training on core-sets", subject: source, verdict: verdict)
            page.element("main") { page in
                page.section("Loss against epochs", id: "losses") { page in
                    page.raw(outcome.losses.svg)
                    page.element("p", class: "note") {
                        $0.text(
                            "Means over \(outcome.experiment.seeds.count) seeds with 95 % intervals (Student's t). An epoch "
                                + "of a subset is \(Format.decimal(100 * outcome.experiment.fraction, digits: 1)) % of "
                                + "the gradients of one over all.")
                    }
                }
                page.section("Figures", id: "figures") { page in
                    page.table(
                        head: [
                            "method", "gradients", "loss", "test accuracy, %", "gradient error", "at random weights",
                            "choosing, s", "training, s",
                        ], numeric: Set(1...7),
                        rows: summaries.map { one in
                            [
                                .text(one.method.rawValue), .text(Format.count(one.gradients)),
                                .text(one.losses.last.map { Self.text($0, 4) } ?? ""),
                                .text(Self.text(one.accuracy, 2, times: 100)),
                                .text(one.method == .crest ? "" : Self.text(one.gradientError, 4)),
                                .text(one.randomPointError.map { Self.text($0, 4) } ?? ""),
                                .text(Format.decimal(one.selection.mean, digits: 2)),
                                .text(Format.decimal(one.training.mean, digits: 3)),
                            ]
                        })
                }
                page.section("What it took to come near to the loss of training on everything", id: "reached") { page in
                    page.table(
                        head: ["method"]
                            + outcome.experiment.tolerances.map { "within \(Format.decimal(100 * $0, digits: 1)) %" },
                        numeric: Set(outcome.experiment.tolerances.indices.map { $0 + 1 }),
                        rows: summaries.map { one in
                            [.text(one.method.rawValue)] + one.reaches.map { .text(text($0)) }
                        })
                    page.element("p", class: "note") {
                        $0.text(
                            "Gradients; processor seconds with choosing; seeds that got there where not all did. The steps of "
                                + "each method are those that give its least last loss, so that full could be stopped early too."
                        )
                    }
                }
            }
        }
        return page.html
    }

    private func text(_ reach: SubsetOutcome.Reach) -> String {
        guard reach.seeds > 0 else { return "–" }
        let all = outcome.experiment.seeds.count
        return "\(Format.count(Int(reach.gradients.mean))); \(Format.decimal(reach.seconds.mean, digits: 2)) s"
            + (reach.seeds < all ? "; \(reach.seeds) of \(all)" : "")
    }

    /// Choosing pays where it and the training take less than training on everything.
    private var verdict: String {
        guard let full = outcome.summaries.first(where: { $0.method == .full }) else {
            return "Training on everything was not tried, so nothing is said about what is saved."
        }
        let whole = full.training.mean
        let cheaper = outcome.summaries.filter {
            $0.method != .full && $0.selection.mean + $0.training.mean < whole && $0.method != .random
                && $0.method != .randomAnew
        }
        return cheaper.isEmpty
            ? "Choosing costs more than it saves here: all rows train in \(Format.decimal(whole, digits: 2)) s. It pays "
                + "where a gradient is expensive."
            : "Choosing and training took less than training on all rows with: "
                + cheaper.map(\.method.rawValue).joined(separator: ", ") + "."
    }

    private static func text(_ value: SampleMean, _ digits: Int, times: Double = 1) -> String {
        "\(Format.decimal(times * value.mean, digits: digits)) ± \(Format.decimal(times * value.halfWidth, digits: digits))"
    }
}
