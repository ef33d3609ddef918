import ApusCore

/// What ends when a node's memory runs out.
extension NodeScheduler {
    /// An idle worker with less gives nothing back that helps.
    static let smallestIdle: Int64 = 32 << 20

    /// In the order in which they end.
    private enum Work: Int, Comparable {
        case idle, retriableTask, restartableActor, task, actor
        static func < (one: Work, other: Work) -> Bool { one.rawValue < other.rawValue }
    }

    private struct Candidate {
        let id: WorkerID
        let bytes: Int64
        let work: Work
        let newest: LeaseID

        /// Of idle workers the largest goes first; of others the one whose work is newest, since least is lost.
        func goesBefore(_ other: Candidate) -> Bool {
            if work != other.work { return work < other.work }
            if work == .idle, bytes != other.bytes { return bytes > other.bytes }
            return (newest, id) > (other.newest, other.id)
        }
    }

    /// Kills workers until the node is down to the report's goal: idle ones first, then those whose work can be done again,
    /// then the others.
    ///
    /// - Source: the order is that of Ray's memory monitor.
    mutating func relieve(_ report: MemoryReport, into effects: inout [NodeEffect]) {
        underMemoryPressure = report.used > report.limit
        guard underMemoryPressure else { return }
        var used = report.used
        var candidates: [Candidate] = []
        for (id, bytes) in report.workers {
            guard let worker = workers[id] else { continue }
            switch worker.state {
            case .stopping:
                // Its memory is about to be free.
                used -= bytes
            case .starting: break
            case .idle:
                guard bytes >= Self.smallestIdle else { continue }
                candidates.append(Candidate(id: id, bytes: bytes, work: .idle, newest: LeaseID(0)))
            case .leased:
                let isRetriable = worker.leases.allSatisfy { leases[$0]?.isRetriable ?? true }
                let work: Work =
                    worker.isDedicated
                    ? isRetriable ? .restartableActor : .actor : isRetriable ? .retriableTask : .task
                candidates.append(
                    Candidate(id: id, bytes: bytes, work: work, newest: worker.leases.max() ?? LeaseID(0)))
            }
        }
        candidates.sort { $0.goesBefore($1) }
        for candidate in candidates where used > report.goal {
            guard retire(candidate.id, loss: .killedForMemory) else { continue }
            used -= candidate.bytes
            effects.append(.killForMemory(candidate.id, bytes: candidate.bytes))
        }
    }
}
