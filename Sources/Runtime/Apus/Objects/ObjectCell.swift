import ApusCore
import ApusInsight
import ApusObjects
import ApusTransport
import Synchronization

/// The owner's record of one object: its place in the program, its state, and who waits for it.
///
/// One class instance per object, and for a task's result the same instance is the task: submitting costs one allocation.
/// Subclasses add the value and what is to be done.
package class ObjectCell: @unchecked Sendable {
    // `guarded` has its own lock, `flight` that of the task owner; `failure` and the subclasses' value are written once before `isComplete` is set with
    // release ordering, and read only after it was seen with acquire ordering; `next` belongs to whoever holds the cell
    // in a queue; the rest is immutable.

    enum Phase: UInt8 {
        /// Inputs are missing.
        case waiting
        case queued
        case running
        case complete
    }

    enum Stop: Sendable {
        case cancelled
        case timedOut(Duration)
    }

    struct Guarded {
        var phase: Phase
        /// Why the attempt that runs is to end early.
        var stop: Stop?
        var attempts: UInt32 = 0
        /// How often its worker was ended for want of memory.
        var memoryKills: UInt8 = 0
        var runner: Runner?
        /// Most objects have at most one waiter.
        var waiter: Waiter?
        var moreWaiters: [Waiter] = []
        /// What the task has submitted, while it runs.
        var children: [WeakCell] = []
    }

    struct WeakCell: Sendable {
        weak let cell: ObjectCell?
    }

    let guarded: Mutex<Guarded>
    private let complete: Atomic<Bool>
    /// The name's number among those of the process's events, and the task's own; 0 where it is no task that is recorded.
    /// Written before the task starts.
    var eventName: UInt16 = 0
    var eventNumber: UInt32 = 0
    private(set) var failure: FailureBox?
    /// The value, where some of it is in the node's object store. As `failure`.
    final fileprivate(set) var parcel: StoredParcel?
    private let file: StaticString
    private let line: UInt32
    /// The cell pushed before this one, while it is in a backend's inbox.
    var next: Unmanaged<ObjectCell>?
    /// The class of its demand, given by the backend.
    var shape = Shape.standard
    /// The placement group that it inherits from the task or actor that submits it. Set before it is started.
    final var captured: CapturedGroup?

    /// Where in another process the task is. Guarded by the lock of the task owner, as `ticket`.
    var flight: Flight?
    /// Its place among all tasks of the process.
    package var ticket: UInt64 = 0

    struct Flight {
        let peer: Peer
        let slot: Int
        let generation: UInt32
    }

    final class FailureBox: Sendable {
        let error: TaskError
        init(_ error: TaskError) { self.error = error }
    }

    init(phase: Phase, file: StaticString, line: Int) {
        guarded = Mutex(Guarded(phase: phase))
        complete = Atomic(phase == .complete)
        self.file = file
        self.line = UInt32(clamping: line)
    }

    package final var isComplete: Bool { complete.load(ordering: .acquiring) }

    package var origin: Origin { Origin(file: "\(file)", line: Int(line)) }

    /// The name for messages.
    package var taskName: String { "put" }

    /// The number of a task's name for events; nil for what is no task.
    func nameNumber(in recorder: EventRecorder) -> UInt16? { nil }

    /// Options other than the default.
    var options: TaskOptions? { nil }

    /// The task that computes this object; itself, unless it is one of several results.
    var producer: ObjectCell { self }

    final var attempts: Int { guarded.withLock { Int($0.attempts) } }

    final func error(_ cause: TaskError.Cause) -> TaskError {
        TaskError(cause: cause, task: taskName, origin: origin, attempts: attempts)
    }

    // MARK: Waiting

    /// Registers a waiter, unless the object is complete.
    final func add(_ waiter: Waiter) -> Bool {
        guarded.withLock { state in
            if state.phase == .complete { return false }
            if state.waiter == nil { state.waiter = waiter } else { state.moreWaiters.append(waiter) }
            return true
        }
    }

    /// Complexity: O(waiters).
    final func remove(_ waiter: Waiter) {
        guarded.withLock { state in
            if state.waiter === waiter {
                state.waiter = state.moreWaiters.popLast()
            } else if let index = state.moreWaiters.lastIndex(where: { $0 === waiter }) {
                state.moreWaiters.remove(at: index)
            }
        }
    }

    // MARK: Completing

    /// Completes the object, unless it is complete: `store` is called first, under the lock. An attempt that still runs is
    /// cancelled, also one that began just now.
    ///
    /// - Returns: whether this call completed it.
    @discardableResult
    final func finish(_ store: () -> Void) -> Bool {
        var runner: Runner?
        var waiter: Waiter?
        var more: [Waiter] = []
        let first = guarded.withLock { state in
            guard state.phase != .complete else { return false }
            store()
            state.phase = .complete
            if state.runner != nil {
                swap(&runner, &state.runner)
                state.stop = state.stop ?? .cancelled
            }
            if !state.children.isEmpty { state.children = [] }
            waiter = state.waiter.take()
            if !state.moreWaiters.isEmpty { swap(&more, &state.moreWaiters) }
            complete.store(true, ordering: .releasing)
            return true
        }
        guard first else { return false }
        runner?.cancel()
        releaseTask()
        waiter?.objectCompleted()
        for waiter in more { waiter.objectCompleted() }
        return true
    }

    @discardableResult
    final func fail(_ error: TaskError) -> Bool {
        let box = FailureBox(error)
        return finish { failure = box }
    }

    @discardableResult
    final func fail(_ cause: TaskError.Cause) -> Bool { isComplete ? false : fail(error(cause)) }

    /// The placement group that it belongs to ended, and so did the task.
    func groupRemoved() {}

    /// Drops what only an unfinished task needs.
    func releaseTask() {}

    // MARK: Running

    /// Runs the task on the calling runner and completes the object, or asks for another attempt.
    func execute(on runner: Runner) async -> Execution { .ended }

    enum Execution {
        /// The runner can take another task.
        case ended
        /// The runner's Swift task was or will be cancelled: it must not take another task.
        case cancelled
        /// The task is to be queued again.
        case again
        /// Both: the task is to be queued again, and the runner ends.
        case againElsewhere
        /// The task keeps its resources beyond its end: it started an actor.
        case keepsResources
    }

    /// Marks the task's inputs as complete. False where it was cancelled before.
    final func becomeReady() -> Bool {
        guarded.withLock { state in
            guard state.phase == .waiting else { return false }
            state.phase = .queued
            return true
        }
    }

    /// Marks the task as running, unless it was cancelled while queued.
    final func begin(on runner: Runner) -> Bool {
        guarded.withLock { state in
            guard state.phase == .queued else { return false }
            state.phase = .running
            state.attempts += 1
            state.runner = runner
            return true
        }
    }

    /// Marks an attempt as ended. Not nil where its runner was cancelled meanwhile and must not be used again.
    final func endAttempt() -> Stop? {
        guarded.withLock { state in
            state.runner = nil
            return state.stop
        }
    }

    /// Back into the queue for another attempt, unless it is complete.
    final func requeue() -> Bool {
        guarded.withLock { state in
            guard state.phase != .complete else { return false }
            state.phase = .queued
            state.stop = nil
            return true
        }
    }

    /// Ends the attempt that is running by cancelling its Swift task. False where none is running.
    @discardableResult
    func interrupt(_ reason: Stop) -> Bool {
        let runner: Runner? = guarded.withLock { state in
            guard let runner = state.runner else { return nil }
            state.stop = state.stop ?? reason
            return runner
        }
        runner?.cancel()
        return runner != nil
    }

    /// Whether the task is running here.
    final var isRunning: Bool { guarded.withLock { $0.runner != nil } }

    /// Marks a queued task as running in another process, unless it was cancelled.
    final func assign() -> Bool {
        guarded.withLock { state in
            guard state.phase == .queued else { return false }
            state.phase = .running
            state.attempts += 1
            return true
        }
    }

    /// The task did not begin after all.
    final func unassign() {
        guarded.withLock { state in
            guard state.phase == .running else { return }
            state.phase = .queued
            state.attempts -= 1
        }
    }

    /// The worker was ended for want of memory. The pause before the next attempt: from a second to a minute.
    final func pauseAfterMemoryKill() -> Duration {
        guarded.withLock { state in
            defer { state.memoryKills = min(16, state.memoryKills + 1) }
            return .seconds(min(60, 1 << Int(state.memoryKills)))
        }
    }

    /// Notes why the attempt that runs is to end early. False where none runs.
    final func markStopped(_ reason: Stop) -> Bool {
        guarded.withLock { state in
            guard state.phase == .running else { return false }
            state.stop = state.stop ?? reason
            return true
        }
    }

    // MARK: Children

    /// Notes that the task submitted another.
    final func add(child: ObjectCell) {
        guarded.withLock { state in
            if state.children.count >= 64, state.children.count.nonzeroBitCount == 1 {
                state.children.removeAll { $0.cell?.isComplete ?? true }
            }
            state.children.append(WeakCell(cell: child))
        }
    }

    /// The tasks that this one submitted and that are not complete.
    final func openChildren() -> [ObjectCell] {
        guarded.withLock { $0.children }.compactMap(\.cell).filter { !$0.isComplete }
    }

    // MARK: Other processes

    /// Writes the task as a message.
    func writeTask(
        into writer: inout ByteWriter, lease: UInt64, slot: UInt32, generation: UInt32, to peer: Peer
    ) throws(CodingError) { throw .unnamableType(taskName) }

    /// How the task is written, for the case that what its result refers to is lost; nil for what is no task.
    func recipe() -> TaskRecipe? { nil }

    /// A complete object's value as it came, where it was kept so.
    var arrival: Parcel.Arrival? { parcel?.arrival }

    /// The task in a form that is kept as long as its result can be lost; nil for what no task computed.
    func storedTask(in backend: LocalBackend) throws(CodingError) -> StoredTask? { nil }

    /// Writes the value of a complete object.
    func writeValue(into writer: inout ByteWriter, to peer: Peer) throws(CodingError) {
        throw .unnamableType(taskName)
    }

    /// Decodes the value of an input before its task begins, for as long as the task has the cell.
    func keep(from read: [ObjectID: StoredBytes]) throws(CodingError) {}

    /// Completes the object with a value from another process.
    func complete(_ value: UnsafeRawBufferPointer, from peer: Peer) {}
    func complete(_ arrival: Parcel.Arrival, in backend: LocalBackend) {}

    /// Takes an element of a stream. `taken` tells the producer how many the consumer has taken.
    func acceptItem(
        _ item: UnsafeRawBufferPointer, from peer: Peer, taken: @escaping @Sendable (UInt64) -> Void
    ) {}
}

/// An object and its value.
package class ValueCell<Value: Sendable & Codable>: ObjectCell, @unchecked Sendable {
    // As for `ObjectCell`: written once before the cell is complete.
    final private var stored: Value?

    final func succeed(_ value: Value) {
        finish { stored = value }
    }

    /// A complete object.
    init(value: Value, file: StaticString = #fileID, line: Int = #line) {
        stored = value
        super.init(phase: .complete, file: file, line: line)
    }

    override init(phase: Phase, file: StaticString, line: Int) {
        super.init(phase: phase, file: file, line: line)
    }

    /// A complete object whose value is in the store.
    init(parcel: StoredParcel, file: StaticString = #fileID, line: Int = #line) {
        super.init(phase: .complete, file: file, line: line)
        self.parcel = parcel
    }

    /// Completes the object with a value that is in the store.
    final func succeed(_ parcel: StoredParcel) { finish { self.parcel = parcel } }

    final override func keep(from read: [ObjectID: StoredBytes]) throws(CodingError) {
        guard let parcel, stored == nil else { return }
        stored = try parcel.arrival.decode(Value.self, in: parcel.objects.backend, from: read)
    }

    /// The value of a complete object, read from the store where it is there.
    final func load() async throws -> Value {
        guard let parcel, stored == nil else { return try result() }
        do {
            return try await parcel.load(Value.self)
        } catch let lost as ObjectStoreError where lost.kind == .lost {
            throw error(.objectLost(reason: lost.message))
        } catch let coding as CodingError {
            throw error(.coding(coding))
        }
    }

    /// The value of a complete object that `read` has the objects of.
    final func result(from read: [ObjectID: StoredBytes]) throws(CodingError) -> Value {
        guard let parcel else { throw .missingReference(index: 0) }
        return try parcel.arrival.decode(Value.self, in: parcel.objects.backend, from: read)
    }

    final override func writeValue(into writer: inout ByteWriter, to peer: Peer) throws(CodingError) {
        if let parcel { return try Parcel.write(parcel.arrival, into: &writer, to: peer) }
        guard let stored else { throw .missingReference(index: 0) }
        try Parcel.write(stored, into: &writer, to: peer)
    }

    final override func complete(_ value: UnsafeRawBufferPointer, from peer: Peer) {
        do {
            if Parcel.isSmall(value) {
                succeed(try Parcel.read(Value.self, from: value, of: peer) { _ in })
                return
            }
            let arrival = try Parcel.Arrival(value, from: peer)
            if arrival.hasPromises, let recipe = recipe() {
                ResultLineage(of: self, recipe: recipe, backend: peer.backend).attach(to: arrival)
            }
            if arrival.isStored {
                succeed(peer.backend.objects.lineage.parcel(arrival, of: self))
            } else {
                complete(arrival, in: peer.backend)
            }
        } catch {
            fail(.coding(error as? CodingError ?? .rejected(path: "", reason: "\(error)")))
        }
    }

    final override func complete(_ arrival: Parcel.Arrival, in backend: LocalBackend) {
        if arrival.isStored { return succeed(StoredParcel(arrival, in: backend.objects)) }
        do throws(CodingError) { succeed(try arrival.decode(Value.self, in: backend)) } catch { fail(.coding(error)) }
    }

    /// The value of a complete object.
    final func result() throws(TaskError) -> Value {
        if let failure { throw failure.error }
        if let stored { return stored }
        guard parcel != nil else { preconditionFailure("the object is not complete") }
        throw error(.objectLost(reason: "its value is in the object store: read it with `try await reference.value`"))
    }
}

/// A value that travels inside its task instead of being referred to.
final class InlineCell<Value: Sendable & Codable>: ValueCell<Value>, @unchecked Sendable {
    // Nothing of its own.
}
