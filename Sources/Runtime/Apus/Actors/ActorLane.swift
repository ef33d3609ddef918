import Synchronization

/// One Swift task that runs an actor's calls, one after the other.
final class ActorLane: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        /// The call that runs, and the instance that it runs on.
        var call: ActorCall?
        var generation = 0
    }

    private let state = Mutex(State())
    private let cancelled = Atomic(false)

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func start(on threads: any TaskExecutor, _ body: @escaping @Sendable (ActorLane) async -> Void) {
        let task = Task(executorPreference: threads) { await body(self) }
        state.withLock { $0.task = task }
        // It may have been cancelled before there was a task.
        if isCancelled { task.cancel() }
    }

    /// What follows the call that runs must not run here: `cancel` comes next.
    func close() { cancelled.store(true, ordering: .sequentiallyConsistent) }

    func cancel() {
        cancelled.store(true, ordering: .sequentiallyConsistent)
        state.withLock { $0.task }?.cancel()
    }

    /// Cancels the lane where it still runs that call, not the call that came after it.
    func cancel(_ call: ActorCall) {
        let task = state.withLock { state -> Task<Void, Never>? in
            guard state.call === call else { return nil }
            cancelled.store(true, ordering: .sequentiallyConsistent)
            return state.task
        }
        task?.cancel()
    }

    /// Notes the call that runs; nil when it has ended.
    func note(_ call: ActorCall?, generation: Int) {
        var last: ActorCall?
        state.withLock { state in
            last = state.call
            state.call = call
            state.generation = generation
        }
        // Let go of outside of the lock.
        _ = last
    }

    var current: (call: ActorCall, generation: Int)? {
        state.withLock { state in state.call.map { ($0, state.generation) } }
    }
}
