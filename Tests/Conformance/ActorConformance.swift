import Apus
import ApusCore
import Testing

@Suite("Actors", .timeLimit(.minutes(5))) struct ActorConformance {
    @Test("calls see each other's changes", arguments: TestedBackend.allCases)
    func calls(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter(start: 5))
            #expect(try await counter.add(1) == 6)
            #expect(try await counter.add(2) == 8)
            try await counter.reset()
            #expect(try await counter.add(0) == 0)
            #expect(try await counter.echo(["ü": [1.5, -2]]) == ["ü": [1.5, -2]])
        }
    }

    @Test("calls run one after the other, each to its end", arguments: TestedBackend.allCases)
    func serial(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter())
            let calls = try (0..<8).map { _ in
                try cluster.submit(to: counter) { try await $0.slowly(.milliseconds(1)) }
            }
            #expect(try await cluster.get(calls).max() == 1)
            let wide = try await cluster.create(NewCounter(), .init(concurrency: 3))
            let many = try (0..<9).map { _ in
                try cluster.submit(to: wide) { try await $0.slowly(.milliseconds(20)) }
            }
            #expect(try await cluster.get(many).max() ?? 0 <= 3)
        }
    }

    @Test("one caller's calls run in their order", arguments: TestedBackend.allCases)
    func ordered(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter())
            let calls = try (0..<2000).map { n in try cluster.submit(to: counter) { try await $0.add(n) } }
            _ = try await cluster.get(calls)
            #expect(try await counter.entries() == Array(0..<2000))
        }
    }

    @Test("a call that is not made does not hold up the others", arguments: TestedBackend.allCases)
    func voidCall(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter())
            let failed: ObjectRef<Int> = try cluster.submit(to: counter) { _ in throw TestFailure(code: 4) }
            let next = try cluster.submit(to: counter) { try await $0.add(1) }
            #expect(try await next.value == 1)
            #expect(
                await taskError { _ = try await failed.value }?.underlying as? TestFailure == TestFailure(code: 4))
        }
    }

    @Test("a method's error reaches the caller, and the actor lives on", arguments: TestedBackend.allCases)
    func errors(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter(), .init(name: "failing"))
            let error = try #require(await taskError { try await counter.fail(12) })
            #expect(error.underlying as? TestFailure == TestFailure(code: 12))
            #expect(error.task.contains("fail"))
            #expect(error.origin.file.hasSuffix("ActorConformance.swift"))
            #expect(try await counter.add(1) == 1)
        }
    }

    @Test("actors are found by name, which is unique", arguments: TestedBackend.allCases)
    func names(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter(start: 1), .init(name: "one"))
            let same = try await cluster.actor(Counter.self, named: "one")
            #expect(same.id == counter.id)
            #expect(try await same.add(1) == 2)
            #expect(try await cluster.getOrCreate(NewCounter(start: 100), named: "one").id == counter.id)
            #expect(try await cluster.getOrCreate(NewCounter(start: 100), named: "two").add(1) == 101)
            await #expect(throws: ActorError.self) { try await cluster.create(NewCounter(), .init(name: "one")) }
            await #expect(throws: ActorError.self) { try await cluster.actor(Counter.self, named: "three") }
            await #expect(throws: ActorError.self) { try await cluster.actor(Other.self, named: "one") }
            await #expect(throws: ActorError.self) { try await cluster.getOrCreate(NewOther(), named: "one") }
            try await cluster.stop(counter)
            await #expect(throws: ActorError.self) { try await cluster.actor(Counter.self, named: "one") }
            #expect(try await cluster.create(NewCounter(start: 7), .init(name: "one")).add(0) == 7)
        }
    }

    @Test("stop ends an actor after the calls that wait, kill at once", arguments: TestedBackend.allCases)
    func ends(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let stopped = try await cluster.create(NewCounter())
            let calls = try (1...20).map { n in try cluster.submit(to: stopped) { try await $0.add(n) } }
            try await cluster.stop(stopped)
            #expect(try await cluster.get(calls).last == 210)
            #expect(await isDead { _ = try await stopped.add(1) })

            let killed = try await cluster.create(NewCounter())
            let running = try cluster.submit(to: killed) { try await $0.slowly(.seconds(600)) }
            let waiting = try cluster.submit(to: killed) { try await $0.add(1) }
            try await cluster.kill(killed)
            #expect(await taskError { _ = try await running.value }?.underlying is ActorError)
            #expect(await taskError { _ = try await waiting.value }?.underlying is ActorError)
            #expect(await isDead { _ = try await killed.add(1) })
        }
    }

    @Test("a crashed actor restarts with a new state as often as its options say", arguments: TestedBackend.allCases)
    func restarts(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter(start: 10), .init(maxRestarts: 2))
            for _ in 0..<2 {
                #expect(try await counter.add(1) == 11)
                #expect(await isCrashed { try await counter.crash() })
            }
            #expect(try await counter.add(1) == 11)
            try await expectDeath { try await counter.crash() }
            #expect(await isDead { _ = try await counter.add(1) })

            let revived = try await cluster.create(NewCounter(start: 3), .init(maxRestarts: -1))
            #expect(try await revived.add(1) == 4)
            try await cluster.kill(revived, restart: true)
            #expect(try await revived.add(1) == 4)
        }
    }

    private func expectDeath(_ call: () async throws -> Void) async throws {
        await #expect(throws: ActorError.self) { try await call() }
    }

    @Test("an interrupted call is repeated as often as its options say", arguments: TestedBackend.allCases)
    func callRetries(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let attempts = try await cluster.create(NewCounter())
            let counter = try await cluster.create(NewCounter(), .init(maxRestarts: -1, maxTaskRetries: 3))
            #expect(try await counter.crash(until: 4, counting: attempts) == 4)
            #expect(await isCrashed { _ = try await counter.crash(until: 100, counting: attempts) })
            #expect(try await attempts.add(0) == 8)
            let once = try await cluster.create(NewCounter(), .init(maxRestarts: -1))
            #expect(await isCrashed { _ = try await once.crash(until: 100, counting: attempts) })
            #expect(try await attempts.add(0) == 9)
        }
    }

    @Test("a creation that fails says why", arguments: TestedBackend.allCases)
    func creation(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            await #expect {
                _ = try await cluster.create(Impossible(), .init(name: "impossible"))
            } throws: { error in
                guard case .creationFailed(actor: "impossible", let failure)? = error as? ActorError else {
                    return false
                }
                return failure.typeName.hasSuffix("TestFailure")
            }
            await #expect(throws: ActorError.self) { try await cluster.actor(Other.self, named: "impossible") }
        }
    }

    @Test("handles travel in tasks and calls", arguments: TestedBackend.allCases)
    func handles(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let target = try await cluster.create(NewCounter())
            let other = try await cluster.create(NewCounter())
            #expect(try await other.add(4, through: target) == 4)
            #expect(try await cluster.result(FailUntil(counter: target, succeedAt: 0)) == 5)
        }
    }

    @Test("an actor that would wait for itself gets an error", arguments: TestedBackend.allCases)
    func deadlock(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter())
            let error = await taskOrActorError { _ = try await counter.add(1, through: counter) }
            guard case .wouldDeadlock? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await counter.add(1) == 1)
        }
    }

    @Test("more calls than may wait are refused", arguments: TestedBackend.allCases)
    func pendingLimit(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter(), .init(maxPendingCalls: 5))
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do {
                            _ = try await counter.slowly(.milliseconds(5))
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                let answers = await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                #expect(answers >= 5)
                #expect(answers < 20)
            }
        }
    }
}

private func taskOrActorError(_ body: () async throws -> Void) async -> ActorError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ActorError ?? (error as? TaskError)?.underlying as? ActorError
    }
}

private func isDead(_ body: () async throws -> Void) async -> Bool {
    if case .dead? = await taskOrActorError(body) { true } else { false }
}

private func isCrashed(_ body: () async throws -> Void) async -> Bool {
    if case .crashedDuringCall? = await taskOrActorError(body) { true } else { false }
}
