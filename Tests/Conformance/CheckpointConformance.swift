import Apus
import ApusCore
import Distributed
import Foundation
import Testing

@Suite("Checkpoints", .timeLimit(.minutes(5))) struct CheckpointConformance {
    @Test("a checkpointed actor goes on where it was", arguments: TestedBackend.allCases)
    func resumes(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let tally = try await cluster.create(NewTally(), .init(maxRestarts: -1))
            for n in 1...25 { #expect(try await tally.add("a", n) == n) }
            try await cluster.kill(tally, restart: true)
            #expect(try await tally.entries() == (1...25).map { "a\($0)" })
            #expect(try await tally.add("b", 1) == 26)
            // At most the calls since the last checkpoint ran again.
            #expect(try await tally.runs() < 25 % Tally.callsPerCheckpoint + 2)
        }
    }

    @Test("errors and generic methods are replayed like others", arguments: TestedBackend.allCases)
    func replays(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let tally = try await cluster.create(NewTally(), .init(maxRestarts: -1))
            #expect(try await tally.echo(["x": [1, 2]]) == ["x": [1, 2]])
            #expect(await taskError { try await tally.fail(3) }?.underlying as? TestFailure == TestFailure(code: 3))
            try await cluster.kill(tally, restart: true)
            #expect(try await tally.entries() == ["echo", "fail"])
        }
    }

    @Test("a call that makes the actor crash is not replayed", arguments: TestedBackend.allCases)
    func crashes(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let tally = try await cluster.create(NewTally(), .init(maxRestarts: 5))
            for n in 1...3 { _ = try await tally.add("a", n) }
            for _ in 0..<2 { await #expect(throws: ActorError.self) { try await tally.crash() } }
            #expect(try await tally.entries() == ["a1", "a2", "a3"])
        }
    }

    @Test("actors with several calls at once cannot be checkpointed", arguments: TestedBackend.allCases)
    func serial(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            await #expect {
                try await cluster.create(NewTally(), .init(concurrency: 2))
            } throws: { error in
                if case .notSerial? = error as? ActorError { true } else { false }
            }
        }
    }

    @Test("with kills at random each call has its effect once, in one order", arguments: TestedBackend.allCases)
    func storm(backend: TestedBackend) async throws {
        let seed = ProcessInfo.processInfo.environment["APUS_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        try await backend.run { cluster async throws in
            let tally = try await cluster.create(NewTally(), .init(maxRestarts: -1))
            let callers = ["a", "b", "c"]
            let count = 300
            // Callers in processes of their own, and one here that has many calls in flight.
            let tasks = try callers.map { try cluster.submit(CallTally(tally: tally, name: $0, count: count)) }
            let own = try (1...count).map { n in try cluster.submit(to: tally) { try await $0.add("own", n) } }
            for _ in 0..<15 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...30, using: &random)))
                if backend.hasProcesses {
                    Processes.end(try await tally.process())
                } else {
                    try await cluster.kill(tally, restart: true)
                }
            }
            let replies = try await cluster.get(tasks) + [try await cluster.get(own)]
            let entries = try await tally.entries()
            #expect(entries.count == 4 * count, "replay with APUS_SEED=\(seed)")
            for (name, replies) in zip(callers + ["own"], replies) {
                // In the caller's order, and each reply is the place that the call has in the actor's.
                #expect(entries.filter { $0.hasPrefix(name) } == (1...count).map { "\(name)\($0)" })
                for (n, reply) in zip(1..., replies) where reply < 1 || entries[reply - 1] != "\(name)\(n)" {
                    Issue.record("the call \(name)\(n) got \(reply); replay with APUS_SEED=\(seed)")
                }
            }
        }
    }
}

/// Notes calls in their order.
distributed actor Tally: CheckpointedActor {
    typealias ActorSystem = ApusActorSystem
    static let callsPerCheckpoint = 10
    static let readOnlyMethods: Set<String> = ["entries()", "runs()", "process()"]
    private var log: [String] = []
    /// Calls that ran in this instance.
    private var count = 0

    /// The call's place.
    distributed func add(_ name: String, _ n: Int) -> Int {
        count += 1
        log.append("\(name)\(n)")
        return log.count
    }
    distributed func echo<Value: Codable & Sendable>(_ value: Value) -> Value {
        log.append("echo")
        return value
    }
    distributed func fail(_ code: Int) throws {
        log.append("fail")
        throw TestFailure(code: code)
    }
    distributed func crash() throws {
        log.append("crash")
        throw ActorCrash("told to")
    }
    distributed func entries() -> [String] { log }
    distributed func runs() -> Int { count }
    distributed func process() -> Int32 { getpid() }

    func checkpoint() -> [String] { log }
    func restore(from checkpoint: [String]) { log = checkpoint }
}

struct NewTally: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Tally { Tally(actorSystem: system) }
}

/// Calls one after the other, a few in flight.
struct CallTally: RemoteTask {
    let tally: Tally
    var name: String
    var count: Int
    func run() async throws -> [Int] {
        guard let cluster = Cluster.current else { return [] }
        var replies: [Int] = []
        var open: [ObjectRef<Int>] = []
        for n in 1...count {
            let name = name
            open.append(try cluster.submit(to: tally) { try await $0.add(name, n) })
            if open.count == 7 { replies.append(try await open.removeFirst().value) }
        }
        return replies + (try await cluster.get(open))
    }
}
