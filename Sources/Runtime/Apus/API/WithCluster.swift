import ApusCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How far embedded tasks are kept apart.
public enum EmbeddedIsolation: Sendable {
    /// Tasks, arguments and results are passed as they are.
    case shared
    /// They pass through their bytes, as between processes: slower, and shows what would not survive the way.
    case encoded
}

/// Where a program's tasks run.
public struct ClusterConfiguration: Sendable {
    enum Kind: Sendable {
        case embedded(Resources, EmbeddedIsolation)
        case local(LocalConfiguration)
    }

    let kind: Kind
    /// Whether the program's metrics come to Apus where it has no factory of its own.
    var installsMetrics = true

    /// In this process; nothing is started but threads.
    ///
    /// - Parameters:
    ///   - cpus: processors to use; all of the machine's where nil.
    ///   - memory: bytes that tasks may ask for; all of the machine's where nil.
    ///   - resources: amounts of resources that the program names.
    public static func embedded(
        cpus: Quantity? = nil, gpus: Quantity = 0, memory: Int64? = nil, resources: [String: Quantity] = [:],
        isolation: EmbeddedIsolation = .shared
    ) -> ClusterConfiguration {
        ClusterConfiguration(
            kind: .embedded(
                Resources(
                    cpus: cpus ?? Quantity(Machine.processors), gpus: gpus, memory: memory ?? Machine.memory,
                    custom: resources), isolation))
    }

    /// In worker processes of this machine, which are this program's executable: tasks are kept apart from one another
    /// and from the program.
    ///
    /// - Parameters:
    ///   - nodes: how many nodes are started; one.
    ///   - cpus: processors to use; all of the machine's where nil.
    ///   - memory: bytes that tasks may ask for; all of the machine's where nil.
    ///   - resources: amounts of resources that the program names.
    ///   - workerMemory: bytes that the workers may use together, the object store not counted: above it workers are
    ///     ended, those whose tasks can be tried again first, the newest before the others. Where nil they are ended
    ///     when the machine, or the container, has less than a twentieth left.
    ///   - workers: processes that are started at once; as many as processors where nil.
    ///   - objectStore: bytes of shared memory for large values; three tenths of the available memory where nil. Taken
    ///     page by page as it is used.
    ///   - spillFolder: a folder on a disk, where values go that find no room in memory; nil for the system's temporary
    ///     folder.
    ///   - name: what `apus cluster status` calls the cluster; made from the program's name where nil.
    ///   - metricsPort: a port of the loopback interface that serves metrics as Prometheus reads them, 0 for any that is
    ///     free; none where nil.
    ///   - recordsEvents: whether each process keeps its last events for `apus timeline`.
    ///   - stallWarning: after how long without progress the program's user is told why tasks wait; never where nil.
    public static func local(
        nodes: Int = 1, cpus: Quantity? = nil, gpus: Quantity = 0, memory: Int64? = nil,
        resources: [String: Quantity] = [:], workerMemory: Int64? = nil, workers: Int? = nil,
        objectStore: Int? = nil, spillFolder: String? = nil, name: String? = nil, metricsPort: Int? = nil,
        recordsEvents: Bool = true, stallWarning: Duration? = .seconds(10)
    ) -> ClusterConfiguration {
        let cpus = cpus ?? Quantity(Machine.processors)
        return ClusterConfiguration(
            kind: .local(
                LocalConfiguration(
                    nodes: nodes,
                    resources: Resources(
                        cpus: cpus, gpus: gpus, memory: memory ?? Machine.memory, custom: resources),
                    warmWorkers: workers ?? max(1, Int(cpus.value.rounded(.up))),
                    workerMemory: workerMemory,
                    objectStore: ObjectStoreConfiguration(
                        capacity: objectStore, spillFolder: spillFolder ?? Machine.temporaryFolder,
                        isSpillingOptional: spillFolder == nil),
                    insight: InsightConfiguration(
                        name: name, metricsPort: metricsPort, recordsEvents: recordsEvents),
                    stallWarning: stallWarning)))
    }

    /// The same, and the program's metrics are left alone: for one that calls `MetricsSystem.bootstrap` after it has
    /// entered the cluster, or with `NOOPMetricsHandler`. In workers they come to Apus all the same.
    public func withoutInstallingMetrics() -> ClusterConfiguration {
        var configuration = self
        configuration.installsMetrics = false
        return configuration
    }

    /// As the environment says; `embedded` where it says nothing.
    ///
    /// `APUS_CLUSTER` names the backend (`embedded` or `local`), `APUS_CPUS` the number of processors, `APUS_ISOLATION` how far
    /// embedded tasks are kept apart (`shared` or `encoded`), `APUS_OBJECT_STORE` the bytes of a local cluster's object
    /// store.
    ///
    /// - Throws: `ClusterError.invalidEnvironment`.
    public static var fromEnvironment: ClusterConfiguration {
        get throws {
            func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
            let name = variable("APUS_CLUSTER") ?? "embedded"
            guard name == "embedded" || name == "local" else {
                throw ClusterError.invalidEnvironment(
                    variable: "APUS_CLUSTER", value: name, expected: "embedded or local")
            }
            var cpus: Quantity?
            if let text = variable("APUS_CPUS") {
                guard let value = Double(text), value > 0, value <= 4096 else {
                    throw ClusterError.invalidEnvironment(
                        variable: "APUS_CPUS", value: text, expected: "a number from 0.0001 to 4096")
                }
                cpus = Quantity(value)
            }
            var isolation = EmbeddedIsolation.shared
            switch variable("APUS_ISOLATION") {
            case nil, "shared": break
            case "encoded": isolation = .encoded
            case let other?:
                throw ClusterError.invalidEnvironment(
                    variable: "APUS_ISOLATION", value: other, expected: "shared or encoded")
            }
            var store: Int?
            if let text = variable("APUS_OBJECT_STORE") {
                guard let value = Int(text), value >= 1 << 20 else {
                    throw ClusterError.invalidEnvironment(
                        variable: "APUS_OBJECT_STORE", value: text, expected: "a number of bytes, 1048576 or more")
                }
                store = value
            }
            return name == "local"
                ? .local(cpus: cpus, objectStore: store) : .embedded(cpus: cpus, isolation: isolation)
        }
    }
}

/// Runs a program's body with a cluster, and ends all that it started when the body ends.
///
/// ```swift
/// try await withCluster(.fromEnvironment) { cluster in
///     let sum = try cluster.submit(Add(left: 1, right: 2))
///     print(try await sum.value)
/// }
/// ```
/// When the body returns or throws, tasks that are left are cancelled and awaited, and actors end.
public func withCluster<Result>(
    _ configuration: ClusterConfiguration, isolation: isolated (any Actor)? = #isolation,
    _ body: (Cluster) async throws -> Result
) async throws -> Result {
    let backend: any Backend
    let cluster: Cluster
    if configuration.installsMetrics { ApusMetrics.install() }
    switch configuration.kind {
    case .embedded(let resources, let isolation):
        let embedded = EmbeddedBackend(resources: resources, isolation: isolation)
        backend = embedded
        cluster = Cluster(backend: embedded)
        embedded.attach(cluster)
    case .local(let configuration):
        let session = try await LocalSession.start(configuration)
        let outcome = await run(body, in: session.cluster)
        await session.end()
        return try outcome.get()
    }
    let outcome = await run(body, in: cluster)
    await backend.shutdown()
    await cluster.calls.cancelAll()
    return try outcome.get()
}

private func run<Result>(
    _ body: (Cluster) async throws -> Result, in cluster: Cluster, isolation: isolated (any Actor)? = #isolation
) async -> Swift.Result<Result, any Error> {
    do {
        return .success(
            try await withTaskExecutorPreference(cluster.backend.taskExecutor) {
                try await RunContext.$current.withValue(RunContext(cluster: cluster, cell: nil)) {
                    try await body(cluster)
                }
            })
    } catch {
        return .failure(error)
    }
}

/// What this machine has.
enum Machine {
    static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
    static var temporaryFolder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp" }
    static var memory: Int64 { Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))) }
}
