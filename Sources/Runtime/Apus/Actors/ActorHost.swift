import ApusCore
import Distributed
import Synchronization

/// An actor that lives in this process: its instance, its mailbox and its restarts.
final class ActorHost: Sendable {
    let id: ActorIdentifier
    let birth: ActorBirth
    let system: ApusActorSystem
    let cluster: Cluster
    let threads: any TaskExecutor
    /// Threads of the actor's own, until its end.
    private let own: WorkerThreads?
    /// Ends the process that the actor lives in, where it has one of its own; callers learn of the crash by its end.
    let endProcess: (@Sendable (_ reason: String) -> Void)?
    /// Of a checkpointed actor.
    let ledger: CallLedger?
    /// Called when an instance is lost: what it created and is not detached ends with it.
    private let onLoss: @Sendable () -> Void
    /// Called once when the actor is dead.
    private let onDeath: @Sendable () -> Void

    enum Life {
        case starting
        case alive(any DistributedActor)
        case dead(reason: String)
    }

    struct State {
        var life = Life.starting
        var mailbox: Mailbox<ActorCall>
        /// Where the actor has groups; the first is that of all methods without one.
        var groups: ConcurrencyGroups<ActorCall>?
        /// The groups of methods that were called, by their mangled names.
        var groupOfMethod: [String: Int] = [:]
        var restartsLeft: Int
        var lanes: [ObjectIdentifier: ActorLane] = [:]
        /// A lane that ran out of calls and waits for the next.
        var parked: (lane: ActorLane, continuation: UnsafeContinuation<Start?, Never>)?
        var isStopping = false
        /// Ends the wait for the hook.
        var endHook: (@Sendable () -> Void)?
        var onIdle: [UnsafeContinuation<Void, Never>] = []
    }

    let state: Mutex<State>
    /// Counts instances, so that a crash of an earlier one does not end its successor. Changed with the state's lock held.
    let generation = Atomic(0)
    /// Of the actor's own code, and of a call that is part of no other.
    let context: RunContext
    /// Holds the actor's resources; it lives as long as the host.
    private let holder = Mutex<ObjectCell?>(nil)

    func keep(_ cell: ObjectCell) { holder.withLock { $0 = cell } }

    init(
        id: ActorIdentifier, birth: ActorBirth, cluster: Cluster, threads: any TaskExecutor,
        crash: (@Sendable (_ reason: String) -> Void)? = nil, onLoss: @escaping @Sendable () -> Void = {},
        ledger: CallLedger? = nil, onDeath: @escaping @Sendable () -> Void
    ) {
        self.ledger = ledger
        self.id = id
        context = RunContext(
            cluster: cluster, cell: nil, actors: [id], group: birth.options.scheduling.childGroup)
        self.birth = birth
        self.cluster = cluster
        system = cluster.actorSystem
        own = birth.options.threads > 0 ? WorkerThreads(count: birth.options.threads) : nil
        self.threads = own ?? threads
        let groups = birth.options.groups
        let concurrency = groups.isEmpty ? birth.options.concurrency : .max
        endProcess = crash
        self.onLoss = onLoss
        self.onDeath = onDeath
        state = Mutex(
            State(
                mailbox: Mailbox(concurrency: concurrency),
                groups: groups.isEmpty
                    ? nil : ConcurrencyGroups(limits: [birth.options.concurrency] + groups.map(\.limit)),
                restartsLeft: birth.options.maxRestarts))
    }

    // MARK: Life

    /// Makes the instance, and lets the calls that wait begin.
    func make() async throws(ActorError) {
        let instance: any DistributedActor
        do {
            instance = try await RunContext.$current.withValue(context) {
                try await ApusActorSystem.$birth.withValue(id) { try await birth.make(system) }
            }
            if let ledger, let body = instance as? any CheckpointedActor {
                try await RunContext.$current.withValue(context) {
                    try await ledger.recover(body, generation: generation.load(ordering: .acquiring)) {
                        await perform($0, on: instance)
                    }
                }
            }
        } catch {
            let failure = RemoteFailure(error)
            die("its creation failed: \(failure)")
            throw .creationFailed(actor: birth.name, failure)
        }
        let isDead = state.withLock { state in
            guard case .starting = state.life else { return true }
            state.life = .alive(instance)
            state.mailbox.isOpen = true
            return false
        }
        if isDead { throw deadError }
        pump()
    }

    var deadError: ActorError {
        let reason = state.withLock { if case .dead(let reason) = $0.life { reason } else { "it is restarting" } }
        return .dead(actor: birth.name, reason: reason)
    }

    /// The instance is lost. It is made again while restarts are left, else the actor is dead.
    func crash(generation: Int, reason: String, restarting: Bool = true) {
        let restart: Bool? = state.withLock { state in
            guard self.generation.load(ordering: .relaxed) == generation, case .alive = state.life else { return nil }
            self.generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
            state.life = .starting
            state.mailbox.isOpen = false
            guard restarting, state.restartsLeft != 0 else { return false }
            if state.restartsLeft > 0 { state.restartsLeft -= 1 }
            return true
        }
        guard let restart else { return }
        onLoss()
        guard restart else { return die(reason) }
        ActorLane().start(on: threads) { [self] lane in
            register(lane)
            // A failed creation ends the actor and fails its calls; there is nobody else to tell.
            try? await make()
            unregister(lane)
        }
    }

    private func die(_ reason: String) {
        let ended = state.withLock {
            state -> ([ActorCall], (@Sendable () -> Void)?, UnsafeContinuation<Start?, Never>?)? in
            if case .dead = state.life { return nil }
            state.life = .dead(reason: reason)
            state.mailbox.isOpen = false
            return (
                (state.groups?.drain() ?? []) + state.mailbox.drain(), state.endHook.take(),
                state.parked.take()?.continuation
            )
        }
        guard let (calls, endHook, parked) = ended else { return }
        endHook?()
        parked?.resume(returning: nil)
        for call in calls { call.finish(.failed(ActorError.dead(actor: birth.name, reason: reason))) }
        own?.stopWhenIdle()
        onLoss()
        onDeath()
    }

    /// Ends the actor after the calls that wait.
    func stop() async {
        await idle {
            $0.isStopping = true
        } until: {
            $0.mailbox.isIdle && ($0.groups?.waiting ?? 0) == 0 || !$0.isAlive
        }
        let instance: (any DistributedActor)? = state.withLock { state in
            if case .alive(let instance) = state.life { instance } else { nil }
        }
        if let instance = instance as? any ShutdownHook { await call(instance) }
        die("it was stopped")
    }

    /// Calls a hook, and returns when it does or the actor is killed.
    private func call(_ instance: any ShutdownHook) async {
        let waiter = ContinuationWaiter()
        let task = Task(executorPreference: threads) { [context] in
            await RunContext.$current.withValue(context) { await instance.callHook() }
            waiter.resume(.completed)
        }
        let isAlive = state.withLock { state in
            state.endHook = {
                task.cancel()
                waiter.resume(.cancelled)
            }
            return state.isAlive
        }
        if !isAlive { task.cancel() } else { _ = await waiter.wait() }
    }

    /// Ends the actor after the calls that wait, or at once when time is up.
    func stop(within limit: Duration) async {
        let timer = Task {
            try? await Task.sleep(for: limit)
            if !Task.isCancelled { kill(reason: "it did not stop within \(limit)", restart: false) }
        }
        await stop()
        timer.cancel()
    }

    /// Ends the instance at once: calls that run are interrupted.
    func kill(reason: String, restart: Bool) {
        let (generation, lanes) = state.withLock { state in
            // Now, so that none of them takes another call that would be cancelled with it.
            for lane in state.lanes.values { lane.close() }
            return (self.generation.load(ordering: .relaxed), Array(state.lanes.values))
        }
        crash(generation: generation, reason: reason, restarting: restart)
        if !restart { die(reason) }
        // Calls with retries left are taken up again by their lanes; the others' callers learn at once.
        for lane in lanes {
            guard let (call, began) = lane.current, began == generation, !mayRetry(call), ledger == nil || !restart
            else { continue }
            call.finish(.failed(crashed(call, reason)))
        }
        for lane in lanes { lane.cancel() }
    }

    /// Suspends until no call runs any more.
    func drained() async {
        await idle { _ in
        } until: {
            $0.lanes.isEmpty
        }
    }

    private func idle(_ change: (inout State) -> Void, until isIdle: (State) -> Bool) async {
        while true {
            await withUnsafeContinuation { continuation in
                let now = state.withLock { state in
                    change(&state)
                    if isIdle(state) { return true }
                    state.onIdle.append(continuation)
                    return false
                }
                if now { continuation.resume() }
            }
            if state.withLock({ isIdle($0) }) { return }
        }
    }
}

extension ActorHost.State {
    var isAlive: Bool { if case .dead = life { false } else { true } }
}
