import ApusCore
import Distributed
import Synchronization

extension Cluster {
    /// Creates an actor and returns a handle to it, once it lives.
    ///
    /// It lives until it is stopped or killed, it dies of a crash without restarts left, or the cluster is left.
    ///
    /// - Throws: `ActorError.nameTaken`, `.creationFailed`; `ClusterError.infeasible`, `.closed`.
    public func create<Blueprint: ActorBlueprint>(
        _ blueprint: Blueprint, _ options: ActorOptions = .init(), file: StaticString = #fileID, line: Int = #line
    ) async throws -> Blueprint.Body {
        try await create(blueprint, options, orExisting: false, file: file, line: line)
    }

    /// The actor with a name: the one that exists, whatever its options, or a new one.
    ///
    /// - Throws: `ActorError.wrongType` where the one that exists is of another type; else as `create`.
    public func getOrCreate<Blueprint: ActorBlueprint>(
        _ blueprint: Blueprint, named name: String, _ options: ActorOptions = .init(), file: StaticString = #fileID,
        line: Int = #line
    ) async throws -> Blueprint.Body {
        var options = options
        options.name = name
        return try await create(blueprint, options, orExisting: true, file: file, line: line)
    }

    private func create<Blueprint: ActorBlueprint>(
        _ blueprint: Blueprint, _ options: ActorOptions, orExisting: Bool, file: StaticString, line: Int
    ) async throws -> Blueprint.Body {
        if Blueprint.Body.self is any CheckpointedActor.Type {
            guard options.concurrency == 1, options.groups.isEmpty else {
                throw ActorError.notSerial(actor: options.name ?? "\(Blueprint.Body.self)")
            }
        }
        let prepared = try backend.store(blueprint)
        let birth = ActorBirth(
            options: options, type: Blueprint.Body.self, origin: Origin(file: "\(file)", line: line),
            travel: ActorBirth.Travel(type: Blueprint.self) { [actorSystem] () throws(CodingError) in
                var encoder = BinaryEncoder()
                encoder.userInfo[.actorSystemKey] = actorSystem
                return try encoder.encode(prepared)
            },
            make: { try await prepared.make(in: $0) })
        let id = try await backend.createActor(birth, orExisting: orExisting)
        return try Blueprint.Body.resolve(id: id, using: actorSystem)
    }

    /// The actor with a name.
    ///
    /// - Throws: `ActorError.unknownName`, `.wrongType`.
    public func actor<Body: DistributedActor>(_ type: Body.Type, named name: String) async throws -> Body
    where Body.ActorSystem == ApusActorSystem {
        let (id, found) = try await backend.actor(named: name)
        guard found == type else { throw ActorError.wrongType(name: name, expected: "\(type)", found: "\(found)") }
        return try Body.resolve(id: id, using: actorSystem)
    }

    /// Ends an actor after the calls that wait for it and its `ShutdownHook`; returns when it is dead.
    ///
    /// - Parameter limit: after this time it is killed.
    public func stop<Body: DistributedActor>(_ actor: Body, within limit: Duration = .seconds(30)) async throws
    where Body.ActorSystem == ApusActorSystem {
        try await backend.stopActor(actor.id, immediately: false, restart: false, within: limit)
    }

    /// Ends an actor at once; calls that run are interrupted.
    ///
    /// - Parameter restart: whether it may restart, as after a crash, if its options grant it.
    public func kill<Body: DistributedActor>(_ actor: Body, restart: Bool = false) async throws
    where Body.ActorSystem == ApusActorSystem {
        try await backend.stopActor(actor.id, immediately: true, restart: restart, within: .zero)
    }

    /// Calls an actor's method without awaiting it. Calls submitted by one caller run in the order of submission.
    ///
    /// ```swift
    /// let sums = try (1...1000).map { n in try cluster.submit(to: counter) { try await $0.add(n) } }
    /// let last = try await sums[999].value
    /// ```
    /// - Parameter call: makes one call; further ones take their places as they are made.
    /// - Throws: `ClusterError.closed`; `ActorError.dead`, `.unknownActor`.
    public func submit<Body: DistributedActor, Result: Sendable & Codable>(
        to actor: Body, _ options: CallOptions? = nil, file: StaticString = #fileID, line: Int = #line,
        _ call: @escaping @Sendable (Body) async throws -> Result
    ) throws -> ObjectRef<Result> where Body.ActorSystem == ApusActorSystem {
        let cell = CallCell<Result>(of: Body.self, file: file, line: line)
        try backend.prepare(cell, demand: nil)
        let id = actor.id
        let place = CallPlace(actor: id, place: try backend.reserveCall(to: id))
        cell.start(
            in: RunContext(cluster: self, cell: nil), place: place, registry: calls, on: backend.taskExecutor,
            call: {
                guard let options else { return try await call(actor) }
                return try await options { try await call(actor) }
            },
            end: { [backend] in
                if let unused = place.take(for: id) { backend.releaseCall(unused, to: id) }
            })
        return ObjectRef(cell: cell)
    }
}

/// The result of a call that nobody awaits yet.
final class CallCell<Result: Sendable & Codable>: ValueCell<Result>, @unchecked Sendable {
    // `task` has a lock; the rest is immutable.
    private let type: any Any.Type
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(of type: any Any.Type, file: StaticString, line: Int) {
        self.type = type
        super.init(phase: .running, file: file, line: line)
    }

    override var taskName: String { "\(type)" }

    func start(
        in context: RunContext, place: CallPlace, registry: CallRegistry, on executor: (any TaskExecutor)?,
        call: @escaping @Sendable () async throws -> Result, end: @escaping @Sendable () -> Void
    ) {
        var context = context
        context.place = place
        let started = registry.start(on: executor) { [context] in
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(
                    try await RunContext.$current.withValue(context) { try await call() })
            } catch {
                outcome = .failure(error)
            }
            end()
            self.conclude(call: outcome)
        }
        task.withLock { $0 = started }
    }

    private func conclude(call outcome: Swift.Result<Result, any Error>) {
        switch outcome {
        case .success(let value): succeed(value)
        case .failure(let error as TaskError): fail(error)
        case .failure(is CancellationError): fail(.cancelled)
        case .failure(let error): fail(.failed(RemoteFailure(error)))
        }
    }

    override func interrupt(_ reason: Stop) -> Bool {
        let task = task.withLock { $0 }
        task?.cancel()
        return task != nil
    }
}

/// The Swift tasks of calls in flight, so that none outlives its cluster.
final class CallRegistry: Sendable {
    private struct Entry {
        /// Counts the uses of the place.
        var use: UInt64 = 0
        var task: Task<Void, Never>?
    }

    private struct State {
        var entries: [Entry] = []
        var free: [Int] = []

        mutating func take() -> (place: Int, use: UInt64) {
            if free.isEmpty {
                free.append(entries.count)
                entries.append(Entry())
            }
            let place = free.removeLast()
            entries[place].use += 1
            return (place, entries[place].use)
        }
    }

    private let state = Mutex(State())

    func start(
        on executor: (any TaskExecutor)?, _ body: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        let (place, use) = state.withLock { $0.take() }
        let task = Task.immediate(executorPreference: executor) {
            await body()
            self.state.withLock { state in
                state.entries[place].use += 1
                state.entries[place].task = nil
                state.free.append(place)
            }
        }
        // It may have ended already.
        state.withLock { if $0.entries[place].use == use { $0.entries[place].task = task } }
        return task
    }

    func cancelAll() async {
        let tasks = state.withLock { $0.entries.compactMap(\.task) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
