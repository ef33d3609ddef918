import ApusCore

/// What the code that runs belongs to: a cluster, and inside tasks the task.
///
/// An instance, since every Swift task that starts copies it.
package final class RunContext: Sendable {
    @TaskLocal static var current: RunContext?

    let cluster: Cluster
    /// The task that runs; nil in the driver and in actors.
    let cell: ObjectCell?
    /// The actors whose calls this code is part of, the innermost last.
    let actors: [ActorIdentifier]
    /// The place that was reserved for the first call that this code makes.
    let place: (any CallPlace)?
    /// The placement group that what an actor submits inherits.
    let group: CapturedGroup?

    init(
        cluster: Cluster, cell: ObjectCell?, actors: [ActorIdentifier] = [], place: (any CallPlace)? = nil,
        group: CapturedGroup? = nil
    ) {
        self.group = group
        self.cluster = cluster
        self.cell = cell
        self.actors = actors
        self.place = place
    }

    /// The placement group that what this code submits inherits.
    var childGroup: CapturedGroup? { cell?.childGroup ?? group }

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
    static func lending<Result: Sendable, Failure: Error>(
        _ wait: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let lender = current
        lender?.lend()
        defer { lender?.takeBack() }
        return try await wait()
    }

    /// The code begins to wait for others: the running task's processor is theirs. Without effect outside of tasks.
    func lend() {
        if let cell { cluster.backend.taskBlocked(cell) }
    }

    func takeBack() {
        if let cell { cluster.backend.taskUnblocked(cell) }
    }
}
