import ApusSimulation
import ArgumentParser
import JSON

/// `apus simulate`: random programs and faults on the engine's decision cores.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs random programs with random faults on the engine's scheduling, ownership and lineage.",
        discussion: """
            The same seed gives the same run. Fails if a promise was broken, and prints the seed that shows it.

            EXAMPLE: apus simulate --seeds 0..<10000
            EXAMPLE: apus simulate --seed 4711 --trace
            """)

    @Option(help: "One seed.") var seed: UInt64?
    @Option(help: "A range of seeds, A..<B.") var seeds: String?
    @Flag(help: "Nothing dies and nothing is lost.") var noFaults = false
    @Option(help: "Builds an error in: \(Defect.allCases.map(\.rawValue).joined(separator: ", ")).") var defect: String?
    @Flag(help: "Print each message as it is delivered: time in ns, sender, receiver, message.") var trace = false
    @Flag(help: "One JSON object a line for each seed.") var json = false
    @Flag(help: "No progress on standard error.") var quiet = false

    private var range: Range<UInt64>? {
        if let seed { return seed < .max ? seed..<seed + 1 : nil }
        guard let seeds else { return 0..<1000 }
        let parts = seeds.split(separator: "..<", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]), first < last else {
            return nil
        }
        return first..<last
    }

    func validate() throws {
        if seed != nil, seeds != nil { throw ValidationError("Give --seed or --seeds, not both.") }
        if range == nil { throw ValidationError("--seeds takes a range of whole numbers, as 0..<1000.") }
        if let defect, Defect(rawValue: defect) == nil {
            throw ValidationError(
                "There is no defect \(defect). Choose of \(Defect.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
    }

    func run() async throws {
        guard let range else { return }
        let progress = ProgressLine("simulate", unit: "seeds", isQuiet: quiet || trace)
        var (failed, events, tasks, kills) = (0, 0, 0, 0)
        for seed in range {
            let report = Simulation.run(
                seed: seed, faults: noFaults ? .none : Faults(), defect: defect.flatMap(Defect.init(rawValue:)),
                trace: trace ? { print($0) } : nil)
            events += report.events
            tasks += report.tasks
            kills += report.kills
            if !report.problems.isEmpty { failed += 1 }
            if json { print(line(report)) }
            if !json, let problem = report.problems.first {
                print("seed \(seed): \(problem)")
                print("  replay: apus simulate --seed \(seed)\(options) --trace")
            }
            progress.update(Int(seed - range.lowerBound) + 1, of: range.count)
            try Task.checkCancellation()
        }
        progress.finish()
        if !json {
            print("\(range.count) seeds, \(tasks) tasks, \(kills) deaths, \(events) events: \(failed) broke a promise")
        }
        if failed > 0 { throw ExitCode.failure }
    }

    private var options: String { (noFaults ? " --no-faults" : "") + (defect.map { " --defect \($0)" } ?? "") }

    private func line(_ report: SimulationReport) -> String {
        JSONValue.object([
            "seed": .string("\(report.seed)"), "problems": .array(report.problems.map { .string($0) }),
            "events": .integer(Int64(report.events)), "tasks": .integer(Int64(report.tasks)),
            "kills": .integer(Int64(report.kills)), "losses": .integer(Int64(report.losses)),
            "adoptions": .integer(Int64(report.adoptions)), "shortages": .integer(Int64(report.shortages)),
            "longest_wait_seconds": .number(Double(report.longestWait / .milliseconds(1)) / 1000),
            "seconds": .number(Double((report.duration) / .milliseconds(1)) / 1000),
        ]).text()
    }
}
