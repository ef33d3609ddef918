import ApusCore

/// The state of a running cluster at one moment, as its node tells it.
package struct ClusterReport: Codable, Sendable {
    package var cluster: String
    package var version: String
    package var program: String
    package var driver: Int32
    /// Seconds since the node's start.
    package var uptime: Double
    package var metricsPort: Int?
    package var nodes: [NodeReport] = []
    /// Present where a query asked for them.
    package var tasks: [TaskLine]?
    /// Tasks that matched and found no room under the limit.
    package var tasksLeftOut = 0
    /// Processes that did not tell of their tasks in time.
    package var silent: [UInt64] = []
    package var actors: [ActorLine] = []
    package var objects: [ObjectLine]?
    /// Exact counts of all that happened, by name.
    package var counts: [NameCounts] = []

    package init(cluster: String, version: String, program: String, driver: Int32, uptime: Double, metricsPort: Int?) {
        self.cluster = cluster
        self.version = version
        self.program = program
        self.driver = driver
        self.uptime = uptime
        self.metricsPort = metricsPort
    }
}

package struct NodeReport: Codable, Sendable {
    package var number: Int
    package var pid: Int32
    package var total: Resources
    package var available: Resources
    package var workers: [WorkerLine] = []
    package var demands: [DemandLine] = []
    package var counters = NodeCounters()
    package var store: StoreFigures?

    package init(number: Int, pid: Int32, total: Resources, available: Resources) {
        self.number = number
        self.pid = pid
        self.total = total
        self.available = available
    }

    package var used: Resources {
        var used = total
        used.subtract(available)
        return used
    }
}

/// What a node counts from its start.
package struct NodeCounters: Codable, Sendable {
    package var workersStarted: UInt64 = 0
    package var workerStartsFailed: UInt64 = 0
    package var workersCrashed: UInt64 = 0
    package var outOfMemoryKills: UInt64 = 0
    package var leasesGranted: UInt64 = 0
    package var actorsCreated: UInt64 = 0
    package var actorRestarts: UInt64 = 0
    package var linesForwarded: UInt64 = 0
    package init() {}
}

/// Bytes of a node's object store, by where they are.
package struct StoreFigures: Codable, Sendable {
    package var capacity: Int64
    package var shared: Int64
    package var spilled: Int64
    package var objects: Int
    package init(capacity: Int64, shared: Int64, spilled: Int64, objects: Int) {
        self.capacity = capacity
        self.shared = shared
        self.spilled = spilled
        self.objects = objects
    }
}

package struct WorkerLine: Codable, Sendable {
    package enum State: String, Codable, Sendable, CaseIterable { case starting, idle, leased, actor }

    package var process: UInt64
    package var pid: Int32
    package var state: State
    /// The task that began there last, or the actor that lives there.
    package var name: String?
    package var leases: Int
    /// Bytes in memory.
    package var memory: Int64

    package init(process: UInt64, pid: Int32, state: State, name: String?, leases: Int, memory: Int64) {
        self.process = process
        self.pid = pid
        self.state = state
        self.name = name
        self.leases = leases
        self.memory = memory
    }
}

/// Work of one class that one process wants to be run, and that is not all running.
package struct DemandLine: Codable, Sendable {
    package var owner: UInt64
    package var resources: Resources
    /// Workers that the owner could use, and those that it has.
    package var wanted: Int
    package var granted: Int
    /// Why the rest waits, in words.
    package var reason: String

    package init(owner: UInt64, resources: Resources, wanted: Int, granted: Int, reason: String) {
        self.owner = owner
        self.resources = resources
        self.wanted = wanted
        self.granted = granted
        self.reason = reason
    }
}

package struct TaskLine: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable, CaseIterable {
        /// Inputs are missing.
        case waiting
        /// It waits for a worker.
        case queued
        /// It is with a worker, behind another task.
        case sent
        case running
        /// It runs, and waits for an object.
        case suspended
        // From the recorded events:
        case succeeded, failed, cancelled

        package var isOver: Bool { self == .succeeded || self == .failed || self == .cancelled }
    }

    package var owner: UInt64
    package var number: UInt32
    package var name: String
    package var state: State
    package var resources: Resources?
    package var worker: UInt64?
    package var attempts: Int
    package var origin: Origin?
    /// Why it does not run, where it does not.
    package var reason: String?
    /// How long it runs or ran, in seconds.
    package var seconds: Double?

    package init(
        owner: UInt64, number: UInt32, name: String, state: State, resources: Resources? = nil, worker: UInt64? = nil,
        attempts: Int = 0, origin: Origin? = nil, reason: String? = nil, seconds: Double? = nil
    ) {
        self.owner = owner
        self.number = number
        self.name = name
        self.state = state
        self.resources = resources
        self.worker = worker
        self.attempts = attempts
        self.origin = origin
        self.reason = reason
        self.seconds = seconds
    }

    package var id: String { "\(owner)-\(number)" }
}

package struct ActorLine: Codable, Sendable {
    package enum State: String, Codable, Sendable, CaseIterable { case waiting, starting, alive, dead }

    package var id: String
    package var name: String?
    package var type: String
    package var state: State
    package var process: UInt64?
    package var resources: Resources
    package var restartsLeft: Int
    package var reason: String?

    package init(
        id: String, name: String?, type: String, state: State, process: UInt64?, resources: Resources,
        restartsLeft: Int, reason: String?
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.state = state
        self.process = process
        self.resources = resources
        self.restartsLeft = restartsLeft
        self.reason = reason
    }
}

package struct ObjectLine: Codable, Sendable {
    /// A process that keeps the object.
    package struct Holder: Codable, Sendable {
        package var process: String
        /// References to the object there, each message that is under way counted for one.
        package var references: Int
        /// How often it is read in place just now: it cannot be spilled meanwhile.
        package var readers: Int

        package init(process: String, references: Int, readers: Int) {
            self.process = process
            self.references = references
            self.readers = readers
        }
    }

    package var id: String
    package var bytes: Int64
    package var state: String
    package var holders: [Holder]
    /// Where it was put, or what made it.
    package var site: String

    package init(id: String, bytes: Int64, state: String, holders: [Holder], site: String) {
        self.id = id
        self.bytes = bytes
        self.state = state
        self.holders = holders
        self.site = site
    }
}

/// What one process tells its node of the tasks that it owns.
package struct ProcessTasks: Codable, Sendable {
    package var tasks: [TaskLine]
    package var leftOut: Int
    package init(tasks: [TaskLine], leftOut: Int) {
        self.tasks = tasks
        self.leftOut = leftOut
    }
}
