import ApusCore
import ApusInsight
import ApusScheduling
import ApusTransport
import Synchronization

/// Sends this process's tasks to workers, and completes their cells.
final class TaskOwner: @unchecked Sendable {
    // Everything below is only touched with `lock` held, the peers' flight tables too.
    unowned let backend: LocalBackend
    let recorder: EventRecorder
    let lock = Mutex(())

    struct Class {
        /// Tasks in order of arrival, each with its number among all.
        var queue = Fifo<(cell: ObjectCell, ticket: UInt64)>()
        /// Tasks of other classes that overtook the first one.
        var overtaken = 0
        var leases: [TaskLease] = []
        /// The mean time that a task runs, in ticks; 0 while unknown.
        var meanTicks: Double = 0
        var asked = 0
        var inFlight = 0
    }

    @exclusivity(unchecked) var classes: [Class] = []
    @exclusivity(unchecked) var leases: [UInt64: TaskLease] = [:]
    @exclusivity(unchecked) private var nextTicket: UInt64 = 0
    /// Counts the tasks that were sent and those that ended.
    @exclusivity(unchecked) var progress: UInt64 = 0
    /// Tasks that are tried again after a while.
    var paused: [ObjectIdentifier: ObjectCell] = [:]
    /// Classes that have tasks and no lease.
    @exclusivity(unchecked) var starving: Set<Int> = []
    /// Tasks that may overtake the first one of a class without a lease, as in the embedded dispatcher.
    private static let patience = 64

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

    /// Tasks that a lease holds ahead, at most: as many as run in this time.
    private static let aheadNanoseconds = 200_000.0
    private static let mostAhead = 256
    /// Tasks that short are packed: 200 µs / 64 is about 3 µs.
    private static let packedDepth = 64
    /// A lease that was idle for so long is given back.
    private static let lingerNanoseconds = 100_000_000.0

    // MARK: Submitting

    func start(_ cell: ObjectCell) {
        let shape = cell.shape
        recorder.record(.ready, cell)
        let first: Assignment? = lock.withLock { _ in
            while classes.count <= shape.index { classes.append(Class()) }
            enqueue(cell, shape)
            return assign(shape)
        }
        if let first {
            send(first)
        } else {
            ask(shape)
        }
    }

    private func enqueue(_ cell: ObjectCell, _ shape: Shape) {
        classes[shape.index].queue.append((cell, nextTicket))
        nextTicket += 1
        if classes[shape.index].leases.isEmpty { starving.insert(shape.index) }
    }

    /// A task that was sent is queued before all others of its class.
    func enqueueFirst(_ cell: ObjectCell, _ shape: Shape) {
        let ticket = cell.flight?.ticket ?? nextTicket
        cell.flight = nil
        classes[shape.index].queue.prepend((cell, ticket))
        if classes[shape.index].leases.isEmpty { starving.insert(shape.index) }
    }

    /// Whether a class must let others go first, whose tasks it has overtaken often enough.
    ///
    /// - Parameter counting: a task of the class is about to overtake theirs.
    func isHeldUp(_ shape: Shape, counting: Bool = false) -> Bool {
        guard !starving.isEmpty, let own = classes[shape.index].queue.first else { return false }
        for other in starving where other != shape.index {
            guard let first = classes[other].queue.first, first.ticket < own.ticket else { continue }
            if classes[other].overtaken >= Self.patience { return true }
            if counting { classes[other].overtaken += 1 }
        }
        return false
    }

    /// Classes that were held up by one that does not wait any more.
    func askForOthers(than shape: Shape) {
        let others = lock.withLock { _ in
            classes.indices.filter { $0 != shape.index && !classes[$0].queue.isEmpty }
        }
        for other in others { ask(Shape(index: other)) }
    }

    /// How many tasks a lease of a class takes ahead.
    private func depth(_ shape: Shape) -> Int {
        let mean = classes[shape.index].meanTicks
        guard mean > 0 else { return 1 }
        return max(1, min(Self.mostAhead, Int(Self.aheadNanoseconds / (mean * Ticks.length))))
    }

    /// Takes the next queued task to the lease that has the fewest. Tasks that are shorter than it takes to wake a
    /// process are packed instead: a second worker is used when the first has all that it can take.
    func assign(_ shape: Shape) -> Assignment? {
        let depth = depth(shape)
        let packs = depth >= Self.packedDepth
        var best: TaskLease?
        for lease in classes[shape.index].leases
        where !lease.isSuspended && !lease.isRecalled && lease.inFlight < depth {
            guard let other = best else {
                best = lease
                continue
            }
            if packs ? lease.inFlight > other.inFlight : lease.inFlight < other.inFlight { best = lease }
        }
        guard let best, !isHeldUp(shape, counting: true) else { return nil }
        while let (cell, ticket) = classes[shape.index].queue.popFirst() {
            if let assignment = place(cell, ticket, on: best) { return assignment }
            if !cell.isComplete {
                // All slots of the worker are taken.
                classes[shape.index].queue.prepend((cell, ticket))
                return nil
            }
        }
        return nil
    }

    /// Gives a queued task to a lease. Nil where it was cancelled, or the worker has no free slot.
    private func place(_ cell: ObjectCell, _ ticket: UInt64, on lease: TaskLease) -> Assignment? {
        guard cell.assign() else { return nil }
        guard let (slot, generation) = lease.peer.flights.add(cell, lease) else {
            cell.unassign()
            return nil
        }
        cell.flight = ObjectCell.Flight(peer: lease.peer, slot: slot, generation: generation, ticket: ticket)
        lease.sent.append((slot, generation))
        lease.inFlight += 1
        progress &+= 1
        classes[lease.shape.index].inFlight += 1
        lease.peer.channel.sentSlots[slot] = SlotWord(generation: generation, phase: .queued).word
        return Assignment(cell: cell, lease: lease, slot: slot, generation: generation)
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

    /// Tells the node how many leases of a class would be of use; where one is given back in any case, so that it is
    /// not granted again.
    func ask(_ shape: Shape, givingBack: Bool = false) {
        lock.withLock { _ in
            let state = classes[shape.index]
            let useful =
                isHeldUp(shape)
                ? min(state.inFlight, state.leases.count) : min(state.queue.count + state.inFlight, 4096)
            guard useful > state.asked || useful * 4 < state.asked || givingBack else { return }
            // Rounded up, so that a stream of submissions asks a few times only.
            let rounded = useful < 2 ? useful : 1 << (Int.bitWidth - (useful - 1).leadingZeroBitCount)
            guard rounded != state.asked else { return }
            classes[shape.index].asked = rounded
            // Under the lock, so that the node hears the numbers in their order.
            backend.node.want(shape, rounded)
        }
    }

    // MARK: Leases

    func granted(_ id: UInt64, shape: Shape, worker: Peer) {
        let lease = TaskLease(id: id, shape: shape, peer: worker)
        lease.idleSince = Ticks.now
        let heldOthersUp = lock.withLock { _ in
            leases[id] = lease
            while classes.count <= shape.index { classes.append(Class()) }
            classes[shape.index].leases.append(lease)
            classes[shape.index].overtaken = 0
            return starving.remove(shape.index) != nil
        }
        if heldOthersUp { askForOthers(than: shape) }
        fill(shape)
        steal(for: lease)
    }

    /// Sends what the leases of a class can take.
    func fill(_ shape: Shape) {
        while let assignment = lock.withLock({ _ in assign(shape) }) { send(assignment) }
    }

    func recalled(_ id: UInt64, onceIdle: Bool) {
        let recalled: (shape: Shape, isIdle: Bool)? = lock.withLock { _ in
            guard let lease = leases[id] else { return nil }
            lease.isRecalledOnceIdle = true
            if !onceIdle {
                lease.isRecalled = true
                // What runs cannot be withdrawn.
                withdraw(from: lease, keeping: 0)
            }
            let isIdle = lease.inFlight == 0
            if isIdle { drop(lease) }
            return (lease.shape, isIdle)
        }
        guard let recalled else { return }
        if recalled.isIdle {
            ask(recalled.shape, givingBack: true)
            backend.node.giveBack(id)
        }
        fill(recalled.shape)
    }

    /// Takes a lease out of its class.
    func drop(_ lease: TaskLease) {
        leases[lease.id] = nil
        classes[lease.shape.index].leases.removeAll { $0 === lease }
        if classes[lease.shape.index].leases.isEmpty, !classes[lease.shape.index].queue.isEmpty {
            starving.insert(lease.shape.index)
        }
    }

    /// Gives back what has been idle for a while. To be called now and then.
    func tick() {
        let now = Ticks.now
        let idle: [TaskLease] = lock.withLock { _ in
            let idle = leases.values.filter {
                $0.inFlight == 0 && !hasTasks(beside: $0)
                    && Double(now &- $0.idleSince) * Ticks.length > Self.lingerNanoseconds
            }
            for lease in idle { drop(lease) }
            return idle
        }
        for shape in Set(idle.map(\.shape)) { ask(shape, givingBack: true) }
        for lease in idle { backend.node.giveBack(lease.id) }
        // Short tasks may be stuck behind one that turned out long.
        for lease in lock.withLock({ _ in leases.values.filter { $0.inFlight == 0 } }) {
            steal(for: lease, anyway: true)
        }
    }

    /// Whether another lease of the class has tasks that have not begun.
    private func hasTasks(beside lease: TaskLease) -> Bool {
        classes[lease.shape.index].leases.contains { $0 !== lease && $0.inFlight > 1 }
    }

    /// Whether no task of this process is queued, paused or in a worker.
    var isIdle: Bool {
        lock.withLock { _ in paused.isEmpty && classes.allSatisfy { $0.queue.isEmpty && $0.inFlight == 0 } }
    }

    var hasLeases: Bool { lock.withLock { _ in !leases.isEmpty } }

    /// The task that runs in a lease waits: what is queued behind it goes elsewhere.
    func suspended(_ id: UInt64) {
        let shape: Shape? = lock.withLock { _ in
            guard let lease = leases[id] else { return nil }
            lease.isSuspended = true
            withdraw(from: lease, keeping: 1)
            return lease.shape
        }
        guard let shape else { return }
        fill(shape)
        ask(shape)
    }

    func resumed(_ id: UInt64) {
        let shape: Shape? = lock.withLock { _ in
            guard let lease = leases[id] else { return nil }
            lease.isSuspended = false
            return lease.shape
        }
        if let shape { fill(shape) }
    }

    /// Takes tasks back that have not begun, the last first, until so many are left; they are queued first again.
    func withdraw(from lease: TaskLease, keeping: Int) {
        while lease.inFlight > keeping, let (slot, generation) = lease.sent.popLast() {
            guard let (cell, _) = lease.peer.flights.find(slot, generation) else { continue }
            let queued = SlotWord(generation: generation, phase: .queued)
            let withdrawn = SlotWord(generation: generation, phase: .withdrawn)
            guard lease.peer.channel.sentSlots.exchange(slot, expected: queued.word, desired: withdrawn.word) else {
                // It runs, and all before it do or are done.
                lease.sent.append((slot, generation))
                break
            }
            lease.peer.flights.remove(slot)
            lease.inFlight -= 1
            classes[lease.shape.index].inFlight -= 1
            cell.unassign()
            recorder.record(.withdrawn, cell)
            enqueueFirst(cell, lease.shape)
        }
    }

    /// A lease without tasks takes half of those that another one of its class has not begun.
    ///
    /// - Parameter anyway: also where they would take less time than to move them; they may wait behind a long one.
    func steal(for lease: TaskLease, anyway: Bool = false) {
        var assignments: [Assignment] = []
        lock.withLock { _ in
            let index = lease.shape.index
            guard lease.inFlight == 0, classes[index].queue.isEmpty, !lease.isRecalled, leases[lease.id] != nil,
                anyway || depth(lease.shape) < Self.packedDepth,
                let deepest = classes[index].leases.max(by: { $0.inFlight < $1.inFlight }), deepest.inFlight > 1
            else { return }
            withdraw(from: deepest, keeping: max(1, deepest.inFlight / 2))
            while let (cell, ticket) = classes[index].queue.popFirst() {
                guard let assignment = place(cell, ticket, on: lease) else {
                    if cell.isComplete { continue }
                    // All slots of the worker are taken.
                    classes[index].queue.prepend((cell, ticket))
                    break
                }
                assignments.append(assignment)
            }
        }
        for assignment in assignments { send(assignment) }
    }
}
