import ApusTransport

/// Where the tasks are, for those who look into a cluster.
extension TaskOwner {
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
            for slot in classes {
                for place in 0..<queues.queued(of: slot) { body(queues.queued(of: slot, at: place), .queued) }
            }
        }
    }

    /// How things stand, for the watchdog.
    var standing: Watchdog.Standing {
        lock.withLock { _ in
            var standing = Watchdog.Standing(progress: progress, queued: 0, suspended: 0)
            for slot in classes { standing.queued += queues.queued(of: slot) }
            standing.suspended = leases.values.count { queues.isBlocked($0.slot) }
            return standing
        }
    }

    /// The classes with most tasks in their queues, each with the name of its first task.
    func queuedClasses(limit: Int) -> [(shape: Shape, name: String, count: Int)] {
        lock.withLock { _ in
            var waiting: [(Shape, String, Int)] = []
            for slot in classes where queues.queued(of: slot) > 0 {
                let name = queues.queued(of: slot, at: 0).taskName
                waiting.append((Shape(index: slot.index), name, queues.queued(of: slot)))
            }
            return waiting.sorted { $0.2 > $1.2 }.prefix(limit).map { $0 }
        }
    }
}
