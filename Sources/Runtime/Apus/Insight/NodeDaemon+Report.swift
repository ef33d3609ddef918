import ApusCore
import ApusInsight

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the node tells of itself.
extension NodeDaemon {
    func report(_ counters: NodeCounters) -> NodeReport {
        var report = NodeReport(
            number: 0, pid: getpid(), total: dispatcher.total, available: dispatcher.available)
        report.counters = counters
        var held: [UInt64: Int] = [:]
        for lease in leases.values { held[lease.worker, default: 0] += 1 }
        for connection in connections.values where !connection.isDriver {
            let leases = held[connection.process, default: 0]
            let actor = connection.actor.flatMap { actors[$0]?.creation.subject }
            let state: WorkerLine.State =
                !connection.isReady ? .starting : connection.actor != nil ? .actor : leases > 0 ? .leased : .idle
            report.workers.append(
                WorkerLine(
                    process: connection.process, pid: connection.pid, state: state,
                    name: actor ?? insight.currentName(connection.process), leases: leases,
                    memory: ProcessMemory.resident(connection.pid)))
        }
        report.workers.sort { $0.process < $1.process }
        for connection in connections.values {
            for (shape, state) in connection.classes where state.wanted > state.granted {
                report.demands.append(
                    DemandLine(
                        owner: connection.process, resources: state.demand.resources, wanted: state.wanted,
                        granted: state.granted, reason: reason(of: connection, shape)))
            }
        }
        for (id, record) in actors.records {
            guard case .waiting = record.state else { continue }
            report.demands.append(
                DemandLine(
                    owner: id.owner, resources: record.creation.resources, wanted: 1, granted: 0,
                    reason: "actor \(record.creation.subject): \(explanation(of: record).words)"))
        }
        report.demands.sort { ($0.owner, $0.reason) < ($1.owner, $1.reason) }
        return report
    }

    func actorLines() -> [ActorLine] {
        actors.records.map { id, record in
            let state: ActorLine.State
            var process: UInt64?
            var reason: String?
            switch record.state {
            case .waiting:
                state = .waiting
                reason = explanation(of: record).words
            case .starting(let home): (state, process) = (.starting, home)
            case .alive(let home): (state, process) = (.alive, home)
            case .dead(let why): (state, reason) = (.dead, why)
            }
            return ActorLine(
                id: "\(id)", name: record.creation.name, type: record.creation.typeName, state: state,
                process: process, resources: record.creation.resources, restartsLeft: record.restartsLeft,
                reason: reason)
        }.sorted { $0.id < $1.id }
    }

    // MARK: Why

    /// Why a process's work of one of its classes is not running.
    func reason(of connection: NodeConnection, _ shape: Int) -> String {
        guard let state = connection.classes[shape] else {
            return "its process has not asked for a worker yet"
        }
        let isAdmitted = admitted.values.joined().contains {
            if case .lease(connection.process, shape) = $0.request { true } else { false }
        }
        guard state.wanted > state.granted || isAdmitted else {
            return
                "\(state.granted) worker\(state.granted == 1 ? "" : "s") run tasks of its kind, and it is behind those"
        }
        return explanation(
            of: state.demand.resources, starting: starting[state.demand.environment, default: 0],
            isAdmitted: isAdmitted, others: dispatcher.queued - state.queued
        ).words
    }

    func reason(of process: UInt64, _ resources: Resources) -> String? {
        guard let connection = connections[process],
            let shape = connection.classes.first(where: { $0.value.demand.resources == resources })?.key
        else { return nil }
        return reason(of: connection, shape)
    }

    private func explanation(of record: ActorRegistry.Record) -> WaitingExplanation {
        let isAdmitted = admitted.values.joined().contains {
            if case .actor(let id) = $0.request, let other = actors[id] {
                other.creation.blueprint == record.creation.blueprint && other.creation.name == record.creation.name
            } else {
                false
            }
        }
        return explanation(
            of: record.creation.resources, starting: starting[WorkerEnvironment(), default: 0], isAdmitted: isAdmitted,
            others: max(0, dispatcher.queued - 1))
    }

    private func explanation(
        of demand: Resources, starting: Int, isAdmitted: Bool, others: Int
    ) -> WaitingExplanation {
        var holders = leases.values.map { lease in
            WaitingExplanation.Holder(
                name: insight.currentName(lease.worker) ?? "a task", process: lease.worker,
                resources: dispatcher.demand(of: lease.demand), isSuspended: lease.isBlocked)
        }
        for record in actors.records.values {
            switch record.state {
            case .alive(let process), .starting(let process):
                holders.append(
                    WaitingExplanation.Holder(
                        name: "actor \(record.creation.subject)", process: process,
                        resources: record.creation.resources, isSuspended: false))
            case .waiting, .dead: break
            }
        }
        return WaitingExplanation(
            demand: demand, total: dispatcher.total, available: dispatcher.available, holders: holders,
            starting: starting, isAdmitted: isAdmitted, others: others)
    }
}

enum ProcessMemory {
    /// Bytes that a process has in memory; 0 where it has gone.
    static func resident(_ pid: Int32) -> Int64 {
        let descriptor = open("/proc/\(pid)/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return 0 }
        let fields = buffer[..<count].split(separator: 0x20)
        guard fields.count > 1, let pages = Int64(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
