import ApusSimulation
import Testing

/// Runs seeds until one has a problem; the command replays it.
private func firstProblem(_ seeds: Range<UInt64>, faults: Faults = Faults(), defect: Defect? = nil) -> String? {
    for seed in seeds {
        let report = Simulation.run(seed: seed, faults: faults, defect: defect)
        if let problem = report.problems.first { return "\(problem); replay: apus simulate --seed \(seed) --trace" }
    }
    return nil
}

/// Unoptimised builds take fewer seeds.
#if DEBUG
    private let batch: UInt64 = 40
#else
    private let batch: UInt64 = 1000
#endif

@Suite("Simulation") struct SimulationTests {
    @Test("without faults every task ends and nothing is left", arguments: 0..<UInt64(2))
    func peaceful(part: UInt64) {
        let problem = firstProblem(part * batch..<(part + 1) * batch, faults: .none)
        #expect(problem == nil)
    }

    @Test("whatever dies or is lost when, every task ends and nothing is left", arguments: 0..<UInt64(10))
    func faults(part: UInt64) {
        let problem = firstProblem(part * batch..<(part + 1) * batch)
        #expect(problem == nil)
    }

    @Test("the same seed gives the same run")
    func deterministic() {
        var first: [String] = []
        var second: [String] = []
        _ = Simulation.run(seed: 5) { first.append($0) }
        _ = Simulation.run(seed: 5) { second.append($0) }
        #expect(first == second && !first.isEmpty)
    }

    @Test("an error that is built in is found", arguments: Defect.allCases)
    func defects(defect: Defect) {
        let problem = firstProblem(0..<400, faults: .none, defect: defect)
        #expect(problem != nil)
    }
}
