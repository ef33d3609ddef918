/// What a loop with labels learns beside what it learns from random picks, over seeds.
public struct RealTimeComparison: Sendable {
    /// Accuracies of the runs.
    public let chosen: SampleMean
    public let random: SampleMean
    /// Of runs with the same seed: chosen less random.
    public let difference: SampleMean
    /// All runs with chosen picks as one, for latencies.
    public let outcome: RealTimeOutcome

    /// Runs the loop with each seed, and with random picks, from the same start.
    ///
    /// - Parameters:
    ///   - labels: of all rows.
    ///   - learner: where each run starts.
    ///   - now: as for `RealTimeLoop.run`.
    /// - Throws: `CoresetError`.
    public init<Model: ActiveModel>(
        _ loop: RealTimeLoop, _ features: Matrix<Float>, labels: [Int], learner: RealTimeLearner<Model>,
        seeds: [UInt64],
        now: () -> Double, wait: (Double) -> Void
    ) throws(CoresetError) {
        guard !seeds.isEmpty else {
            throw .invalidParameter(name: "the number of seeds", value: "0", expected: "positive")
        }
        var (runs, controls): ([RealTimeOutcome], [Double]) = ([], [])
        for seed in seeds {
            for isRandom in [false, true] {
                var (own, model) = (loop, learner)
                own.seed = seed
                own.isRandom = isRandom
                let outcome = try own.run(features, labels: labels, learner: &model, now: now, wait: wait)
                if isRandom { controls.append(outcome.accuracy ?? 0) } else { runs.append(outcome) }
            }
        }
        let accuracies = runs.map { $0.accuracy ?? 0 }
        chosen = SampleMean(accuracies)
        random = SampleMean(controls)
        difference = SampleMean(zip(accuracies, controls).map { $0 - $1 })
        outcome = RealTimeOutcome(joining: runs, loop: loop)
    }
}
