/// Joins the events of callers and of actors' processes into calls. Pure.
///
/// Both sides record the same key. Any part may have been overwritten; what is there is shown.
///
/// - Complexity: O(events).
struct CallHistory {
    /// In the order in which the first of each one's events was met.
    private(set) var calls: [TaskRecord] = []

    private struct Key: Hashable {
        let caller: UInt64
        let host: UInt64
        let flight: UInt64
    }

    init(_ events: ClusterEvents) {
        var places: [Key: Int] = [:]
        for process in events.processes {
            for event in process.events where event.kind.isOfCall {
                let isOfHost = event.kind == .callBegan || event.kind == .callEnded
                let key = Key(
                    caller: isOfHost ? UInt64(event.other) : process.process,
                    host: isOfHost ? process.process : UInt64(event.other), flight: event.flight)
                let place = places[key] ?? calls.count
                if place == calls.count {
                    places[key] = place
                    var call = TaskRecord(
                        owner: key.caller, number: UInt32(truncatingIfNeeded: event.flight),
                        name: process.name(of: event))
                    call.isCall = true
                    call.attempts = [TaskRecord.Attempt(worker: key.host)]
                    calls.append(call)
                }
                let time = events.seconds(event.ticks)
                switch event.kind {
                case .called:
                    calls[place].submitted = time
                    calls[place].attempts[0].sent = time
                case .callBegan: calls[place].attempts[0].started = time
                case .callEnded: calls[place].attempts[0].ended = time
                case .replied: (calls[place].done, calls[place].outcome) = (time, .succeeded)
                case .callFailed: (calls[place].done, calls[place].outcome) = (time, .failed)
                default: break
                }
            }
        }
    }
}

extension ProcessEvents {
    /// The name of what an event tells of.
    func name(of event: EventRecord) -> String {
        names.indices.contains(Int(event.name)) ? names[Int(event.name)] : "?"
    }
}
