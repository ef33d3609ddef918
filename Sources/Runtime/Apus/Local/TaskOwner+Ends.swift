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
        change {
            guard let flight = cell.flight,
                let (found, lease) = flight.peer.flights.find(flight.slot, flight.generation),
                found === cell
            else { return }
            if withdraw(cell) {
                if lease.isHeld { queues.removed(cell, from: lease.slot) }
            } else {
                var writer = ByteWriter(capacity: 16)
                writer.number(lease.id)
                writer.number(UInt32(flight.slot))
                writer.number(flight.generation)
                told = (flight.peer, writer)
            }
        }
        if let (peer, writer) = told { peer.channel.send(kind: WireKind.cancelTask, writer.bytes) }
        return told?.0
    }

    /// No lease of a class will come: its tasks fail.
    func refused(_ shape: Shape, _ refusal: Refusal) {
        let cells: [ObjectCell] = change { queues.drain(slot(of: shape)) }
        let cause: TaskError.Cause =
            switch refusal {
            case .groupRemoved(let group), .unknownGroup(let group): .groupRemoved(group: group.number)
            case .infeasible, .needsNodes, .workersFail, .noConnection: .unschedulable(reason: "\(refusal)")
            }
        for cell in cells where cell.fail(cause) { recorder.record(.failed, cell) }
    }

    /// A lease is gone, and what runs under it is ended: its tasks fail, as do others of its class.
    func lost(_ id: UInt64, _ cause: TaskError.Cause) {
        let cells: [ObjectCell] = change {
            guard let lease = leases[id] else { return [] }
            let sent = queues.lost(lease.slot)
            release(lease.slot)
            // What runs keeps its slot until the worker answers.
            for cell in sent { _ = withdraw(cell) }
            return sent + queues.drain(slot(of: lease.shape))
        }
        for cell in cells where cell.fail(cause) { recorder.record(.failed, cell) }
    }

    /// A worker ended: its leases are gone, tasks that had not begun are queued again, the others by their policy.
    func workerEnded(_ peer: Peer, _ cause: TaskError.Cause) {
        let lost: [ObjectCell] = change {
            var lost: [ObjectCell] = []
            for lease in leases.values.filter({ $0.peer === peer }) {
                let sent = queues.lost(lease.slot)
                release(lease.slot)
                for cell in sent.reversed() {
                    guard let flight = cell.flight else { continue }
                    let phase = SlotWord(word: peer.channel.sentSlots[flight.slot])?.phase
                    peer.flights.remove(flight.slot)
                    cell.flight = nil
                    // What waited was not at fault, what was queued never began: neither is an attempt of its own. A
                    // stream or task that waited may have had effects, as any task that is run again.
                    if phase == .queued || phase == .suspended {
                        cell.unassign()
                        queues.resubmit(cell, to: slot(of: lease.shape))
                    } else {
                        lost.append(cell)
                    }
                }
            }
            // Of leases that were lost before.
            for (slot, flight) in peer.flights.all {
                peer.flights.remove(slot)
                guard let cell = flight.cell else { continue }
                cell.flight = nil
                lost.append(cell)
            }
            return lost
        }
        for cell in lost { conclude(cell, cause) }
    }

    /// All tasks that are queued or in workers, taken out.
    func drain() -> [ObjectCell] {
        lock.withLock { _ in
            var cells = Array(paused.values)
            paused = [:]
            for lease in leases.values {
                _ = queues.lost(lease.slot)
                release(lease.slot)
            }
            for slot in classes { cells += queues.drain(slot) }
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
