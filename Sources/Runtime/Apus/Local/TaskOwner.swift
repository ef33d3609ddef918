import ApusCore
import ApusInsight
import ApusScheduling
import ApusTransport
import Synchronization

/// Sends this process's tasks to workers, and completes their cells. Which task goes where is decided by `TaskQueues`.
final class TaskOwner: @unchecked Sendable {
    // Everything below is only touched with `lock` held, the peers' flight tables and the leases too.
    unowned let backend: LocalBackend
    let recorder: EventRecorder
    let lock = Mutex(())

    @exclusivity(unchecked) var queues = TaskQueues<ObjectCell>()
    /// The queues' classes, by the index of their shape.
    @exclusivity(unchecked) var classes: [ClassSlot] = []
    @exclusivity(unchecked) var leases: [UInt64: TaskLease] = [:]
    /// Those that are held, by their place in the queues.
    @exclusivity(unchecked) var held: [TaskLease?] = []
    @exclusivity(unchecked) private var actions: [QueueAction] = []
    /// Counts the tasks that were sent and those that ended.
    @exclusivity(unchecked) var progress: UInt64 = 0
    /// Tasks that are tried again after a while.
    var paused: [ObjectIdentifier: ObjectCell] = [:]

    /// A task and where it goes.
    struct Assignment {
        let cell: ObjectCell
        let lease: TaskLease
        let slot: Int
        let generation: UInt32
    }

    init(backend: LocalBackend) {
        self.backend = backend
        recorder = backend.recorder
    }

    // MARK: Submitting

    func start(_ cell: ObjectCell) {
        recorder.record(.ready, cell)
        var others: [Assignment] = []
        let first: Assignment? = lock.withLock { _ in
            let lease = queues.submit(cell, to: slot(of: cell.shape))
            let first = lease.flatMap { place(cell, on: $0) }
            if queues.hasWork { settle(into: &others) }
            return first
        }
        if let first { send(first) }
        for assignment in others { send(assignment) }
    }

    func slot(of shape: Shape) -> ClassSlot {
        while classes.count <= shape.index { classes.append(queues.addClass()) }
        return classes[shape.index]
    }

    /// Notes where a task goes that the queues gave a lease. Nil where it was cancelled, or the worker has no free slot.
    private func place(_ cell: ObjectCell, on slot: LeaseSlot) -> Assignment? {
        guard let lease = held[slot.index] else { return nil }
        guard cell.assign() else {
            queues.removed(cell, from: slot)
            return nil
        }
        guard let (place, generation) = lease.peer.flights.add(cell, lease) else {
            cell.unassign()
            queues.refused(cell, by: slot)
            return nil
        }
        cell.flight = ObjectCell.Flight(peer: lease.peer, slot: place, generation: generation)
        progress &+= 1
        lease.peer.channel.sentSlots[place] = SlotWord(generation: generation, phase: .queued).word
        return Assignment(cell: cell, lease: lease, slot: place, generation: generation)
    }

    /// The next task for a lease of which one ended.
    func next(for lease: TaskLease) -> Assignment? {
        while lease.isHeld, let cell = queues.next(for: lease.slot) {
            if let assignment = place(cell, on: lease.slot) { return assignment }
        }
        return nil
    }

    /// Performs what the queues ask, and collects what is to be sent once the lock is free.
    func settle(into assignments: inout [Assignment]) {
        repeat {
            while let (cell, lease) = queues.nextSend() {
                if let assignment = place(cell, on: lease) { assignments.append(assignment) }
            }
            queues.takeActions(into: &actions)
            // The node hears them in their order, under the lock.
            for action in actions {
                switch action {
                case .want(let slot, let count): backend.node.want(Shape(index: slot.index), count)
                case .giveBack(let slot, let id):
                    release(slot)
                    backend.node.giveBack(id.number)
                case .withdraw(let slot, _, let count):
                    queues.withdrawn(slot, count: withdraw(from: slot, count))
                }
            }
            actions.removeAll(keepingCapacity: true)
        } while queues.hasWork
    }

    /// Changes something in the queues and sends what follows from it.
    func change<Result>(_ body: () -> Result) -> Result {
        var assignments: [Assignment] = []
        let result = lock.withLock { _ in
            let result = body()
            settle(into: &assignments)
            return result
        }
        for assignment in assignments { send(assignment) }
        return result
    }

    func send(_ assignment: Assignment) {
        do throws(CodingError) {
            let peer = assignment.lease.peer
            var writer = ByteWriter()
            try assignment.cell.writeTask(
                into: &writer, lease: assignment.lease.id, slot: UInt32(assignment.slot),
                generation: assignment.generation, to: peer)
            recorder.record(
                .sent, assignment.cell, other: peer.id,
                flight: EventRecord.flight(slot: assignment.slot, generation: assignment.generation))
            peer.channel.send(kind: WireKind.task, writer.bytes)
        } catch {
            finished(assignment.slot, assignment.generation, of: assignment.lease.peer, ticks: nil)
            if assignment.cell.fail(.coding(error)) { recorder.record(.failed, assignment.cell) }
        }
    }

    // MARK: State

    /// Whether no task of this process is queued, paused or in a worker.
    var isIdle: Bool { lock.withLock { _ in paused.isEmpty && queues.isIdle } }

    /// Whether time matters: there are leases, or some are wanted.
    var needsTick: Bool { lock.withLock { _ in queues.needsTick } }
}

extension ObjectCell: QueuedTask {
    /// Who ended it has answered for it.
    package var isCancelled: Bool { isComplete }
}
