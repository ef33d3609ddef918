import Apus
import ApusCore
import Synchronization
import Testing

@Suite("Resources", .timeLimit(.minutes(5))) struct ResourceConformance {
    /// Tells from when to when it ran. It waits for no object, which would lend its processor.
    struct Occupy: RemoteTask {
        func run() async throws -> [ContinuousClock.Instant] {
            let start = ContinuousClock.now
            try await Task.sleep(for: .milliseconds(2))
            return [start, ContinuousClock.now]
        }
    }

    /// The most intervals that share a moment.
    private func overlap(_ intervals: [[ContinuousClock.Instant]]) -> Int {
        intervals.map { one in intervals.count { $0[0] <= one[0] && one[0] < $0[1] } }.max() ?? 0
    }

    @Test("no more tasks run at once than their resources allow", arguments: TestedBackend.allCases)
    func limits(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for (options, limit) in [
                (TaskOptions(), 2), (.init(cpus: 2), 1), (.init(cpus: 0.5), 4), (.init(cpus: 0, gpus: 0.25), 4),
                (.init(cpus: 0, resources: ["slots": 1.5]), 2), (.init(cpus: 0.0001, gpus: 1), 1),
            ] {
                let tasks = try (0..<20).map { _ in try cluster.submit(Occupy(), options) }
                let most = overlap(try await cluster.get(tasks))
                #expect(most <= limit, "\(options.resources)")
                #expect(most >= 1)
            }
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("a demand that no node can meet is refused at once", arguments: TestedBackend.allCases)
    func infeasible(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for options: TaskOptions in [
                .init(cpus: 3), .init(gpus: 2), .init(memory: .max), .init(resources: ["slots": 5]),
                .init(resources: ["unknown": 0.1]),
            ] {
                #expect {
                    try cluster.submit(Empty(), options)
                } throws: { error in
                    if case .infeasible(subject: "Empty", _, _)? = error as? ClusterError { true } else { false }
                }
            }
            #expect(throws: ClusterError.self) { try cluster.submit(Empty(), .init(gpus: 1.5)) }
            await #expect(throws: ClusterError.self) { try await cluster.create(NewOther(), .init(cpus: 99)) }
        }
    }

    @Test("a large demand is not starved by a stream of small ones", arguments: TestedBackend.allCases)
    func fairness(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            try await expectServed(
                .init(cpus: 2), among: .init(), of: cluster, overtaken: backend.hasProcesses ? 100_000 : 500)
        }
    }

    @Test("who waits for what an actor has stops nobody else", arguments: TestedBackend.allCases)
    func reserved(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let holder = try await cluster.create(NewCounter(), .init(resources: ["slots": 4]))
            let waiting = try (0..<2).map { _ in
                try cluster.submit(Constant(value: 1), .init(cpus: 2, resources: ["slots": 4]))
            }
            for _ in 0..<30 {
                let others = try (0..<20).map { _ in try cluster.submit(Constant(value: 2)) }
                #expect(try await cluster.get(others).allSatisfy { $0 == 2 })
            }
            #expect(try await cluster.wait(for: waiting, timeout: .zero).ready.isEmpty)
            try await cluster.stop(holder)
            #expect(try await cluster.get(waiting) == [1, 1])
        }
    }

    @Test("tasks that compute do not hold up actors, nor the driver", arguments: TestedBackend.allCases)
    func busy(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let busy = try (0..<4).map { _ in try cluster.submit(Spin()) }
            let counter = try await cluster.create(NewCounter())
            for n in 1...50 { #expect(try await counter.add(1) == n) }
            #expect(try await cluster.result(Constant(value: 2), .init(cpus: 0)) == 2)
            for task in busy { cluster.cancel(task) }
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    /// Computes without a suspension until it is cancelled.
    struct Spin: RemoteTask {
        func run() async throws -> Unit {
            while !Task.isCancelled {}
            return Unit()
        }
    }

    @Test("an actor holds its resources until its end", arguments: TestedBackend.allCases)
    func actorResources(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let first = try await cluster.create(NewCounter(), .init(gpus: 1, maxRestarts: 1))
            let waiting = try cluster.submit(Constant(value: 1), .init(gpus: 0.5))
            #expect(try await cluster.wait(for: [waiting], timeout: .milliseconds(20)).ready.isEmpty)
            await #expect(throws: ActorError.self) { try await first.crash() }
            #expect(try await first.add(1) == 1)
            #expect(try await cluster.wait(for: [waiting], timeout: .milliseconds(20)).ready.isEmpty)
            try await cluster.stop(first)
            #expect(try await waiting.value == 1)
        }
    }
}
