import ApusCore

/// What happens on a node, as its scheduler is told.
package enum NodeEvent: Sendable {
    /// A program's driver connected. Its job gets resources in proportion to `weight`, which is at least 1.
    case driverJoined(ProcessID, job: JobID, weight: Int)
    /// A client is gone: what it wanted and held ends.
    case clientLeft(ProcessID)

    /// How many leases of a class a client has use for, those included that it holds. Absolute and idempotent.
    case want(ProcessID, SchedulingClass, count: Int)
    /// The holder needs a lease no longer; nothing runs under it. Ends the worker where the lease is a dedicated one.
    case returned(LeaseID)
    /// The task under a lease waits for objects, and goes on. Idempotent.
    case blocked(LeaseID)
    case unblocked(LeaseID)
    /// A worker has dropped what it had of a revoked lease.
    case revoked(LeaseID)

    /// A client needs a worker of its own, for an actor. The number is the client's.
    case dedicate(ProcessID, request: UInt64, SchedulingClass)
    /// The client no longer needs it. Ignored where it was granted meanwhile: the client then returns the lease.
    case cancelDedicated(ProcessID, request: UInt64)

    /// A worker connected; it is the client of the tasks that its tasks submit.
    case workerReady(WorkerID, client: ProcessID)
    /// A worker ended, for whatever reason, or never became ready.
    case workerExited(WorkerID, dedication: DedicationFate = .ends)
    /// A worker wants to end: it takes no further lease, and those on it are recalled.
    case workerSpent(WorkerID)
    case workerFailedToStart(WorkerID, reason: String)

    /// A group ends with its client, or when it is removed where that is nil.
    case createGroup(GroupID, client: ProcessID?, bundles: [Resources], PlacementStrategy)
    case removeGroup(GroupID)

    /// What the node's memory looks like.
    case memory(MemoryReport)
    /// Time passed; due at least every `NodeScheduler.tickInterval`.
    case tick
}

extension NodeEvent {
    /// Whether requests may wait after it that did not before, or long enough by now.
    var mayLackLeases: Bool {
        switch self {
        case .want, .dedicate, .createGroup, .unblocked, .tick: true
        case .driverJoined, .clientLeft, .returned, .blocked, .revoked, .cancelDedicated, .workerReady, .workerExited,
            .workerSpent, .workerFailedToStart, .removeGroup, .memory:
            false
        }
    }
}

/// What becomes of the lease that a worker was dedicated to, when the worker ends.
package enum DedicationFate: Sendable {
    case ends
    /// It keeps its resources and gets another worker.
    case goesOn(isRetriable: Bool)
}

/// The use of a node's memory, in bytes.
package struct MemoryReport: Sendable {
    package var used: Int64
    /// Above it workers end, until no more than `goal` is used.
    package var limit: Int64
    package var goal: Int64
    package var workers: [(worker: WorkerID, bytes: Int64)]

    package init(used: Int64, limit: Int64, goal: Int64, workers: [(worker: WorkerID, bytes: Int64)]) {
        self.used = used
        self.limit = limit
        self.goal = goal
        self.workers = workers
    }
}

/// What the driver of a node's scheduler is to do, in order.
package enum NodeEffect: Equatable, Sendable {
    case startWorker(WorkerID, WorkerEnvironment)
    /// The process is to end once nothing depends on it, but for `doesNotYield` at once; `workerExited` follows.
    case stopWorker(WorkerID, StopReason)
    case killForMemory(WorkerID, bytes: Int64)

    case grant(LeaseID, to: ProcessID, SchedulingClass, on: WorkerID)
    case dedicated(LeaseID, to: ProcessID, request: UInt64, on: WorkerID)
    /// Others need the resources, or the worker ends: the holder is to return the lease once no task runs under it.
    case recall(LeaseID, from: ProcessID)
    /// Others wait: the holder is to return this lease when no task runs or waits under it.
    case recallOnceIdle(LeaseID, from: ProcessID)
    /// The holder cannot return the lease: the worker is to drop its tasks and confirm by `revoked`.
    case revoke(LeaseID, on: WorkerID)
    /// The lease is gone without having been returned.
    case leaseLost(LeaseID, to: ProcessID, LeaseLoss)

    /// The class's tasks cannot run; nothing is wanted of it any more.
    case refuse(ProcessID, SchedulingClass, Refusal)
    case refuseDedicated(ProcessID, request: UInt64, Refusal)
    /// Cannot run on the nodes that there are; waits for others to join.
    case warn(ProcessID, demand: Resources, Refusal)

    case groupReady(GroupID)
    case groupRefused(GroupID, Refusal)
}

package enum StopReason: Sendable {
    /// Not needed for a long time.
    case idle
    /// Another environment needs a process.
    case makesRoom
    /// The lease that it was dedicated to ended.
    case dedicationEnded
    /// It asked to end.
    case spent
    /// It did not drop the tasks of a revoked lease in time.
    case doesNotYield
}

package enum LeaseLoss: Equatable, Sendable {
    case workerExited, killedForMemory
    case groupRemoved(GroupID)
    /// No other worker could be had for a dedicated lease.
    case refused(Refusal)

    package var isByGroup: Bool { if case .groupRemoved = self { true } else { false } }
}

/// Why something cannot be had.
package enum Refusal: Hashable, Sendable, Codable, CustomStringConvertible {
    /// More than the node, or the bundle, has in all.
    case infeasible(demand: Resources, total: Resources)
    /// Bundles that must lie on different nodes.
    case needsNodes(Int)
    case unknownGroup(GroupID)
    case groupRemoved(GroupID)
    /// Workers of the environment fail to start.
    case workersFail(attempts: Int, reason: String)
    /// The two processes cannot be connected.
    case noConnection

    package var description: String {
        switch self {
        case .infeasible(let demand, let total):
            "it asks for \(demand), and there is only \(total) in all"
        case .needsNodes(let count):
            "its bundles must lie on \(count) different nodes, and there is one; `spread` instead of `strictSpread` lets "
                + "them lie on it"
        case .unknownGroup(let group): "placement group \(group.number) does not exist"
        case .groupRemoved(let group): "placement group \(group.number) was removed"
        case .workersFail(let attempts, let reason):
            "no worker could be started in \(attempts) attempts: \(reason)"
        case .noConnection: "no more connections between processes can be made"
        }
    }
}
