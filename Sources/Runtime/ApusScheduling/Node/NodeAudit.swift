import ApusCore

/// What must hold between events; for tests and the simulator.
extension NodeScheduler {
    package var leaseCount: Int { leases.count }
    package var workerCount: Int { workers.count }

    /// The first contradiction between the tables, in words; nil where there is none.
    ///
    /// - Complexity: O(everything).
    package var firstInconsistency: String? {
        var sum = available
        for group in groups.values { for bundle in group.available { sum.add(bundle) } }
        var usage: [JobID: Resources] = [:]
        for lease in leases.values {
            sum.add(lease.taken)
            usage[lease.job, default: Resources()].add(lease.taken)
            if homeless.contains(lease.id) { continue }
            guard let worker = workers[lease.worker] else { return "\(lease.id) is on \(lease.worker), which is gone" }
            guard worker.leases.contains(lease.id) else { return "\(lease.worker) does not know its \(lease.id)" }
            if worker.isDedicated != (lease.dedication != nil) { return "\(lease.worker) is dedicated and shared" }
            let value = classes[lease.classIndex].value
            if environments[worker.environment].value != value.environment {
                return "\(lease.id) is on a worker of another environment"
            }
            if case .bundle(let group, _) = lease.pool, value.bundle?.group != group {
                return "\(lease.id) takes from a group that it does not belong to"
            }
        }
        if !sum.isEqual(to: configuration.resources) {
            return "what is free and in use adds up to \(sum), not to \(configuration.resources)"
        }
        for (id, job) in jobs where !job.usage.isEqual(to: usage[id] ?? Resources()) {
            return "\(id) is charged for \(job.usage) and uses \(usage[id] ?? Resources())"
        }
        // Each resource but processors, which tasks that go on may overdraw, is never given twice.
        if available.gpus < .zero || available.memory < 0 || available.custom.values.contains(where: { $0 < .zero }) {
            return "more is in use than there is: \(available) is free"
        }
        for (id, worker) in workers {
            let state = environments[worker.environment]
            let isListed = state.idle.contains(id)
            switch worker.state {
            case .idle where !isListed || !worker.leases.isEmpty: return "\(id) is idle and not listed, or leased"
            case .leased where isListed || worker.leases.isEmpty: return "\(id) is leased and listed as idle"
            case .starting where isListed, .stopping where isListed: return "\(id) is listed as idle"
            default: break
            }
            if worker.isDedicated, worker.leases.count > 1 { return "\(id) is dedicated and has several leases" }
        }
        for (index, state) in environments.enumerated() {
            let starting = workers.values.count {
                if case .starting = $0.state { $0.environment == index } else { false }
            }
            if starting != state.starting { return "\(state.starting) of \(starting) starting workers are counted" }
        }
        for (index, request) in requests.enumerated() {
            if requestIndex[request.key] != index { return "a request is not where it is looked for" }
            guard case .shared(let client, let classIndex) = request.key else { continue }
            let held = leases.values.filter { $0.client == client && $0.classIndex == classIndex }
            let leaving = held.count { $0.isRecalled || $0.revokedAt != nil }
            if held.count != request.held || leaving != request.leaving {
                return "\(client) is counted with \(request.held) leases, \(request.leaving) of them leaving; it has "
                    + "\(held.count) and \(leaving)"
            }
        }
        return nil
    }

    /// Whether everything is as before the first client: nothing is held, wanted or in use.
    package var isAtRest: Bool {
        leases.isEmpty && requests.isEmpty && groups.isEmpty && available.isEqual(to: configuration.resources)
    }
}

extension Resources {
    /// Equal amounts; a custom resource of zero is as one that is not there.
    package func isEqual(to other: Resources) -> Bool {
        cpus == other.cpus && gpus == other.gpus && memory == other.memory
            && custom.filter { $0.value != .zero } == other.custom.filter { $0.value != .zero }
    }
}
