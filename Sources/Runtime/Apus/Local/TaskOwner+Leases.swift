import ApusCore
import ApusScheduling
import ApusTransport

/// What the node and the workers say of leases.
extension TaskOwner {
    func granted(_ id: UInt64, shape: Shape, worker: Peer) {
        change {
            let slot = queues.granted(LeaseID(id), of: slot(of: shape))
            let lease = TaskLease(id: id, shape: shape, peer: worker, slot: slot)
            leases[id] = lease
            while held.count <= slot.index { held.append(nil) }
            held[slot.index] = lease
        }
    }

    func recalled(_ id: UInt64, onceIdle: Bool) {
        change {
            guard let lease = leases[id] else { return }
            queues.recalled(lease.slot, onceIdle: onceIdle)
        }
    }

    /// The task that runs in a lease waits: what is queued behind it goes elsewhere.
    func suspended(_ id: UInt64) {
        change {
            guard let lease = leases[id] else { return }
            queues.blocked(lease.slot)
        }
    }

    func resumed(_ id: UInt64) {
        change {
            guard let lease = leases[id] else { return }
            queues.unblocked(lease.slot)
        }
    }

    /// Time passes. To be called now and then.
    func tick() {
        guard needsTick else { return }
        let now = Instant(nanoseconds: Int64(Double(Ticks.now) * Ticks.length))
        change { queues.tick(at: now) }
    }

    /// Takes up to so many tasks of a lease back that have not begun, the last first.
    ///
    /// - Returns: how many.
    func withdraw(from slot: LeaseSlot, _ count: Int) -> Int {
        let sent = queues.sent(to: slot)
        var taken = 0
        while taken < count, taken < sent {
            // Where it runs, all before it do or are done.
            guard withdraw(queues.sent(to: slot, at: sent - 1 - taken)) else { break }
            taken += 1
        }
        return taken
    }

    /// Takes a task back from its worker, unless it began.
    func withdraw(_ cell: ObjectCell) -> Bool {
        guard let flight = cell.flight else { return false }
        let queued = SlotWord(generation: flight.generation, phase: .queued)
        let withdrawn = SlotWord(generation: flight.generation, phase: .withdrawn)
        guard flight.peer.channel.sentSlots.exchange(flight.slot, expected: queued.word, desired: withdrawn.word)
        else { return false }
        flight.peer.flights.remove(flight.slot)
        cell.flight = nil
        cell.unassign()
        recorder.record(.withdrawn, cell)
        return true
    }

    /// A place in the queues is free for another lease.
    func release(_ slot: LeaseSlot) {
        guard let lease = held[slot.index] else { return }
        lease.isHeld = false
        held[slot.index] = nil
        leases[lease.id] = nil
    }
}
