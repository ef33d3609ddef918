import ApusCore
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
    let channel: StreamChannel<Value>
    let attempt: StreamChannel<Value>.Attempt
    let store: @Sendable (Value) throws -> Value

    /// Passes a result on. Suspends while the consumer has as many waiting as the stream's buffer holds.
    ///
    /// - Throws: `CancellationError` where the task is cancelled or the consumer is gone.
    public func yield(_ value: Value) async throws {
        guard attempt.isNew() else { return }
        try await channel.send(ValueCell(value: try store(value)))
    }
}

/// A bounded queue between one producer and one consumer, each of which may be suspended.
final class StreamChannel<Value: Sendable & Codable>: Sendable {
    fileprivate struct State {
        var queue = Fifo<ValueCell<Value>>()
        var accepted = 0
        var end: Result<Unit, TaskError>?
        var isAbandoned = false
        var consumer: ContinuationWaiter?
        var producers: [ContinuationWaiter] = []
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

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
        case element(ValueCell<Value>, waking: ContinuationWaiter?)
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
                    return .element(cell, waking: state.producers.isEmpty ? nil : state.producers.removeFirst())
                }
                if let end = state.end { return .end(end) }
                state.consumer = waiter
                return .wait
            }
            switch step {
            case .element(let cell, let producer):
                producer?.resume(.completed)
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
            state.queue = Fifo()
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
    override func releaseTask() { task.withLock { $0 = nil } }

    override func execute(on runner: Runner) async -> Execution {
        guard begin(on: runner), let task = task.withLock({ $0 }) else { return .ended }
        let timer = taskOptions.timeout.map { startTimer($0) }
        let backend = runner.backend
        let output = StreamOutput(
            channel: channel, attempt: StreamChannel.Attempt(skipping: channel.accepted),
            store: { try backend.store($0) })
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
