import ApusCore
import Distributed
import Synchronization

/// The result of a call that nobody awaits yet.
final class CallCell<Result: Sendable & Codable>: ValueCell<Result>, CallPlace, @unchecked Sendable {
    // `state` has its lock; the rest is immutable.
    private let type: any Any.Type
    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
        /// What was reserved for the first call to the actor.
        var place: UInt64?
        var actor: ActorIdentifier?
    }

    private let state = Mutex(State())

    init(of type: any Any.Type, file: StaticString, line: Int) {
        self.type = type
        super.init(phase: .running, file: file, line: line)
    }

    override var taskName: String { "\(type)" }

    func reserve(_ place: UInt64, on actor: ActorIdentifier) {
        state.withLock { ($0.place, $0.actor) = (place, actor) }
    }

    func takePlace(for actor: ActorIdentifier) -> UInt64? {
        state.withLock { $0.actor == actor ? $0.place.take() : nil }
    }

    func start<Body: DistributedActor>(
        on actor: Body, _ options: CallOptions?, cluster: Cluster,
        _ call: @escaping @Sendable (Body) async throws -> Result
    ) where Body.ActorSystem == ApusActorSystem {
        let entry = cluster.calls.enter(self)
        // The Swift task copies what is bound around it; within it, binding would take a frame and two switches more.
        let task = RunContext.$current.withValue(RunContext(cluster: cluster, cell: nil, place: self)) {
            Task.immediate(executorPreference: cluster.backend.taskExecutor) {
                do {
                    let value =
                        if let options { try await options { try await call(actor) } } else { try await call(actor) }
                    self.giveBackPlace(on: actor.id, in: cluster)
                    self.succeed(value)
                } catch {
                    self.giveBackPlace(on: actor.id, in: cluster)
                    self.fail(error)
                }
                cluster.calls.leave(entry)
            }
        }
        // It may have ended, or been cancelled, already.
        let isCancelled = state.withLock { state in
            if !self.isComplete { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// The place of a call that was not made.
    private func giveBackPlace(on actor: ActorIdentifier, in cluster: Cluster) {
        if let unused = takePlace(for: actor) { cluster.backend.releaseCall(unused, to: actor) }
    }

    private func fail(_ error: any Error) {
        switch error {
        case let error as TaskError: fail(error)
        case is CancellationError: fail(.cancelled)
        default: fail(.failed(RemoteFailure(error)))
        }
    }

    override func releaseTask() { state.withLock { $0.task = nil } }

    override func interrupt(_ reason: Stop) -> Bool {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
        return true
    }
}

/// The calls in flight whose Swift tasks are the cluster's, so that none outlives it.
final class CallRegistry: Sendable {
    private struct State {
        var cells: [ObjectCell?] = []
        var free: [Int] = []
        var waiter: ContinuationWaiter?
        var isEmpty: Bool { cells.count == free.count }
    }

    private let state = Mutex(State())

    func enter(_ cell: ObjectCell) -> Int {
        state.withLock { state in
            if let entry = state.free.popLast() {
                state.cells[entry] = cell
                return entry
            }
            state.cells.append(cell)
            return state.cells.count - 1
        }
    }

    func leave(_ entry: Int) {
        let waiter: ContinuationWaiter? = state.withLock { state in
            state.cells[entry] = nil
            state.free.append(entry)
            return state.isEmpty ? state.waiter.take() : nil
        }
        waiter?.resume(.completed)
    }

    /// Cancels all calls and awaits their ends.
    func cancelAll() async {
        let waiter = ContinuationWaiter()
        let cells = state.withLock { state in
            if !state.isEmpty { state.waiter = waiter }
            return state.cells.compactMap { $0 }
        }
        for cell in cells { _ = cell.interrupt(.cancelled) }
        // A caller that is cancelled has cancelled its calls already, and waits for their ends all the same.
        if !cells.isEmpty { await Task { _ = await waiter.wait() }.value }
    }
}
