import ApusCore
import ApusInsight
import ApusTransport
import DequeModule
import Synchronization

/// Runs the tasks that other processes send to this one.
///
/// Each lease has a lane: one Swift task that runs the lease's tasks one after the other. A task that waits suspends its
/// lane, and the owner takes back what is queued behind it.
final class TaskServer: Sendable {
    private unowned let backend: LocalBackend
    private struct Lanes {
        var open: [UInt64: TaskLane] = [:]
        /// Leases that the node took away: what their owners had sent by then comes too late, and is withdrawn by them.
        var takenAway = RecentLeases()
    }
    private let lanes = Mutex(Lanes())
    /// Lanes whose owner ended, until the node asks for them.
    private let aborted = Mutex<[UInt64: TaskLane]>([:])

    /// How often tasks with a limit ran here, by their types' names.
    private let calls = Mutex<[String: UInt32]>([:])
    private let spent = Atomic(false)

    init(backend: LocalBackend) { self.backend = backend }

    /// Whether this process has run as many tasks of a type as it may: it begins no others, and ends.
    var isSpent: Bool { spent.load(ordering: .acquiring) }

    /// Notes that a task with a limit begins here.
    func count(_ task: IncomingTask) {
        let calls = calls.withLock { calls in
            calls[task.type.name, default: 0] += 1
            return calls[task.type.name, default: 0]
        }
        guard calls >= task.maxCalls, !spent.exchange(true, ordering: .acquiringAndReleasing) else { return }
        backend.node.send(.spent)
    }

    func received(_ reader: inout ByteReader, from peer: Peer) throws {
        let task = try IncomingTask(&reader, from: peer)
        lane(task.lease, of: peer)?.append(task)
    }

    /// The lane of a lease; nil where it was taken away.
    private func lane(_ lease: UInt64, of peer: Peer) -> TaskLane? {
        lanes.withLock { lanes in
            if let lane = lanes.open[lease] { return lane }
            guard !lanes.takenAway.contains(lease) else { return nil }
            let lane = TaskLane(lease: lease, peer: peer, backend: backend)
            lanes.open[lease] = lane
            return lane
        }
    }

    func cancel(_ reader: inout ByteReader, from peer: Peer) throws {
        let lease = try reader.number(UInt64.self)
        let slot = try reader.number(UInt32.self)
        let generation = try reader.number(UInt32.self)
        lanes.withLock { $0.open[lease] }?.cancel(slot: slot, generation: generation)
    }

    func streamCredit(_ reader: inout ByteReader, from peer: Peer) throws {
        let lease = try reader.number(UInt64.self)
        let slot = try reader.number(UInt32.self)
        let generation = try reader.number(UInt32.self)
        let taken = try reader.number(UInt64.self)
        lanes.withLock { $0.open[lease] }?.streamCredit(slot: slot, generation: generation, taken: taken)
    }

    /// The lease was given back: no further tasks come on it.
    func ended(lease: UInt64) {
        let lane = lanes.withLock { $0.open.removeValue(forKey: lease) }
        lane?.end()
    }

    /// Whether no lease is served.
    var isIdle: Bool { lanes.withLock { $0.open.isEmpty } && aborted.withLock { $0.isEmpty } }

    /// The owner of leases ended: nobody wants their tasks' results.
    func ownerEnded(_ peer: UInt64) {
        let ended = lanes.withLock { lanes in
            let ended = lanes.open.values.filter { $0.peer.id == peer }
            for lane in ended { lanes.open[lane.lease] = nil }
            return ended
        }
        for lane in ended {
            aborted.withLock { $0[lane.lease] = lane }
            lane.abort()
        }
    }

    /// The node wants to know when nothing runs any more on a lease whose owner ended, or that was taken away.
    func orphaned(lease: UInt64) {
        let open = lanes.withLock { lanes in
            lanes.takenAway.insert(lease)
            return lanes.open.removeValue(forKey: lease)
        }
        open?.abort()
        let report: @Sendable () -> Void = { [backend] in backend.node.send(.orphanEnded(lease: lease)) }
        if let lane = aborted.withLock({ $0.removeValue(forKey: lease) }) {
            lane.whenIdle(report)
        } else if let open {
            open.whenIdle(report)
        } else {
            report()
        }
    }
}

/// The leases that were noted last.
private struct RecentLeases {
    /// More than messages can be on their way for.
    private static let limit = 1024
    private var order = Deque<UInt64>()
    private var members: Set<UInt64> = []

    func contains(_ lease: UInt64) -> Bool { members.contains(lease) }

    mutating func insert(_ lease: UInt64) {
        guard members.insert(lease).inserted else { return }
        order.append(lease)
        if order.count > Self.limit, let oldest = order.popFirst() { members.remove(oldest) }
    }
}

/// A task as it came in a message.
final class IncomingTask: Sendable {
    let lease: UInt64
    let slot: UInt32
    let generation: UInt32
    let type: ServedType
    /// How long it may run.
    let timeout: Duration?
    /// Tasks of the type that a process may run; 0 for any number.
    let maxCalls: UInt32
    /// The placement group that what it submits inherits.
    let childGroup: CapturedGroup?
    /// Results that may wait for the consumer, and elements that it has had already. For streams.
    let streamLimit: UInt32
    let streamAccepted: UInt64
    /// The names that its result is to have, where that was lost.
    let names: ResultNames?
    let body: Parcel.Arrival

    init(_ reader: inout ByteReader, from peer: Peer) throws {
        lease = try reader.number(UInt64.self)
        slot = try reader.number(UInt32.self)
        generation = try reader.number(UInt32.self)
        type = try peer.servedType(try reader.number(UInt32.self))
        let limit = try reader.number(Int64.self)
        timeout = limit == 0 ? nil : .nanoseconds(limit)
        maxCalls = try reader.number(UInt32.self)
        let hasGroup = try reader.number(UInt8.self) != 0
        childGroup =
            hasGroup
            ? CapturedGroup(try BinaryDecoder().decode(PlacementGroup.self, from: Array(try reader.run()))) : nil
        streamLimit = try reader.number(UInt32.self)
        streamAccepted = streamLimit == 0 ? 0 : try reader.number(UInt64.self)
        guard slot < ChannelLayout.slotCount else { throw TransportError.malformed(reason: "its slot is \(slot)") }
        names = peer.takeNames(slot: slot, generation: generation)
        body = try Parcel.Arrival(reader.rest(), from: peer)
    }

    static func writeHead(
        into writer: inout ByteWriter, lease: UInt64, slot: UInt32, generation: UInt32, type: UInt32,
        timeout: Duration?, maxCalls: Int?, childGroup: CapturedGroup?, streamLimit: UInt32 = 0,
        streamAccepted: UInt64 = 0
    ) throws(CodingError) {
        writer.number(lease)
        writer.number(slot)
        writer.number(generation)
        writer.number(type)
        // A limit of less than a nanosecond is one of a nanosecond; none is zero.
        writer.number(timeout.map { max(1, ($0 / .nanoseconds(1)).clampedToInt64) } ?? 0)
        writer.number(UInt32(clamping: maxCalls ?? 0))
        writer.number(childGroup == nil ? 0 : 1 as UInt8)
        if let childGroup { writer.run(try BinaryEncoder().encode(childGroup.group)) }
        writer.number(streamLimit)
        if streamLimit > 0 { writer.number(streamAccepted) }
    }
}

extension Double {
    fileprivate var clampedToInt64: Int64 { self >= 9e18 ? .max : self <= -9e18 ? .min : Int64(self) }
}

/// The task that runs in a lane, as its own code sees it: what it submits belongs to it, and when it waits it lends its
/// processor.
final class ServedCell: ObjectCell, @unchecked Sendable {
    // Immutable.
    let incoming: IncomingTask
    /// Its type's, among the names of this process's events.
    let name: UInt16
    unowned let lane: TaskLane
    init(_ incoming: IncomingTask, lane: TaskLane) {
        self.incoming = incoming
        self.lane = lane
        name = incoming.type.eventName(in: lane.backend.recorder)
        super.init(phase: .running, file: #fileID, line: #line)
        captured = incoming.childGroup
    }

    override var taskName: String { incoming.type.label }
}

/// Runs the tasks of one lease, one after the other.
final class TaskLane: @unchecked Sendable {
    // All variables are only touched with `lock` held.
    let lease: UInt64
    let peer: Peer
    let backend: LocalBackend
    private let lock = Mutex(())
    @exclusivity(unchecked) private var queue = Deque<IncomingTask>()
    @exclusivity(unchecked) private var waiting: UnsafeContinuation<IncomingTask?, Never>?
    @exclusivity(unchecked) private var runner: Task<Void, Never>?
    @exclusivity(unchecked) private var current: ServedCell?
    @exclusivity(unchecked) private var output: StreamCredits?
    @exclusivity(unchecked) private var isCancelled = false
    @exclusivity(unchecked) private var isEnded = false
    /// The owner ended.
    @exclusivity(unchecked) private var isAborted = false
    @exclusivity(unchecked) private var onIdle: (@Sendable () -> Void)?
    /// How often the task that runs waits at the moment: its child tasks may wait at the same time.
    @exclusivity(unchecked) private var waits = 0

    init(lease: UInt64, peer: Peer, backend: LocalBackend) {
        self.lease = lease
        self.peer = peer
        self.backend = backend
    }

    func append(_ task: IncomingTask) {
        let continuation: UnsafeContinuation<IncomingTask?, Never>? = lock.withLock { _ in
            if let waiting {
                self.waiting = nil
                return waiting
            }
            queue.append(task)
            if runner == nil { start() }
            return nil
        }
        continuation?.resume(returning: task)
    }

    private func start() {
        isCancelled = false
        runner = Task(executorPreference: backend.threads) { await self.run() }
    }

    private nonisolated(nonsending) func run() async {
        while let task = await next() {
            await execute(task)
            let goesOn = lock.withLock { _ in
                guard isCancelled else { return true }
                // A cancelled Swift task stays cancelled: a fresh one goes on.
                runner = nil
                if !queue.isEmpty { start() }
                return false
            }
            guard goesOn else { return }
        }
    }

    private nonisolated(nonsending) func next() async -> IncomingTask? {
        if let task = lock.withLock({ _ in queue.popFirst() }) { return task }
        return await withUnsafeContinuation { continuation in
            var task: IncomingTask?
            let resumes = lock.withLock { _ in
                task = queue.popFirst()
                if task != nil || isEnded { return true }
                waiting = continuation
                return false
            }
            if resumes { continuation.resume(returning: task) }
        }
    }

    func cancel(slot: UInt32, generation: UInt32) {
        let children: [ObjectCell] = lock.withLock { _ in
            guard let current, current.incoming.slot == slot, current.incoming.generation == generation else {
                return []
            }
            isCancelled = true
            runner?.cancel()
            return current.openChildren()
        }
        for child in children { backend.cancel(child) }
    }

    func streamCredit(slot: UInt32, generation: UInt32, taken: UInt64) {
        let output: StreamCredits? = lock.withLock { _ in
            guard let current, current.incoming.slot == slot, current.incoming.generation == generation else {
                return nil
            }
            return self.output
        }
        output?.grant(taken: taken)
    }

    /// No further tasks come.
    func end() {
        let continuation: UnsafeContinuation<IncomingTask?, Never>? = lock.withLock { _ in
            isEnded = true
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: nil)
    }

    /// Nobody wants what is left.
    func abort() {
        let children: [ObjectCell] = lock.withLock { _ in
            queue = Deque()
            isAborted = true
            isCancelled = true
            runner?.cancel()
            return current?.openChildren() ?? []
        }
        for child in children { backend.cancel(child) }
        end()
    }

    /// Calls once nothing runs any more, in a lane that was aborted.
    func whenIdle(_ report: @escaping @Sendable () -> Void) {
        let isIdle = lock.withLock { _ in
            if current != nil { onIdle = report }
            return current == nil
        }
        if isIdle { report() }
    }

    // MARK: Waiting

    /// The task that runs waits: its owner takes back what is queued behind it, the node lends its processors.
    func blocked() {
        let first = lock.withLock { _ in
            waits += 1
            return waits == 1
        }
        guard first, let current = lock.withLock({ _ in self.current }) else { return }
        let slot = Int(current.incoming.slot)
        let running = SlotWord(generation: current.incoming.generation, phase: .running)
        let suspended = SlotWord(generation: current.incoming.generation, phase: .suspended)
        _ = peer.channel.receivedSlots.exchange(slot, expected: running.word, desired: suspended.word)
        record(.waits, current)
        notify(WireKind.leaseSuspended)
        backend.node.blocked(lease)
    }

    func unblocked() {
        let last = lock.withLock { _ in
            waits -= 1
            return waits == 0
        }
        guard last, let current = lock.withLock({ _ in self.current }) else { return }
        let slot = Int(current.incoming.slot)
        let running = SlotWord(generation: current.incoming.generation, phase: .running)
        let suspended = SlotWord(generation: current.incoming.generation, phase: .suspended)
        _ = peer.channel.receivedSlots.exchange(slot, expected: suspended.word, desired: running.word)
        backend.node.unblocked(lease)
        record(.goesOn, current)
        notify(WireKind.leaseResumed)
    }

    private func record(_ kind: EventKind, _ cell: ServedCell) {
        backend.recorder.record(
            kind, name: cell.name, other: peer.id,
            flight: EventRecord.flight(slot: Int(cell.incoming.slot), generation: cell.incoming.generation))
    }

    private func notify(_ kind: UInt32) {
        var writer = ByteWriter(capacity: 8)
        writer.number(lease)
        peer.channel.send(kind: kind, writer.bytes)
    }

    // MARK: Running

    private nonisolated(nonsending) func execute(_ task: IncomingTask) async {
        let slots = peer.channel.receivedSlots
        let queued = SlotWord(generation: task.generation, phase: .queued)
        let running = SlotWord(generation: task.generation, phase: .running)
        // First it is the current one, then it begins: so the owner either takes it back or finds it to cancel.
        let cell = ServedCell(task, lane: self)
        let isWanted = lock.withLock { _ in
            current = cell
            return !isAborted && !backend.server.isSpent
        }
        guard isWanted, slots.exchange(Int(task.slot), expected: queued.word, desired: running.word) else {
            ended()
            return
        }
        if task.maxCalls > 0 { backend.server.count(task) }
        backend.recorder.setCurrent(cell.name)
        record(.started, cell)
        defer { record(.ended, cell) }
        let context = RunContext(cluster: backend.cluster, cell: cell)
        let timer = task.timeout.map { startTimer($0, for: task) }
        defer { timer?.cancel() }
        await RunContext.$current.withValue(context) {
            switch task.type.kind {
            case .task(let type): await run(type, task)
            case .stream(let type): await run(type, task)
            case .unknown(let error): answer(task, failed: error)
            }
        }
        ended()
    }

    private func ended() {
        let report = lock.withLock { _ in
            current = nil
            output = nil
            return onIdle.take()
        }
        report?()
    }

    /// Ends the task when its time is up, and tells its owner, which need not wait for the task to obey.
    private func startTimer(_ limit: Duration, for task: IncomingTask) -> Task<Void, Never> {
        Task {
            try? await Task.sleep(for: limit)
            guard !Task.isCancelled else { return }
            var writer = ByteWriter(capacity: 8)
            writer.number(task.slot)
            writer.number(task.generation)
            peer.channel.send(kind: WireKind.timedOut, writer.bytes)
            cancel(slot: task.slot, generation: task.generation)
        }
    }

    private nonisolated(nonsending) func run<Job: RemoteTask>(_ type: Job.Type, _ task: IncomingTask) async {
        let start = Ticks.now
        do {
            let job = try await load(type, task)
            let value = try await job.run()
            let outgoing = try backend.objects.outgoing(value)
            let stored =
                outgoing.isLarge
                ? try await backend.objects.store(value, outgoing, site: .current, as: task.names) : nil
            var writer = ByteWriter()
            Self.writeHead(into: &writer, task, status: 0, ticks: Ticks.now - start)
            try Parcel.write(value, outgoing, stored, into: &writer, to: peer)
            peer.channel.send(kind: WireKind.result, writer.bytes)
        } catch {
            answer(task, failed: error, ticks: Ticks.now - start)
        }
    }

    private nonisolated(nonsending) func run<Job: StreamingTask>(_ type: Job.Type, _ task: IncomingTask) async {
        let start = Ticks.now
        let credits = StreamCredits(limit: UInt64(task.streamLimit), taken: task.streamAccepted)
        lock.withLock { _ in output = credits }
        do {
            let job = try await load(type, task)
            let sender = StreamSender<Job.Element>(task, credits: credits, peer: peer)
            try await job.run(into: StreamOutput { try await sender.send($0) })
            var writer = ByteWriter()
            Self.writeHead(into: &writer, task, status: 0, ticks: Ticks.now - start)
            try Parcel.write(Unit(), into: &writer, to: peer)
            peer.channel.send(kind: WireKind.result, writer.bytes)
        } catch {
            answer(task, failed: error, ticks: Ticks.now - start)
        }
    }

    /// The task with the values of its inputs.
    private nonisolated(nonsending) func load<Job: Decodable>(_ type: Job.Type, _ task: IncomingTask) async throws
        -> Job
    {
        guard task.body.mayNeedStore else { return try task.body.decode(type, in: backend) }
        do {
            return try await task.body.load(type, in: backend)
        } catch let error as ObjectStoreError where error.kind == .lost {
            throw InputLost(reason: error.message)
        }
    }

    /// A task's input has no value any more.
    private struct InputLost: Error {
        let reason: String
    }

    static let failed: UInt8 = 1
    static let cancelled: UInt8 = 2
    static let codingFailed: UInt8 = 3
    /// Its lease was taken away with its placement group.
    static let takenAway: UInt8 = 4
    static let inputLost: UInt8 = 5

    private func answer(_ task: IncomingTask, failed error: any Error, ticks: UInt64 = 0) {
        var writer = ByteWriter()
        let (isCancelled, isAborted) = lock.withLock { _ in (self.isCancelled, self.isAborted) }
        switch error {
        case let error as CodingError:
            Self.writeHead(into: &writer, task, status: Self.codingFailed, ticks: ticks)
            writer.run((try? BinaryEncoder().encode(error)) ?? [])
        case let error as InputLost:
            Self.writeHead(into: &writer, task, status: Self.inputLost, ticks: ticks)
            writer.text(error.reason)
        case _ where isCancelled && (error is CancellationError || (error as? TaskError)?.isCancellation == true):
            Self.writeHead(
                into: &writer, task, status: isAborted ? Self.takenAway : Self.cancelled, ticks: ticks)
        default:
            Self.writeHead(into: &writer, task, status: Self.failed, ticks: ticks)
            let failure = error as? RemoteFailure ?? RemoteFailure(error)
            let words = RemoteFailure(typeName: failure.typeName, message: failure.message, underlying: nil)
            // An error whose own encoding fails still travels by its words.
            writer.run((try? BinaryEncoder().encode(failure)) ?? (try? BinaryEncoder().encode(words)) ?? [])
        }
        peer.channel.send(kind: WireKind.result, writer.bytes)
    }

    private static func writeHead(into writer: inout ByteWriter, _ task: IncomingTask, status: UInt8, ticks: UInt64) {
        writer.number(task.slot)
        writer.number(task.generation)
        writer.number(ticks)
        writer.number(status)
    }
}
