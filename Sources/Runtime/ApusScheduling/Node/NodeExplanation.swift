import ApusCore

/// Why a client's tasks of a class do not run, or do not run on more leases.
package enum WaitReason: Equatable, Sendable, CustomStringConvertible {
    /// The client wants no further lease.
    case nothingWanted(held: Int)
    case impossible(Refusal)
    /// Resources are in use; the holders are those with most of what is lacking, largest first.
    case resources(lacking: Resources, held: Int, holders: [Holder])
    /// What is free is kept for a request that was passed over too often.
    case keptForOthers(demand: Resources)
    case behind(requests: Int, priority: Int)
    case workerStarting(count: Int)
    case workersFail(attempts: Int, reason: String)
    case processLimit(limit: Int)
    case memoryPressure
    case groupPending(GroupID)

    package struct Holder: Equatable, Sendable {
        package let client: ProcessID
        package let leases: Int
        package let resources: Resources
    }

    package var description: String {
        switch self {
        case .nothingWanted(let held):
            "Nothing waits: the process asks for no further worker and has \(held). A task that does not start waits for "
                + "its inputs or for another task on its worker."
        case .impossible(let refusal): refusal.description
        case .resources(let lacking, let held, let holders):
            "It waits for \(lacking), which is in use (it has \(held) workers). "
                + holders.map { "Process \($0.client.number) holds \($0.resources) in \($0.leases) leases." }
                .joined(separator: " ")
        case .keptForOthers(let demand):
            "What is free is kept for a request for \(demand) that was passed over often."
        case .behind(let requests, let priority):
            "It is behind \(requests) requests of priority \(priority) or more."
        case .workerStarting(let count): "It waits for a worker process to start; \(count) are starting."
        case .workersFail(let attempts, let reason):
            "Worker processes do not start (\(attempts) attempts failed): \(reason)"
        case .processLimit(let limit):
            "The node has its \(limit) worker processes already, and none of them is free for its environment."
        case .memoryPressure: "The node's memory is nearly full: no worker process is started."
        case .groupPending(let group): "Placement group \(group.number) has not got its resources yet."
        }
    }
}

extension NodeScheduler {
    /// Answers "why is this not running".
    ///
    /// - Complexity: O(requests + leases).
    package func why(_ client: ProcessID, _ value: SchedulingClass, at now: Instant) -> WaitReason {
        if let refusal = refusal(of: value) { return .impossible(refusal) }
        guard let classIndex = classIndex[value], let index = requestIndex[.shared(client, classIndex: classIndex)],
            requests[index].isOpen
        else {
            let held = leases.values.count { $0.client == client && classes[$0.classIndex].value == value }
            return .nothingWanted(held: held)
        }
        let request = requests[index]
        if let group = value.bundle?.group, groups[group]?.isReady == false { return .groupPending(group) }

        let pools: [Pool]
        if let reference = value.bundle {
            pools = groups[reference.group]?.available.indices.map { .bundle(reference.group, $0) } ?? []
        } else {
            pools = [.node]
        }
        guard pools.contains(where: { available(in: $0).admits(value.demand) }) else {
            let priority = effectivePriority(request, at: now)
            let ahead = requests.count {
                $0.isOpen && $0.key != request.key && effectivePriority($0, at: now) > priority
            }
            if ahead > 0 { return .behind(requests: ahead, priority: priority + 1) }
            let lacking = pools.first.map { available(in: $0).shortfall(for: value.demand) } ?? value.demand
            return .resources(lacking: lacking, held: request.held, holders: holders(of: lacking, in: pools))
        }
        let environment = environments[classes[classIndex].environment]
        if environment.retryAt != nil {
            return .workersFail(attempts: max(1, environment.failures), reason: environment.lastFailure)
        }
        if environment.starting > 0 { return .workerStarting(count: environment.starting) }
        if underMemoryPressure { return .memoryPressure }
        if let large = requests.first(where: { $0.isOpen && $0.passedOver >= configuration.patience }),
            large.key != request.key
        {
            return .keptForOthers(demand: large.demand)
        }
        return .processLimit(limit: configuration.workerLimit)
    }

    private func holders(of lacking: Resources, in pools: [Pool]) -> [WaitReason.Holder] {
        var byClient: [ProcessID: (leases: Int, resources: Resources)] = [:]
        for lease in leases.values where pools.contains(lease.pool) && lease.taken.overlaps(lacking) {
            var entry = byClient[lease.client] ?? (0, Resources())
            entry.leases += 1
            entry.resources.add(lease.taken)
            byClient[lease.client] = entry
        }
        return byClient.map {
            WaitReason.Holder(client: $0.key, leases: $0.value.leases, resources: $0.value.resources)
        }
        .sorted {
            let (left, right) = (dominantShare(of: $0.resources), dominantShare(of: $1.resources))
            return left != right ? left > right : $0.client < $1.client
        }
        .prefix(3).map { $0 }
    }
}
