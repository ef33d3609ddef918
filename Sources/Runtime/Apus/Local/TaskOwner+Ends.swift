import ApusCore
import ApusScheduling
import ApusTransport

/// How tasks end otherwise than by their own result: by their submitter, their node, or with their worker.
extension TaskOwner {
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
