import ApusCore

/// How things stand, for the node's driver and for listings.
extension NodeScheduler {
    package struct LeaseLine: Sendable {
        package let id: LeaseID
        package let client: ProcessID
        package let worker: WorkerID
        package let value: SchedulingClass
        package let isDedicated: Bool
        package let isBlocked: Bool
    }

    /// A class of which a client has fewer leases than it has use for.
    package struct RequestLine: Sendable {
        package let client: ProcessID
        package let value: SchedulingClass
        package let want: Int
        package let held: Int
    }

    package func lease(_ id: LeaseID) -> LeaseLine? { leases[id].map(line) }

    private func line(_ lease: Lease) -> LeaseLine {
        LeaseLine(
            id: lease.id, client: lease.client, worker: lease.worker, value: classes[lease.classIndex].value,
            isDedicated: lease.dedication != nil, isBlocked: lease.isBlocked)
    }

    /// Groups that wait for their resources.
    package var pendingGroups: [(group: GroupID, client: ProcessID?, demand: Resources)] {
        requests.compactMap { request in
            guard case .group(let id) = request.key else { return nil }
            return (id, groups[id]?.client, request.demand)
        }
    }

    /// Whether a group has its resources; nil where there is none.
    package func isReady(_ group: GroupID) -> Bool? { groups[group]?.isReady }
    package func hasGroups(of client: ProcessID) -> Bool { groups.values.contains { $0.client == client } }

    package func leases(on worker: WorkerID) -> [LeaseLine] {
        workers[worker]?.leases.compactMap { leases[$0] }.map(line) ?? []
    }
    /// Whether a worker is about to end.
    package func isEnding(_ worker: WorkerID) -> Bool {
        if case .stopping? = workers[worker]?.state { true } else { false }
    }
    package var hasLeases: Bool { !leases.isEmpty }
    package func leaseCount(on worker: WorkerID) -> Int { workers[worker]?.leases.count ?? 0 }

    /// Requests of shared leases that wait. Complexity: O(requests).
    package var openRequests: [RequestLine] {
        requests.compactMap { request in
            guard case .shared(let client, let classIndex) = request.key, request.isOpen else { return nil }
            return RequestLine(
                client: client, value: classes[classIndex].value, want: request.want, held: request.held)
        }
    }
}
