import ApusCore
import ApusObjects
import ApusScheduling

/// Looks at the memory of a machine and its workers.
struct MemoryWatch {
    /// What workers may use together; nil where the machine alone sets the limit.
    private let workerLimit: Int64?
    /// What is to stay available on the machine.
    private let reserve: Int64
    private let total: Int64
    private var nextLook: Instant
    /// Whether the last look found too much in use.
    private(set) var isShort = false

    static let interval = Duration.milliseconds(250)

    init(workerLimit: Int64?, now: Instant) {
        self.workerLimit = workerLimit
        total = Int64(clamping: AvailableMemory.read().bytes)
        // As in Ray: a twentieth, at most three gibibytes.
        reserve = min(total / 20, 3 << 30)
        nextLook = now
    }

    /// Whether it is time to look.
    mutating func isDue(at now: Instant) -> Bool {
        guard nextLook <= now else { return false }
        nextLook = now + Self.interval
        return true
    }

    /// What the scheduler is to know; nil while there is enough and was before.
    mutating func look(at workers: [(worker: WorkerID, bytes: Int64)]) -> MemoryReport? {
        let wasShort = isShort
        let used = workers.reduce(0) { $0 + $1.bytes }
        if let workerLimit, used > workerLimit {
            isShort = true
            return MemoryReport(used: used, limit: workerLimit, goal: workerLimit, workers: workers)
        }
        let available = Int64(clamping: AvailableMemory.read().bytes)
        isShort = available < reserve
        guard isShort || wasShort else { return nil }
        // As in Ray: what was ended makes room for as much again.
        return MemoryReport(
            used: total - available, limit: total - reserve, goal: total - 2 * reserve, workers: workers)
    }
}

extension NodeDaemon {
    /// Has workers ended where memory runs out. To be called often; it looks now and then.
    func watchMemory() {
        guard memory.isDue(at: now) else { return }
        var workers: [(worker: WorkerID, bytes: Int64)] = []
        for connection in connections.values where connection.isReady {
            guard let worker = connection.worker else { continue }
            workers.append((worker, ProcessMemory(of: connection.pid).own))
        }
        guard let report = memory.look(at: workers) else { return }
        memoryReport = report
        decide(.memory(report))
    }

    /// Ends a worker that the scheduler chose.
    func killForMemory(_ worker: WorkerID, bytes: Int64) {
        guard let connection = connection(of: worker), let report = memoryReport else { return }
        let shortage = MemoryShortage(workerBytes: bytes, usedBytes: report.used, limitBytes: report.limit)
        connection.shortage = shortage
        connection.endReason = "\(shortage)"
        insight.counters.outOfMemoryKills += 1
        kill(connection)
    }
}
