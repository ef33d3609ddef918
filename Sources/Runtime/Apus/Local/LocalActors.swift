import ApusCore
import ApusTransport
import Distributed
import Synchronization

/// The actors that this process calls, and the one that lives in it.
final class LocalActors: Sendable {
    private unowned let backend: LocalBackend
    private struct State {
        var links: [ActorIdentifier: ActorLink] = [:]
        var lastLink: ActorLink?
        var hosted: ActorHost?
        /// Callers that ended since this process became an actor's home.
        var endedCallers: Set<UInt64> = []
        var isClosed = false
    }

    private let state = Mutex(State())

    init(backend: LocalBackend) { self.backend = backend }

    // MARK: Calling

    func link(_ id: ActorIdentifier) -> ActorLink {
        let (link, isNew) = state.withLock { state in
            // Calls come in runs to one actor.
            if let last = state.lastLink, last.id == id { return (last, false) }
            if let link = state.links[id] {
                state.lastLink = link
                return (link, false)
            }
            let link = ActorLink(id: id, backend: backend)
            if state.isClosed { link.lost(reason: "its cluster was left", restarts: false) }
            state.links[id] = link
            return (link, true)
        }
        if isNew { backend.node.send(.connectActor(actor: id)) }
        return link
    }

    func found(_ id: ActorIdentifier, at process: UInt64, _ traits: ActorTraits) {
        let link = state.withLock { $0.links[id] }
        link?.describe(traits)
        if process == backend.process {
            // An actor that calls itself through a handle: its calls take the way of all others, without the channel.
            link?.found(.here)
        } else if let peer = backend.peer(process) {
            link?.found(.peer(peer))
        }
    }

    func lost(_ id: ActorIdentifier, reason: String, restarts: Bool) {
        state.withLock { $0.links[id] }?.lost(reason: reason, restarts: restarts)
    }

    func closeAll(reason: String) {
        let links = state.withLock { state in
            state.isClosed = true
            return Array(state.links.values)
        }
        for link in links { link.lost(reason: reason, restarts: false) }
    }

    func reply(_ reader: inout ByteReader, from peer: Peer) throws {
        let id = ActorIdentifier(owner: try reader.number(), number: try reader.number())
        let number = try reader.number(UInt64.self)
        let reply: ActorCall.Reply
        switch try reader.number(UInt8.self) {
        case ReplyKind.void: reply = .void
        case ReplyKind.value:
            let bytes = reader.rest()
            if let memory = Parcel.plainMemory(bytes) {
                reply = .plain(memory)
            } else {
                reply = .arrived(try Parcel.Arrival(bytes, from: peer), backend)
            }
        default:
            reply = .failed(try BinaryDecoder().decode(CallFailure.self, from: Array(try reader.run())).error)
        }
        state.withLock { $0.links[id] }?.replied(number, reply)
    }

    enum ReplyKind {
        static let void: UInt8 = 0
        static let value: UInt8 = 1
        static let failure: UInt8 = 2
    }

    // MARK: Hosting

    /// Makes this process the home of an actor.
    func host(_ id: ActorIdentifier, _ creation: ActorCreation, journal: [Int32]) {
        do {
            let birth = try ActorBirth(creation)
            let host = ActorHost(
                id: id, birth: birth, cluster: backend.cluster, threads: backend.threads,
                crash: { [backend] reason in
                    backend.node.send(.actorEnded(actor: id, reason: reason, mayRestart: true))
                },
                ledger: (birth.type as? any CheckpointedActor.Type).map { type in
                    CallLedger(
                        type, journal: SharedJournal(files: journal, backend: backend),
                        retries: creation.maxTaskRetries, name: creation.subject,
                        isOpen: { [unowned backend] in backend.actors.mayAsk(for: $0) })
                },
                onDeath: {})
            state.withLock { $0.hosted = host }
            Task(executorPreference: backend.threads) { [backend] in
                do throws(ActorError) {
                    try await host.make()
                    backend.node.send(.actorCreated(actor: id, failure: nil))
                } catch {
                    var failure = RemoteFailure(error)
                    if case .creationFailed(_, let inner) = error { failure = inner }
                    backend.node.send(.actorCreated(actor: id, failure: failure))
                }
            }
        } catch {
            backend.node.send(.actorCreated(actor: id, failure: RemoteFailure(error)))
        }
    }

    /// Whether a caller may send a call again: its reply has not come there, as far as this side knows.
    func mayAsk(for call: CallIdentity) -> Bool {
        if state.withLock({ $0.endedCallers.contains(call.caller) }) { return false }
        // One that has not connected to this home yet may have replies to ask for.
        guard let peer = backend.peer(call.caller) else { return true }
        let open = peer.channel.receivedSlots[ActorLink.openSlot]
        return Int32(bitPattern: UInt32(truncatingIfNeeded: call.number) &- open) >= 0
    }

    /// Ends the actor after the calls that wait.
    func stopHosted(_ id: ActorIdentifier) {
        guard let host = state.withLock({ $0.hosted }), host.id == id else { return }
        Task(executorPreference: backend.threads) { [backend] in
            // What callers sent before they asked for the end is before it.
            while backend.mailroom.poll() {}
            await host.stop()
            while backend.allPeers.contains(where: { $0.channel.isCongested }) {
                try? await Task.sleep(for: .milliseconds(1))
            }
            backend.node.send(.actorEnded(actor: id, reason: "it was stopped", mayRestart: false))
        }
    }

    /// A call from this very process.
    func enqueueHere(_ call: ActorCall, on id: ActorIdentifier) {
        guard let host = state.withLock({ $0.hosted }), host.id == id else {
            return call.finish(.failed(ActorError.unknownActor(id)))
        }
        do throws(ActorError) { try host.enqueue(call, place: nil) } catch { call.finish(.failed(error)) }
    }

    /// A call of another process.
    func received(_ reader: inout ByteReader, from peer: Peer) throws {
        let call = try ActorCall(&reader, from: peer)
        guard let host = state.withLock({ $0.hosted }), host.id == call.sender?.actor else {
            return call.finish(
                .failed(ActorError.unknownActor(call.sender?.actor ?? ActorIdentifier(owner: 0, number: 0))))
        }
        do throws(ActorError) { try host.enqueue(call, place: nil) } catch { call.finish(.failed(error)) }
    }

    fileprivate static func answer(_ sender: ActorCall.Sender, _ reply: ActorCall.Reply) {
        let peer = sender.peer
        if case .plain(let bytes) = reply { return answer(sender, bytes) }
        var writer = ByteWriter()
        writer.number(sender.actor.owner)
        writer.number(sender.actor.number)
        writer.number(sender.number)
        let start = writer.bytes.count
        do throws(CodingError) {
            switch reply {
            case .void: writer.number(ReplyKind.void)
            case .encoded(let payload):
                writer.number(ReplyKind.value)
                try Parcel.write(payload, into: &writer, to: peer)
            case .arrived(let arrival, _):
                writer.number(ReplyKind.value)
                try Parcel.write(arrival, into: &writer, to: peer)
            case .failed(let error): write(CallFailure(error), into: &writer)
            case .value, .plain: throw .unnamableType("a reply that was not encoded")
            }
        } catch {
            writer.bytes.removeSubrange(start...)
            write(CallFailure(error), into: &writer)
        }
        peer.channel.send(kind: WireKind.reply, writer.bytes)
    }

    /// A plain value's answer, without an allocation.
    private static func answer(_ sender: ActorCall.Sender, _ bytes: PlainBytes) {
        let numbers = (
            sender.actor.owner.littleEndian, sender.actor.number.littleEndian, sender.number.littleEndian,
            (UInt16(ReplyKind.value) | UInt16(Parcel.plain) << 8).littleEndian
        )
        // The tuple's padding is behind its last number.
        withUnsafeBytes(of: numbers) { head in
            bytes.withUnsafeBytes {
                sender.peer.channel.send(
                    kind: WireKind.reply, UnsafeRawBufferPointer(rebasing: head[..<26]), $0)
            }
        }
    }

    private static func write(_ failure: CallFailure, into writer: inout ByteWriter) {
        writer.number(ReplyKind.failure)
        writer.run((try? BinaryEncoder().encode(failure)) ?? (try? BinaryEncoder().encode(failure.inWords)) ?? [])
    }

    /// Nobody waits any more for a call of another process. Complexity: O(calls that wait).
    func cancel(_ reader: inout ByteReader, from peer: Peer) throws {
        let number = try reader.number(UInt64.self)
        for call in calls(where: { $0.peer.id == peer.id && $0.number == number }) { call.giveUp() }
    }

    /// A caller's process ended: nobody waits for its calls.
    func callerEnded(_ process: UInt64) {
        state.withLock { if $0.hosted != nil { $0.endedCallers.insert(process) } }
        for call in calls(where: { $0.peer.id == process }) { call.giveUp() }
    }

    private func calls(where isWanted: (ActorCall.Sender) -> Bool) -> [ActorCall] {
        let host = state.withLock { $0.hosted }
        return host?.unfinishedCalls.filter { $0.sender.map(isWanted) ?? false } ?? []
    }
}

extension ActorCall.Sender {
    /// Sends a call's reply to where it came from.
    func answer(_ reply: ActorCall.Reply) { LocalActors.answer(self, reply) }
}
