import ApusCore
import Distributed
import Synchronization

/// Calls that wait, and the Swift tasks that they run on.
extension ActorHost {
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
    struct Start {
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

    func pump() {
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

    func register(_ lane: ActorLane) { state.withLock { $0.lanes[ObjectIdentifier(lane)] = lane } }

    func unregister(_ lane: ActorLane) {
        let idle = state.withLock { state in
            state.lanes[ObjectIdentifier(lane)] = nil
            defer { state.onIdle = [] }
            return state.onIdle
        }
        for continuation in idle { continuation.resume() }
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
}
