import ApusCore

extension NodeScheduler {
    struct Client {
        /// That of the lease that a worker works under; nil before its first.
        var job: JobID?
        /// Nil for drivers.
        let worker: WorkerID?
    }

    struct Job {
        var weight: Int
        var usage = Resources()
        /// The largest part of any resource of the node that the job uses, over its weight.
        var share = 0.0
        /// Clients and leases.
        var uses = 0
    }

    struct ClassState {
        var value: SchedulingClass
        var environment: Int
        /// Requests and leases.
        var uses = 0
        /// The pass in which the class was found not to fit.
        var shortInPass: UInt64 = 0
    }

    enum RequestKey: Hashable {
        case shared(ProcessID, classIndex: Int)
        case dedicated(ProcessID, UInt64)
        case group(GroupID)
    }

    struct Request {
        let key: RequestKey
        let demand: Resources
        let priority: Int
        /// −1 for groups.
        let classIndex: Int
        var want: Int
        /// Leases that the client has of it.
        var held = 0
        /// Of those, how many are recalled or revoked.
        var leaving = 0
        /// Since when it waits for its next lease.
        var since: Instant
        /// The order of `since`, also among equal ones.
        var ticket: UInt64 = 0
        var passedOver = 0
        /// Refused by this node; waits for others.
        var isInfeasible = false
        var doneInPass: UInt64 = 0

        var isOpen: Bool { held < want && !isInfeasible }
        var client: ProcessID? {
            switch key {
            case .shared(let client, _), .dedicated(let client, _): client
            case .group: nil
            }
        }
    }

    enum Pool: Hashable {
        case node
        case bundle(GroupID, Int)
    }

    struct Lease {
        let id: LeaseID
        let client: ProcessID
        /// The client's number for a lease of a dedicated worker.
        let dedication: UInt64?
        let classIndex: Int
        var worker: WorkerID
        /// Where its resources return to.
        var pool: Pool
        let demand: Resources
        let job: JobID
        let since: Instant
        /// Whether what runs under it survives the loss of its worker.
        var isRetriable: Bool
        var isBlocked = false
        /// The holder knows that others wait.
        var isAskedFor = false
        var isRecalled = false
        var revokedAt: Instant?

        /// What it takes at the moment.
        var taken: Resources {
            var taken = demand
            if isBlocked { taken.cpus = .zero }
            return taken
        }
    }

    struct Worker {
        enum State {
            case starting
            case idle(since: Instant)
            case leased
            /// Told to end; its leases, if any, end with it.
            case stopping(LeaseLoss)
        }
        let environment: Int
        var state = State.starting
        var client: ProcessID?
        /// Few: more than one only where the others wait.
        var leases: [LeaseID] = []
        var isDedicated = false
        /// Has never run anything.
        var isFresh = true
        /// Is to end with its leases.
        var isSpent = false
    }

    struct EnvironmentState {
        let value: WorkerEnvironment
        /// The last is the one used last.
        var idle: [WorkerID] = []
        var starting = 0
        var failures = 0
        var lastFailure = ""
        var retryAt: Instant?
        /// Since when requests wait for a worker at the limit.
        var stalledSince: Instant?
        /// Leases that would fit but for a worker, in the pass under way.
        var lacking = 0
    }

    struct Group {
        let client: ProcessID?
        let bundles: [Resources]
        /// Empty until the group has its resources.
        var available: [Resources] = []
        var isReady: Bool { !available.isEmpty }
    }

    // MARK: Classes, environments and jobs

    mutating func environment(_ value: WorkerEnvironment) -> Int {
        if let index = environmentIndex[value] { return index }
        environmentIndex[value] = environments.count
        environments.append(EnvironmentState(value: value))
        return environments.count - 1
    }

    mutating func index(of value: SchedulingClass) -> Int {
        if let index = classIndex[value] { return index }
        let state = ClassState(value: value, environment: environment(value.environment))
        if let index = freeClasses.popLast() {
            classes[index] = state
            classIndex[value] = index
            return index
        }
        classIndex[value] = classes.count
        classes.append(state)
        return classes.count - 1
    }

    mutating func releaseClass(_ index: Int) {
        classes[index].uses -= 1
        guard classes[index].uses == 0 else { return }
        classIndex[classes[index].value] = nil
        freeClasses.append(index)
    }

    mutating func charge(_ job: JobID, _ amount: Resources) {
        guard var state = jobs[job] else { return }
        state.usage.add(amount)
        state.share = dominantShare(of: state.usage) / Double(state.weight)
        jobs[job] = state
    }

    mutating func discharge(_ job: JobID, _ amount: Resources) {
        guard var state = jobs[job] else { return }
        state.usage.subtract(amount)
        state.share = dominantShare(of: state.usage) / Double(state.weight)
        jobs[job] = state
    }

    mutating func releaseJob(_ job: JobID) {
        jobs[job]?.uses -= 1
        if jobs[job]?.uses == 0 { jobs[job] = nil }
    }

    /// The largest part of any of the node's resources.
    func dominantShare(of usage: Resources) -> Double { usage.dominantShare(of: configuration.resources) }

    // MARK: Pools

    func available(in pool: Pool) -> Resources {
        switch pool {
        case .node: available
        case .bundle(let group, let index): groups[group]?.available[index] ?? Resources()
        }
    }

    mutating func take(_ amount: Resources, from pool: Pool) {
        switch pool {
        case .node: available.subtract(amount)
        case .bundle(let group, let index): groups[group]?.available[index].subtract(amount)
        }
    }

    mutating func give(_ amount: Resources, to pool: Pool) {
        switch pool {
        case .node: available.add(amount)
        case .bundle(let group, let index): groups[group]?.available[index].add(amount)
        }
    }
}
