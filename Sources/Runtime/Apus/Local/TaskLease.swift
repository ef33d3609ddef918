import ApusScheduling
import ApusTransport

/// A lease: the right to run tasks of one class, one at a time, in one worker.
final class TaskLease {
    let id: UInt64
    let shape: Shape
    let peer: Peer
    /// Its place in the queues, while it is held.
    let slot: LeaseSlot
    @exclusivity(unchecked) var isHeld = true

    init(id: UInt64, shape: Shape, peer: Peer, slot: LeaseSlot) {
        self.id = id
        self.shape = shape
        self.peer = peer
        self.slot = slot
    }
}

/// The tasks that were sent to one process, by slot.
struct FlightTable {
    struct Flight {
        var cell: ObjectCell?
        var lease: TaskLease?
        var generation: UInt32 = 0
    }

    private(set) var flights: [Flight] = []
    private var free: [Int] = []

    /// Puts a task into a free slot; nil where all are taken.
    mutating func add(_ cell: ObjectCell, _ lease: TaskLease) -> (slot: Int, generation: UInt32)? {
        let slot: Int
        if let last = free.popLast() {
            slot = last
        } else {
            guard flights.count < ChannelLayout.slotCount else { return nil }
            slot = flights.count
            flights.append(Flight())
        }
        flights[slot].cell = cell
        flights[slot].lease = lease
        flights[slot].generation = (flights[slot].generation &+ 1) & 0x1FFF_FFFF
        return (slot, flights[slot].generation)
    }

    /// The task in a slot, if it is still the one of that generation.
    func find(_ slot: Int, _ generation: UInt32) -> (cell: ObjectCell, lease: TaskLease)? {
        guard flights.indices.contains(slot), flights[slot].generation == generation, let cell = flights[slot].cell,
            let lease = flights[slot].lease
        else { return nil }
        return (cell, lease)
    }

    mutating func remove(_ slot: Int) {
        flights[slot].cell = nil
        flights[slot].lease = nil
        free.append(slot)
    }

    var all: [(slot: Int, flight: Flight)] {
        flights.indices.filter { flights[$0].cell != nil }.map { ($0, flights[$0]) }
    }
}
