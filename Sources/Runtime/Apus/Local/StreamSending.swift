import ApusCore
import ApusTransport
import Synchronization

/// How far a stream's producer may be ahead of its consumer in another process.
final class StreamCredits: Sendable {
    private struct State {
        var taken: UInt64
        var waiter: ContinuationWaiter?
    }

    private let state: Mutex<State>
    private let limit: UInt64

    init(limit: UInt64, taken: UInt64) {
        self.limit = limit
        state = Mutex(State(taken: taken))
    }

    /// The consumer has taken so many elements; all there could ever be where it is gone.
    func grant(taken: UInt64) {
        let waiter: ContinuationWaiter? = state.withLock { state in
            state.taken = max(state.taken, taken)
            return state.waiter.take()
        }
        waiter?.resume(.completed)
    }

    /// Suspends until an element with this number, from 1, may be sent.
    func wait(for number: UInt64) async throws {
        while true {
            let waiter = ContinuationWaiter()
            let (isFree, isGone) = state.withLock { state in
                if state.taken == .max { return (true, true) }
                if number <= state.taken + limit { return (true, false) }
                state.waiter = waiter
                return (false, false)
            }
            if isGone { throw CancellationError() }
            if isFree { return }
            let reason = await RunContext.lending { await waiter.wait() }
            if reason == .cancelled { throw CancellationError() }
        }
    }
}

/// Sends a stream's elements to its owner. What an earlier attempt delivered is skipped.
final class StreamSender<Element: Sendable & Codable>: Sendable {
    private let task: IncomingTask
    private let credits: StreamCredits
    private let peer: Peer
    private let count = Mutex<UInt64>(0)

    init(_ task: IncomingTask, credits: StreamCredits, peer: Peer) {
        self.task = task
        self.credits = credits
        self.peer = peer
    }

    func send(_ value: Element) async throws {
        let number = count.withLock { count in
            count += 1
            return count
        }
        try Task.checkCancellation()
        guard number > task.streamAccepted else { return }
        try await credits.wait(for: number)
        let objects: LocalObjects = peer.backend.objects
        let outgoing = try objects.outgoing(value)
        let stored = outgoing.isLarge ? try await objects.store(value, outgoing, site: .current) : nil
        var writer = ByteWriter()
        writer.number(task.slot)
        writer.number(task.generation)
        try Parcel.write(value, outgoing, stored, into: &writer, to: peer)
        peer.channel.send(kind: WireKind.streamItem, writer.bytes)
    }
}
