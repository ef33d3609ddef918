import ApusCore
import ApusInsight
import ApusScheduling
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs tasks and actors in this process, on threads of their own.
final class EmbeddedBackend: Backend {
    let isolation: EmbeddedIsolation
    let total: Resources
    /// Threads for tasks that hold processors: as many as there are processors.
    private let workers: WorkerThreads
    /// Threads for actors and tasks without processors, so that they answer while all workers compute.
    let auxiliary: WorkerThreads
    private let front = Mutex<Front?>(nil)
    let actors = ActorDirectory()

    /// Not weak: a weak reference gives the cluster a side table, which slows down each retain of it, two per task.
    private struct Front {
        unowned let cluster: Cluster
    }

    /// What was submitted and not yet looked at, newest first: a stack that submitters push onto without a lock.
    private let inbox = Atomic<Unmanaged<ObjectCell>?>(nil)
    /// Whether a standard task could start at once: then its submitter must look after it.
    private let hasFreeProcessor = Atomic(true)
    private let closing = Atomic(false)
    /// Whether a runner looks out for new tasks, so that submitters need not. At most one does.
    private let hasLookout = Atomic(false)

    private struct Core {
        var dispatcher: Dispatcher<ObjectCell>
        var runners: [ObjectIdentifier: Runner] = [:]
        var onIdle: [UnsafeContinuation<Void, Never>] = []
        /// Tasks whose groups have ended. Who submitted them calls `admit` next.
        var orphans: [Refused] = []
    }

    private typealias Refused = (cell: ObjectCell, cause: TaskError.Cause)

    private let core: Mutex<Core>
    let groups = EmbeddedGroups()

    init(resources: Resources, isolation: EmbeddedIsolation) {
        total = resources
        self.isolation = isolation
        let processors = max(1, Int(resources.cpus.value.rounded(.up)))
        workers = WorkerThreads(count: processors)
        auxiliary = WorkerThreads(count: max(2, processors))
        core = Mutex(Core(dispatcher: Dispatcher(total: resources)))
    }

    var isClosing: Bool { closing.load(ordering: .acquiring) }
    var available: Resources { core.withLock { $0.dispatcher.available } }

    /// The cluster that fronts this backend; it outlives all that runs.
    var cluster: Cluster {
        guard let cluster = front.withLock({ $0?.cluster }) else { preconditionFailure("no cluster was attached") }
        return cluster
    }

    func attach(_ cluster: Cluster) { front.withLock { $0 = Front(cluster: cluster) } }

    var encodesCalls: Bool { isolation == .encoded }
    var taskExecutor: (any TaskExecutor)? { nil }

    // MARK: Submitting

    func prepare(_ cell: ObjectCell, demand: Resources?, from context: RunContext?) throws(ClusterError) {
        guard !isClosing else { throw .closed }
        context?.cell?.add(child: cell)
        guard let demand else { return }
        var bundle: BundleReference?
        if let options = cell.options {
            guard options.environment.isEmpty else {
                throw .needsProcesses(subject: cell.taskName, option: "environment")
            }
            guard options.workingDirectory == nil else {
                throw .needsProcesses(subject: cell.taskName, option: "workingDirectory")
            }
            guard options.maxCalls == nil else {
                throw .needsProcesses(subject: cell.taskName, option: "maxCalls")
            }
        }
        bundle = try place(cell.scheduling, demand: demand, of: cell.taskName)
        guard demand.gpus.units <= 10_000 || demand.gpus.units % 10_000 == 0 else {
            throw .fractionalDevices(subject: cell.taskName, gpus: demand.gpus)
        }
        let priority = cell.options?.priority ?? 0
        let parent = context?.cell?.shape ?? .standard
        let shape = core.withLock { core in
            let job = cell.options?.job?.share ?? core.dispatcher.job(of: parent)
            return core.dispatcher.shape(for: demand, priority: priority, in: bundle, job: job)
        }
        guard let shape else { throw .infeasible(subject: cell.taskName, demand: demand, total: total) }
        cell.shape = shape
        if let bundle { groups.add(cell, to: bundle.group) }
    }

    func start(_ cell: ObjectCell) {
        let node = Unmanaged.passRetained(cell)
        var head = inbox.load(ordering: .relaxed)
        while true {
            cell.next = head
            let (exchanged, found) = inbox.compareExchange(
                expected: head, desired: node, ordering: .sequentiallyConsistent)
            if exchanged { break }
            head = found
        }
        // A standard task waits for a runner to end if no processor is free; the flag is set before the inbox is looked
        // at for the last time, so that one of the two sees the other.
        if cell.shape != .standard || isClosing
            || hasFreeProcessor.load(ordering: .sequentiallyConsistent)
                && !hasLookout.load(ordering: .sequentiallyConsistent)
        {
            admit()
        }
    }

    /// Starts what can be started now.
    private func admit() {
        var started: [(Runner, ObjectCell)] = []
        var refused: [Refused] = []
        core.withLock { core in admit(&core, into: &started, refused: &refused) }
        for (runner, cell) in started { runner.start(with: cell) }
        for (cell, cause) in refused { cell.fail(cause) }
    }

    private func admit(
        _ core: inout Core, into started: inout [(Runner, ObjectCell)], refused: inout [Refused]
    ) {
        repeat {
            takeInbox(&core)
            if !core.orphans.isEmpty {
                refused += core.orphans
                core.orphans = []
            }
            if isClosing {
                refused += core.dispatcher.drain().map { ($0, .cancelled) }
            }
            while let (cell, shape) = core.dispatcher.admit() {
                // Of several bundles, the one with room.
                cell.shape = shape
                let runner = Runner(backend: self, threads: threads(for: shape, in: core.dispatcher))
                core.runners[ObjectIdentifier(runner)] = runner
                started.append((runner, cell))
            }
            hasFreeProcessor.store(core.dispatcher.hasFreeProcessor, ordering: .sequentiallyConsistent)
        } while inbox.load(ordering: .sequentiallyConsistent) != nil
        for group in core.dispatcher.takeReadyGroups() { groups.becameReady(group) }
    }

    /// Moves what was submitted into the dispatcher's queues, oldest first.
    private func takeInbox(_ core: inout Core) {
        guard inbox.load(ordering: .relaxed) != nil else { return }
        var newest = inbox.exchange(nil, ordering: .acquiringAndReleasing)
        var oldest: Unmanaged<ObjectCell>?
        while let node = newest {
            newest = node._withUnsafeGuaranteedRef { cell in
                let next = cell.next
                cell.next = oldest
                return next
            }
            oldest = node
        }
        while let node = oldest {
            let cell = node.takeRetainedValue()
            oldest = cell.next
            cell.next = nil
            enqueue(cell, &core)
        }
    }

    private func enqueue(_ cell: ObjectCell, _ core: inout Core) {
        if !core.dispatcher.enqueue(cell, shape: cell.shape), let group = cell.scheduling.groupNumber {
            core.orphans.append((cell, .groupRemoved(group: group)))
        }
    }

    private func threads(
        for shape: Shape, in dispatcher: borrowing Dispatcher<ObjectCell>
    ) -> WorkerThreads {
        shape == .standard || dispatcher.demand(of: shape).cpus > .zero ? workers : auxiliary
    }

    // MARK: Running

    /// The task that a runner takes after another; nil where the runner is to end.
    func next(
        after cell: ObjectCell, execution: ObjectCell.Execution, on runner: Runner, threads: WorkerThreads
    ) -> ObjectCell? {
        if execution == .ended {
            if let next = replacement(for: cell.shape) { return next }
            if cell.shape == .standard, lookOut(), let next = replacement(for: .standard) {
                // More than one task came: the others' processors are free.
                if inbox.load(ordering: .relaxed) != nil { admit() }
                return next
            }
        }

        var started: [(Runner, ObjectCell)] = []
        var refused: [Refused] = []
        var next: ObjectCell?
        var idle: [UnsafeContinuation<Void, Never>] = []
        core.withLock { core in
            if execution != .keepsResources { core.dispatcher.finish(cell.shape) }
            if execution == .again || execution == .againElsewhere {
                enqueue(cell, &core)
            }
            admit(&core, into: &started, refused: &refused)
            let canGoOn = execution == .ended || execution == .again || execution == .keepsResources
            if canGoOn,
                let index = started.firstIndex(where: { _, cell in
                    self.threads(for: cell.shape, in: core.dispatcher) === threads
                })
            {
                let (unused, taken) = started.remove(at: index)
                core.runners[ObjectIdentifier(unused)] = nil
                next = taken
            } else {
                core.runners[ObjectIdentifier(runner)] = nil
                if core.runners.isEmpty { swap(&idle, &core.onIdle) }
            }
        }
        for (runner, cell) in started { runner.start(with: cell) }
        for (cell, cause) in refused { cell.fail(cause) }
        for continuation in idle { continuation.resume() }
        return next
    }

    private func replacement(for shape: Shape) -> ObjectCell? {
        core.withLock { core in
            takeInbox(&core)
            return core.dispatcher.replace(shape)
        }
    }

    /// Waits some microseconds for a next task. To end a runner and start another costs two futex calls, as much as
    /// several empty tasks; a stream of them comes with shorter gaps than that.
    ///
    /// - Returns: whether there is one. The flag is cleared before the inbox is looked at for the last time, so that a
    ///   submitter that saw it set is seen.
    private func lookOut() -> Bool {
        guard !threadsAreWanted, !hasLookout.exchange(true, ordering: .sequentiallyConsistent) else { return false }
        for _ in 0..<Self.looks {
            if inbox.load(ordering: .relaxed) != nil || isClosing || threadsAreWanted { break }
            sched_yield()
        }
        hasLookout.store(false, ordering: .sequentiallyConsistent)
        return inbox.load(ordering: .sequentiallyConsistent) != nil
    }

    private static let looks = 50
    /// Whether resumed tasks wait for a thread.
    private var threadsAreWanted: Bool { workers.hasWaitingJobs }

    func taskBlocked(_ cell: ObjectCell) {
        core.withLock { $0.dispatcher.block(cell.shape) }
        admit()
    }

    func taskUnblocked(_ cell: ObjectCell) {
        core.withLock { core in
            core.dispatcher.unblock(cell.shape)
            hasFreeProcessor.store(core.dispatcher.hasFreeProcessor, ordering: .sequentiallyConsistent)
        }
    }

    func cancel(_ cell: ObjectCell, force: Bool) {
        end(cell, .cancelled)
    }

    /// Ends a task, and what it submitted. It is complete before it sees that, so that it fails with this cause.
    private func end(_ cell: ObjectCell, _ cause: TaskError.Cause) {
        let children = cell.openChildren()
        if !cell.isRunning { cell.interrupt(.cancelled) }
        cell.fail(cause)
        for child in children { cancel(child) }
    }

    // MARK: Placement groups

    func createGroup(_ bundles: [Resources], _ strategy: PlacementStrategy) async throws -> UInt64 {
        guard !isClosing else { throw ClusterError.closed }
        let group = groups.create()
        core.withLock { $0.dispatcher.createGroup(group, bundles) }
        admit()
        return group.number
    }

    func groupIsReady(_ group: UInt64) async -> Bool { await groups.isReady(GroupID(group)) }

    func removeGroup(_ group: UInt64) async throws {
        let id = GroupID(group)
        let queued = core.withLock { core in
            takeInbox(&core)
            return core.dispatcher.removeGroup(id)
        }
        for cell in queued { cell.fail(.groupRemoved(group: group)) }
        for cell in groups.remove(id) {
            end(cell, .groupRemoved(group: group))
            cell.groupRemoved()
        }
        admit()
    }

    /// Gives back what an actor held.
    func release(_ shape: Shape) {
        core.withLock { $0.dispatcher.finish(shape) }
        admit()
    }

    func store<Value: Sendable & Codable>(_ value: Value) throws(CodingError) -> Value {
        isolation == .shared ? value : try Payload(encoding: value).decode(Value.self)
    }

    // MARK: Ending

    func metrics() async throws(ClusterError) -> String {
        var totals = MetricTotals()
        if let reader = ProcessMetrics.shared.reader { totals.add(reader, process: "driver") }
        var text = MetricsText()
        totals.write(into: &text)
        return text.text
    }

    func shutdown() async {
        closing.store(true, ordering: .sequentiallyConsistent)
        groups.close()
        await actors.stopAll()
        while true {
            admit()
            let running = core.withLock { Array($0.runners.values) }
            if running.isEmpty { break }
            for runner in running { runner.cancel() }
            await withUnsafeContinuation { continuation in
                let isIdle = core.withLock { core in
                    if core.runners.isEmpty { return true }
                    core.onIdle.append(continuation)
                    return false
                }
                if isIdle { continuation.resume() }
            }
        }
        workers.stop()
        auxiliary.stop()
    }
}
