import ApusCore
import ApusInsight
import ApusTransport
import DequeModule
import Synchronization

/// The results of a streaming task as references, in the order in which it yields them.
///
/// For one consumer. When the stream is let go before its end, its task is cancelled.
public struct ObjectStream<Value: Sendable & Codable>: AsyncSequence, Sendable {
    public typealias Element = ObjectRef<Value>
    private let token: Token

    /// Lives as long as the stream or an iterator of it.
    final class Token: Sendable {
        let channel: StreamChannel<Value>
        let cell: ObjectCell
        let cluster: Cluster
        init(channel: StreamChannel<Value>, cell: ObjectCell, cluster: Cluster) {
            (self.channel, self.cell, self.cluster) = (channel, cell, cluster)
        }
        deinit {
            channel.abandon()
            cluster.backend.cancel(cell)
        }
    }

    init(channel: StreamChannel<Value>, cell: ObjectCell, cluster: Cluster) {
        token = Token(channel: channel, cell: cell, cluster: cluster)
    }

    /// Ends the task that yields; the stream then ends with its error.
    public func cancel() { token.cluster.backend.cancel(token.cell) }

    public func makeAsyncIterator() -> Iterator { Iterator(token: token) }

    public struct Iterator: AsyncIteratorProtocol {
        let token: Token

        /// The next reference, whose object exists; nil after the last.
        ///
        /// - Throws: the task's `TaskError` after all that it yielded before it failed; `CancellationError`.
        public mutating func next() async throws -> ObjectRef<Value>? {
            try await token.channel.next().map { ObjectRef(cell: $0) }
        }
    }
}

/// Where a streaming task puts its results.
public struct StreamOutput<Value: Sendable & Codable>: Sendable {
    let send: @Sendable (Value) async throws -> Void

    /// Passes a result on. Suspends while the consumer has as many waiting as the stream's buffer holds.
    ///
    /// - Throws: `CancellationError` where the task is cancelled or the consumer is gone.
    public func yield(_ value: Value) async throws { try await send(value) }
}

/// A bounded queue between one producer and one consumer, each of which may be suspended.
final class StreamChannel<Value: Sendable & Codable>: Sendable {
    fileprivate struct State {
        var queue = Deque<ValueCell<Value>>()
        var accepted = 0
        var end: Result<Unit, TaskError>?
        var isAbandoned = false
        var consumer: ContinuationWaiter?
        var producers: [ContinuationWaiter] = []
        var taken: UInt64 = 0
        /// Is told how many elements the consumer has taken, where the producer is another process.
        var onTaken: (@Sendable (UInt64) -> Void)?
    }

    private let state = Mutex(State())
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Takes an element from a producer that keeps to the limit by itself.
    func offer(_ cell: ValueCell<Value>, onTaken: @escaping @Sendable (UInt64) -> Void) {
        let (consumer, isAbandoned): (ContinuationWaiter?, Bool) = state.withLock { state in
            state.onTaken = onTaken
            if state.isAbandoned || state.end != nil { return (nil, true) }
            state.queue.append(cell)
            state.accepted += 1
            return (state.consumer.take(), false)
        }
        if isAbandoned { onTaken(.max) }
        consumer?.resume(.completed)
    }

    /// Counts what one attempt yields, so that a later attempt skips what the earlier ones delivered.
    final class Attempt: Sendable {
        private let yielded = Mutex(0)
        private let toSkip: Int
        init(skipping count: Int) { toSkip = count }
        func isNew() -> Bool {
            yielded.withLock { count in
                count += 1
                return count > toSkip
            }
        }
    }

    /// Elements that were taken from the producer.
    var accepted: Int { state.withLock { $0.accepted } }

    private enum Sending {
        case sent(waking: ContinuationWaiter?)
        case wait
        case gone
    }

    private enum Receiving {
        case element(
            ValueCell<Value>, waking: ContinuationWaiter?, telling: (@Sendable (UInt64) -> Void)?, taken: UInt64)
        case end(Result<Unit, TaskError>)
        case wait
    }

    func send(_ cell: ValueCell<Value>) async throws {
        while true {
            let waiter = ContinuationWaiter()
            let step: Sending = state.withLock { state in
                if state.isAbandoned || state.end != nil { return .gone }
                guard state.queue.count < limit else {
                    state.producers.append(waiter)
                    return .wait
                }
                state.queue.append(cell)
                state.accepted += 1
                return .sent(waking: state.consumer.take())
            }
            switch step {
            case .gone: throw CancellationError()
            case .sent(let consumer):
                consumer?.resume(.completed)
                return
            case .wait:
                let reason = await RunContext.lending { await waiter.wait() }
                if reason == .cancelled {
                    state.withLock { $0.producers.removeAll { $0 === waiter } }
                    throw CancellationError()
                }
            }
        }
    }

    func next() async throws -> ValueCell<Value>? {
        while true {
            let waiter = ContinuationWaiter()
            let step: Receiving = state.withLock { state in
                if let cell = state.queue.popFirst() {
                    state.taken += 1
                    return .element(
                        cell, waking: state.producers.isEmpty ? nil : state.producers.removeFirst(),
                        telling: state.onTaken, taken: state.taken)
                }
                if let end = state.end { return .end(end) }
                state.consumer = waiter
                return .wait
            }
            switch step {
            case .element(let cell, let producer, let tell, let taken):
                producer?.resume(.completed)
                tell?(taken)
                return cell
            case .end(let end):
                _ = try end.get()
                return nil
            case .wait:
                let reason = await RunContext.lending { await waiter.wait() }
                if reason == .cancelled { throw CancellationError() }
            }
        }
    }

    func close(_ end: Result<Unit, TaskError>) {
        let woken = state.withLock { state in
            if state.end == nil { state.end = end }
            return state.takeWaiters()
        }
        for waiter in woken { waiter.resume(.completed) }
    }

    /// The consumer is gone: what waits is freed, and the producer finds out at its next element.
    func abandon() {
        let woken = state.withLock { state in
            state.isAbandoned = true
            state.queue = Deque()
            return state.takeWaiters()
        }
        for waiter in woken { waiter.resume(.completed) }
    }
}

extension StreamChannel.State {
    fileprivate mutating func takeWaiters() -> [ContinuationWaiter] {
        defer {
            producers = []
            consumer = nil
        }
        return producers + (consumer.map { [$0] } ?? [])
    }
}

/// A task that yields into a channel; its own result is that it ended.
final class StreamingCell<Job: StreamingTask>: ValueCell<Unit>, @unchecked Sendable {
    // `task` has a lock; the rest is immutable.
    private let task: Mutex<Job?>
    private let channel: StreamChannel<Job.Element>
    private let taskOptions: TaskOptions

    init(_ task: Job, channel: StreamChannel<Job.Element>, options: TaskOptions, file: StaticString, line: Int) {
        self.task = Mutex(task)
        self.channel = channel
        taskOptions = options
        super.init(phase: .waiting, file: file, line: line)
    }

    override var taskName: String { taskOptions.name ?? String(describing: Job.self) }
    override var options: TaskOptions? { taskOptions }

    override func nameNumber(in recorder: EventRecorder) -> UInt16? {
        if let name = taskOptions.name { return recorder.name(name) }
        return recorder.name(of: UInt(bitPattern: ObjectIdentifier(Job.self))) { String(describing: Job.self) }
    }

    override func releaseTask() { task.withLock { $0 = nil } }

    override func writeTask(
        into writer: inout ByteWriter, lease: UInt64, slot: UInt32, generation: UInt32, to peer: Peer
    ) throws(CodingError) {
        guard let task = task.withLock({ $0 }) else { throw .missingReference(index: 0) }
        try IncomingTask.writeHead(
            into: &writer, lease: lease, slot: slot, generation: generation, type: try peer.number(of: Job.self),
            timeout: taskOptions.timeout, maxCalls: taskOptions.maxCalls, childGroup: childGroup,
            streamLimit: UInt32(clamping: channel.limit),
            streamAccepted: UInt64(channel.accepted))
        try Parcel.write(task, into: &writer, to: peer)
    }

    override func acceptItem(
        _ item: UnsafeRawBufferPointer, from peer: Peer, taken: @escaping @Sendable (UInt64) -> Void
    ) {
        let cell = ValueCell<Job.Element>(phase: .running, file: #fileID, line: #line)
        cell.complete(item, from: peer)
        channel.offer(cell, onTaken: taken)
    }

    override func execute(on runner: Runner) async -> Execution {
        guard begin(on: runner) else { return .ended }
        // Dropped where somebody completed it just now.
        guard let task = task.withLock({ $0 }) else { return endAttempt() == nil ? .ended : .cancelled }
        let timer = taskOptions.timeout.map { startTimer($0, in: runner.backend) }
        let backend = runner.backend
        let attempt = StreamChannel<Job.Element>.Attempt(skipping: channel.accepted)
        let output = StreamOutput<Job.Element> { [channel] value in
            guard attempt.isNew() else { return }
            try await channel.send(ValueCell(value: try backend.store(value)))
        }
        do {
            try await RunContext.$current.withValue(runner.context(for: self)) {
                let task = backend.isolation == .shared ? task : try Payload(encoding: task).decode(Job.self)
                try await task.run(into: output)
            }
        } catch {
            timer?.cancel()
            return conclude(error, stop: endAttempt(), closing: backend.isClosing)
        }
        timer?.cancel()
        let stop = endAttempt()
        succeed(Unit())
        return stop == nil ? .ended : .cancelled
    }
}
