import ApusCore

/// Which failures of a task are tried again.
public struct RetryPolicy: Sendable {
    package let matches: @Sendable (TaskError) -> Bool

    /// Failures for which `matches` answers true. It is asked in the submitter's process.
    public static func when(_ matches: @escaping @Sendable (TaskError) -> Bool) -> RetryPolicy {
        RetryPolicy(matches: matches)
    }

    /// What the system does to a task: its worker died. Not what the task throws, nor a timeout.
    public static let systemFailures = when {
        switch $0.cause {
        case .workerCrashed, .outOfMemory: true
        default: false
        }
    }

    /// Whatever the task throws, its timeout, and what the system does to it.
    public static let anyError = when { !$0.isCancellation }

    /// Errors of one type that the task throws, and what the system does to it.
    public static func errors<Failure: Error>(_ type: Failure.Type) -> RetryPolicy {
        when { $0.underlying is Failure || systemFailures.matches($0) }
    }
}

/// How a task is to be run.
public struct TaskOptions: Sendable {
    /// What the task holds while it runs; the default is one processor.
    public var resources: Resources
    /// Further attempts after the first; −1 for no limit. A task that was ended for want of memory that others used is
    /// tried again without limit, unless this is 0, each time after a longer pause.
    public var retries: Int
    public var retryOn: RetryPolicy
    /// The longest that an attempt may run.
    public var timeout: Duration?
    /// Environment variables of the process that runs the task, in addition to the program's. Needs processes.
    public var environment: [String: String]
    /// The working directory of the process that runs the task; the program's where nil. Needs processes.
    public var workingDirectory: String?
    /// The name in errors and listings; the type's where nil.
    public var name: String?
    /// Higher goes first; the time that a task waits counts as well, so that none waits for ever.
    public var priority: Int
    /// Where the task is to run.
    public var scheduling: SchedulingStrategy
    /// The job that the task counts for; where nil that of the task that submits it.
    public var job: Job?
    /// Tasks of the type that a process runs before it ends, for those that leave something behind; nil for any number.
    /// Needs processes.
    public var maxCalls: Int?

    /// Those of tasks that are submitted without any.
    static let standard = TaskOptions()

    /// - Parameters:
    ///   - memory: bytes.
    ///   - resources: amounts of the resources that the cluster was given names for.
    ///   - retries: where nil, three for system failures. A number given without `retryOn` counts for any error.
    public init(
        cpus: Quantity = 1, gpus: Quantity = 0, memory: Int64 = 0, resources: [String: Quantity] = [:],
        retries: Int? = nil, retryOn: RetryPolicy? = nil, timeout: Duration? = nil,
        environment: [String: String] = [:], workingDirectory: String? = nil, name: String? = nil, priority: Int = 0,
        scheduling: SchedulingStrategy = .default, job: Job? = nil, maxCalls: Int? = nil
    ) {
        self.job = job
        self.priority = priority
        self.scheduling = scheduling
        self.maxCalls = maxCalls.map { max(1, $0) }
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.resources = Resources(cpus: cpus, gpus: gpus, memory: memory, custom: resources)
        self.retries = retries ?? 3
        self.retryOn = retryOn ?? (retries == nil ? .systemFailures : .anyError)
        self.timeout = timeout
        self.name = name
    }
}

/// How an actor is to be kept.
public struct ActorOptions: Sendable {
    /// The name by which it is found; unique in the cluster.
    public var name: String?
    /// What the actor holds from its creation to its end.
    public var resources: Resources
    /// Restarts after crashes; −1 for no limit. The state begins anew.
    public var maxRestarts: Int
    /// Further attempts of a call that a crash interrupted, −1 for no limit. With 0 a call runs at most once.
    public var maxTaskRetries: Int
    /// Calls that may run at once. With 1, calls run one after the other, each to its end.
    public var concurrency: Int
    /// Limits of their own for some methods. Calls of other methods are limited by `concurrency`.
    public var groups: [ConcurrencyGroup]
    /// Threads of the actor's own, for methods that block; 0 where it shares those of its process. Parts of methods that
    /// the actor isolates still run one at a time: see `onThread`.
    public var threads: Int
    /// Whether the actor outlives the actor or process that created it, up to the end of the cluster.
    public var isDetached: Bool
    /// Calls that may wait; further ones fail with `ActorError.tooManyCalls`.
    public var maxPendingCalls: Int
    /// Of actors and tasks that wait for resources, those of higher priority go first.
    public var priority: Int
    /// Where the actor is to live.
    public var scheduling: SchedulingStrategy

    public init(
        name: String? = nil, cpus: Quantity = 0, gpus: Quantity = 0, memory: Int64 = 0,
        resources: [String: Quantity] = [:], maxRestarts: Int = 0, maxTaskRetries: Int = 0, concurrency: Int = 1,
        groups: [ConcurrencyGroup] = [], threads: Int = 0, isDetached: Bool = false, maxPendingCalls: Int = .max,
        priority: Int = 0, scheduling: SchedulingStrategy = .default
    ) {
        self.priority = priority
        self.scheduling = scheduling
        self.name = name
        self.groups = groups
        self.threads = max(0, threads)
        self.isDetached = isDetached
        self.resources = Resources(cpus: cpus, gpus: gpus, memory: memory, custom: resources)
        self.maxRestarts = maxRestarts
        self.maxTaskRetries = maxTaskRetries
        self.concurrency = max(1, concurrency)
        self.maxPendingCalls = max(1, maxPendingCalls)
    }
}
