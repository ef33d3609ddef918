import JSON

/// What strategies reached, with means and intervals over the seeds.
public struct ActiveOutcome: Sendable {
    public let experiment: ActiveExperiment
    public let curves: [ActiveCurve]

    public init(experiment: ActiveExperiment, curves: [ActiveCurve]) {
        self.experiment = experiment
        self.curves = curves
    }

    /// One strategy over all seeds.
    public struct Summary: Sendable {
        public var strategy: ActiveStrategy
        public var labels: [Int]
        /// One for each count of labels.
        public var accuracy: [SampleMean]
        /// Accuracy less that of random with the same seed: the same stream and test rows.
        public var overRandom: [SampleMean]
        /// Labels at which the mean reaches random's last one; nil where it does not.
        public var labelsToMatchRandom: Int?
        /// Seconds a run, without training and in it.
        public var selection: Double
        public var training: Double
        public var mostHeld: Int
    }

    public var summaries: [Summary] {
        var names: [ActiveStrategy] = []
        for curve in curves where !names.contains(curve.strategy) { names.append(curve.strategy) }
        func accuracies(_ name: ActiveStrategy, _ round: Int) -> [Double] {
            curves.filter { $0.strategy == name }.sorted { $0.seed < $1.seed }.map { $0.points[round].accuracy }
        }
        let rounds = experiment.counts.indices
        let goal = rounds.last.map { SampleMean(accuracies(.random, $0)).mean } ?? 0
        return names.map { name in
            let own = curves.filter { $0.strategy == name }
            let means = rounds.map { SampleMean(accuracies(name, $0)) }
            let runs = Double(max(1, own.count))
            return Summary(
                strategy: name, labels: experiment.counts, accuracy: means,
                overRandom: rounds.map { round in
                    SampleMean(zip(accuracies(name, round), accuracies(.random, round)).map { $0 - $1 })
                },
                labelsToMatchRandom: rounds.first { means[$0].mean >= goal }.map { experiment.counts[$0] },
                selection: own.reduce(0) { $0 + $1.points.reduce(0) { $0 + $1.selection } } / runs,
                training: own.reduce(0) { $0 + $1.points.reduce(0) { $0 + $1.training } } / runs,
                mostHeld: own.map(\.mostHeld).max() ?? 0)
        }
    }

    public var json: JSONValue {
        func round(_ value: Double) -> JSONValue { JSONValue((value * 1e6).rounded() / 1e6) }
        func numbers(_ values: [Double]) -> JSONValue { .array(values.map(round)) }
        let strategies = summaries.map { summary -> JSONValue in
            var object: JSONObject = [
                "name": .string(summary.strategy.rawValue),
                "labels": .array(summary.labels.map { JSONValue($0) }),
                "accuracy": numbers(summary.accuracy.map(\.mean)),
                "deviation": numbers(summary.accuracy.map(\.deviation)),
                "interval": .array(
                    summary.accuracy.map { numbers([$0.interval.lowerBound, $0.interval.upperBound]) }),
                "overRandom": numbers(summary.overRandom.map(\.mean)),
                "overRandomInterval": .array(
                    summary.overRandom.map { numbers([$0.interval.lowerBound, $0.interval.upperBound]) }),
            ]
            object["labelsToMatchRandom"] = summary.labelsToMatchRandom.map { JSONValue($0) } ?? .null
            object["selectionSeconds"] = round(summary.selection)
            object["trainingSeconds"] = round(summary.training)
            object["mostHeld"] = JSONValue(summary.mostHeld)
            return .object(object)
        }
        var settings: JSONObject = [
            "seeds": .array(experiment.seeds.map { JSONValue(Int(truncatingIfNeeded: $0)) }),
            "testRows": JSONValue(experiment.testRows), "ridge": JSONValue(experiment.ridge),
            "steps": JSONValue(experiment.steps),
        ]
        if let capacity = experiment.capacity {
            settings["capacity"] = JSONValue(capacity)
            settings["reduction"] = .string(experiment.reduction.rawValue)
        }
        return .object(["settings": .object(settings), "strategies": .array(strategies)])
    }
}
