import ApusInsight
import CoreMetrics
import Synchronization

/// Metrics that a program counts itself, in its tasks and actors too, by way of swift-metrics.
///
/// ```swift
/// import Metrics
///
/// struct Tokenize: RemoteTask {
///     var page: String
///     func run() async throws -> [Int] {
///         Metrics.Counter(label: "pages", dimensions: [("language", "en")]).increment()
///         let start = ContinuousClock.now
///         defer { Metrics.Timer(label: "tokenize").record(duration: .now - start) }
///         return try tokens(of: page)
///     }
/// }
/// ```
/// The node adds up what its processes count, and serves it with its own figures: see `Cluster.metrics()` and
/// `.local(metricsPort:)`.
public enum ApusMetrics {
    /// Makes metrics that the cluster's nodes show.
    ///
    /// `withCluster` installs it in a program that has installed no factory, and it is installed in every worker. A
    /// program that sends its metrics elsewhere too says so before it enters a cluster:
    ///
    /// ```swift
    /// MetricsSystem.bootstrap(MultiplexMetricsHandler(factories: [mine, ApusMetrics.factory]))
    /// ```
    public static let factory: any MetricsFactory = MetricsBackend()

    private static let isInstalled = Mutex(false)

    /// Installs the factory where the program has none: it can be done once in a process.
    static func install() {
        isInstalled.withLock { isInstalled in
            guard !isInstalled else { return }
            isInstalled = true
            if MetricsSystem.factory is NOOPMetricsHandler { MetricsSystem.bootstrap(factory) }
        }
    }
}

extension Cluster {
    /// The cluster's metrics and the program's own, in the text format of Prometheus: what `.local(metricsPort:)` serves.
    ///
    /// An `embedded` cluster has the program's own alone.
    ///
    /// - Throws: `ClusterError.closed`, `.nodeEnded`.
    /// - Complexity: O(metrics of all processes).
    public func metrics() async throws -> String { try await backend.metrics() }
}
