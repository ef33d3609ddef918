import ApusCore
import Distributed
import Synchronization

/// An actor that lives in this process: its instance, its mailbox and its restarts.
final class ActorHost: Sendable {
    let id: ActorIdentifier
    let birth: ActorBirth
    private let system: ApusActorSystem
    private let cluster: Cluster
    private let threads: any TaskExecutor
    /// Threads of the actor's own, until its end.
    private let own: WorkerThreads?
    /// Ends the process that the actor lives in, where it has one of its own; callers learn of the crash by its end.
    private let endProcess: (@Sendable (_ reason: String) -> Void)?
    /// Of a checkpointed actor.
    private let ledger: CallLedger?
    /// Called when an instance is lost: what it created and is not detached ends with it.
    private let onLoss: @Sendable () -> Void
    /// Called once when the actor is dead.
    private let onDeath: @Sendable () -> Void

    fileprivate enum Life {
        case starting
        case alive(any DistributedActor)
        case dead(reason: String)
    }

    fileprivate struct State {
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

    private let state: Mutex<State>
    /// Counts instances, so that a crash of an earlier one does not end its successor. Changed with the state's lock held.
    private let generation = Atomic(0)
    /// Of the actor's own code, and of a call that is part of no other.
    private let context: RunContext
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
        context = RunContext(cluster: cluster, cell: nil, actors: [id])
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

    private var deadError: ActorError {
        let reason = state.withLock { if case .dead(let reason) = $0.life { reason } else { "it is restarting" } }
        return .dead(actor: birth.name, reason: reason)
    }

    /// The instance is lost. It is made again while restarts are left, else the actor is dead.
    private func crash(generation: Int, reason: String, restarting: Bool = true) {
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

    /// The number of a call's group among the limits; nil where it names one that the actor lacks.
    private func group(of call: ActorCall, _ state: inout State) -> Int? {
        let groups = birth.options.groups
        if let name = call.options?.group { return groups.firstIndex { $0.name == name }.map { $0 + 1 } }
        // Once for each method: its name is demangled for it.
        if let known = state.groupOfMethod[call.method] { return known }
        let name = call.name
        let group = (groups.firstIndex { $0.methods.contains { name.hasSuffix(".\($0)") } } ?? -1) + 1
        state.groupOfMethod[call.method] = group
        return group
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

    // MARK: Calls

    func reserve() -> UInt64 { state.withLock { $0.mailbox.reserve() } }

    func release(_ place: UInt64) {
        state.withLock { $0.mailbox.release(place) }
        pump()
    }

    func enqueue(_ call: ActorCall, place: UInt64?) throws(ActorError) {
        let outcome: Result<Start?, ActorError> = state.withLock { state in
            if case .dead(let reason) = state.life { return .failure(.dead(actor: birth.name, reason: reason)) }
            if state.isStopping { return .failure(.dead(actor: birth.name, reason: "it was stopped")) }
            if let group = call.options?.group, self.group(of: call, &state) == nil {
                return .failure(
                    .unknownGroup(actor: birth.name, group: group, groups: birth.options.groups.map(\.name)))
            }
            guard state.mailbox.count + (state.groups?.waiting ?? 0) < birth.options.maxPendingCalls || place != nil
            else {
                return .failure(.tooManyCalls(actor: birth.name, limit: birth.options.maxPendingCalls))
            }
            // The caller's chain is only a hint where a call was made from a Swift task that nobody awaits.
            if birth.options.concurrency == 1, birth.options.groups.isEmpty, call.callers.contains(id),
                state.mailbox.running > 0
            {
                return .failure(.wouldDeadlock(actor: birth.name, call: "\(call.name)"))
            }
            if let place { state.mailbox.fill(place, with: call) } else { state.mailbox.append(call) }
            return .success(start(&state))
        }
        if let first = try outcome.get() {
            run(first)
            pump()
        }
    }

    /// Calls that wait or run. Complexity: O(calls).
    var unfinishedCalls: [ActorCall] {
        let (waiting, lanes) = state.withLock { state in
            (state.mailbox.calls + (state.groups?.calls ?? []), Array(state.lanes.values))
        }
        return waiting + lanes.compactMap { $0.current?.call }
    }

    /// A call that may run, its group, and what it runs on.
    fileprivate struct Start {
        let call: ActorCall
        let group: Int
        let instance: any DistributedActor
        let generation: Int
    }

    /// The next call that may run.
    private func start(_ state: inout State) -> Start? {
        guard state.mailbox.isOpen, case .alive(let instance) = state.life else { return nil }
        let generation = generation.load(ordering: .relaxed)
        if let waiting = state.groups?.resume() {
            state.mailbox.begin()
            return Start(call: waiting.call, group: waiting.group, instance: instance, generation: generation)
        }
        while let call = state.mailbox.start() {
            guard state.groups != nil else {
                return Start(call: call, group: 0, instance: instance, generation: generation)
            }
            let group = group(of: call, &state) ?? 0
            if state.groups?.admit(call, group: group) == true {
                return Start(call: call, group: group, instance: instance, generation: generation)
            }
            state.mailbox.finish()
        }
        return nil
    }

    /// A call ended.
    ///
    /// - Returns: the one that runs in its place.
    private func finish(_ group: Int, _ state: inout State, isCancelled: Bool) -> Start? {
        if !isCancelled, state.mailbox.isOpen, case .alive(let instance) = state.life,
            let next = state.groups?.next(group: group)
        {
            return Start(
                call: next, group: group, instance: instance, generation: generation.load(ordering: .relaxed))
        }
        if isCancelled || !state.mailbox.isOpen { state.groups?.finish(group: group) }
        state.mailbox.finish()
        return isCancelled ? nil : start(&state)
    }

    private func pump() {
        while let first = state.withLock({ start(&$0) }) { run(first) }
    }

    /// Runs a call, and those that follow it, in a Swift task of their own.
    private func run(_ first: Start) {
        let parked = state.withLock { state in
            let parked = state.parked.take()
            // Noted as soon as it is taken: a call must be found wherever it is, so that it can be given up or fail.
            if let parked { take(first, on: parked.lane, &state) }
            return parked
        }
        if let parked { return parked.continuation.resume(returning: first) }
        let lane = ActorLane()
        state.withLock { take(first, on: lane, &$0) }
        lane.start(on: threads) { [self] lane in
            await RunContext.$current.withValue(context) {
                var next: Start? = first
                while let start = next {
                    await runInTurn(start, on: lane)
                    unregister(lane)
                    next = await park(lane)
                }
            }
            pump()
        }
    }

    private func runInTurn(_ first: Start, on lane: ActorLane) async {
        var next: Start? = first
        while let start = next {
            await execute(start, on: lane)
            let isCancelled = lane.isCancelled
            next = state.withLock { state in
                let next = finish(start.group, &state, isCancelled: isCancelled)
                if let next { lane.note(next.call, generation: next.generation) }
                return next
            }
        }
    }

    /// Suspends until there is another call: a Swift task less to make for calls that come one by one.
    ///
    /// - Returns: nil where the lane is to end.
    private func park(_ lane: ActorLane) async -> Start? {
        await withUnsafeContinuation { continuation in
            let now: Start?? = state.withLock { state in
                guard state.isAlive, !lane.isCancelled, state.parked == nil else { return .some(nil) }
                if let next = start(&state) {
                    take(next, on: lane, &state)
                    return next
                }
                state.parked = (lane, continuation)
                return .none
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    private func take(_ start: Start, on lane: ActorLane, _ state: inout State) {
        lane.note(start.call, generation: start.generation)
        state.lanes[ObjectIdentifier(lane)] = lane
    }

    private func register(_ lane: ActorLane) { state.withLock { $0.lanes[ObjectIdentifier(lane)] = lane } }

    private func unregister(_ lane: ActorLane) {
        let idle = state.withLock { state in
            state.lanes[ObjectIdentifier(lane)] = nil
            defer { state.onIdle = [] }
            return state.onIdle
        }
        for continuation in idle { continuation.resume() }
    }

    private func execute(_ start: Start, on lane: ActorLane) async {
        let (call, generation) = (start.call, start.generation)
        defer { lane.note(nil, generation: generation) }
        guard self.generation.load(ordering: .sequentiallyConsistent) == generation else {
            return retry(call, reason: "it ended before the call began")
        }
        guard call.begin(on: lane) else { return }
        guard let ledger, !ledger.isReadOnly(call) else {
            let reply = await performReading(call, on: start.instance)
            return conclude(call, reply, generation: generation)
        }
        let beginning: CallLedger.Beginning
        do {
            try await call.readArguments()
            beginning = try ledger.begin(call, generation: generation)
        } catch {
            beginning = .answered(.failed(error))
        }
        switch beginning {
        case .run:
            let reply = await perform(call, on: start.instance)
            if case .failed(let error) = reply, error is ActorCrash { ledger.crashed(call, generation: generation) }
            let isCrash = if case .failed(let error) = reply { error is ActorCrash } else { false }
            if !isCrash, self.generation.load(ordering: .acquiring) == generation {
                ledger.end(call, reply, generation: generation)
            }
            conclude(call, await outgoing(reply), generation: generation)
        case .answered(let known): conclude(call, await outgoing(known), generation: generation)
        case .lost:
            call.endAttempt()
            return retry(call, reason: "it was killed", isInnocent: true)
        }
        if let body = start.instance as? any CheckpointedActor {
            await ledger.checkpointIfDue(body, generation: generation)
        }
    }

    private func performReading(_ call: ActorCall, on instance: any DistributedActor) async -> ActorCall.Reply {
        if call.hasStoredArguments {
            do { try await call.readArguments() } catch { return .failed(error) }
        }
        let reply = await perform(call, on: instance)
        if case .encoded(let payload) = reply, payload.isLarge { return await outgoing(reply) }
        return reply
    }

    /// Answers a call that was performed, or has it run again where its instance was lost.
    private func conclude(_ call: ActorCall, _ reply: ActorCall.Reply, generation: Int) {
        let isLost = self.generation.load(ordering: .acquiring) != generation
        guard case .failed(let error) = reply else {
            // What the lost instance answered, its successor answers too: the call was noted and runs again there.
            if isLost, ledger != nil {
                call.endAttempt()
                return retry(call, reason: "it was killed", isInnocent: true)
            }
            return call.finish(reply)
        }
        // Of a checkpointed actor: its successor runs the call, or it changes nothing.
        if isLost {
            call.endAttempt()
            return retry(call, reason: "it was killed", isInnocent: ledger != nil)
        }
        guard let crash = error as? ActorCrash else { return call.finish(reply) }
        call.endAttempt()
        if let endProcess {
            state.withLock { $0.mailbox.isOpen = false }
            return endProcess(crash.reason)
        }
        self.crash(generation: generation, reason: crash.reason)
        retry(call, reason: crash.reason)
    }

    /// The reply as it travels: a large one by its name in the node's object store.
    private func outgoing(_ reply: ActorCall.Reply) async -> ActorCall.Reply {
        guard case .encoded(let payload) = reply, payload.isLarge else { return reply }
        do { return try await cluster.backend.reply(payload) } catch { return .failed(error) }
    }

    /// Runs a call's method, and makes its outcome a reply: an `ActorCrash` as it is, other errors as callers see them.
    ///
    /// None of the functions below leaves the executor by itself: each return from one that did would be a look at the
    /// executor more.
    private func perform(_ call: ActorCall, on instance: any DistributedActor) async -> ActorCall.Reply {
        // The actor's own context is bound once for all calls of a lane.
        guard !call.callers.isEmpty else { return await invoke(call, on: instance) }
        let inner = RunContext(cluster: cluster, cell: nil, actors: call.callers + context.actors)
        return await RunContext.$current.withValue(inner) { await invoke(call, on: instance) }
    }

    private func invoke(_ call: ActorCall, on instance: any DistributedActor) async -> ActorCall.Reply {
        let reply: ActorCall.Reply
        do {
            var decoder = ApusInvocationDecoder(call: call, system: system)
            if system.encodesCalls, call.substitutions.isEmpty, let method = call.distributedMethod {
                reply = try await method.call(on: instance, decoder: &decoder)
            } else {
                reply = try await target(call.method, on: instance, decoder: &decoder)
            }
        } catch {
            return .failed(error is ActorCrash ? error : passed(error, of: call))
        }
        // Some ways of calling throw the method's error, some hand it over.
        guard case .failed(let error) = reply else { return reply }
        return .failed(error is ActorCrash ? error : passed(error, of: call))
    }

    /// The usual way to call a method, which looks its types up each time.
    @concurrent private func target<Body: DistributedActor>(
        _ method: String, on body: Body, decoder: inout ApusInvocationDecoder
    ) async throws -> ActorCall.Reply {
        let handler = ApusResultHandler(system: system)
        try await system.executeDistributedTarget(
            on: body, target: RemoteCallTarget(method), invocationDecoder: &decoder, handler: handler)
        return handler.reply ?? .void
    }

    /// The error as the caller sees it: the method's own, with its name and the actor's origin.
    private func passed(_ error: any Error, of call: ActorCall) -> any Error {
        if error is CancellationError || error is ActorError || error is CodingError { return error }
        var failure = RemoteFailure(error)
        if system.encodesCalls {
            do {
                failure = try Payload(encoding: failure).decode(RemoteFailure.self)
            } catch {
                return error
            }
        }
        return TaskError(
            cause: .failed(failure), task: "\(birth.name).\(call.name)", origin: birth.origin, attempts: call.attempts)
    }

    private func mayRetry(_ call: ActorCall) -> Bool {
        // Without an attempt nothing can have happened twice.
        let limit = call.options?.retries ?? birth.options.maxTaskRetries
        return call.attempts == 0 || limit < 0 || call.attempts <= limit
    }

    private func crashed(_ call: ActorCall, _ reason: String) -> ActorError {
        call.attempts == 0
            ? deadError : .crashedDuringCall(actor: birth.name, call: "\(call.name)", reason: reason)
    }

    /// After a crash: the call goes first again while it has retries left, else its caller learns.
    ///
    /// - Parameter isInnocent: it goes again in any case: it has no effect, or its reply is known.
    private func retry(_ call: ActorCall, reason: String, isInnocent: Bool = false) {
        let again = state.withLock { state in
            if case .dead = state.life { return false }
            guard isInnocent || mayRetry(call) else { return false }
            state.mailbox.retry(call)
            return true
        }
        if !again { call.finish(.failed(crashed(call, reason))) }
    }
}

extension ActorHost.State {
    fileprivate var isAlive: Bool { if case .dead = life { false } else { true } }
}
