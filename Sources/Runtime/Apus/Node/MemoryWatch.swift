import ApusCore
import ApusObjects
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Which worker ends when memory runs out. Pure.
enum MemoryPolicy {
    struct Candidate {
        var process: UInt64
        /// Memory of the worker's own.
        var bytes: Int64
        var work: Work
        /// When its newest lease or its actor came.
        var since: Instant
    }

    /// In the order in which they end.
    enum Work: Int, Comparable {
        case idle, retriableTask, restartableActor, task, actor
        static func < (one: Work, other: Work) -> Bool { one.rawValue < other.rawValue }
    }

    /// An idle worker with less gives nothing back that helps.
    static let idleLimit: Int64 = 32 << 20

    /// Idle workers first, the largest of them; then those whose work can be done again, the newest first, since least is
    /// lost; then the others.
    static func victim(of candidates: [Candidate]) -> Candidate? {
        candidates.filter { $0.work != .idle || $0.bytes >= idleLimit }.min { one, other in
            if one.work != other.work { return one.work < other.work }
            return one.work == .idle ? one.bytes > other.bytes : one.since > other.since
        }
    }
}

/// Looks at the memory of a machine and its workers.
struct MemoryWatch {
    /// What workers may use together; nil where the machine alone sets the limit.
    let workerLimit: Int64?
    /// What is to stay available on the machine.
    private let reserve: Int64
    private let total: Int64
    var nextLook: Instant
    /// The worker that was ended last, until it is gone.
    var ending: UInt64?

    static let interval = Duration.milliseconds(250)

    init(workerLimit: Int64?, now: Instant) {
        self.workerLimit = workerLimit
        total = Int64(clamping: AvailableMemory.read().bytes)
        // As in Ray: a twentieth, at most three gibibytes.
        reserve = min(total / 20, 3 << 30)
        nextLook = now
    }

    /// What is used and allowed where that is too much.
    func shortage(workers: Int64) -> (used: Int64, limit: Int64)? {
        if let workerLimit, workers > workerLimit { return (workers, workerLimit) }
        let available = Int64(clamping: AvailableMemory.read().bytes)
        return available < reserve ? (total - available, total - reserve) : nil
    }

    /// The memory of a process that it shares with no other, in bytes.
    static func bytes(of process: Int32) -> Int64 {
        guard let file = fopen("/proc/\(process)/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 256)
        let count = fread(&text, 1, text.count, file)
        // size resident shared …, in pages
        let numbers = text[..<count].split(separator: UInt8(ascii: " ")).map {
            Int64(String(decoding: $0, as: UTF8.self)) ?? 0
        }
        guard numbers.count > 2 else { return 0 }
        return max(0, numbers[1] - numbers[2]) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}

extension NodeDaemon {
    /// Ends a worker where memory runs out. To be called often; it looks now and then.
    func watchMemory() {
        let now = now
        guard memory.nextLook <= now else { return }
        memory.nextLook = now + MemoryWatch.interval
        if let ending = memory.ending, connections[ending] != nil { return }
        memory.ending = nil
        var candidates: [MemoryPolicy.Candidate] = []
        for worker in connections.values where !worker.isDriver && worker.isReady {
            candidates.append(candidate(worker))
        }
        let used = candidates.reduce(0) { $0 + $1.bytes }
        guard let (all, limit) = memory.shortage(workers: used),
            let victim = MemoryPolicy.victim(of: candidates), let worker = connections[victim.process]
        else { return }
        let shortage = MemoryShortage(workerBytes: victim.bytes, usedBytes: all, limitBytes: limit)
        worker.shortage = shortage
        worker.endReason = "\(shortage)"
        memory.ending = victim.process
        kill(worker)
    }

    private func candidate(_ worker: NodeConnection) -> MemoryPolicy.Candidate {
        var candidate = MemoryPolicy.Candidate(
            process: worker.process, bytes: MemoryWatch.bytes(of: worker.pid), work: .idle, since: worker.startedAt)
        if let actor = worker.actor {
            candidate.work = actors[actor].map { $0.restartsLeft != 0 } == true ? .restartableActor : .actor
            return candidate
        }
        for lease in leases.values where lease.worker == worker.process {
            let isRetriable = connections[lease.owner]?.classes[lease.shape]?.demand.isRetriable ?? true
            candidate.work = max(candidate.work, isRetriable ? .retriableTask : .task)
            candidate.since = max(candidate.since, lease.grantedAt)
        }
        return candidate
    }
}
