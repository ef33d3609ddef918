import Apus
import ApusCore
import Distributed
import Foundation
import Synchronization
import Testing

/// What actors have beyond calls: groups, threads, options of calls, hooks, pools and scopes.
@Suite("Actor services", .timeLimit(.minutes(5))) struct ActorServiceConformance {
    @Test("groups have limits of their own, and hold up no other", arguments: TestedBackend.allCases)
    func groups(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let options = ActorOptions(groups: [
                ConcurrencyGroup("waits", limit: 3, methods: ["wait()"]), ConcurrencyGroup("other", limit: 2),
            ])
            let turnstile = try await cluster.create(NewTurnstile(), options)
            let waits = try (0..<9).map { _ in try cluster.submit(to: turnstile) { try await $0.wait() } }
            // Only three of the nine are inside; calls without a group pass.
            try await eventually { try await turnstile.inside() == 3 }
            #expect(try await turnstile.inside() == 3)
            // Of the same method in another group, two more.
            let others = try (0..<4).map { _ in
                try cluster.submit(to: turnstile, .init(group: "other")) { try await $0.wait() }
            }
            try await eventually { try await turnstile.inside() == 5 }
            #expect(try await turnstile.inside() == 5)
            try await turnstile.open()
            let most = try await cluster.get(waits + others).max() ?? 0
            #expect(most <= 5)
            #expect(try await turnstile.inside() == 0)
            let error = await actorError {
                _ = try await CallOptions(group: "none") { try await turnstile.inside() }
            }
            guard case .unknownGroup(_, "none", ["waits", "other"])? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("calls of a group that waits go on after a restart", arguments: TestedBackend.allCases)
    func groupRestart(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let options = ActorOptions(
                maxRestarts: 1, maxTaskRetries: -1, groups: [ConcurrencyGroup("waits", limit: 2, methods: ["wait()"])])
            let turnstile = try await cluster.create(NewTurnstile(), options)
            let waits = try (0..<6).map { _ in try cluster.submit(to: turnstile) { try await $0.wait() } }
            try await eventually { try await turnstile.inside() == 2 }
            try await cluster.kill(turnstile, restart: true)
            try await eventually { try await turnstile.inside() == 2 }
            try await turnstile.open()
            #expect(try await cluster.get(waits).count == 6)
        }
    }

    @Test("methods that block hold up neither other actors nor tasks", arguments: TestedBackend.allCases)
    func threads(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let pipes = try (0..<6).map { _ in try Doors() }
            defer { for pipe in pipes { pipe.open() } }
            var actors: [Blocker] = []
            for _ in pipes { actors.append(try await cluster.create(NewBlocker(), .init(threads: 1))) }
            let calls = try zip(actors, pipes).map { actor, pipe in
                let path = pipe.path
                return try cluster.submit(to: actor) { try await $0.block(at: path) }
            }
            let counter = try await cluster.create(NewCounter())
            for n in 1...20 { #expect(try await counter.add(1) == n) }
            #expect(try await cluster.result(Constant(value: 2)) == 2)
            for pipe in pipes { pipe.open() }
            #expect(try await cluster.get(calls).count == 6)
        }
    }

    @Test("parts of methods that block on threads run beside each other", arguments: TestedBackend.allCases)
    func onThreads(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let doors = try Doors()
            defer { doors.open() }
            let path = doors.path
            let blocker = try await cluster.create(NewBlocker(), .init(concurrency: 4))
            let blocked = try (0..<3).map { _ in try cluster.submit(to: blocker) { try await $0.blockAside(at: path) } }
            #expect(try await blocker.answer() == 7)
            doors.open()
            #expect(try await cluster.get(blocked).count == 3)
        }
    }

    @Test("a call's own timeout gives it up", arguments: TestedBackend.allCases)
    func callTimeout(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter())
            let error = await actorError {
                _ = try await CallOptions(timeout: .milliseconds(20)) { try await counter.slowly(.seconds(600)) }
            }
            guard case .callTimedOut(actor: "Counter", _, after: .milliseconds(20))? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await CallOptions(timeout: .seconds(60)) { try await counter.add(2) } == 2)
        }
    }

    @Test("a call's own retries go before the actor's", arguments: TestedBackend.allCases)
    func callRetries(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let attempts = try await cluster.create(NewCounter())
            let counter = try await cluster.create(NewCounter(), .init(maxRestarts: -1))
            let value = try await CallOptions(retries: 3) { try await counter.crash(until: 4, counting: attempts) }
            #expect(value == 4)
            #expect(
                await actorError {
                    _ = try await CallOptions(retries: 1) {
                        try await counter.crash(until: .max, counting: attempts)
                    }
                } != nil)
            #expect(try await attempts.add(0) == 6)
        }
    }

    @Test("stop calls the hook after the last call", arguments: TestedBackend.allCases)
    func hook(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let log = try await cluster.create(NewCounter())
            let writer = try await cluster.create(NewWriter(log: log))
            let calls = try (1...20).map { n in try cluster.submit(to: writer) { try await $0.hold(n) } }
            try await cluster.stop(writer)
            #expect(try await cluster.get(calls) == Array(1...20))
            #expect(try await log.entries() == [210])
            let killed = try await cluster.create(NewWriter(log: log))
            _ = try await killed.hold(5)
            try await cluster.kill(killed)
            #expect(try await log.entries() == [210])
        }
    }

    @Test("an actor that takes too long to stop is killed", arguments: TestedBackend.allCases)
    func stopLimit(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let log = try await cluster.create(NewCounter())
            let writer = try await cluster.create(NewWriter(log: log, lingers: true))
            try await cluster.stop(writer, within: .milliseconds(50))
            let error = await actorError { _ = try await writer.hold(1) }
            guard case .dead(_, let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("did not stop"))
        }
    }

    @Test("a pool gives each element to an actor that is free", arguments: TestedBackend.allCases)
    func pool(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var actors: [Counter] = []
            for _ in 0..<3 { actors.append(try await cluster.create(NewCounter())) }
            let pool = ActorPool(cluster, actors)
            var ordered: [Int] = []
            for try await value in pool.map(0..<200, { counter, n in try await counter.echo(n * n) }) {
                ordered.append(value)
            }
            #expect(ordered == (0..<200).map { $0 * $0 })
            var unordered: [Int] = []
            for try await value in pool.mapUnordered(
                0..<200,
                { counter, n in
                    _ = try await counter.add(1)
                    return n
                })
            {
                unordered.append(value)
            }
            #expect(unordered.sorted() == Array(0..<200))
            var calls = 0
            for actor in actors {
                let count = try await actor.add(0)
                #expect(count > 0)
                calls += count
            }
            #expect(calls == 200)
        }
    }

    @Test("a slow element does not hold up an unordered pool", arguments: TestedBackend.allCases)
    func unorderedPool(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let gate = try await cluster.create(NewTurnstile(), .init(concurrency: 100))
            var actors: [Visitor] = []
            for _ in 0..<2 { actors.append(try await cluster.create(NewVisitor(gate: gate))) }
            var values: [Int] = []
            for try await value in ActorPool(cluster, actors).mapUnordered(
                0..<40, { visitor, n in try await visitor.visit(n, waits: n == 0) })
            {
                values.append(value)
                if values.count == 39 { try await gate.open() }
            }
            #expect(values.last == 0)
            #expect(values.count == 40)
        }
    }

    @Test("an actor ends with the actor that created it, unless it is detached", arguments: TestedBackend.allCases)
    func scopes(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let maker = try await cluster.create(NewMaker())
            let bound = try await maker.make(name: "bound", isDetached: false)
            let free = try await maker.make(name: "free", isDetached: true)
            #expect(try await bound.add(1) == 1)
            #expect(try await free.add(1) == 1)
            try await cluster.kill(maker)
            try await eventually { await actorError { _ = try await bound.add(1) } != nil }
            #expect(try await free.add(1) == 2)
            #expect(try await cluster.actor(Counter.self, named: "free").add(1) == 3)
            await #expect(throws: ActorError.self) { try await cluster.actor(Counter.self, named: "bound") }
        }
    }
}

private func actorError(_ body: () async throws -> Void) async -> ActorError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ActorError ?? (error as? TaskError)?.underlying as? ActorError
    }
}

/// A named pipe: who opens it for reading blocks until somebody opens it for writing.
final class Doors: Sendable {
    let path: String
    private let isOpen = Mutex(false)

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "apus-\(UInt64.random(in: 0 ... .max))").path
        guard mkfifo(path, 0o600) == 0 else { throw TestFailure(code: errno == 0 ? -1 : Int(errno)) }
    }

    /// Lets all in that wait or will.
    func open() {
        isOpen.withLock { isOpen in
            guard !isOpen else { return }
            isOpen = true
            // Open for both: never blocks, and stays open for those that come later.
            descriptor.withLock { $0 = Glibc.open(path, O_RDWR) }
        }
    }

    private let descriptor = Mutex<Int32>(-1)

    deinit {
        descriptor.withLock { if $0 >= 0 { close($0) } }
        unlink(path)
    }
}

distributed actor Blocker {
    typealias ActorSystem = ApusActorSystem
    distributed func block(at path: String) -> Int {
        close(open(path, O_RDONLY))
        return 1
    }
    distributed func blockAside(at path: String) async throws -> Int {
        try await onThread {
            close(open(path, O_RDONLY))
            return 1
        }
    }
    distributed func answer() -> Int { 7 }
}

struct NewBlocker: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Blocker { Blocker(actorSystem: system) }
}

/// Calls wait inside until it is opened.
distributed actor Turnstile {
    typealias ActorSystem = ApusActorSystem
    private var waiting = 0
    private var isOpen = false

    /// Answers how many were inside at once when it came.
    distributed func wait() async throws -> Int {
        waiting += 1
        defer { waiting -= 1 }
        let most = waiting
        while !isOpen { try await Task.sleep(for: .milliseconds(1)) }
        return most
    }
    distributed func inside() -> Int { waiting }
    distributed func open() { isOpen = true }
}

struct NewTurnstile: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Turnstile { Turnstile(actorSystem: system) }
}

distributed actor Visitor {
    typealias ActorSystem = ApusActorSystem
    let gate: Turnstile
    init(gate: Turnstile, actorSystem: ApusActorSystem) {
        self.gate = gate
        self.actorSystem = actorSystem
    }
    distributed func visit(_ n: Int, waits: Bool) async throws -> Int {
        if waits { _ = try await gate.wait() }
        return n
    }
}

struct NewVisitor: ActorBlueprint {
    let gate: Turnstile
    func make(in system: ApusActorSystem) async throws -> Visitor { Visitor(gate: gate, actorSystem: system) }
}

/// Tells what it holds when it is stopped.
distributed actor Writer: ShutdownHook {
    typealias ActorSystem = ApusActorSystem
    private let log: Counter
    private let lingers: Bool
    private var sum = 0
    init(log: Counter, lingers: Bool, actorSystem: ApusActorSystem) {
        self.log = log
        self.lingers = lingers
        self.actorSystem = actorSystem
    }
    distributed func hold(_ n: Int) -> Int {
        sum += n
        return n
    }
    func willStop() async throws {
        if lingers { try await Task.sleep(for: .seconds(600)) }
        _ = try await log.add(sum)
    }
}

struct NewWriter: ActorBlueprint {
    let log: Counter
    var lingers = false
    func make(in system: ApusActorSystem) async throws -> Writer {
        Writer(log: log, lingers: lingers, actorSystem: system)
    }
}

/// Creates actors.
distributed actor Maker {
    typealias ActorSystem = ApusActorSystem
    distributed func make(name: String, isDetached: Bool) async throws -> Counter {
        guard let cluster = Cluster.current else { throw TestFailure(code: 1) }
        return try await cluster.create(NewCounter(), .init(name: name, isDetached: isDetached))
    }
}

struct NewMaker: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Maker { Maker(actorSystem: system) }
}
