import ApusCore
import Synchronization

/// Tasks, objects and actors of one program. Made by `withCluster`; ends when its body does.
public final class Cluster: Sendable {
    package let backend: any Backend
    /// The system of the cluster's distributed actors.
    public let actorSystem: ApusActorSystem
    let calls = CallRegistry()
    let lastJob = Atomic(0)

    package init(backend: any Backend) {
        self.backend = backend
        actorSystem = ApusActorSystem(backend: backend)
    }

    /// The cluster that the calling code belongs to: inside a task the one that runs it, in the body of `withCluster`
    /// that one.
    public static var current: Cluster? { RunContext.current?.cluster }

    /// All resources of the cluster.
    public var resources: Resources { backend.total }

    /// The resources that are free at the moment.
    public var availableResources: Resources { backend.available }

    // MARK: Objects

    /// Stores a value and returns a reference to it.
    ///
    /// In a cluster of processes a large value goes to the node's object store at once; a full store makes this wait.
    ///
    /// - Throws: `CodingError` where the value cannot be passed on; `ObjectStoreError` where the store stays full.
    public func put<Value: Sendable & Codable>(
        _ value: Value, file: StaticString = #fileID, line: Int = #line
    ) async throws -> ObjectRef<Value> {
        if let stored = try await backend.storeLarge(value, at: Origin(file: "\(file)", line: line)) {
            return ObjectRef(cell: ValueCell(parcel: stored, file: file, line: line))
        }
        return ObjectRef(cell: ValueCell(value: try backend.store(value), file: file, line: line))
    }

    // MARK: Tasks

    /// Submits a task that needs one processor and returns at once.
    ///
    /// - Throws: `ClusterError.closed`.
    public func submit<Job: RemoteTask>(
        _ task: Job, file: StaticString = #fileID, line: Int = #line
    ) throws -> ObjectRef<Job.Output> {
        ObjectRef(cell: try start(TaskCell(task, options: nil, file: file, line: line), inputsOf: task))
    }

    /// Submits a task and returns at once.
    ///
    /// - Throws: `ClusterError.infeasible` where no node can ever meet its demand, `.closed`.
    public func submit<Job: RemoteTask>(
        _ task: Job, _ options: TaskOptions, file: StaticString = #fileID, line: Int = #line
    ) throws -> ObjectRef<Job.Output> {
        ObjectRef(cell: try start(TaskCell(task, options: options, file: file, line: line), inputsOf: task))
    }

    /// Submits a task with several results and returns a reference to each.
    public func submit<Job: RemoteTask, each Value: Sendable & Codable>(
        _ task: Job, _ options: TaskOptions = .init(), file: StaticString = #fileID, line: Int = #line
    ) throws -> (repeat ObjectRef<each Value>) where Job.Output == Results<repeat each Value> {
        let cell = TaskCell(task, options: options, file: file, line: line)
        let parts = (repeat PartCell<each Value>(of: cell, file: file, line: line))
        // Registered before the task starts, so that no result is missed.
        PartsWaiter<Job.Output>.split(cell) { outcome in
            switch outcome {
            case .success(let results): repeat (each parts).succeed(each results.values)
            case .failure(let error): repeat _ = (each parts).fail(error)
            }
        }
        try start(cell, inputsOf: task)
        return (repeat ObjectRef(cell: each parts))
    }

    /// Submits a task that returns an array of known length, and returns a reference to each element.
    ///
    /// The references fail with `TaskError.Cause.wrongResultCount` where the array has another length.
    public func submit<Job: RemoteTask, Element: Sendable & Codable>(
        _ task: Job, results count: Int, _ options: TaskOptions = .init(), file: StaticString = #fileID,
        line: Int = #line
    ) throws -> [ObjectRef<Element>] where Job.Output == [Element] {
        let cell = TaskCell(task, options: options, file: file, line: line)
        let parts = (0..<max(0, count)).map { _ in PartCell<Element>(of: cell, file: file, line: line) }
        PartsWaiter<[Element]>.split(cell) { outcome in
            switch outcome {
            case .success(let values) where values.count == parts.count:
                for (part, value) in zip(parts, values) { part.succeed(value) }
            case .success(let values):
                let error = cell.error(.wrongResultCount(expected: parts.count, found: values.count))
                for part in parts { part.fail(error) }
            case .failure(let error):
                for part in parts { part.fail(error) }
            }
        }
        try start(cell, inputsOf: task)
        return parts.map { ObjectRef(cell: $0) }
    }

    /// Submits a task whose results come one after the other.
    ///
    /// - Parameter buffer: results that may wait for the consumer before the task is made to wait.
    public func submit<Job: StreamingTask>(
        _ task: Job, buffer: Int = 16, _ options: TaskOptions = .init(), file: StaticString = #fileID,
        line: Int = #line
    ) throws -> ObjectStream<Job.Element> {
        let channel = StreamChannel<Job.Element>(limit: max(1, buffer))
        let cell = StreamingCell(task, channel: channel, options: options, file: file, line: line)
        PartsWaiter<Unit>.split(cell) { channel.close($0) }
        try start(cell, inputsOf: task)
        return ObjectStream(channel: channel, cell: cell, cluster: self)
    }

    @discardableResult
    private func start<Cell: ObjectCell, Job>(_ cell: Cell, inputsOf task: Job) throws -> Cell {
        do {
            let context = RunContext.current
            var demand = cell.options?.resources
            if let group = context?.childGroup, cell.options.map({ $0.scheduling == .default }) ?? true {
                cell.captured = group
                demand = demand ?? TaskOptions.standard.resources
            }
            try backend.prepare(cell, demand: demand, from: context)
        } catch {
            // Nobody will see the cell; completing it lets go of whatever waits for it.
            cell.fail(.cancelled)
            throw error
        }
        let inputs = TaskInputs.of(task)
        if inputs.isEmpty {
            if cell.becomeReady() { backend.start(cell) }
        } else {
            InputGate.watch(inputs, for: cell, in: backend)
        }
        return cell
    }

    /// Ends a task. One that is queued never runs; one that runs is cancelled as Swift tasks are. Its reference fails
    /// with a `TaskError` whose cause is `cancelled`. Finished tasks are not affected.
    ///
    /// - Parameter force: whether the process that runs the task is ended, for one that does not obey. Embedded tasks
    ///   have none, and are cancelled as without it.
    public func cancel<Value>(_ reference: ObjectRef<Value>, force: Bool = false) {
        backend.cancel(reference.cell.producer, force: force)
    }

    // MARK: Results

    /// The value of an object, once it exists.
    ///
    /// - Throws: `TaskError` of the task that computes it; `ClusterError.timedOut`; `CancellationError`.
    public func get<Value>(_ reference: ObjectRef<Value>, timeout: Duration? = nil) async throws -> Value {
        if timeout != nil { _ = try await get([reference], timeout: timeout) }
        return try await reference.value
    }

    /// The values of objects, in the order of the references, once all exist.
    ///
    /// - Throws: the first error in the order of the references; `ClusterError.timedOut`; `CancellationError`.
    public func get<Value>(_ references: [ObjectRef<Value>], timeout: Duration? = nil) async throws -> [Value] {
        if let timeout {
            guard try await isReady(references.map(\.cell), timeout: timeout) else {
                throw ClusterError.timedOut(after: timeout)
            }
        }
        // From the end: tasks end about in the order of submission, so that the last one's end finds nearly all
        // complete, and this suspends a few times instead of once per object.
        for reference in references.reversed() where !reference.cell.isComplete {
            try await RunContext.wait(for: reference.cell)
        }
        var values: [Value] = []
        values.reserveCapacity(references.count)
        for reference in references {
            if reference.cell.parcel != nil, reference.cell.failure == nil { return try await load(references) }
            values.append(try reference.cell.result())
        }
        return values
    }

    /// The values of complete objects some of which are in the store.
    private func load<Value>(_ references: [ObjectRef<Value>]) async throws -> [Value] {
        var values: [Value?] = Array(repeating: nil, count: references.count)
        var stored: [(index: Int, cell: ValueCell<Value>)] = []
        for (index, reference) in references.enumerated() {
            if reference.cell.parcel == nil {
                values[index] = try reference.cell.result()
            } else {
                stored.append((index, reference.cell))
            }
        }
        guard let objects = stored.first?.cell.parcel?.objects else { return values.compactMap { $0 } }
        var next = 0
        do {
            try await InputFetch.inParts(stored.map(\.cell), of: objects) { part, read in
                for _ in part {
                    values[stored[next].index] = try stored[next].cell.result(from: read)
                    next += 1
                }
            }
        } catch is ObjectStoreError {
            // One by one, for the error of the one that it is about.
            for (index, cell) in stored[next...] { values[index] = try await cell.load() }
        }
        return values.compactMap { $0 }
    }

    private func isReady(_ cells: [ObjectCell], timeout: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now + timeout
        for cell in cells.reversed() where !cell.isComplete {
            let waiter = ContinuationWaiter()
            guard cell.add(waiter) else { continue }
            let reason = await RunContext.lending { await waiter.wait(atMost: deadline - ContinuousClock.now) }
            guard reason == .completed || cell.isComplete else {
                cell.remove(waiter)
                if reason == .cancelled { throw CancellationError() }
                return false
            }
        }
        return true
    }

    /// Waits until some of the objects exist, or have failed, or time is up.
    ///
    /// A loop that waits for what is left need not copy the list each time: `left = try await cluster.wait(for: consume
    /// left).pending`.
    ///
    /// - Returns: the references that are ready, at most `count`, and the others; both in the order given.
    /// - Throws: `ClusterError.invalidCount` unless 1 ≤ count ≤ references; `CancellationError`.
    public func wait<Value>(
        for references: consuming [ObjectRef<Value>], count: Int = 1, timeout: Duration? = nil
    ) async throws -> (ready: [ObjectRef<Value>], pending: [ObjectRef<Value>]) {
        var pending = references
        guard count >= 1, count <= pending.count else {
            throw ClusterError.invalidCount(count, references: pending.count)
        }
        var missing = count
        for reference in pending where reference.cell.isComplete {
            missing -= 1
            if missing == 0 { break }
        }
        if missing > 0 {
            let group = WaitGroup()
            var registered: [(ObjectCell, Waiter)] = []
            for (index, reference) in pending.enumerated() {
                if let waiter = group.add(reference.cell, index: index) { registered.append((reference.cell, waiter)) }
            }
            let outcome = await RunContext.lending { await group.take(count: count, timeout: timeout) }
            for (cell, waiter) in registered where !cell.isComplete { cell.remove(waiter) }
            if outcome.reason == .cancelled { throw CancellationError() }
        }
        guard count > 1 else {
            guard let index = pending.firstIndex(where: { $0.cell.isComplete }) else { return ([], pending) }
            return ([pending.remove(at: index)], pending)
        }
        var ready: [ObjectRef<Value>] = []
        pending.removeAll { reference in
            guard ready.count < count, reference.cell.isComplete else { return false }
            ready.append(reference)
            return true
        }
        return (ready, pending)
    }

    /// The references in the order in which their objects come to exist, or fail.
    public func asCompleted<Value>(_ references: [ObjectRef<Value>]) -> CompletionOrder<Value> {
        CompletionOrder(references: references)
    }

    /// Runs a task for each element of a sequence, a bounded number of them at a time, and yields the results in the
    /// sequence's order.
    ///
    /// ```swift
    /// for try await counts in cluster.map(files, inFlight: 8, { CountWords(file: .value($0)) }) { … }
    /// ```
    public func map<Elements: Sequence, Job: RemoteTask>(
        _ elements: Elements, inFlight: Int, options: TaskOptions = .init(), file: StaticString = #fileID,
        line: Int = #line, _ task: @escaping (Elements.Element) -> Job
    ) -> OrderedResults<Elements, Job> {
        OrderedResults(
            cluster: self, elements: elements, limit: max(1, inFlight), options: options, file: file, line: line,
            task: task)
    }
}
