import ApusCore

/// Placement groups: bundles of this node's resources, set aside all at once.
extension NodeScheduler {
    mutating func createGroup(
        _ id: GroupID, client: ProcessID?, bundles: [Resources], strategy: PlacementStrategy, at now: Instant,
        into effects: inout [NodeEffect]
    ) {
        guard groups[id] == nil, client.map({ clients[$0] != nil }) ?? true else { return }
        var demand = Resources()
        for bundle in bundles { demand.add(bundle) }
        var reason: Refusal?
        if strategy == .strictSpread, bundles.count > 1 {
            reason = .needsNodes(bundles.count)
        } else if bundles.isEmpty || !configuration.resources.covers(demand) {
            reason = .infeasible(demand: demand, total: configuration.resources)
        }
        if let reason, !mayWait(reason) {
            effects.append(.groupRefused(id, reason))
            return
        }
        groups[id] = Group(client: client, bundles: bundles)
        add(
            Request(
                key: .group(id), demand: demand, priority: 0, classIndex: -1, want: 1, since: now,
                isInfeasible: reason != nil))
        if let reason, let client { effects.append(.warn(client, demand: demand, reason)) }
    }

    /// A waiting group gets its resources.
    mutating func reserveGroup(_ index: Int, into effects: inout [NodeEffect]) {
        guard case .group(let id) = requests[index].key, var group = groups[id] else { return }
        available.subtract(requests[index].demand)
        group.available = group.bundles
        groups[id] = group
        removeRequest(index)
        effects.append(.groupReady(id))
    }

    /// Ends what runs in a group. Its free resources return at once, the others as their leases end.
    mutating func removeGroup(_ id: GroupID, at now: Instant, into effects: inout [NodeEffect]) {
        guard let group = groups.removeValue(forKey: id) else { return }
        if let index = requestIndex[.group(id)] {
            removeRequest(index)
            effects.append(.groupRefused(id, .groupRemoved(id)))
        }
        for bundle in group.available { available.add(bundle) }
        for index in requests.indices.reversed() {
            guard requests[index].classIndex >= 0, classes[requests[index].classIndex].value.bundle?.group == id
            else { continue }
            refuse(index, .groupRemoved(id), into: &effects)
        }
        let inside = leases.values.filter { if case .bundle(id, _) = $0.pool { true } else { false } }
        for lease in inside.sorted(by: { $0.id < $1.id }) {
            leases[lease.id]?.pool = .node
            guard lease.revokedAt == nil else { continue }
            if clients[lease.client] != nil {
                effects.append(.leaseLost(lease.id, to: lease.client, .groupRemoved(id)))
            }
            revoke(lease.id, at: now, into: &effects)
        }
    }
}
