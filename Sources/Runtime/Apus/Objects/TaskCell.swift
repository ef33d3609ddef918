import ApusCore
import ApusInsight
import ApusTransport
import Synchronization

/// A task and its result.
final class TaskCell<Job: RemoteTask>: ValueCell<Job.Output>, @unchecked Sendable {
    // `job` is written by `init`; runners copy it between `begin` and `endAttempt`, and `releaseTask` drops it when the
    // cell is complete, which may be during an attempt that was given up: hence the lock, for jobs that own memory.
    private let job: Mutex<Job?>
    private let box: OptionsBox?

    final class OptionsBox: Sendable {
        let options: TaskOptions
        init(_ options: TaskOptions) { self.options = options }
    }

    init(_ task: Job, options: TaskOptions?, file: StaticString, line: Int) {
        job = Mutex(task)
        box = options.map(OptionsBox.init)
        super.init(phase: .waiting, file: file, line: line)
    }

    override var taskName: String { box?.options.name ?? String(describing: Job.self) }
    override var options: TaskOptions? { box?.options }

    override func nameNumber(in recorder: EventRecorder) -> UInt16? {
        if let name = box?.options.name { return recorder.name(name) }
        return recorder.name(of: UInt(bitPattern: ObjectIdentifier(Job.self))) { String(describing: Job.self) }
    }

    /// A job without references is freed with the cell: looking up its optional's metadata here would cost more.
    override func releaseTask() {
        if !_isPOD(Job.self) { job.withLock { $0 = nil } }
    }

    override func writeTask(
        into writer: inout ByteWriter, lease: UInt64, slot: UInt32, generation: UInt32, to peer: Peer
    ) throws(CodingError) {
        guard let task = job.withLock({ $0 }) else { throw .missingReference(index: 0) }
        try Self.write(task, box, childGroup, into: &writer, lease, slot, generation, peer)
    }

    /// Options are passed by reference on the way of each task: they are some hundreds of bytes.
    private static func write(
        _ task: Job, _ box: OptionsBox?, _ childGroup: CapturedGroup?, into writer: inout ByteWriter, _ lease: UInt64,
        _ slot: UInt32,
        _ generation: UInt32, _ peer: Peer
    ) throws(CodingError) {
        try IncomingTask.writeHead(
            into: &writer, lease: lease, slot: slot, generation: generation, type: try peer.number(of: Job.self),
            timeout: box?.options.timeout, maxCalls: box?.options.maxCalls, childGroup: childGroup)
        try Parcel.write(task, into: &writer, to: peer)
    }

    override func recipe() -> TaskRecipe? {
        guard let task = job.withLock({ $0 }) else { return nil }
        let (box, childGroup) = (box, childGroup)
        return { (writer, lease, slot, generation, peer) throws(CodingError) in
            try Self.write(task, box, childGroup, into: &writer, lease, slot, generation, peer)
        }
    }

    override func storedTask(in backend: LocalBackend) throws(CodingError) -> StoredTask? {
        guard let task = job.withLock({ $0 }) else { return nil }
        return StoredTask(Job.self, try Payload(encoding: task, userInfo: backend.userInfo), of: self)
    }

    override func execute(on runner: Runner) async -> Execution {
        guard begin(on: runner) else { return .ended }
        // Dropped where somebody completed it just now.
        guard let task = job.withLock({ $0 }) else { return endAttempt() == nil ? .ended : .cancelled }
        let timer = box?.options.timeout.map { startTimer($0, in: runner.backend) }
        do {
            let value = try await RunContext.$current.withValue(runner.context(for: self)) {
                runner.backend.isolation == .shared
                    ? try await task.run() : try await Self.runApart(try TaskCodec.encode(task))
            }
            timer?.cancel()
            let stop = endAttempt()
            succeed(value)
            return stop == nil ? .ended : .cancelled
        } catch {
            timer?.cancel()
            return conclude(error, stop: endAttempt(), closing: runner.backend.isClosing)
        }
    }

    /// Runs the task as another process would: from bytes to bytes, errors included.
    private static func runApart(_ payload: Payload) async throws -> Job.Output {
        let result: Payload
        do {
            result = try await TaskCodec.run(payload)
        } catch let error where !(error is CodingError || error is CancellationError) {
            throw try Payload(encoding: RemoteFailure(error)).decode(RemoteFailure.self)
        }
        return try result.decode(Job.Output.self)
    }
}

extension ObjectCell {
    /// Fails the cell with what an attempt threw, or asks for another attempt.
    final func conclude(_ thrown: any Error, stop: Stop?, closing: Bool) -> Execution {
        let failure = error(cause(of: thrown, stop: stop, closing: closing))
        if wantsRetry(after: failure), !closing, requeue() { return stop == nil ? .again : .againElsewhere }
        fail(failure)
        return stop == nil ? .ended : .cancelled
    }

    private func cause(of thrown: any Error, stop: Stop?, closing: Bool) -> TaskError.Cause {
        if case .timedOut(let limit)? = stop { return .timedOut(after: limit) }
        if stop != nil || closing, thrown is CancellationError || (thrown as? TaskError)?.isCancellation == true {
            return .cancelled
        }
        if let coding = thrown as? CodingError { return .coding(coding) }
        return .failed(thrown as? RemoteFailure ?? RemoteFailure(thrown))
    }
}

extension ObjectCell {
    /// Whether the task's policy grants another attempt after a failure. The default one retries system failures only.
    final func wantsRetry(after failure: TaskError) -> Bool {
        guard !failure.isCancellation else { return false }
        let options = options ?? .standard
        return (options.retries < 0 || failure.attempts <= options.retries) && options.retryOn.matches(failure)
    }

    /// Ends the attempt when its time is up: the reference fails at once, unless the task will be tried again.
    final func startTimer(_ limit: Duration, in backend: EmbeddedBackend) -> Task<Void, Never> {
        Task {
            try? await Task.sleep(for: limit)
            guard !Task.isCancelled else { return }
            // What the attempt submitted ends with it.
            let children = openChildren()
            timedOut(after: limit)
            for child in children { backend.cancel(child) }
        }
    }

    private func timedOut(after limit: Duration) {
        let failure = error(.timedOut(after: limit))
        let running = interrupt(.timedOut(limit))
        if running, wantsRetry(after: failure) { return }
        fail(failure)
    }
}
