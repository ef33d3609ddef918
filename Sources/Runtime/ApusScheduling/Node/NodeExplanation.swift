import ApusCore

/// Why a client's tasks of a class do not run, or do not run on more leases.
package enum WaitReason: Equatable, Sendable {
    /// The client wants no further lease.
    case nothingWanted(held: Int)
    case impossible(Refusal)
    /// Resources are in use, by leases in the order of their age.
    case resources(Shortage)
    /// What is free is kept for a request that was passed over too often.
    case keptForOthers(demand: Resources)
    case behind(requests: Int, priority: Int)
    /// It has resources and waits for a process to start.
    case workerStarting(count: Int)
    case workersFail(attempts: Int, reason: String)
    case processLimit(limit: Int)
    case memoryPressure
    case groupPending(GroupID, Shortage?)
    /// Nothing stands in its way.
    case aboutToStart

    package struct Shortage: Equatable, Sendable {
        package let demand: Resources
        package let total: Resources
        package let available: Resources
        package let holders: [Holder]
        /// Groups for which some of it is set aside.
        package let groups: [GroupID]
    }

    package struct Holder: Equatable, Sendable {
        package let worker: WorkerID
        package let client: ProcessID
        package let resources: Resources
        /// Its task waits for an object, and has lent its processors.
        package let isBlocked: Bool
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
            return .nothingWanted(
                held: leases.values.count { $0.client == client && classes[$0.classIndex].value == value })
        }
        return reason(of: requests[index], value, at: now)
    }

    /// The same for a worker of a client's own; nil where it waits for none.
    package func why(_ client: ProcessID, dedicated number: UInt64, at now: Instant) -> WaitReason? {
        if let index = requestIndex[.dedicated(client, number)] {
            let value = classes[requests[index].classIndex].value
            if let refusal = refusal(of: value) { return .impossible(refusal) }
            return reason(of: requests[index], value, at: now)
        }
        guard
            let lease = homeless.lazy.compactMap({ self.leases[$0] }).first(where: {
                $0.client == client && $0.dedication == number
            })
        else { return nil }
        return waitsForWorker(environments[classes[lease.classIndex].environment]) ?? .aboutToStart
    }

    /// The same for a placement group; nil where it has its resources.
    package func why(_ group: GroupID, at now: Instant) -> WaitReason? {
        guard let index = requestIndex[.group(group)] else { return nil }
        let demand = requests[index].demand
        guard !available.admits(demand) else { return ahead(of: requests[index], at: now) ?? .aboutToStart }
        return .groupPending(group, shortage(demand, in: [.node]))
    }

    private func reason(of request: Request, _ value: SchedulingClass, at now: Instant) -> WaitReason {
        if let group = value.bundle?.group, groups[group]?.isReady == false {
            let demand = requestIndex[.group(group)].map { requests[$0].demand } ?? Resources()
            return .groupPending(group, available.admits(demand) ? nil : shortage(demand, in: [.node]))
        }
        let pools = pools(of: request)
        guard pools.contains(where: { available(in: $0).admits(value.demand) }) else {
            return ahead(of: request, at: now) ?? .resources(shortage(value.demand, in: pools))
        }
        if let reason = waitsForWorker(environments[classes[request.classIndex].environment]) { return reason }
        if let large = requests.first(where: { $0.isOpen && $0.passedOver >= configuration.patience }),
            large.key != request.key
        {
            return .keptForOthers(demand: large.demand)
        }
        if sharedWorkers >= configuration.workerLimit { return .processLimit(limit: configuration.workerLimit) }
        return ahead(of: request, at: now) ?? .aboutToStart
    }

    private func waitsForWorker(_ environment: EnvironmentState) -> WaitReason? {
        if environment.retryAt != nil {
            return .workersFail(attempts: max(1, environment.failures), reason: environment.lastFailure)
        }
        if environment.starting > 0 { return .workerStarting(count: environment.starting) }
        return underMemoryPressure ? .memoryPressure : nil
    }

    private func ahead(of request: Request, at now: Instant) -> WaitReason? {
        let priority = effectivePriority(request, at: now)
        let ahead = requests.count {
            $0.isOpen && $0.key != request.key && effectivePriority($0, at: now) > priority
        }
        return ahead > 0 ? .behind(requests: ahead, priority: priority + 1) : nil
    }

    private func shortage(_ demand: Resources, in pools: [Pool]) -> WaitReason.Shortage {
        let pool = pools.first ?? .node
        let available = available(in: pool)
        let lacking = available.shortfall(for: demand)
        var total = configuration.resources
        if case .bundle(let group, let index) = pool { total = groups[group]?.bundles[index] ?? total }
        let holders = leases.values.filter { pools.contains($0.pool) && $0.demand.overlaps(lacking) }
            .sorted { $0.id < $1.id }
        return WaitReason.Shortage(
            demand: demand, total: total, available: available,
            holders: holders.map {
                WaitReason.Holder(worker: $0.worker, client: $0.client, resources: $0.demand, isBlocked: $0.isBlocked)
            },
            groups: pool == .node
                ? groups.filter { $0.value.isReady && $0.value.bundles.contains { $0.overlaps(lacking) } }.keys.sorted()
                : [])
    }
}
