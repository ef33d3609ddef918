import ApusCore
import ApusInsight
import ApusScheduling
import ApusTransport
import Synchronization

/// Sends this process's tasks to workers, and completes their cells.
final class TaskOwner: @unchecked Sendable {
    // Everything below is only touched with `lock` held, the peers' flight tables too.
    private unowned let backend: LocalBackend
    private let recorder: EventRecorder
    private let lock = Mutex(())

    private struct Class {
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

    @exclusivity(unchecked) private var classes: [Class] = []
    @exclusivity(unchecked) private var leases: [UInt64: TaskLease] = [:]
    @exclusivity(unchecked) private var nextTicket: UInt64 = 0
    /// Counts the tasks that were sent and those that ended.
    @exclusivity(unchecked) private var progress: UInt64 = 0
    /// Tasks that are tried again after a while.
    private var paused: [ObjectIdentifier: ObjectCell] = [:]
    /// Classes that have tasks and no lease.
    @exclusivity(unchecked) private var starving: Set<Int> = []
    /// Tasks that may overtake the first one of a class without a lease, as in the embedded dispatcher.
    private static let patience = 64

    /// A task and where it goes.
    private struct Assignment {
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
    private func enqueueFirst(_ cell: ObjectCell, _ shape: Shape) {
        let ticket = cell.flight?.ticket ?? nextTicket
        cell.flight = nil
        classes[shape.index].queue.prepend((cell, ticket))
        if classes[shape.index].leases.isEmpty { starving.insert(shape.index) }
    }

    /// Whether a class must let others go first, whose tasks it has overtaken often enough.
    private func mustWait(_ shape: Shape) -> Bool {
        guard !starving.isEmpty, let own = classes[shape.index].queue.first else { return false }
        for other in starving where other != shape.index {
            guard let first = classes[other].queue.first, first.ticket < own.ticket else { continue }
            if classes[other].overtaken >= Self.patience { return true }
            classes[other].overtaken += 1
        }
        return false
    }

    /// The same without counting.
    private func isHeldUp(_ shape: Shape) -> Bool {
        guard !starving.isEmpty, let own = classes[shape.index].queue.first else { return false }
        return starving.contains { other in
            guard other != shape.index, let first = classes[other].queue.first else { return false }
            return first.ticket < own.ticket && classes[other].overtaken >= Self.patience
        }
    }

    /// Classes that were held up by one that does not wait any more.
    private func askForOthers(than shape: Shape) {
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
    private func assign(_ shape: Shape) -> Assignment? {
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
        guard let best, !mustWait(shape) else { return nil }
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

    private func send(_ assignment: Assignment) {
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
    private func ask(_ shape: Shape, givingBack: Bool = false) {
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
    private func fill(_ shape: Shape) {
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
    private func drop(_ lease: TaskLease) {
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
    private func withdraw(from lease: TaskLease, keeping: Int) {
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
    private func steal(for lease: TaskLease, anyway: Bool = false) {
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

    // MARK: Results

    func result(_ reader: inout ByteReader, from peer: Peer) throws {
        let slot = Int(try reader.number(UInt32.self))
        let generation = try reader.number(UInt32.self)
        let ticks = try reader.number(UInt64.self)
        let status = try reader.number(UInt8.self)
        guard let cell = finished(slot, generation, of: peer, ticks: ticks) else {
            // What it names of the store was lent to this process, which gives it back.
            if status == 0 { _ = try Parcel.Arrival(reader.rest(), from: peer) }
            return
        }
        switch status {
        case 0:
            recorder.record(.succeeded, cell)
            cell.complete(reader.rest(), from: peer)
        case TaskLane.cancelled: conclude(cell, .cancelled)
        case TaskLane.takenAway:
            // The node's word on it may come later.
            if cell.fail(.groupRemoved(group: cell.options?.scheduling.groupNumber ?? 0)) {
                recorder.record(.failed, cell)
            }
        case TaskLane.inputLost:
            conclude(cell, .objectLost(reason: "an input is gone, so that it did not run. \(try reader.text())"))
        case TaskLane.codingFailed:
            conclude(cell, .coding(try BinaryDecoder().decode(CodingError.self, from: Array(try reader.run()))))
        default:
            conclude(cell, .failed(try BinaryDecoder().decode(RemoteFailure.self, from: Array(try reader.run()))))
        }
    }

    /// Frees the slot of a task that ended, and sends the next one.
    @discardableResult
    private func finished(_ slot: Int, _ generation: UInt32, of peer: Peer, ticks: UInt64?) -> ObjectCell? {
        var next: Assignment?
        var second: Assignment?
        var done: TaskLease?
        var dry: TaskLease?
        let cell: ObjectCell? = lock.withLock { _ in
            guard let (cell, lease) = peer.flights.find(slot, generation) else { return nil }
            peer.flights.remove(slot)
            cell.flight = nil
            lease.inFlight -= 1
            progress &+= 1
            let index = lease.shape.index
            classes[index].inFlight -= 1
            while let first = lease.sent.first, peer.flights.find(first.slot, first.generation) == nil {
                _ = lease.sent.popFirst()
            }
            if let ticks {
                let mean = classes[index].meanTicks
                classes[index].meanTicks = mean == 0 ? Double(max(1, ticks)) : mean + (Double(ticks) - mean) / 8
            }
            // Two for one, so that a pipeline becomes as deep as its tasks are short.
            next = assign(lease.shape)
            if next != nil { second = assign(lease.shape) }
            if lease.inFlight == 0 {
                lease.idleSince = Ticks.now
                let givesWay = !classes[index].queue.isEmpty && mustWait(lease.shape)
                if lease.isRecalled || lease.isRecalledOnceIdle || givesWay {
                    drop(lease)
                    done = lease
                } else {
                    dry = lease
                }
            }
            return cell
        }
        if let next { send(next) }
        if let second { send(second) }
        if let done {
            ask(done.shape, givingBack: true)
            backend.node.giveBack(done.id)
        }
        if let dry { steal(for: dry) }
        return cell
    }

    /// Fails a task or tries it again.
    private func conclude(_ cell: ObjectCell, _ cause: TaskError.Cause) {
        let stop = cell.endAttempt()
        var cause = cause
        if case .timedOut(let limit)? = stop { cause = .timedOut(after: limit) }
        let failure = cell.error(cause)
        if case .outOfMemory(let shortage) = cause, concludeLater(cell, shortage, failure) { return }
        if cell.wantsRetry(after: failure), !backend.isClosing, cell.requeue() {
            recorder.record(.retried, cell)
            start(cell)
        } else if cell.fail(failure) {
            recorder.record(failure.isCancellation ? .cancelled : .failed, cell)
        }
    }

    /// Tries a task again after a pause whose worker was ended for want of memory. Where others used most of it the attempt
    /// does not count.
    ///
    /// - Returns: false where it is not tried again.
    private func concludeLater(_ cell: ObjectCell, _ shortage: MemoryShortage, _ failure: TaskError) -> Bool {
        let isInnocent = shortage.workerBytes < shortage.limitBytes / 2
        guard !backend.isClosing, (cell.options ?? .standard).retries != 0,
            isInnocent || cell.wantsRetry(after: failure)
        else { return false }
        if isInnocent { cell.unassign() }
        guard cell.requeue() else { return true }
        let key = ObjectIdentifier(cell)
        let pause = cell.pauseAfterMemoryKill()
        lock.withLock { _ in paused[key] = cell }
        Task { [weak self] in
            try? await Task.sleep(for: pause)
            guard let self, let cell = lock.withLock({ _ in paused.removeValue(forKey: key) }) else { return }
            backend.start(cell)
        }
        return true
    }

    /// A task has run as long as it may. It was told to end; where it does not, its worker is.
    func timedOut(_ reader: inout ByteReader, from peer: Peer) throws {
        let slot = Int(try reader.number(UInt32.self))
        let generation = try reader.number(UInt32.self)
        guard let (cell, _) = lock.withLock({ _ in peer.flights.find(slot, generation) }),
            let limit = cell.options?.timeout, cell.markStopped(.timedOut(limit))
        else { return }
        let failure = cell.error(.timedOut(after: limit))
        if !cell.wantsRetry(after: failure), cell.fail(failure) { recorder.record(.failed, cell) }
        Task { [weak self, weak peer] in
            try? await Task.sleep(for: Self.grace)
            guard let self, let peer, lock.withLock({ _ in peer.flights.find(slot, generation) != nil }) else { return }
            backend.node.send(
                .killWorker(process: peer.id, reason: "its task ran longer than its timeout and did not stop"))
        }
    }

    /// How long a task that was told to end may take to do so.
    private static let grace = Duration.seconds(1)

    func streamItem(_ reader: inout ByteReader, from peer: Peer) throws {
        let slot = Int(try reader.number(UInt32.self))
        let generation = try reader.number(UInt32.self)
        guard let (cell, lease) = lock.withLock({ _ in peer.flights.find(slot, generation) }) else { return }
        let id = lease.id
        let item = reader.rest()
        cell.acceptItem(item, from: peer) { taken in
            var writer = ByteWriter(capacity: 24)
            writer.number(id)
            writer.number(UInt32(slot))
            writer.number(generation)
            writer.number(taken)
            peer.channel.send(kind: WireKind.streamCredit, writer.bytes)
        }
    }

    // MARK: Ends

    /// Ends a task that may be in a worker. The cell is completed by the caller.
    ///
    /// - Returns: the process where it runs and was told.
    func interrupt(_ cell: ObjectCell) -> Peer? {
        var told: (Peer, ByteWriter)?
        var shape: Shape?
        lock.withLock { _ in
            guard let flight = cell.flight,
                let (found, lease) = flight.peer.flights.find(flight.slot, flight.generation),
                found === cell
            else { return }
            let queued = SlotWord(generation: flight.generation, phase: .queued)
            let withdrawn = SlotWord(generation: flight.generation, phase: .withdrawn)
            if flight.peer.channel.sentSlots.exchange(flight.slot, expected: queued.word, desired: withdrawn.word) {
                flight.peer.flights.remove(flight.slot)
                lease.inFlight -= 1
                classes[lease.shape.index].inFlight -= 1
                cell.flight = nil
                shape = lease.shape
            } else {
                var writer = ByteWriter(capacity: 16)
                writer.number(lease.id)
                writer.number(UInt32(flight.slot))
                writer.number(flight.generation)
                told = (flight.peer, writer)
            }
        }
        if let (peer, writer) = told { peer.channel.send(kind: WireKind.cancelTask, writer.bytes) }
        if let shape { fill(shape) }
        return told?.0
    }

    /// No lease of a class will come: its tasks fail.
    func refused(_ shape: Shape, _ refusal: Refusal) {
        let cells: [ObjectCell] = lock.withLock { _ in
            guard classes.indices.contains(shape.index) else { return [] }
            classes[shape.index].asked = 0
            var cells: [ObjectCell] = []
            while let (cell, _) = classes[shape.index].queue.popFirst() { cells.append(cell) }
            starving.remove(shape.index)
            return cells
        }
        askForOthers(than: shape)
        let cause: TaskError.Cause =
            switch refusal {
            case .groupRemoved(let group), .unknownGroup(let group): .groupRemoved(group: group.number)
            case .infeasible, .needsNodes, .workersFail, .noConnection: .unschedulable(reason: "\(refusal)")
            }
        for cell in cells where cell.fail(cause) { recorder.record(.failed, cell) }
    }

    /// A lease is gone, and what runs under it is ended: its tasks fail, as do others of its class.
    func lost(_ id: UInt64, _ cause: TaskError.Cause) {
        let cells: [ObjectCell] = lock.withLock { _ in
            guard let lease = leases[id] else { return [] }
            let index = lease.shape.index
            // What runs keeps its slot until the worker answers.
            var cells = lease.peer.flights.all.compactMap { $0.flight.lease === lease ? $0.flight.cell : nil }
            withdraw(from: lease, keeping: 0)
            drop(lease)
            while let (cell, _) = classes[index].queue.popFirst() { cells.append(cell) }
            starving.remove(index)
            classes[index].asked = 0
            return cells
        }
        for cell in cells where cell.fail(cause) { recorder.record(.failed, cell) }
    }

    /// A worker ended: its leases are gone, tasks that had not begun are queued again, the others by their policy.
    func workerEnded(_ peer: Peer, _ cause: TaskError.Cause) {
        var lost: [ObjectCell] = []
        var shapes: Set<Shape> = []
        lock.withLock { _ in
            for lease in leases.values where lease.peer === peer {
                drop(lease)
                shapes.insert(lease.shape)
            }
            for (slot, flight) in peer.flights.all {
                guard let cell = flight.cell, let lease = flight.lease else { continue }
                peer.flights.remove(slot)
                classes[lease.shape.index].inFlight -= 1
                shapes.insert(lease.shape)
                let word = SlotWord(word: peer.channel.sentSlots[slot])
                // What waited was not at fault, what was queued never began: neither is an attempt of its own. A
                // stream or task that waited may have had effects, as any task that is run again.
                if word?.phase == .queued || word?.phase == .suspended {
                    cell.unassign()
                    enqueueFirst(cell, lease.shape)
                } else {
                    cell.flight = nil
                    lost.append(cell)
                }
            }
        }
        for cell in lost { conclude(cell, cause) }
        for shape in shapes {
            fill(shape)
            // The node still knows how many leases were wanted before.
            ask(shape, givingBack: true)
        }
    }

    /// Where a task is that is not over.
    enum Place {
        case queued
        case with(worker: UInt64, SlotWord.Phase)
    }

    /// Calls `body` with each task that is queued or with a worker, with the lock held.
    func forEach(_ body: (ObjectCell, Place) -> Void) {
        lock.withLock { _ in
            for peer in backend.allPeers {
                for (slot, flight) in peer.flights.all {
                    guard let cell = flight.cell else { continue }
                    let phase = SlotWord(word: peer.channel.sentSlots[slot])?.phase ?? .queued
                    body(cell, .with(worker: peer.id, phase))
                }
            }
            for index in classes.indices {
                for place in 0..<classes[index].queue.count { body(classes[index].queue[place].cell, .queued) }
            }
        }
    }

    /// How things stand, for the watchdog.
    var standing: Watchdog.Standing {
        lock.withLock { _ in
            var standing = Watchdog.Standing(progress: progress, queued: 0, suspended: 0)
            for state in classes {
                standing.queued += state.queue.count
                standing.suspended += state.leases.count { $0.isSuspended }
            }
            return standing
        }
    }

    /// The classes with most tasks in their queues, each with the name of its first task.
    func queuedClasses(limit: Int) -> [(shape: Shape, name: String, count: Int)] {
        lock.withLock { _ in
            classes.indices.compactMap { index in
                classes[index].queue.first.map { (Shape(index: index), $0.cell.taskName, classes[index].queue.count) }
            }.sorted { $0.2 > $1.2 }.prefix(limit).map { $0 }
        }
    }

    /// All tasks that are queued or in workers, taken out.
    func drain() -> [ObjectCell] {
        lock.withLock { _ in
            var cells = Array(paused.values)
            paused = [:]
            for index in classes.indices {
                while let (cell, _) = classes[index].queue.popFirst() { cells.append(cell) }
            }
            for peer in backend.allPeers {
                for (slot, flight) in peer.flights.all {
                    if let cell = flight.cell { cells.append(cell) }
                    peer.flights.remove(slot)
                }
            }
            return cells
        }
    }
}
