import Apus
import ApusCore
import ArgumentParser
import Distributed
import Foundation
import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Work whose result is known, and takes a moment.
struct ChaosTask: RemoteTask {
    var number: UInt64
    func run() async throws -> UInt64 { Self.expected(number) }

    static func expected(_ number: UInt64) -> UInt64 {
        var value = number &+ 0x9E37_79B9_7F4A_7C15
        for _ in 0..<2000 { value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB }
        return value
    }
}

/// Answers with what it was asked and its process, so that a wrong reply is seen.
distributed actor ChaosActor {
    typealias ActorSystem = ApusActorSystem
    distributed func echo(_ number: UInt64) -> UInt64 { ChaosTask.expected(number) }
}

struct NewChaosActor: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> ChaosActor { ChaosActor(actorSystem: system) }
}

/// Runs tasks and actors while their processes are killed, and checks every result and what is left.
struct BenchChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kill worker processes at random under load: every result must be right, and nothing left over.",
        discussion: """
            Example:
              apus bench chaos --tasks 100000 --actors 50 --seconds 60 --every 100 --json
            """)

    @Option(help: "Tasks to run at least.") var tasks = 100_000
    @Option(help: "Actors that are called all the time.") var actors = 50
    @Option(help: "Seconds that the killing lasts.") var seconds = 60
    @Option(help: "Milliseconds between two kills.") var every = 100
    @Option(help: "Decides which workers are killed.") var seed: UInt64 = 1
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        if tasks < 1 || actors < 0 || seconds < 1 || every < 1 {
            throw ValidationError("--tasks, --seconds and --every must be positive, --actors not negative.")
        }
    }

    private struct Counts: Sendable {
        var tasks = 0
        var calls = 0
        var wrong = 0
        var failed: [String: Int] = [:]
    }

    func run() async throws {
        let before = ProcessTree.children(of: getpid())
        let start = ContinuousClock.now
        var kills = 0
        var counts = Counts()
        try await withCluster(.local()) { cluster in
            let node = ProcessTree.children(of: getpid()).subtracting(before)
            let deadline = ContinuousClock.now + .seconds(seconds)
            let (taskCount, actorCount) = (tasks, actors)
            try await withThrowingTaskGroup(of: Counts.self) { group in
                group.addTask { try await Self.runTasks(taskCount, until: deadline, in: cluster) }
                for number in 0..<actorCount {
                    group.addTask { try await Self.callActor(number, until: deadline, in: cluster) }
                }
                var generator = SeededGenerator(seed: seed)
                while ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(every))
                    let workers = node.flatMap { ProcessTree.children(of: $0) }.sorted()
                    guard !workers.isEmpty else { continue }
                    kill(workers[generator.below(workers.count)], SIGKILL)
                    kills += 1
                }
                for try await part in group {
                    counts.tasks += part.tasks
                    counts.calls += part.calls
                    counts.wrong += part.wrong
                    counts.failed.merge(part.failed) { $0 + $1 }
                }
            }
        }
        let left = ProcessTree.children(of: getpid()).subtracting(before).count
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let failures = counts.failed.values.reduce(0, +)
        if json {
            let report: JSONValue = .object([
                "machine": BenchmarkHarness.machine, "tasks": JSONValue(counts.tasks), "calls": JSONValue(counts.calls),
                "kills": JSONValue(kills), "wrong": JSONValue(counts.wrong), "failed": JSONValue(failures),
                "processesLeft": JSONValue(left), "seconds": JSONValue(elapsed),
            ])
            print(report.text())
        } else {
            print(
                "\(counts.tasks) tasks, \(counts.calls) actor calls, \(kills) workers killed in \(Int(elapsed)) s: "
                    + "\(counts.wrong) wrong, \(failures) failed, \(left) processes left")
        }
        for (message, count) in counts.failed.sorted(by: { $0.value > $1.value }).prefix(5) {
            FileHandle.standardError.write(Data("\(count) × \(message)\n".utf8))
        }
        if counts.wrong > 0 || failures > 0 || left > 0 { throw ExitCode.failure }
    }

    /// Runs at least so many tasks, and more until the time is over.
    private static func runTasks(
        _ total: Int, until deadline: ContinuousClock.Instant, in cluster: Cluster
    ) async throws -> Counts {
        var counts = Counts()
        while counts.tasks < total || ContinuousClock.now < deadline {
            let first = UInt64(counts.tasks)
            let references = try (0..<1000).map {
                try cluster.submit(ChaosTask(number: first + UInt64($0)), .init(retries: -1, retryOn: .systemFailures))
            }
            for (offset, reference) in references.enumerated() {
                do {
                    let value = try await reference.value
                    if value != ChaosTask.expected(first + UInt64(offset)) { counts.wrong += 1 }
                } catch {
                    counts.failed["\(error)", default: 0] += 1
                }
                counts.tasks += 1
            }
        }
        return counts
    }

    private static func callActor(
        _ number: Int, until deadline: ContinuousClock.Instant, in cluster: Cluster
    ) async throws -> Counts {
        var counts = Counts()
        let actor = try await cluster.create(NewChaosActor(), .init(maxRestarts: -1, maxTaskRetries: -1))
        var value = UInt64(number)
        while ContinuousClock.now < deadline {
            do {
                if try await actor.echo(value) != ChaosTask.expected(value) { counts.wrong += 1 }
            } catch {
                counts.failed["\(error)", default: 0] += 1
            }
            counts.calls += 1
            value += 1000
        }
        return counts
    }
}
