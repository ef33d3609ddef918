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
}
