import ApusCore
import Distributed

/// One call, from its start to its reply.
extension ActorHost {
    func execute(_ start: Start, on lane: ActorLane) async {
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
    func perform(_ call: ActorCall, on instance: any DistributedActor) async -> ActorCall.Reply {
        // The actor's own context is bound once for all calls of a lane.
        guard !call.callers.isEmpty else { return await invoke(call, on: instance) }
        let inner = RunContext(cluster: cluster, cell: nil, actors: call.callers + context.actors, group: context.group)
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

    func mayRetry(_ call: ActorCall) -> Bool {
        // Without an attempt nothing can have happened twice.
        let limit = call.options?.retries ?? birth.options.maxTaskRetries
        return call.attempts == 0 || limit < 0 || call.attempts <= limit
    }

    func crashed(_ call: ActorCall, _ reason: String) -> ActorError {
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
