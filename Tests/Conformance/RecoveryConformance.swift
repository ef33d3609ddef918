import Apus
import ApusCore
import Foundation
import Testing

/// What is left when processes end without a word.
@Suite("Recovery", .timeLimit(.minutes(5))) struct RecoveryConformance {
    // MARK: Workers

    @Test("a task whose worker is killed runs again", arguments: TestedBackend.withProcesses)
    func worker(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let attempts = try await cluster.create(NewCounter())
            #expect(try await cluster.result(EndProcess(counter: attempts, until: 3)) == 3)
            // Submitted without options: by default a task runs again, too.
            let plain = try await cluster.create(NewCounter())
            #expect(try await cluster.submit(EndProcess(counter: plain, until: 3)).value == 3)
            let once = try cluster.submit(EndProcess(counter: attempts, until: .max), .init(retries: 0))
            let error = try #require(await taskError { _ = try await once.value })
            guard case .workerCrashed(let reason) = error.cause else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.contains("signal 9"))
            #expect(error.attempts == 1)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("no accepted task is lost while workers are killed at random", arguments: TestedBackend.withProcesses)
    func storm(backend: TestedBackend) async throws {
        let seed = ProcessInfo.processInfo.environment["APUS_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        try await backend.run { cluster async throws in
            let node = try await cluster.result(NodeProcess(), .init(retries: -1))
            let options = TaskOptions(retries: -1, retryOn: .systemFailures)
            let tasks = try (0..<300).map { n in
                n % 3 == 0
                    ? try cluster.submit(Tree(depth: 3), options) : try cluster.submit(Busy(result: n), options)
            }
            for _ in 0..<12 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...40, using: &random)))
                if let victim = Processes.children(of: node).randomElement(using: &random) { Processes.end(victim) }
            }
            let values = try await cluster.get(tasks)
            #expect(values == (0..<300).map { $0 % 3 == 0 ? 8 : $0 }, "replay with APUS_SEED=\(seed)")
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("the children of a killed worker's task are cancelled", arguments: TestedBackend.withProcesses)
    func children(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counters = try await Bereave.counters(in: cluster)
            let cancelled = counters.cancelled
            let parent = Bereave(counters: counters, obeys: true)
            #expect(try await cluster.result(parent) == 2)
            try await eventually { try await cancelled.add(0) == 1 }
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("an orphan that does not obey loses its worker", arguments: TestedBackend.withProcesses)
    func orphans(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let parent = Bereave(counters: try await Bereave.counters(in: cluster), obeys: false)
            #expect(try await cluster.result(parent) == 2)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    // MARK: What dead processes owned

    @Test("a result's references outlive the worker that made them", arguments: TestedBackend.withProcesses)
    func references(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let gate = try await cluster.create(NewCounter())
            let family = try await cluster.result(Family(gate: gate, count: 5))
            #expect(family.members.count == 5)
            Processes.end(family.process)
            // Computed again by a second run of the parent; its members pass the gate at once.
            _ = try await gate.add(1)
            #expect(try await cluster.get(family.members) == [0, 10, 20, 30, 40])
            #expect(try await cluster.result(Sum(parts: Inputs(family.members))) == 100)
        }
    }

    @Test("references that may not be computed again say why", arguments: TestedBackend.withProcesses)
    func lostReferences(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let gate = try await cluster.create(NewCounter())
            let family = try await cluster.result(Family(gate: gate, count: 2), .init(retries: 0))
            Processes.end(family.process)
            let error = try #require(await taskError { _ = try await family.members[1].value })
            guard case .objectLost(let reason) = error.cause else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.contains("Family"))
            #expect(reason.contains("signal 9"))
        }
    }

    @Test(
        "a second run that returns something else is an error, not a wrong value",
        arguments: TestedBackend.withProcesses)
    func changedReferences(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let gate = try await cluster.create(NewCounter())
            let runs = try await cluster.create(NewCounter())
            let family = try await cluster.result(Family(gate: gate, count: 2, runs: runs))
            Processes.end(family.process)
            let error = try #require(await taskError { _ = try await family.members[1].value })
            guard case .objectLost = error.cause else {
                Issue.record("\(error)")
                return
            }
        }
    }

    // MARK: The node and the driver

    @Test(
        "when the node is killed every reference fails, and no worker is left", arguments: TestedBackend.withProcesses)
    func node(backend: TestedBackend) async throws {
        var workers: [Int32] = []
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter(), .init(maxRestarts: -1))
            let node = try await cluster.result(NodeProcess())
            workers = Processes.children(of: node)
            #expect(workers.count >= 2)
            let tasks = try (0..<20).map { _ in try cluster.submit(Sleep(time: .seconds(600)), .init(retries: -1)) }
            let call = try cluster.submit(to: counter) { try await $0.slowly(.seconds(600)) }
            Processes.end(node)
            for task in tasks {
                guard case .workerCrashed(let reason)? = await taskError({ _ = try await task.value })?.cause else {
                    Issue.record("a task did not fail with its node")
                    continue
                }
                #expect(reason.contains("node"))
            }
            #expect(await taskError { _ = try await call.value }?.underlying is ActorError)
            #expect {
                try cluster.submit(Empty())
            } throws: { error in
                if case .nodeEnded? = error as? ClusterError { true } else { false }
            }
            await #expect(throws: ClusterError.self) { try await cluster.create(NewOther()) }
        }
        try await eventually { !workers.contains(where: Processes.isAlive) }
    }

    @Test("when the driver is killed nothing is left", arguments: ["busy", "stubborn"])
    func driver(scenario: String) async throws {
        let program = try DriverProgram(scenario)
        #expect(try await program.line() == "ready")
        let processes = program.processes()
        // The program, its node, two workers at least and the actor's.
        #expect(processes.count >= 4)
        let open = processes.reduce(into: Set<String>()) { $0.formUnion(Processes.descriptors(of: $1)) }
        Processes.end(program.identifier)
        #expect(try await program.wait() == -SIGKILL)
        try await expectNothing(of: program, open: open)
    }

    @Test("a driver that leaves its cluster leaves nothing")
    func leaving() async throws {
        let program = try DriverProgram("leave")
        #expect(try await program.line() == "ready")
        let open = program.processes().reduce(into: Set<String>()) { $0.formUnion(Processes.descriptors(of: $1)) }
        program.tell("leave")
        #expect(try await program.wait() == 0)
        #expect(program.processes() == [])
        try await expectNothing(of: program, open: open)
    }

    @Test("when the node is killed its driver goes on, and nothing else is left")
    func nodeOfDriver() async throws {
        let program = try DriverProgram("busy")
        #expect(try await program.line() == "ready")
        let node = try #require(Processes.children(of: program.identifier).first)
        Processes.end(node)
        #expect(try await program.line() == "ended")
        try await eventually { program.processes() == [program.identifier] }
        Processes.end(program.identifier)
    }

    private func expectNothing(of program: DriverProgram, open: Set<String>) async throws {
        try await eventually { program.processes().isEmpty }
        let sockets = open.filter { $0.hasPrefix("socket:") }
        #expect(!sockets.isEmpty)
        try await eventually { Processes.sockets().isDisjoint(with: sockets) }
        // Shared memory has no name that could stay.
        #expect(!open.contains { $0.hasPrefix("/dev/shm") && !$0.hasSuffix("(deleted)") })
        #expect(try FileManager.default.contentsOfDirectory(atPath: program.folder.path) == [])
    }
}

// MARK: Tasks

/// The process that keeps the workers.
struct NodeProcess: RemoteTask {
    func run() async throws -> Int32 { getppid() }
}

/// Ends its process without a word until the attempt with a number.
struct EndProcess: RemoteTask {
    let counter: Counter
    var until: Int
    func run() async throws -> Int {
        let attempt = try await counter.add(1)
        if attempt < until { kill(getpid(), SIGKILL) }
        return attempt
    }
}

/// Computes for some milliseconds.
struct Busy: RemoteTask {
    var result: Int
    func run() async throws -> Int {
        let end = ContinuousClock.now + .milliseconds(3)
        while ContinuousClock.now < end {}
        return result
    }
}

/// The number of leaves of a tree of tasks.
struct Tree: RemoteTask {
    var depth: Int
    func run() async throws -> Int {
        guard depth > 0, let cluster = Cluster.current else { return 1 }
        let left = try cluster.submit(Tree(depth: depth - 1))
        let right = try cluster.submit(Tree(depth: depth - 1))
        return try await left.value + right.value
    }
}

/// Ends its own process in the first attempt, once its child runs.
struct Bereave: RemoteTask {
    struct Counters: Codable, Sendable {
        let attempts: Counter
        let begun: Counter
        let cancelled: Counter
    }

    static func counters(in cluster: Cluster) async throws -> Counters {
        Counters(
            attempts: try await cluster.create(NewCounter()), begun: try await cluster.create(NewCounter()),
            cancelled: try await cluster.create(NewCounter()))
    }

    let counters: Counters
    var obeys: Bool
    func run() async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        let attempt = try await counters.attempts.add(1)
        let child = try cluster.submit(Orphan(counters: counters, obeys: obeys))
        guard attempt == 1 else { return try await child.value }
        while try await counters.begun.add(0) < 1 { try await Task.sleep(for: .milliseconds(2)) }
        kill(getpid(), SIGKILL)
        return 0
    }
}

/// The first runs until it is cancelled, or for ever; others end at once.
struct Orphan: RemoteTask {
    let counters: Bereave.Counters
    var obeys: Bool
    func run() async throws -> Int {
        let number = try await counters.begun.add(1)
        guard number == 1 else { return number }
        while !obeys || !Task.isCancelled { usleep(500) }
        let cancelled = counters.cancelled
        return try await Task { try await cancelled.add(1) }.value
    }
}

/// Returns references to tasks of its own that have not ended, and the process that owns them.
struct Family: RemoteTask {
    struct Members: Codable, Sendable {
        var process: Int32
        var members: [ObjectRef<Int>]
    }

    let gate: Counter
    var count: Int
    /// Where given, each run has one member less than the one before.
    var runs: Counter?
    func run() async throws -> Members {
        guard let cluster = Cluster.current else { throw TestFailure(code: 1) }
        let fewer = try await runs?.add(1) ?? 1
        return Members(
            process: getpid(),
            members: try (0..<(count - fewer + 1)).map { n in
                try cluster.submit(AwaitCount(counter: gate, count: 1, result: n * 10))
            })
    }
}
