import ApusCore
import Synchronization

extension Cluster {
    /// The cluster's nodes.
    public var nodes: [NodeIdentifier] { backend.nodes }

    /// Asks for resources that are set aside together; returns before there are any: see `ready`.
    ///
    /// ```swift
    /// let group = try await cluster.createGroup([Resources(cpus: 1), Resources(cpus: 2)])
    /// try await cluster.ready(group).value
    /// let sum = try cluster.submit(Add(left: 1, right: 2), .init(scheduling: .group(group, bundle: 0)))
    /// ```
    /// Tasks and actors may be submitted into the group at once; they wait for it. What it has is no longer part of
    /// `availableResources`.
    ///
    /// - Throws: `ClusterError.infeasible` where the cluster has less than all bundles together, or there are none;
    ///   `.needsNodes`, `.closed`.
    public func createGroup(
        _ bundles: [Resources], _ strategy: PlacementStrategy = .pack
    ) async throws -> PlacementGroup {
        var demand = Resources()
        for bundle in bundles { demand.add(bundle) }
        if strategy == .strictSpread, bundles.count > nodes.count {
            throw ClusterError.needsNodes(bundles: bundles.count, nodes: nodes.count)
        }
        guard !bundles.isEmpty, resources.covers(demand) else {
            throw ClusterError.infeasible(subject: "The placement group", demand: demand, total: resources)
        }
        let number = try await backend.createGroup(bundles, strategy)
        return PlacementGroup(number: number, bundles: bundles, strategy: strategy)
    }

    /// A reference that is ready when the group has its resources. It fails with `TaskError.Cause.groupRemoved` where
    /// the group ends before.
    public func ready(
        _ group: PlacementGroup, file: StaticString = #fileID, line: Int = #line
    ) -> ObjectRef<Unit> {
        let cell = GroupCell(group, file: file, line: line)
        let backend = backend
        let entry = calls.enter(cell)
        cell.start(
            Task.immediate(executorPreference: backend.taskExecutor) { [calls] in
                if await backend.groupIsReady(group.number) {
                    cell.succeed(Unit())
                } else {
                    cell.fail(.groupRemoved(group: group.number))
                }
                calls.leave(entry)
            })
        return ObjectRef(cell: cell)
    }

    /// Gives a group's resources back. Tasks and actors in it end: tasks fail with `TaskError.Cause.groupRemoved`, and are
    /// not tried again; so does what is submitted later. Nothing happens where the group has ended.
    ///
    /// - Throws: `ClusterError.closed`.
    public func remove(_ group: PlacementGroup) async throws { try await backend.removeGroup(group.number) }
}

/// Whether a group has its resources, as an object.
private final class GroupCell: ValueCell<Unit>, @unchecked Sendable {
    // `task` has its lock; the rest is immutable.
    private let group: PlacementGroup
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ group: PlacementGroup, file: StaticString, line: Int) {
        self.group = group
        super.init(phase: .running, file: file, line: line)
    }

    override var taskName: String { "placement group \(group.number)" }

    func start(_ task: Task<Void, Never>) { self.task.withLock { $0 = task } }

    override func interrupt(_ reason: Stop) -> Bool {
        let task = task.withLock { $0 }
        task?.cancel()
        return task != nil
    }
}
