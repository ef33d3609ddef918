import ApusCore
import DequeModule
import Distributed
import Synchronization

/// The actors that live in this process, by identity and by name.
final class ActorDirectory: Sendable {
    private struct State {
        var hosts: [ActorIdentifier: ActorHost] = [:]
        var names: [String: ActorIdentifier] = [:]
        /// Dead actors that still answer why they are dead, oldest first.
        var dead = Deque<ActorIdentifier>()
        var number: UInt64 = 0
        var isClosed = false
    }

    /// Dead actors that are remembered.
    private static let deadLimit = 4096

    private let state = Mutex(State())

    func next() -> ActorIdentifier {
        state.withLock { state in
            state.number += 1
            return ActorIdentifier(owner: 0, number: state.number)
        }
    }

    /// Adds an actor.
    ///
    /// - Returns: the actor that has the name already, or nil where the new one was added.
    func add(_ host: ActorHost) throws(ClusterError) -> ActorHost? {
        let outcome: Result<ActorHost?, ClusterError> = state.withLock { state in
            guard !state.isClosed else { return .failure(.closed) }
            if let name = host.birth.options.name {
                if let other = state.names[name], let existing = state.hosts[other] { return .success(existing) }
                state.names[name] = host.id
            }
            state.hosts[host.id] = host
            return .success(nil)
        }
        return try outcome.get()
    }

    /// Frees a dead actor's name. Its host still answers calls with the reason of its death, for a while.
    func bury(_ id: ActorIdentifier) {
        let forgotten: ActorHost? = state.withLock { state in
            guard let host = state.hosts[id] else { return nil }
            if let name = host.birth.options.name, state.names[name] == id { state.names[name] = nil }
            state.dead.append(id)
            guard state.dead.count > Self.deadLimit, let oldest = state.dead.popFirst() else { return nil }
            return state.hosts.removeValue(forKey: oldest)
        }
        // Freed outside the lock: an instance's end may run user code.
        _ = forgotten
    }

    /// Ends what an actor created and is not detached from it.
    func endActors(createdBy creator: ActorIdentifier) {
        let children = state.withLock { state in
            state.hosts.values.filter { $0.birth.creator == creator && !$0.birth.options.isDetached }
        }
        for child in children { child.kill(reason: "the actor that created it ended", restart: false) }
    }

    func host(_ id: ActorIdentifier) -> ActorHost? { state.withLock { $0.hosts[id] } }

    func id(named name: String) -> ActorIdentifier? { state.withLock { $0.names[name] } }

    func stopAll() async {
        let hosts = state.withLock { state in
            state.isClosed = true
            return Array(state.hosts.values)
        }
        for host in hosts { host.kill(reason: "its cluster was left", restart: false) }
        for host in hosts { await host.drained() }
    }
}

/// Who gives an actor's resources back: the task that starts it, or, once that succeeded, the actor's death.
private final class ResourceHolder: Sendable {
    private enum State { case starting, held, dead }
    private let state = Mutex(State.starting)

    /// The start succeeded. False where the actor died meanwhile, so that the starting task gives back.
    func hold() -> Bool {
        state.withLock { state in
            guard case .starting = state else { return false }
            state = .held
            return true
        }
    }

    /// The actor died. True where its death gives back.
    func die() -> Bool {
        state.withLock { state in
            defer { state = .dead }
            return state == .held
        }
    }
}

/// Makes an actor once its resources are admitted.
private final class ActorStartCell: ValueCell<Unit>, @unchecked Sendable {
    // Immutable, but for `host`, which is set before the cell is shared.
    var host: ActorHost?
    private let name: String
    private let startOptions: TaskOptions
    let holder = ResourceHolder()

    init(_ birth: ActorBirth) {
        name = birth.name
        var options = TaskOptions()
        options.resources = birth.options.resources
        options.priority = birth.options.priority
        options.scheduling = birth.options.scheduling
        startOptions = options
        super.init(phase: .waiting, file: #fileID, line: #line)
    }

    override var taskName: String { "actor \(name)" }
    override var options: TaskOptions? { startOptions }

    override func groupRemoved() { host?.kill(reason: "its placement group was removed", restart: false) }

    override func execute(on runner: Runner) async -> Execution {
        guard begin(on: runner), let host else { return .ended }
        do throws(ActorError) {
            try await host.make()
        } catch {
            return conclude(error, stop: endAttempt(), closing: runner.backend.isClosing)
        }
        let wasCancelled = endAttempt() != nil
        if wasCancelled { host.kill(reason: "its creation was cancelled", restart: false) }
        let keeps = holder.hold()
        succeed(Unit())
        if wasCancelled { return .cancelled }
        return keeps ? .keepsResources : .ended
    }
}

extension EmbeddedBackend {
    func createActor(_ birth: ActorBirth, orExisting: Bool) async throws -> ActorIdentifier {
        let cell = ActorStartCell(birth)
        try prepare(cell, demand: birth.options.resources, from: RunContext.current)
        let id = actors.next()
        let host = ActorHost(
            id: id, birth: birth, cluster: cluster, threads: auxiliary,
            onLoss: { [weak self] in self?.actors.endActors(createdBy: id) },
            ledger: (birth.type as? any CheckpointedActor.Type).map {
                // The host outlives its instances: who still waits for a reply waits here.
                CallLedger(
                    $0, journal: MemoryJournal(), retries: birth.options.maxTaskRetries, name: birth.name,
                    isOpen: { _ in false })
            },
            onDeath: { [weak self, weak cell] in
                self?.actors.bury(id)
                if let cell, cell.holder.die() { self?.release(cell.shape) }
            })
        cell.host = host
        if let other = try actors.add(host) {
            guard orExisting else { throw ActorError.nameTaken(birth.name) }
            guard other.birth.type == birth.type else {
                throw ActorError.wrongType(
                    name: birth.name, expected: birth.typeName, found: other.birth.typeName)
            }
            return other.id
        }
        host.keep(cell)
        if cell.becomeReady() { start(cell) }
        try await RunContext.wait(for: cell)
        do throws(TaskError) {
            _ = try cell.result()
        } catch {
            host.kill(reason: "it was not created", restart: false)
            if case .groupRemoved = error.cause {
                let failure = RemoteFailure(typeName: "Apus.ActorCrash", message: "\(error)", underlying: nil)
                throw ActorError.creationFailed(actor: birth.name, failure)
            }
            throw error.underlying ?? error
        }
        return id
    }

    func actor(named name: String) async throws -> (id: ActorIdentifier, type: any DistributedActor.Type) {
        guard let id = actors.id(named: name) else { throw ActorError.unknownName(name) }
        return (id, try host(id).birth.type)
    }

    private func host(_ id: ActorIdentifier) throws(ActorError) -> ActorHost {
        guard let host = actors.host(id) else { throw .unknownActor(id) }
        return host
    }

    func reserveCall(to actor: ActorIdentifier) throws(ActorError) -> UInt64 { try host(actor).reserve() }

    func releaseCall(_ place: UInt64, to actor: ActorIdentifier) { actors.host(actor)?.release(place) }

    func call(_ call: ActorCall, on actor: ActorIdentifier, place: UInt64?) throws(ActorError) {
        try host(actor).enqueue(call, place: place)
    }

    func stopActor(_ actor: ActorIdentifier, immediately: Bool, restart: Bool, within limit: Duration) async throws {
        let host = try host(actor)
        if immediately {
            host.kill(reason: "it was killed", restart: restart)
        } else {
            await host.stop(within: limit)
        }
    }
}
