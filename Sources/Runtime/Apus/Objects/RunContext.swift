import ApusCore

/// What the code that runs belongs to: a cluster, and inside tasks the task.
struct RunContext: Sendable {
    @TaskLocal static var current: RunContext?

    let cluster: Cluster
    /// The task that runs; nil in the driver and in actors.
    let cell: ObjectCell?
    /// The actors whose calls this code is part of, the innermost last.
    var actors: [ActorIdentifier] = []
    /// The place that was reserved for the first call that this code makes.
    var place: (any CallPlace)?

    /// Suspends until an object is complete, and lends the running task's processor meanwhile.
    static func wait(for cell: ObjectCell) async throws(CancellationError) {
        let waiter = ContinuationWaiter()
        guard cell.add(waiter) else { return }
        let reason = await lending { await waiter.wait() }
        if reason == .cancelled, !cell.isComplete {
            cell.remove(waiter)
            throw CancellationError()
        }
    }

    /// Awaits something that other tasks bring about: the running task's processor is theirs meanwhile.
    static func lending<Result: Sendable>(_ wait: () async -> Result) async -> Result {
        guard let context = current, let cell = context.cell else { return await wait() }
        context.cluster.backend.taskBlocked(cell)
        let result = await wait()
        context.cluster.backend.taskUnblocked(cell)
        return result
    }

    /// As `lending`, for what may throw.
    static func lendingThrows<Result: Sendable>(_ wait: () async throws -> Result) async throws -> Result {
        guard let context = current, let cell = context.cell else { return try await wait() }
        context.cluster.backend.taskBlocked(cell)
        defer { context.cluster.backend.taskUnblocked(cell) }
        return try await wait()
    }
}
