import ApusCore
import Distributed
import Synchronization

/// One call of an actor's method, from the caller's wait to the reply.
package final class ActorCall: Sendable {
    enum Argument: Sendable {
        case shared(any Sendable)
        case encoded(Payload)
    }

    enum Reply: Sendable {
        case value(any Sendable)
        case encoded(Payload)
        case void
        case failed(any Error)
    }

    /// The method's mangled name.
    let method: String
    /// The method's name for messages.
    let name: String
    let arguments: [Argument]
    let substitutions: [any Any.Type]
    /// The actors whose calls wait for this one.
    let callers: [ActorIdentifier]

    private struct State {
        var reply: Reply?
        var lane: ActorLane?
        var attempts = 0
    }

    private let state = Mutex(State())
    private let waiter = ContinuationWaiter()

    init(target: RemoteCallTarget, arguments: [Argument], substitutions: [any Any.Type], callers: [ActorIdentifier]) {
        method = target.identifier
        name = "\(target)"
        self.arguments = arguments
        self.substitutions = substitutions
        self.callers = callers
    }

    var attempts: Int { state.withLock { $0.attempts } }
    var isFinished: Bool { state.withLock { $0.reply != nil } }

    /// Suspends until the reply is there. When the caller is cancelled the call is given up: it does not start any more,
    /// and the method's Swift task is cancelled if it runs.
    func reply() async throws(CancellationError) -> Reply {
        let reason = await RunContext.lending { await waiter.wait() }
        let (reply, lane) = state.withLock { state in
            if state.reply == nil { state.reply = .failed(CancellationError()) }
            return (state.reply, state.lane.take())
        }
        guard reason == .completed, let reply else {
            lane?.cancel()
            throw CancellationError()
        }
        return reply
    }

    /// Marks an attempt as begun. False where the call was given up.
    func begin(on lane: ActorLane) -> Bool {
        state.withLock { state in
            guard state.reply == nil else { return false }
            state.lane = lane
            state.attempts += 1
            return true
        }
    }

    func endAttempt() { state.withLock { $0.lane = nil } }

    /// The first reply counts.
    func finish(_ reply: Reply) {
        let first = state.withLock { state in
            if state.reply != nil { return false }
            state.reply = reply
            return true
        }
        if first { waiter.resume(.completed) }
    }
}

/// A place that was reserved for the first call made on an actor by the code that sees it.
final class CallPlace: Sendable {
    @TaskLocal static var current: CallPlace?

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
