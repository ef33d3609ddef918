import ApusCore
import ApusInsight
import ApusObjects
import ApusScheduling

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the node tells of itself.
extension NodeDaemon {
    func report(_ counters: NodeCounters) -> NodeReport {
        var report = NodeReport(
            number: 0, pid: getpid(), total: configuration.resources, available: scheduler.available)
        report.counters = counters
        report.store = objects.figures
        for connection in connections.values where !connection.isDriver {
            let leases = connection.worker.map { scheduler.leaseCount(on: $0) } ?? 0
            let actor = connection.actor.flatMap { actors[$0]?.creation.subject }
            let state: WorkerLine.State =
                !connection.isReady ? .starting : connection.actor != nil ? .actor : leases > 0 ? .leased : .idle
            report.workers.append(
                WorkerLine(
                    process: connection.process, pid: connection.pid, state: state,
                    name: actor ?? insight.currentName(connection.process), leases: leases,
                    memory: ProcessMemory(of: connection.pid).resident))
        }
        report.workers.sort { $0.process < $1.process }
        for request in scheduler.openRequests {
            report.demands.append(
                DemandLine(
                    owner: request.client.number, resources: request.value.demand, wanted: request.want,
                    granted: request.held, reason: words(scheduler.why(request.client, request.value, at: now))))
        }
        for (group, client, demand) in scheduler.pendingGroups {
            guard let reason = scheduler.why(group, at: now) else { continue }
            report.demands.append(
                DemandLine(
                    owner: client?.number ?? driver, resources: demand, wanted: 1, granted: 0, reason: words(reason)))
        }
        for (id, record) in actors.records {
            guard case .waiting = record.state else { continue }
            report.demands.append(
                DemandLine(
                    owner: id.owner, resources: record.creation.resources, wanted: 1, granted: 0,
                    reason: "actor \(record.creation.subject): \(reason(of: id))"))
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
                reason = self.reason(of: id)
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
        guard let value = connection.classes[shape] else { return words(.nothingWanted(held: 0)) }
        return words(scheduler.why(ProcessID(connection.process), value, at: now))
    }

    func reason(of process: UInt64, _ resources: Resources) -> String? {
        guard let connection = connections[process],
            let shape = connection.classes.first(where: { $0.value.demand == resources })?.key
        else { return nil }
        return reason(of: connection, shape)
    }

    private func reason(of actor: ActorIdentifier) -> String {
        scheduler.why(ProcessID(driver), dedicated: actor.number, at: now).map { words($0) } ?? words(.aboutToStart)
    }

    private func words(_ reason: WaitReason) -> String {
        reason.words { worker in
            guard let connection = connection(of: worker) else { return WaitReason.Name("a task", process: 0) }
            if let actor = connection.actor.flatMap({ actors[$0] }) {
                return WaitReason.Name("actor \(actor.creation.subject)", process: connection.process)
            }
            return WaitReason.Name(
                insight.currentName(connection.process) ?? "a task", process: connection.process)
        }
    }
}

extension NodeObjects {
    /// What the store holds, by where it is.
    var figures: StoreFigures {
        let usage = usage
        return StoreFigures(
            capacity: Int64(usage.capacity), shared: Int64(usage.used), spilled: Int64(usage.file),
            objects: usage.objects)
    }

    /// The objects, the largest first.
    var lines: [ObjectLine] {
        entries.sorted { $0.size > $1.size }.map { entry in
            ObjectLine(
                id: "\(entry.object)", bytes: Int64(entry.size), state: entry.state.rawValue,
                holders: entry.holders.map {
                    ObjectLine.Holder(process: $0.label, references: $0.holds, readers: $0.pins)
                }, site: entry.site)
        }
    }
}
