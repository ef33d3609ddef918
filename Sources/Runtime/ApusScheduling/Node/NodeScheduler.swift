import ApusCore

/// Grants one node's resources and worker processes to clients, as leases. Pure: it starts no process and sends nothing.
///
/// A client says how many leases of each class it has use for; whenever resources or workers become free, the waiting
/// requests are served in this order:
/// 1. higher priority first; waiting raises a request's priority by one for each `Configuration.aging`, so that nothing
///    waits for ever;
/// 2. of equal priorities, the job that uses least of the node in proportion to its weight (weighted dominant resource
///    fairness, Ghodsi et al. 2011);
/// 3. of one job, the request that waited longest.
///
/// A request that does not fit is passed over at most `Configuration.patience` times by later ones in its way; then the
/// resources that become free are kept for it. Where requests wait, leases that their holders do not use are recalled at
/// once, used ones after `Configuration.slice`, if the order above would rather serve the one who waits.
///
/// A task that waits in `get` lends its processors; it takes them back at once when it goes on. Above
/// `Configuration.workerLimit` no process is started for as long as there is another way: a worker all of whose tasks
/// wait takes further leases, so that tasks nested to any depth go on with a bounded number of processes.
package struct NodeScheduler {
    package struct Configuration: Sendable {
        /// What the node has.
        package var resources: Resources
        /// Workers of this environment are kept warm.
        package var environment: WorkerEnvironment
        /// Shared worker processes that there are at least, whether they are idle or not.
        package var warmWorkers = 0
        /// Shared worker processes, above which there must be need to start more.
        package var workerLimit = 64
        /// Worker processes that may be starting at a time.
        package var startsAtOnce = 8
        /// Idle workers beyond the warm ones end after this time.
        package var idleTimeout = Duration.seconds(60)
        /// How long a used lease is left to its holder while others wait.
        package var slice = Duration.milliseconds(100)
        /// The time of waiting that is worth one step of priority.
        package var aging = Duration.seconds(5)
        /// How often a request may be passed over.
        package var patience = 16
        /// How long a worker has to drop the tasks of a revoked lease.
        package var revokePatience = Duration.seconds(1)
        /// Failed starts in a row after which an environment's requests are refused.
        package var startAttempts = 3
        /// The pause after the first failed start; it doubles with each further one.
        package var startPause = Duration.milliseconds(100)
        /// How long a request waits for a worker at the limit before one is started above it.
        package var limitPatience = Duration.milliseconds(50)
        /// Whether what does not fit this node may wait for others.
        package var nodesMayJoin = false

        package init(resources: Resources, environment: WorkerEnvironment = WorkerEnvironment()) {
            self.resources = resources
            self.environment = environment
        }
    }

    package let configuration: Configuration
    /// What is neither leased nor in a bundle; processors can be below zero while tasks that had lent theirs go on.
    package internal(set) var available: Resources

    var clients: [ProcessID: Client] = [:]
    var jobs: [JobID: Job] = [:]
    var classes: [ClassState] = []
    var classIndex: [SchedulingClass: Int] = [:]
    var freeClasses: [Int] = []
    /// Dense; the order is that of the events, never that of a hash.
    var requests: [Request] = []
    var requestIndex: [RequestKey: Int] = [:]
    var leases: [LeaseID: Lease] = [:]
    var workers: [WorkerID: Worker] = [:]
    var environments: [EnvironmentState] = []
    var environmentIndex: [WorkerEnvironment: Int] = [:]
    var groups: [GroupID: Group] = [:]
    /// Dedicated leases whose workers ended and that wait for others.
    var homeless: [LeaseID] = []

    var lastLease: UInt64 = 0
    var lastWorker: UInt64 = 0
    var lastTicket: UInt64 = 0
    var pass: UInt64 = 0
    var underMemoryPressure = false

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        available = configuration.resources
        _ = environment(configuration.environment)
    }

    /// How often `tick` is due; nil while nothing depends on time.
    package var tickInterval: Duration? {
        let isWarmDue = sharedWorkers(of: 0) < configuration.warmWorkers || !homeless.isEmpty
        if isWarmDue || requests.contains(where: { $0.isOpen }) || leases.contains(where: { $0.value.revokedAt != nil })
        {
            return .milliseconds(20)
        }
        let isAnyTooMany = environments.indices.contains { environments[$0].idle.count > keptIdle(of: $0) }
        return isAnyTooMany ? min(.seconds(1), configuration.idleTimeout) : nil
    }

    /// Complexity: O((grants + classes) · requests), plus O(leases) where requests wait.
    package mutating func handle(_ event: NodeEvent, at now: Instant, into effects: inout [NodeEffect]) {
        switch event {
        case .driverJoined(let id, let job, let weight):
            join(id, job: job, weight: weight)
        case .clientLeft(let id):
            leave(id, at: now, into: &effects)
        case .want(let client, let schedulingClass, let count):
            want(client, schedulingClass, count: count, at: now, into: &effects)
        case .returned(let id):
            end(id, at: now, into: &effects)
        case .blocked(let id):
            setBlocked(true, id)
        case .unblocked(let id):
            setBlocked(false, id)
        case .revoked(let id):
            if leases[id]?.revokedAt != nil { end(id, at: now, into: &effects) }
        case .dedicate(let client, let number, let schedulingClass):
            dedicate(client, number, schedulingClass, at: now, into: &effects)
        case .cancelDedicated(let client, let number):
            if let index = requestIndex[.dedicated(client, number)] { removeRequest(index) }
        case .workerReady(let id, let client):
            workerReady(id, client: client, at: now, into: &effects)
        case .workerExited(let id, let fate):
            workerExited(id, dedication: fate, at: now, into: &effects)
        case .workerSpent(let id):
            workerSpent(id, into: &effects)
        case .workerFailedToStart(let id, let reason):
            workerFailed(id, reason: reason, at: now, into: &effects)
        case .createGroup(let id, let client, let bundles, let strategy):
            createGroup(id, client: client, bundles: bundles, strategy: strategy, at: now, into: &effects)
        case .removeGroup(let id):
            removeGroup(id, at: now, into: &effects)
        case .memory(let report):
            relieve(report, into: &effects)
        case .tick:
            tick(at: now, into: &effects)
        }
        schedule(at: now, recalls: event.mayLackLeases, into: &effects)
    }

    package mutating func handle(_ event: NodeEvent, at now: Instant) -> [NodeEffect] {
        var effects: [NodeEffect] = []
        handle(event, at: now, into: &effects)
        return effects
    }

    private mutating func tick(at now: Instant, into effects: inout [NodeEffect]) {
        for lease in leases.values.filter({ $0.revokedAt.map { now - $0 >= configuration.revokePatience } ?? false })
            .sorted(by: { $0.id < $1.id })
        {
            stop(lease.worker, .doesNotYield, into: &effects)
        }
        stopIdleWorkers(at: now, into: &effects)
    }
}
