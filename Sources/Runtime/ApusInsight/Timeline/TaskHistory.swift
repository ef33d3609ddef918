/// What events tell about one task. Times are in seconds, see `ClusterEvents.seconds`.
package struct TaskRecord: Sendable, Equatable {
    package struct Attempt: Sendable, Equatable {
        package var worker: UInt64
        package var sent: Double?
        package var started: Double?
        /// When it waited for objects.
        package var waits: [ClosedRange<Double>] = []
        package var ended: Double?
        /// When its owner knew that it had failed, and that another one would follow.
        package var retried: Double?
    }

    package enum Outcome: String, Sendable { case succeeded, failed, cancelled }

    package var owner: UInt64
    package var number: UInt32
    package var name: String
    /// Whether it is a call of an actor: `worker` is the actor's process, and `submitted` when it was sent there.
    package var isCall = false
    package var submitted: Double?
    package var ready: Double?
    package var attempts: [Attempt] = []
    package var done: Double?
    package var outcome: Outcome?
}

/// Joins the events of all processes into tasks. Pure.
///
/// An owner records `sent` with the worker and the task's flight, the worker `started` with the owner and the same flight.
/// Rings overwrite what is old, so that any part of a task may be missing; what is there is shown.
///
/// - Complexity: O(events).
package struct TaskHistory: Sendable {
    package private(set) var tasks: [TaskRecord] = []
    /// The calls of actors.
    package let calls: [TaskRecord]

    private struct Key: Hashable {
        let owner: UInt64
        let worker: UInt64
        let flight: UInt64
    }

    /// A run as its worker saw it.
    private struct Run {
        var name: String
        var started: Double?
        var waits: [ClosedRange<Double>] = []
        var waitsSince: Double?
        var ended: Double?
    }

    package init(_ events: ClusterEvents) {
        calls = CallHistory(events).calls
        var runs: [Key: Run] = [:]
        var order: [Key] = []
        let decoded = events.processes.map { (process: $0, events: $0.events.sorted { $0.ticks < $1.ticks }) }
        for (process, list) in decoded {
            for event in list { Self.read(event, process, events, &runs, &order) }
        }
        for (process, list) in decoded { own(list, process, events, &runs) }
        // Runs whose owner's events are gone.
        for key in order {
            guard let run = runs[key] else { continue }
            var task = TaskRecord(owner: key.owner, number: 0, name: run.name)
            task.attempts = [Self.attempt(run, worker: key.worker, sent: nil)]
            tasks.append(task)
        }
    }

    private static func read(
        _ event: EventRecord, _ process: ProcessEvents, _ events: ClusterEvents, _ runs: inout [Key: Run],
        _ order: inout [Key]
    ) {
        let key = Key(owner: UInt64(event.other), worker: process.process, flight: event.flight)
        let time = events.seconds(event.ticks)
        switch event.kind {
        case .started:
            if runs[key] == nil { order.append(key) }
            runs[key] = Run(name: process.name(of: event), started: time)
        case .waits:
            if runs[key] == nil {
                order.append(key)
                runs[key] = Run(name: process.name(of: event))
            }
            runs[key]?.waitsSince = time
        case .goesOn:
            guard let since = runs[key]?.waitsSince else { return }
            runs[key]?.waits.append(since...max(since, time))
            runs[key]?.waitsSince = nil
        case .ended:
            if runs[key] == nil {
                order.append(key)
                runs[key] = Run(name: process.name(of: event))
            }
            runs[key]?.ended = time
        default: break
        }
    }

    private static func attempt(_ run: Run?, worker: UInt64, sent: Double?) -> TaskRecord.Attempt {
        var waits = run?.waits ?? []
        if let since = run?.waitsSince { waits.append(since...max(since, run?.ended ?? since)) }
        return TaskRecord.Attempt(
            worker: worker, sent: sent, started: run?.started, waits: waits, ended: run?.ended)
    }

    /// Follows the tasks that one process owns.
    private mutating func own(
        _ list: [EventRecord], _ process: ProcessEvents, _ events: ClusterEvents, _ runs: inout [Key: Run]
    ) {
        var open: [UInt32: Int] = [:]
        for event in list where event.task != 0 && !event.kind.isOfCall {
            let time = events.seconds(event.ticks)
            var index: Int
            if event.kind != .submitted, let known = open[event.task] {
                index = known
            } else {
                index = tasks.count
                tasks.append(
                    TaskRecord(owner: process.process, number: event.task, name: process.name(of: event)))
                open[event.task] = index
            }
            switch event.kind {
            case .submitted: tasks[index].submitted = time
            case .ready: tasks[index].ready = tasks[index].ready ?? time
            case .sent:
                let key = Key(owner: process.process, worker: UInt64(event.other), flight: event.flight)
                tasks[index].attempts.append(
                    Self.attempt(runs.removeValue(forKey: key), worker: key.worker, sent: time))
            case .withdrawn:
                if let last = tasks[index].attempts.last, last.started == nil { tasks[index].attempts.removeLast() }
            case .succeeded, .failed, .cancelled:
                tasks[index].done = time
                tasks[index].outcome = TaskRecord.Outcome(rawValue: event.kind.word)
                open[event.task] = nil
            case .retried:
                let last = tasks[index].attempts.indices.last
                if let last { tasks[index].attempts[last].retried = time }
            default: break
            }
        }
    }
}
