import ApusCore

/// What ends when a node's memory runs out.
extension NodeScheduler {
    /// Kills workers until the node is below 95 % of its memory by a margin: idle ones first, the largest of them first;
    /// then those whose tasks can all be tried again, the newest lease first; then the others, newest first.
    ///
    /// - Source: the order and the margin of 5 %, at most 3 GiB, are those of Ray's memory monitor.
    mutating func relieve(_ report: MemoryReport, into effects: inout [NodeEffect]) {
        let limit = report.limit / 100 * 95
        underMemoryPressure = report.used > limit
        guard underMemoryPressure else { return }
        var used = report.used
        let goal = limit - min(report.limit / 100 * 5, 3 << 30)

        struct Candidate {
            let id: WorkerID
            let bytes: Int64
            let rank: Int
            let newest: LeaseID?
        }
        var candidates: [Candidate] = []
        for (id, bytes) in report.workers {
            guard let worker = workers[id] else { continue }
            switch worker.state {
            case .stopping:
                // Its memory is about to be free.
                used -= bytes
            case .starting: break
            case .idle: candidates.append(Candidate(id: id, bytes: bytes, rank: 0, newest: nil))
            case .leased:
                let isRetriable = worker.leases.allSatisfy {
                    leases[$0].map { classes[$0.classIndex].value.isRetriable } ?? true
                }
                candidates.append(
                    Candidate(id: id, bytes: bytes, rank: isRetriable ? 1 : 2, newest: worker.leases.max()))
            }
        }
        candidates.sort {
            if $0.rank != $1.rank { return $0.rank < $1.rank }
            if $0.rank == 0, $0.bytes != $1.bytes { return $0.bytes > $1.bytes }
            return ($0.newest ?? LeaseID(0), $0.id) > ($1.newest ?? LeaseID(0), $1.id)
        }
        for candidate in candidates where used > goal {
            guard retire(candidate.id, loss: .killedForMemory) else { continue }
            used -= candidate.bytes
            let kind = ["idle", "running tasks that can be tried again", "running tasks that cannot be tried again"]
            effects.append(
                .killForMemory(
                    candidate.id,
                    reason: "The node uses \(report.used) of \(report.limit) bytes of memory, more than 95 %. This "
                        + "worker, \(kind[candidate.rank]), used \(candidate.bytes) bytes. Ask for fewer tasks at a time "
                        + "by giving them a demand for memory."))
        }
    }
}
