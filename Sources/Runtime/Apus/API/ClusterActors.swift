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
        var options = options
        if options.scheduling == .default, !options.isDetached, let group = RunContext.current?.childGroup {
            options.scheduling = group.strategy
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
        let id = actor.id
        let cell = CallCell<Result>(of: Body.self, file: file, line: line)
        try backend.prepare(cell, demand: nil, from: RunContext.current)
        cell.reserve(try backend.reserveCall(to: id), on: id)
        cell.start(on: actor, options, cluster: self, call)
        return ObjectRef(cell: cell)
    }
}
