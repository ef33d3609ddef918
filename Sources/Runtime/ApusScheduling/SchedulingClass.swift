import ApusCore

/// What must be alike for two tasks to run in the same worker process, which is the program's executable.
package struct WorkerEnvironment: Hashable, Sendable, Codable {
    /// Variables that are set on top of the daemon's own.
    package var variables: [String: String]
    /// The working directory; the daemon's where nil.
    package var folder: String?

    package init(variables: [String: String] = [:], folder: String? = nil) {
        self.variables = variables
        self.folder = folder
    }
}

/// Where inside a placement group a task runs.
package struct BundleReference: Hashable, Sendable, Codable {
    package let group: GroupID
    /// Any bundle with room where nil.
    package let bundle: Int?

    package init(group: GroupID, bundle: Int? = nil) {
        self.group = group
        self.bundle = bundle
    }
}

/// A job that is a part of another one, with its part of the node.
package struct JobShare: Hashable, Sendable, Codable {
    package let job: JobID
    /// At least 1.
    package let weight: Int

    package init(job: JobID, weight: Int) {
        self.job = job
        self.weight = max(1, weight)
    }
}

/// Tasks that can run on each other's leases.
package struct SchedulingClass: Hashable, Sendable, Codable {
    package var demand: Resources
    package var environment: WorkerEnvironment
    /// Higher goes first, within a job and between jobs.
    package var priority: Int
    package var bundle: BundleReference?
    /// The job that they count for; their client's where nil.
    package var job: JobShare?
    /// Whether the tasks survive the loss of their worker; those that do not are the last to be killed for memory.
    package var isRetriable: Bool

    package init(
        demand: Resources, environment: WorkerEnvironment = WorkerEnvironment(), priority: Int = 0,
        bundle: BundleReference? = nil,
        job: JobShare? = nil, isRetriable: Bool = true
    ) {
        self.demand = demand
        self.environment = environment
        self.priority = priority
        self.bundle = bundle
        self.job = job
        self.isRetriable = isRetriable
    }
}
