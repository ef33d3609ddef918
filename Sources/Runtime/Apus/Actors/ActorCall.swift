import ApusCore
import ApusObjects
import Distributed
import Synchronization

/// One call of an actor's method, from the caller's wait to the reply.
///
/// Whoever waits for the reply waits in the call itself: one allocation less for each.
package final class ActorCall: ContinuationWaiter, @unchecked Sendable {
    // `state` has its own lock; `event` is set by who sends the call, and passed on with it; the rest is immutable.

    enum Argument: Sendable {
        case shared(any Sendable)
        case encoded(Payload)
        case plain(PlainBytes)
        indirect case arrived(Parcel.Arrival, LocalBackend)

        var isStored: Bool { if case .arrived(let arrival, _) = self { arrival.isStored } else { false } }
    }

    enum Reply: Sendable {
        case value(any Sendable)
        case encoded(Payload)
        case plain(PlainBytes)
        indirect case arrived(Parcel.Arrival, LocalBackend)
        case void
        case failed(any Error)

        var isFailure: Bool { if case .failed = self { true } else { false } }
    }

    /// The process that made a call, and how it knows it.
    struct Sender: Sendable {
        let peer: Peer
        let actor: ActorIdentifier
        let number: UInt64
        /// The method's, among the names of this process's events.
        let eventName: UInt16
    }

    /// The method's mangled name.
    let method: String
    /// The method's name for messages. Made when it is asked for: to demangle takes as long as the call.
    var name: String { "\(RemoteCallTarget(method))" }
    /// How the method is called, where that was worked out before.
    private let known: DistributedMethod?
    var distributedMethod: DistributedMethod? { known ?? DistributedMethod.named(method) }
    let arguments: [Argument]
    let substitutions: [any Any.Type]
    /// The actors whose calls wait for this one.
    let callers: [ActorIdentifier]
    let options: CallOptions?
    /// Nil for a call of this process.
    let sender: Sender?

    private struct State {
        var reply: Reply?
        var lane: ActorLane?
        var attempts = 0
        var identity: CallIdentity?
        /// The arguments' objects in the store, while the call runs.
        var read: [ObjectID: StoredBytes] = [:]
        /// Where and under which number it was sent, to tell there that nobody waits any more.
        var link: ActorLink?
        var number: UInt64 = 0
    }

    private let state: Mutex<State>
    /// Set before it is sent to another process, and read when it was answered.
    var event = CallEvent()

    init(
        method: String, known: DistributedMethod? = nil, arguments: [Argument], substitutions: [any Any.Type],
        callers: [ActorIdentifier], options: CallOptions?, sender: Sender? = nil
    ) {
        self.method = method
        self.known = known
        self.arguments = arguments
        self.substitutions = substitutions
        self.callers = callers
        self.options = options
        self.sender = sender
        state = Mutex(State(identity: sender.map { CallIdentity(caller: $0.peer.id, number: $0.number) }))
    }

    /// Which call it is, of a checkpointed actor.
    var identity: CallIdentity? {
        get { state.withLock { $0.identity } }
        set { state.withLock { $0.identity = newValue } }
    }

    /// The same call, for which nobody waits.
    func copy() -> ActorCall {
        ActorCall(
            method: method, arguments: arguments, substitutions: substitutions, callers: callers, options: options)
    }

    var read: [ObjectID: StoredBytes] { state.withLock { $0.read } }

    /// Whether arguments must be read from the store before the call can run.
    var hasStoredArguments: Bool { arguments.contains { $0.isStored } }

    /// Reads arguments that are in the store.
    ///
    /// - Throws: `ObjectStoreError`; `CancellationError`.
    func readArguments() async throws {
        for argument in arguments {
            guard case .arrived(let arrival, let backend) = argument, arrival.isStored else { continue }
            let read = try await backend.objects.read(arrival.objects)
            state.withLock { $0.read.merge(read) { $1 } }
        }
    }

    var attempts: Int { state.withLock { $0.attempts } }

    // MARK: The caller

    /// Suspends until the reply is there. When the caller is cancelled the call is given up: it does not start any more,
    /// and the method's Swift task is cancelled if it runs.
    ///
    /// - Parameter context: whose processor is lent meanwhile.
    func reply(to context: RunContext?) async throws(CancellationError) -> Reply {
        context?.lend()
        let reason = options?.timeout == nil ? await wait() : await wait(atMost: options?.timeout)
        context?.takeBack()
        if reason == .completed, let reply = state.withLock({ $0.reply }) { return reply }
        if reason == .timedOut, let limit = options?.timeout {
            return abandon(.failed(ActorError.callTimedOut(actor: actorName, call: name, after: limit)))
        }
        _ = abandon(.failed(CancellationError()))
        throw CancellationError()
    }

    /// Ends the wait: the call does not start, and is cancelled where it runs.
    private func abandon(_ failure: Reply) -> Reply {
        let (reply, lane, link, number) = state.withLock { state in
            let reply = state.reply ?? failure
            state.reply = reply
            return (reply, state.lane.take(), state.link.take(), state.number)
        }
        lane?.cancel(self)
        link?.giveUp(number)
        return reply
    }

    /// For messages: `Counter.add(_:)` is a call of `Counter`.
    private var actorName: String { name.split(separator: ".").dropLast().last.map(String.init) ?? name }

    /// - Returns: false where the call was given up before.
    func wasSent(over link: ActorLink, as number: UInt64) -> Bool {
        state.withLock { state in
            (state.link, state.number) = (link, number)
            return state.reply == nil
        }
    }

    /// An attempt that another process began.
    func countAttempt() { state.withLock { $0.attempts += 1 } }

    // MARK: The actor

    /// Marks an attempt as begun. False where the call was given up.
    func begin(on lane: ActorLane) -> Bool {
        let begins = state.withLock { state in
            guard state.reply == nil else { return false }
            state.lane = lane
            state.attempts += 1
            return true
        }
        if begins, let sender {
            // Tells the caller's side how far this process came, should it end now.
            sender.peer.channel.receivedSlots[ActorLink.progressSlot] = UInt32(truncatingIfNeeded: sender.number)
            sender.record(.callBegan)
        }
        return begins
    }

    func endAttempt() {
        // Let go of outside of the lock.
        var read: [ObjectID: StoredBytes] = [:]
        state.withLock { state in
            state.lane = nil
            swap(&read, &state.read)
        }
    }

    /// Ends the call and its attempt. The first reply counts.
    func finish(_ reply: Reply) {
        var read: [ObjectID: StoredBytes] = [:]
        let first = state.withLock { state in
            state.lane = nil
            if !state.read.isEmpty { swap(&read, &state.read) }
            state.link = nil
            if state.reply != nil { return false }
            state.reply = reply
            return true
        }
        guard first else { return }
        guard let sender else { return resume(.completed) }
        sender.record(.callEnded)
        sender.answer(reply)
    }

    /// Nobody waits any more: the call does not start, and is cancelled where it runs.
    func giveUp() {
        let lane = state.withLock { state in
            if state.reply == nil { state.reply = .failed(CancellationError()) }
            return state.lane.take()
        }
        lane?.cancel(self)
    }
}

/// What can keep a place for the first call that the code which sees it makes on an actor.
protocol CallPlace: AnyObject, Sendable {
    /// The place, once, where it is one of that actor.
    func takePlace(for actor: ActorIdentifier) -> UInt64?
}
