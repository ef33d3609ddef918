import Glibc
import Testing

@Suite("Store simulation") struct StoreSimulationTests {
    @Test("2,000 random programs under random faults lose, leak, overlap and block nothing")
    func randomPrograms() {
        var seen: [String: Int] = [:]
        var runs = 0
        forEachSeed(2000, test: "StoreSimulationTests") { seed in
            var simulation = StoreSimulation(seed: seed)
            // Prints every event and effect.
            simulation.trace = getenv("APUS_TRACE") != nil
            defer { seen.merge(simulation.seen, uniquingKeysWith: +) }
            try simulation.run(steps: 200)
            runs += 1
        }
        if getenv("APUS_TRACE") != nil { print(seen) }
        // Rare branches must have been taken, or the programs prove little.
        guard runs >= 1000 else { return }
        for event in [
            "client left", "created anew", "aborted", "spilled", "restored", "spill failed", "restore failed",
            "create failed", "read failed", "memory returned", "deadline", "copied", "copy damaged",
        ] {
            #expect(seen[event, default: 0] > 100, "\(event) came up too seldom: \(seen)")
        }
    }

    @Test("the simulation finds what is wrong with a store", arguments: StoreSimulation.Sabotage.allCases)
    func findsFaults(sabotage: StoreSimulation.Sabotage) {
        let found = (0..<200).count { seed in
            var simulation = StoreSimulation(seed: UInt64(seed))
            simulation.sabotage = sabotage
            do {
                try simulation.run(steps: 200)
                return false
            } catch {
                return true
            }
        }
        #expect(found >= 20, "\(sabotage) was found by \(found) of 200 runs")
    }
}
