import ApusCore

/// Calls of an actor that share a limit of their own, whatever its other calls do.
///
/// ```swift
/// ActorOptions(groups: [ConcurrencyGroup("reads", limit: 8, methods: ["page(_:)", "count()"])])
/// ```
public struct ConcurrencyGroup: Sendable, Codable, Hashable {
    public var name: String
    /// Calls that may run at once.
    public var limit: Int
    /// Methods whose calls belong to the group, written as in `page(_:)`; others can be assigned by `CallOptions.group`.
    public var methods: [String]

    public init(_ name: String, limit: Int, methods: [String] = []) {
        self.name = name
        self.limit = max(1, limit)
        self.methods = methods
    }
}

/// How one call of an actor is to be made.
///
/// ```swift
/// let page = try await CallOptions(timeout: .seconds(2)) { try await store.page(7) }
/// ```
public struct CallOptions: Sendable {
    @TaskLocal static var current: CallOptions?

    /// The concurrency group; the method's own where nil.
    public var group: String?
    /// Further attempts after a crash of the actor, −1 for no limit; the actor's where nil.
    public var retries: Int?
    /// The longest that the caller waits, all attempts together. Then the call is given up, as by cancelling it.
    public var timeout: Duration?

    public init(group: String? = nil, retries: Int? = nil, timeout: Duration? = nil) {
        self.group = group
        self.retries = retries
        self.timeout = timeout
    }

    /// Makes the calls of a body with these options.
    nonisolated(nonsending) public func callAsFunction<Result>(
        _ body: nonisolated(nonsending) () async throws -> Result
    ) async rethrows -> Result {
        try await Self.$current.withValue(self) { try await body() }
    }
}
