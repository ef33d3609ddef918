import ApusCore
import ApusInsight

extension EventRecorder {
    /// Records an event of a task that this process owns; nothing for what is no task.
    func record(_ kind: EventKind, _ cell: ObjectCell, other: UInt64 = 0, flight: UInt64 = 0) {
        guard cell.eventNumber != 0 else { return }
        record(kind, name: cell.eventName, task: cell.eventNumber, other: other, flight: flight)
    }
}

extension LocalBackend {
    /// The tasks that this process owns and that are not over: those that are queued or with a worker, and from them on
    /// all that wait for their results.
    ///
    /// - Complexity: O(tasks), of which at most `visitLimit` are looked at.
    func tasks(_ query: TaskQuery) -> ProcessTasks {
        var found = ProcessTasks(tasks: [], leftOut: 0)
        var known: [ObjectCell] = []
        var seen: Set<ObjectIdentifier> = []
        var places: [(cell: ObjectCell, place: TaskOwner.Place)] = []
        // The lock of the owner is held for no longer than it takes to note them.
        owner.forEach { cell, place in
            if places.count < Self.visitLimit { places.append((cell, place)) } else { found.leftOut += 1 }
        }
        for (cell, place) in places where seen.insert(ObjectIdentifier(cell)).inserted {
            known.append(cell)
            list(cell, place, query, &found)
        }
        for peer in allPeers { known += peer.awaited }
        var next = 0
        while next < known.count, known.count < Self.visitLimit {
            let input = known[next]
            next += 1
            for task in input.waitingTasks where seen.insert(ObjectIdentifier(task)).inserted {
                known.append(task)
                guard task.eventNumber != 0, query.takes(.waiting, task.taskName) else { continue }
                add(
                    line(task, .waiting, reason: "its input `\(input.taskName)` is not there yet\(self.name(input))"),
                    query, &found)
            }
        }
        return found
    }

    private static let visitLimit = 200_000

    private func name(_ input: ObjectCell) -> String {
        input.eventNumber == 0 ? "" : " (task \(process)-\(input.eventNumber))"
    }

    private func list(
        _ cell: ObjectCell, _ place: TaskOwner.Place, _ query: TaskQuery, _ found: inout ProcessTasks
    ) {
        let state: TaskLine.State
        var worker: UInt64?
        switch place {
        case .queued: state = .queued
        case .with(let process, let phase):
            worker = process
            switch phase {
            case .queued, .withdrawn: state = .sent
            case .suspended: state = .suspended
            case .running, .done: state = .running
            }
        }
        guard query.takes(state, cell.taskName) else { return }
        add(line(cell, state, worker: worker), query, &found)
    }

    private func line(
        _ cell: ObjectCell, _ state: TaskLine.State, worker: UInt64? = nil, reason: String? = nil
    ) -> TaskLine {
        TaskLine(
            owner: process, number: cell.eventNumber, name: cell.taskName, state: state,
            resources: cell.options?.resources ?? Resources(cpus: 1), worker: worker, attempts: cell.attempts,
            origin: cell.origin, reason: reason)
    }

    private func add(_ line: TaskLine, _ query: TaskQuery, _ found: inout ProcessTasks) {
        if found.tasks.count < query.limit { found.tasks.append(line) } else { found.leftOut += 1 }
    }
}

extension ObjectCell {
    /// The tasks that cannot begin before this object exists.
    final var waitingTasks: [ObjectCell] {
        guarded.withLock { state in
            ((state.waiter.map { [$0] } ?? []) + state.moreWaiters).compactMap(\.waitingTask)
        }
    }
}
