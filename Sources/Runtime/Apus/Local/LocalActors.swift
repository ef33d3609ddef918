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
        /// Calls of others that run here, so that they can be given up.
        var incoming: [CallKey: ActorCall] = [:]
        /// Callers that ended since this process became an actor's home.
        var endedCallers: Set<UInt64> = []
        var isClosed = false
    }

    private let state = Mutex(State())

    struct CallKey: Hashable {
        let peer: UInt64
        let number: UInt64
    }

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
        case ReplyKind.value: reply = .arrived(try Parcel.Arrival(reader.rest(), from: peer), backend)
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

    func received(_ reader: inout ByteReader, from peer: Peer) throws {
        let incoming = try IncomingCall(&reader, from: peer)
        accept(incoming, from: peer)
    }

    private func accept(_ incoming: IncomingCall, from peer: Peer) {
        let key = CallKey(peer: peer.id, number: incoming.number)
        let call = ActorCall(
            method: incoming.method, arguments: incoming.arguments.map { .arrived($0, backend) },
            substitutions: incoming.substitutions, callers: incoming.callers,
            options: incoming.group.isEmpty ? nil : CallOptions(group: incoming.group),
            onBegin: {
                // Tells the caller's side how far this process came, should it end now.
                peer.channel.receivedSlots[ActorLink.progressSlot] = UInt32(truncatingIfNeeded: incoming.number)
            },
            onFinish: { [self] reply in
                state.withLock { _ = $0.incoming.removeValue(forKey: key) }
                answer(incoming, reply, to: peer)
            })
        call.identity = CallIdentity(caller: peer.id, number: incoming.number)
        let host = state.withLock { state in
            state.incoming[key] = call
            return state.hosted
        }
        guard let host, host.id == incoming.actor else {
            return call.finish(.failed(ActorError.unknownActor(incoming.actor)))
        }
        do throws(ActorError) { try host.enqueue(call, place: nil) } catch { call.finish(.failed(error)) }
    }

    private func answer(_ incoming: IncomingCall, _ reply: ActorCall.Reply, to peer: Peer) {
        var writer = ByteWriter()
        writer.number(incoming.actor.owner)
        writer.number(incoming.actor.number)
        writer.number(incoming.number)
        switch reply {
        case .void: writer.number(ReplyKind.void)
        case .plain(let bytes):
            writer.number(ReplyKind.value)
            writer.number(Parcel.plain)
            bytes.withUnsafeBytes { writer.rest($0) }
        case .encoded(let payload):
            let start = writer
            writer.number(ReplyKind.value)
            do throws(CodingError) {
                try Parcel.write(payload, into: &writer, to: peer)
            } catch {
                writer = start
                Self.write(CallFailure(error), into: &writer)
            }
        case .failed(let error): Self.write(CallFailure(error), into: &writer)
        case .arrived(let arrival, _):
            let start = writer
            writer.number(ReplyKind.value)
            do throws(CodingError) {
                try Parcel.write(arrival, into: &writer, to: peer)
            } catch {
                writer = start
                Self.write(CallFailure(error), into: &writer)
            }
        case .value:
            Self.write(CallFailure(CodingError.unnamableType("a reply that was not encoded")), into: &writer)
        }
        peer.channel.send(kind: WireKind.reply, writer.bytes)
    }

    private static func write(_ failure: CallFailure, into writer: inout ByteWriter) {
        writer.number(ReplyKind.failure)
        writer.run((try? BinaryEncoder().encode(failure)) ?? (try? BinaryEncoder().encode(failure.inWords)) ?? [])
    }

    func cancel(_ reader: inout ByteReader, from peer: Peer) throws {
        let key = CallKey(peer: peer.id, number: try reader.number())
        state.withLock { $0.incoming.removeValue(forKey: key) }?.giveUp()
    }

    /// A caller's process ended: nobody waits for its calls.
    func callerEnded(_ process: UInt64) {
        let calls = state.withLock { state in
            if state.hosted != nil { state.endedCallers.insert(process) }
            let keys = state.incoming.keys.filter { $0.peer == process }
            return keys.compactMap { state.incoming.removeValue(forKey: $0) }
        }
        for call in calls { call.giveUp() }
    }
}

/// What a call failed with, in a form that travels.
enum CallFailure: Codable, Sendable {
    case task(TaskError)
    case actor(ActorError)
    case coding(CodingError)
    case cancelled
    case other(RemoteFailure)

    init(_ error: any Error) {
        switch error {
        case let error as TaskError: self = .task(error)
        case let error as ActorError: self = .actor(error)
        case let error as CodingError: self = .coding(error)
        case is CancellationError: self = .cancelled
        default: self = .other(error as? RemoteFailure ?? RemoteFailure(error))
        }
    }

    var error: any Error {
        switch self {
        case .task(let error): error
        case .actor(let error): error
        case .coding(let error): error
        case .cancelled: CancellationError()
        case .other(let failure): failure
        }
    }

    /// The same without an error of the program's own, whose encoding may fail.
    var inWords: CallFailure {
        .other(RemoteFailure(typeName: "\(type(of: error))", message: "\(error)", underlying: nil))
    }
}

/// A call as it came in a message.
struct IncomingCall: Sendable {
    let actor: ActorIdentifier
    let number: UInt64
    let method: String
    /// The concurrency group, where the call names one.
    let group: String
    let callers: [ActorIdentifier]
    let substitutions: [any Any.Type]
    let arguments: [Parcel.Arrival]

    init(_ reader: inout ByteReader, from peer: Peer) throws {
        actor = ActorIdentifier(owner: try reader.number(), number: try reader.number())
        number = try reader.number()
        method = try peer.method(try reader.number())
        group = try reader.text()
        callers = try (0..<Self.count(&reader)).map { _ in
            ActorIdentifier(owner: try reader.number(), number: try reader.number())
        }
        substitutions = try (0..<Self.count(&reader)).map { _ in
            try TypeNames.type(named: try reader.text(), expected: "a type of the program")
        }
        arguments = try (0..<Self.count(&reader)).map { _ in try Parcel.Arrival(try reader.run(), from: peer) }
    }

    private static func count(_ reader: inout ByteReader) throws -> Int {
        let count = Int(try reader.number(UInt16.self))
        guard count <= reader.remaining else { throw TransportError.malformed(reason: "a list of \(count)") }
        return count
    }
}

/// One actor as a process that calls it sees it: the calls that wait for it and those that were sent, in order.
final class ActorLink: @unchecked Sendable {
    // Everything below is only touched with `lock` held.
    let id: ActorIdentifier
    private unowned let backend: LocalBackend
    private let lock = Mutex(())
    private var mailbox = Mailbox<ActorCall>(concurrency: .max)
    private var place = Place.unknown
    private var sent: [UInt64: ActorCall] = [:]
    private var nextNumber: UInt64 = 1
    private var retries = 0
    private var isCheckpointed = false
    /// Of a checkpointed actor: calls that have a number and wait to be sent again, and the lowest number of a call that
    /// has no reply.
    private var unsentAgain = 0
    private var firstOpen: UInt64 = 1
    private var deathReason: String?
    /// Calls that may be unanswered.
    private var limit = Int.max
    private var name: String

    enum Place {
        case unknown
        case peer(Peer)
        case here
    }

    /// The slot of a channel that holds the number of the last call that began.
    static let progressSlot = ChannelLayout.slotCount - 1
    /// The slot that holds the number of the first call without a reply.
    static let openSlot = ChannelLayout.slotCount - 2

    init(id: ActorIdentifier, backend: LocalBackend) {
        self.id = id
        self.backend = backend
        name = "\(id)"
    }

    /// What is known of the actor from its creation or its node.
    func describe(_ traits: ActorTraits) {
        lock.withLock { _ in
            name = traits.name
            retries = traits.retries
            limit = traits.callLimit
            isCheckpointed = traits.isCheckpointed
        }
    }

    func reserve() throws(ActorError) -> UInt64 {
        let outcome: Result<UInt64, ActorError> = lock.withLock { _ in
            if let deathReason { return .failure(.dead(actor: name, reason: deathReason)) }
            return .success(mailbox.reserve())
        }
        return try outcome.get()
    }

    /// Whether calls wait to be sent.
    var hasUnsent: Bool { lock.withLock { _ in mailbox.count > 0 && deathReason == nil } }

    func release(_ place: UInt64) {
        lock.withLock { _ in mailbox.release(place) }
        pump()
    }

    func enqueue(_ call: ActorCall, place: UInt64?) throws(ActorError) {
        let refusal: ActorError? = lock.withLock { _ in
            if let deathReason { return .dead(actor: name, reason: deathReason) }
            if place == nil, mailbox.count + sent.count >= limit { return .tooManyCalls(actor: name, limit: limit) }
            if let place { mailbox.fill(place, with: call) } else { mailbox.append(call) }
            return nil
        }
        if let refusal { throw refusal }
        pump()
    }

    func found(_ place: Place) {
        lock.withLock { _ in
            self.place = place
            mailbox.isOpen = true
        }
        pump()
    }

    private enum Sending {
        case sent(ActorCall, UInt64)
        case failed(ActorCall, CodingError)
        /// The actor lives in this process.
        case here(ActorCall)
    }

    private func pump() {
        while let next = lock.withLock({ _ in send() }) {
            switch next {
            case .sent(let call, let number): call.wasSent(over: self, as: number)
            case .failed(let call, let error): call.finish(.failed(error))
            case .here(let call): backend.actors.enqueueHere(call, on: id)
            }
        }
    }

    /// Sends the next call. Under the lock, so that calls are sent in their order.
    private func send() -> Sending? {
        if case .unknown = place { return nil }
        guard let call = mailbox.start() else { return nil }
        mailbox.finish()
        guard case .peer(let peer) = place else { return .here(call) }
        let number: UInt64
        if isCheckpointed, let known = call.identity {
            number = known.number
            unsentAgain -= 1
        } else {
            number = nextNumber
            nextNumber += 1
            if isCheckpointed { call.identity = CallIdentity(caller: backend.process, number: number) }
        }
        do throws(CodingError) {
            peer.channel.send(kind: WireKind.call, try message(call, number, to: peer).bytes)
        } catch {
            return .failed(call, error)
        }
        sent[number] = call
        return .sent(call, number)
    }

    private func message(_ call: ActorCall, _ number: UInt64, to peer: Peer) throws(CodingError) -> ByteWriter {
        var writer = ByteWriter(capacity: 256)
        writer.number(id.owner)
        writer.number(id.number)
        writer.number(number)
        writer.number(peer.number(ofMethod: call.method))
        writer.text(call.options?.group ?? "")
        writer.number(UInt16(clamping: call.callers.count))
        for caller in call.callers {
            writer.number(caller.owner)
            writer.number(caller.number)
        }
        writer.number(UInt16(clamping: call.substitutions.count))
        for type in call.substitutions { writer.text(try TypeNames.name(of: type)) }
        writer.number(UInt16(clamping: call.arguments.count))
        for argument in call.arguments {
            var inner = ByteWriter()
            switch argument {
            case .plain(let bytes):
                inner.number(Parcel.plain)
                bytes.withUnsafeBytes { inner.rest($0) }
            case .encoded(let payload): try Parcel.write(payload, into: &inner, to: peer)
            case .arrived(let arrival, _): try Parcel.write(arrival, into: &inner, to: peer)
            case .shared: throw .unnamableType("an argument that was not encoded")
            }
            writer.run(inner.bytes)
        }
        return writer
    }

    func replied(_ number: UInt64, _ reply: ActorCall.Reply) {
        let call: ActorCall? = lock.withLock { _ in
            defer { tellOpen() }
            return sent.removeValue(forKey: number)
        }
        call?.finish(reply)
    }

    /// Tells a checkpointed actor's home which replies came. Complexity: amortised O(1).
    private func tellOpen() {
        guard isCheckpointed, unsentAgain == 0, case .peer(let peer) = place else { return }
        while firstOpen < nextNumber, sent[firstOpen] == nil { firstOpen += 1 }
        peer.channel.sentSlots[Self.openSlot] = UInt32(truncatingIfNeeded: firstOpen)
    }

    /// The caller does not wait any more.
    func giveUp(_ number: UInt64) {
        let peer: Peer? = lock.withLock { _ in
            guard sent.removeValue(forKey: number) != nil, case .peer(let peer) = place else { return nil }
            return peer
        }
        guard let peer else { return }
        var writer = ByteWriter(capacity: 8)
        writer.number(number)
        peer.channel.send(kind: WireKind.cancelCall, writer.bytes)
    }

    /// The actor's process ended. Calls that had not begun wait for the next one; those that had are repeated by the
    /// actor's policy or fail.
    func lost(reason: String, restarts: Bool) {
        var failed: [(ActorCall, began: Bool)] = []
        let name = self.lock.withLock { _ in self.name }
        lock.withLock { _ in
            var began: UInt32 = 0
            if case .peer(let peer) = place { began = peer.channel.sentSlots[Self.progressSlot] }
            place = .unknown
            mailbox.isOpen = false
            var again: [ActorCall] = []
            for (number, call) in sent.sorted(by: { $0.key < $1.key }) {
                // Numbers of calls in flight are close together: their low half orders them.
                let hadBegun = Int32(bitPattern: UInt32(truncatingIfNeeded: number) &- began) <= 0
                if hadBegun { call.countAttempt() }
                let retries = call.options?.retries ?? retries
                if restarts, isCheckpointed || !hadBegun || retries < 0 || call.attempts <= retries {
                    again.append(call)
                } else {
                    failed.append((call, hadBegun))
                }
            }
            sent = [:]
            if isCheckpointed { unsentAgain += again.count }
            for call in again.reversed() { mailbox.retry(call) }
            if !restarts {
                deathReason = reason
                failed += mailbox.drain().map { ($0, false) }
            }
        }
        for (call, began) in failed {
            call.finish(
                .failed(
                    began
                        ? ActorError.crashedDuringCall(actor: name, call: "\(call.name)", reason: reason)
                        : ActorError.dead(actor: name, reason: reason)))
        }
    }
}

extension LocalBackend {
    func createActor(_ birth: ActorBirth, orExisting: Bool) async throws -> ActorIdentifier {
        guard !isClosing else { throw closedError }
        let bundle = try place(birth.options.scheduling, demand: birth.options.resources, of: birth.name)
        let creation = try ActorCreation(birth, bundle: bundle)
        let answer = await RunContext.lending {
            await node.ask { .createActor(request: $0, creation: creation, orExisting: orExisting) }
        }
        switch answer {
        case .actor(let id, let bodyType, let typeName):
            guard bodyType == creation.bodyType else {
                throw ActorError.wrongType(name: birth.name, expected: birth.typeName, found: typeName)
            }
            let traits = ActorTraits(creation)
            actors.link(id).describe(traits)
            return id
        case .actorFailed(let failure): throw failure.error
        default: throw closedError
        }
    }

    func actor(named name: String) async throws -> (id: ActorIdentifier, type: any DistributedActor.Type) {
        switch await RunContext.lending({ await node.ask { .findActor(request: $0, name: name) } }) {
        case .actor(let id, let bodyType, _):
            let type = try TypeNames.type(named: bodyType, expected: "DistributedActor")
            guard let type = type as? any DistributedActor.Type else {
                throw CodingError.unknownType(name: bodyType, expected: "DistributedActor")
            }
            return (id, type)
        case .actorFailed(let failure): throw failure.error
        default: throw closedError
        }
    }

    func reserveCall(to actor: ActorIdentifier) throws(ActorError) -> UInt64 { try actors.link(actor).reserve() }
    func releaseCall(_ place: UInt64, to actor: ActorIdentifier) { actors.link(actor).release(place) }

    func call(_ call: ActorCall, on actor: ActorIdentifier, place: UInt64?) throws(ActorError) {
        try actors.link(actor).enqueue(call, place: place)
    }

    func stopActor(_ actor: ActorIdentifier, immediately: Bool, restart: Bool, within limit: Duration) async throws {
        let deadline = ContinuousClock.now + limit
        // The calls made before are before the end.
        while !immediately, !isClosing, actors.link(actor).hasUnsent, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
        }
        let timer =
            immediately
            ? nil
            : Task {
                try? await Task.sleep(until: deadline)
                guard !Task.isCancelled else { return }
                node.send(
                    .killActor(actor: actor, reason: "it did not stop within \(limit)"))
            }
        defer { timer?.cancel() }
        let answer = await RunContext.lending {
            await node.ask {
                .stopActor(request: $0, actor: actor, immediately: immediately, restart: restart)
            }
        }
        switch answer {
        case .actorFailed(let failure): throw failure.error
        case .done, .actor, .words, .objects, .group, .groupGone: return
        case nil: throw closedError
        }
    }
}
