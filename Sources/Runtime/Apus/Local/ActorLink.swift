import ApusCore
import ApusInsight
import ApusTransport
import DequeModule
import Synchronization

/// One actor as a process that calls it sees it: the calls that wait for it and those that were sent, in order.
final class ActorLink: @unchecked Sendable {
    // Everything below is only touched with `lock` held, but for what is immutable, and `sent`, which has its own lock:
    // replies come while calls are sent.
    let id: ActorIdentifier
    private unowned let backend: LocalBackend
    private let lock = Mutex(())
    private var mailbox = Mailbox<ActorCall>(concurrency: .max)
    private var place = Place.unknown
    private let sent = Mutex(SentCalls())
    /// The message that is being written.
    private var writer = ByteWriter(capacity: 512)
    private var nextNumber: UInt64 = 1
    private var retries = 0
    private let checkpointed = Atomic(false)
    private var isCheckpointed: Bool { checkpointed.load(ordering: .relaxed) }
    /// Of a checkpointed actor: calls that have a number and wait to be sent again.
    private var unsentAgain = 0
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
            checkpointed.store(traits.isCheckpointed, ordering: .relaxed)
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
            if place == nil, limit < .max, mailbox.count + sent.withLock({ $0.count }) >= limit {
                return .tooManyCalls(actor: name, limit: limit)
            }
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
        case sent
        case failed(ActorCall, CodingError)
        /// The actor lives in this process.
        case here(ActorCall)
    }

    private func pump() {
        while let next = lock.withLock({ _ in send() }) {
            switch next {
            case .sent: break
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
        let method = peer.sentMethod(call.method)
        writer.bytes.removeAll(keepingCapacity: writer.bytes.count < 1 << 16)
        do throws(CodingError) {
            try call.write(on: id, number: number, method: method, into: &writer, to: peer)
        } catch {
            return .failed(call, error)
        }
        call.event = CallEvent(
            name: method.eventName, host: peer.id, flight: EventRecord.flight(call: number, of: id))
        // Before the message is: its reply may be here at once.
        sent.withLock { $0.add(call, number) }
        // One that was given up while it waited for its actor would run there, and hold up those behind it.
        guard call.wasSent(over: self, as: number) || isCheckpointed else {
            _ = sent.withLock { $0.remove(number) }
            return .sent
        }
        backend.recorder.record(.called, call.event)
        peer.channel.send(kind: WireKind.call, writer.bytes)
        return .sent
    }

    func replied(_ number: UInt64, _ reply: ActorCall.Reply) {
        let call = sent.withLock { $0.remove(number) }
        if isCheckpointed { lock.withLock { _ in tellOpen() } }
        guard let call else { return }
        backend.recorder.record(reply.isFailure ? .callFailed : .replied, call.event)
        call.finish(reply)
    }

    /// Tells a checkpointed actor's home which replies came.
    private func tellOpen() {
        guard unsentAgain == 0, case .peer(let peer) = place else { return }
        let firstOpen = sent.withLock { $0.first } ?? nextNumber
        peer.channel.sentSlots[Self.openSlot] = UInt32(truncatingIfNeeded: firstOpen)
    }

    /// The caller does not wait any more.
    func giveUp(_ number: UInt64) {
        guard let call = sent.withLock({ $0.remove(number) }) else { return }
        backend.recorder.record(.callFailed, call.event)
        let peer: Peer? = lock.withLock { _ in if case .peer(let peer) = place { peer } else { nil } }
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
            for (number, call) in sent.withLock({ $0.removeAll() }) {
                // Numbers of calls in flight are close together: their low half orders them.
                let hadBegun = Int32(bitPattern: UInt32(truncatingIfNeeded: number) &- began) <= 0
                if hadBegun { call.countAttempt() }
                // One that is sent again is another one there.
                backend.recorder.record(.callFailed, call.event)
                let retries = call.options?.retries ?? retries
                if restarts, isCheckpointed || !hadBegun || retries < 0 || call.attempts <= retries {
                    again.append(call)
                } else {
                    failed.append((call, hadBegun))
                }
            }
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

/// The calls that were sent and have no reply, by number. Numbers grow; replies come mostly in their order.
private struct SentCalls {
    private var calls = Deque<ActorCall?>()
    private var base: UInt64 = 0
    private(set) var count = 0

    /// The lowest number of a call without a reply.
    var first: UInt64? { count == 0 ? nil : base }

    /// Complexity: amortised O(1), plus the numbers that were left out.
    mutating func add(_ call: ActorCall, _ number: UInt64) {
        if calls.isEmpty { base = number }
        while base + UInt64(calls.count) < number { calls.append(nil) }
        precondition(base + UInt64(calls.count) == number, "calls are sent in the order of their numbers")
        calls.append(call)
        count += 1
    }

    mutating func remove(_ number: UInt64) -> ActorCall? {
        guard number >= base, number - base < UInt64(calls.count), let call = calls[Int(number - base)] else {
            return nil
        }
        calls[Int(number - base)] = nil
        count -= 1
        while let first = calls.first, first == nil {
            _ = calls.popFirst()
            base += 1
        }
        return call
    }

    /// All of them, in the order of their numbers.
    mutating func removeAll() -> [(number: UInt64, call: ActorCall)] {
        var all: [(UInt64, ActorCall)] = []
        while let call = calls.popFirst() {
            if let call { all.append((base, call)) }
            base += 1
        }
        count = 0
        return all
    }
}
