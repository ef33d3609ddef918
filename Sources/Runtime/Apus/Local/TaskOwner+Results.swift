import ApusCore
import ApusInsight
import ApusScheduling
import ApusTransport

/// What workers answer.
extension TaskOwner {
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
            if cell.fail(.groupRemoved(group: cell.scheduling.groupNumber ?? 0)) {
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
    func finished(_ slot: Int, _ generation: UInt32, of peer: Peer, ticks: UInt64?) -> ObjectCell? {
        var next: Assignment?
        var second: Assignment?
        var others: [Assignment] = []
        var ended: TaskLease?
        let cell: ObjectCell? = lock.withLock { _ in
            guard let (cell, lease) = peer.flights.find(slot, generation) else { return nil }
            peer.flights.remove(slot)
            cell.flight = nil
            progress &+= 1
            guard lease.isHeld else { return cell }
            if let ticks {
                queues.completed(cell, of: lease.slot, nanoseconds: Int(Double(ticks) * Ticks.length))
            } else {
                queues.removed(cell, from: lease.slot)
            }
            // Two for one at most times: a pipeline becomes as deep as its tasks are short.
            next = self.next(for: lease)
            if next != nil { second = self.next(for: lease) }
            if second != nil { ended = lease }
            if queues.hasWork { settle(into: &others) }
            return cell
        }
        if let next { send(next) }
        if let second { send(second) }
        for assignment in others { send(assignment) }
        if let ended { fill(ended) }
        return cell
    }

    /// Sends what a lease takes beyond two tasks.
    private func fill(_ lease: TaskLease) {
        var assignment: Assignment?
        repeat {
            lock.withLock { _ in assignment = next(for: lease) }
            if let assignment { send(assignment) }
        } while assignment != nil
        // What follows from that there was no more.
        change {}
    }

    /// Fails a task or tries it again.
    func conclude(_ cell: ObjectCell, _ cause: TaskError.Cause) {
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
}
