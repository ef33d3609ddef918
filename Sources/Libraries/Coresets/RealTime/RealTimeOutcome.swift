import ApusCore
import JSON

/// How a loop did at its rate.
public struct RealTimeOutcome: Sendable {
    public let loop: RealTimeLoop
    public private(set) var records: [RealTimeLoop.Record]
    /// Batches lost because the queue was full.
    public let dropped: Int

    /// A batch whose quality is measured afterwards, with what was remembered at the time.
    struct Sample: Sendable {
        var record: Int
        var context: Matrix<Float>?
    }
    private let samples: [Sample]
    static let sampleSize = 20

    init(loop: RealTimeLoop, records: [RealTimeLoop.Record], dropped: Int, samples: [Sample]) {
        self.loop = loop
        self.records = records
        self.dropped = dropped
        self.samples = samples
    }

    /// The runs of one loop with several seeds, as one; how good models were is left to `RealTimeComparison`.
    init(joining runs: [RealTimeOutcome], loop: RealTimeLoop) {
        self.init(
            loop: loop, records: runs.flatMap { $0.with(accuracies: $0.records.map { _ in nil }).records },
            dropped: runs.reduce(0) { $0 + $1.dropped }, samples: [])
    }

    func with(accuracies: [Double?]) -> RealTimeOutcome {
        var copy = self
        for (index, accuracy) in accuracies.enumerated() { copy.records[index].accuracy = accuracy }
        return copy
    }

    /// Batches chosen from after their time.
    public var late: Int { records.count { $0.isLate } }

    /// The latency that a share of the batches stays below.
    public func latency(_ share: Double) -> Double {
        let sorted = records.map(\.latency).sorted()
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
    }

    /// Of the model, on batches that it had not learnt from: the mean over the later half of them; nil without labels.
    public var accuracy: Double? {
        let known = records.compactMap(\.accuracy)
        return known.isEmpty ? nil : SampleMean(Array(known.suffix((known.count + 1) / 2))).mean
    }

    public var meanGuarantee: Double {
        records.reduce(0) { $0 + $1.guarantee } / Double(max(1, records.count))
    }

    /// Gains of greedy with all the time it wants that the picks have, and that random picks have: means over batches
    /// spread over the run.
    ///
    /// - Returns: shares of greedy's gain; nil where no batch was chosen from.
    public func quality(_ features: Matrix<Float>) throws(CoresetError) -> (
        chosen: SampleMean, random: SampleMean
    )? {
        var (chosen, random): ([Double], [Double]) = ([], [])
        for sample in samples.prefix(Self.sampleSize) {
            let record = records[sample.record]
            let rows = features.select(loop.rows(of: record.number, in: features))
            var generator = SeededGenerator(seed: loop.seed, stream: UInt64(record.number) | 1 << 40)
            let other = RealTimeLoop.random(loop.batch, loop.count, &generator)
            func measure(_ start: some Objective) throws(CoresetError) {
                var empty = start
                for element in rows.rows..<start.count { empty.add(element) }
                func gain(_ picks: [Int]) -> Double {
                    var objective = empty
                    for pick in picks { objective.add(pick) }
                    return objective.value - empty.value
                }
                let best =
                    try start.maximize(
                        count: loop.count, initial: Array(rows.rows..<start.count), stopAt: .never
                    ).value - empty.value
                guard best > 0 else { return }
                chosen.append(gain(record.picks) / best)
                random.append(gain(other) / best)
            }
            switch loop.goal {
            case .facilityLocation: try measure(try loop.location(rows, sample.context))
            case .logDeterminant: try measure(try loop.determinant(rows, sample.context))
            }
        }
        return chosen.isEmpty ? nil : (SampleMean(chosen), SampleMean(random))
    }

    /// - Parameters:
    ///   - quality: of `quality(_:)`.
    ///   - learning: of loops into which labels came back.
    public func json(
        quality: (chosen: SampleMean, random: SampleMean)?, learning: RealTimeComparison? = nil
    ) -> JSONValue {
        func milliseconds(_ seconds: Double) -> JSONValue { JSONValue((seconds * 1e6).rounded() / 1e3) }
        func share(_ value: Double) -> JSONValue { JSONValue((value * 1e6).rounded() / 1e6) }
        var object: JSONObject = [
            "rate": JSONValue(loop.rate), "batch": JSONValue(loop.batch), "count": JSONValue(loop.count),
            "withinMilliseconds": milliseconds(loop.within), "chosen": JSONValue(records.count),
            "late": JSONValue(late), "dropped": JSONValue(dropped), "p50": milliseconds(latency(0.5)),
            "p90": milliseconds(latency(0.9)), "p99": milliseconds(latency(0.99)),
            "greatest": milliseconds(latency(1)),
            "greedyPicks": share(
                Double(records.reduce(0) { $0 + $1.greedy }) / Double(max(1, records.count * loop.count))),
            "guarantee": share(meanGuarantee),
            "evaluations": JSONValue(records.reduce(0) { $0 + $1.evaluations } / max(1, records.count)),
        ]
        if let learning {
            object["seeds"] = JSONValue(learning.difference.count)
            for (name, mean) in [
                ("accuracy", learning.chosen), ("randomAccuracy", learning.random), ("overRandom", learning.difference),
            ] {
                object[name] = share(mean.mean)
                object[name + "Interval"] = .array([
                    share(mean.interval.lowerBound), share(mean.interval.upperBound),
                ])
            }
        } else if let accuracy {
            object["accuracy"] = share(accuracy)
        }
        if let quality {
            object["quality"] = share(quality.chosen.mean)
            object["randomQuality"] = share(quality.random.mean)
        }
        return .object(object)
    }
}
