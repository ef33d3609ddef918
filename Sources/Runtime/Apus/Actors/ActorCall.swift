import ApusCore
import ApusObjects
import Distributed
import Synchronization

/// One call of an actor's method, from the caller's wait to the reply.
package final class ActorCall: Sendable {
    enum Argument: Sendable {
        case shared(any Sendable)
        case encoded(Payload)
        /// The memory of a plain type's value.
        case plain([UInt8])
        case arrived(Parcel.Arrival, LocalBackend)
    }

    enum Reply: Sendable {
        case value(any Sendable)
        case encoded(Payload)
        case plain([UInt8])
        case arrived(Parcel.Arrival, LocalBackend)
        case void
        case failed(any Error)
    }

    /// The method's mangled name.
    let method: String
    /// The method's name for messages. Made when it is asked for: to demangle takes as long as the call.
    var name: String { "\(RemoteCallTarget(method))" }
    let arguments: [Argument]
    let substitutions: [any Any.Type]
    /// The actors whose calls wait for this one.
    let callers: [ActorIdentifier]
    let options: CallOptions?

    private struct State {
        var reply: Reply?
        var lane: ActorLane?
        var attempts = 0
        var identity: CallIdentity?
    }

    private let state = Mutex(State())
    private let inputs = Mutex<[ObjectID: StoredBytes]>([:])
    private let waiter = ContinuationWaiter()

    /// Told when an attempt begins, and what the call ended with; for calls of other processes.
    private let onBegin: (@Sendable () -> Void)?
    private let onFinish: (@Sendable (Reply) -> Void)?
    /// Tells where the call was sent that nobody waits for it any more.
    private let transmission = Mutex<Transmission?>(nil)

    /// Where and under which number a call was sent.
    struct Transmission: Sendable {
        let link: ActorLink
        let number: UInt64
    }

    /// A call that came from another process.
    init(
        method: String, arguments: [Argument], substitutions: [any Any.Type], callers: [ActorIdentifier],
        options: CallOptions?, onBegin: @escaping @Sendable () -> Void, onFinish: @escaping @Sendable (Reply) -> Void
    ) {
        self.method = method
        self.arguments = arguments
        self.substitutions = substitutions
        self.callers = callers
        self.options = options
        self.onBegin = onBegin
        self.onFinish = onFinish
    }

    init(
        target: RemoteCallTarget, arguments: [Argument], substitutions: [any Any.Type], callers: [ActorIdentifier],
        options: CallOptions?
    ) {
        self.options = options
        method = target.identifier
        self.arguments = arguments
        self.substitutions = substitutions
        self.callers = callers
        onBegin = nil
        onFinish = nil
    }

    /// Which call it is, of a checkpointed actor.
    var identity: CallIdentity? {
        get { state.withLock { $0.identity } }
        set { state.withLock { $0.identity = newValue } }
    }

    /// The same call, for which nobody waits.
    func copy() -> ActorCall {
        ActorCall(
            method: method, arguments: arguments, substitutions: substitutions, callers: callers, options: options,
            onBegin: {}, onFinish: { _ in })
    }

    /// The arguments' objects in the store, while the call runs.
    var read: [ObjectID: StoredBytes] { inputs.withLock { $0 } }

    /// Reads arguments that are in the store.
    ///
    /// - Throws: `ObjectStoreError`; `CancellationError`.
    func readArguments() async throws {
        for argument in arguments {
            guard case .arrived(let arrival, let backend) = argument, arrival.isStored else { continue }
            let read = try await backend.objects.read(arrival.objects)
            inputs.withLock { $0.merge(read) { $1 } }
        }
    }

    var attempts: Int { state.withLock { $0.attempts } }
    var isFinished: Bool { state.withLock { $0.reply != nil } }

    /// Suspends until the reply is there. When the caller is cancelled the call is given up: it does not start any more,
    /// and the method's Swift task is cancelled if it runs.
    func reply() async throws(CancellationError) -> Reply {
        let reason = await RunContext.lending { await waiter.wait(atMost: options?.timeout) }
        if reason == .timedOut, let limit = options?.timeout { return giveUp(after: limit) }
        let (reply, lane) = state.withLock { state in
            if state.reply == nil { state.reply = .failed(CancellationError()) }
            return (state.reply, state.lane.take())
        }
        guard reason == .completed, let reply else {
            lane?.cancel()
            withdraw()
            throw CancellationError()
        }
        return reply
    }

    private func giveUp(after limit: Duration) -> Reply {
        let failed = Reply.failed(ActorError.callTimedOut(actor: actorName, call: name, after: limit))
        let (reply, lane) = state.withLock { state in
            if state.reply == nil { state.reply = failed }
            return (state.reply ?? failed, state.lane.take())
        }
        lane?.cancel()
        withdraw()
        return reply
    }

    /// For messages: `Counter.add(_:)` is a call of `Counter`.
    private var actorName: String { name.split(separator: ".").dropLast().last.map(String.init) ?? name }

    /// Marks an attempt as begun. False where the call was given up.
    func begin(on lane: ActorLane) -> Bool {
        let begins = mark(lane)
        if begins { onBegin?() }
        return begins
    }

    private func mark(_ lane: ActorLane) -> Bool {
        state.withLock { state in
            guard state.reply == nil else { return false }
            state.lane = lane
            state.attempts += 1
            return true
        }
    }

    func endAttempt() {
        state.withLock { $0.lane = nil }
        // Let go of outside of the lock.
        var read: [ObjectID: StoredBytes] = [:]
        inputs.withLock { swap(&read, &$0) }
    }

    /// The first reply counts.
    func finish(_ reply: Reply) {
        let first = state.withLock { state in
            if state.reply != nil { return false }
            state.reply = reply
            return true
        }
        guard first else { return }
        onFinish?(reply)
        waiter.resume(.completed)
    }

    /// Nobody waits any more: the call does not start, and is cancelled where it runs.
    func giveUp() {
        let lane = state.withLock { state in
            if state.reply == nil { state.reply = .failed(CancellationError()) }
            return state.lane.take()
        }
        lane?.cancel()
    }

    func wasSent(over link: ActorLink, as number: UInt64) {
        transmission.withLock { $0 = Transmission(link: link, number: number) }
    }

    private func withdraw() {
        if let sent = transmission.withLock({ $0.take() }) { sent.link.giveUp(sent.number) }
    }

    /// An attempt that another process began.
    func countAttempt() { state.withLock { $0.attempts += 1 } }
}

/// A place that was reserved for the first call made on an actor by the code that sees it.
final class CallPlace: Sendable {
    let actor: ActorIdentifier
    private let place: Mutex<UInt64?>

    init(actor: ActorIdentifier, place: UInt64) {
        self.actor = actor
        self.place = Mutex(place)
    }

    func take(for actor: ActorIdentifier) -> UInt64? {
        guard actor == self.actor else { return nil }
        return place.withLock { $0.take() }
    }
}
