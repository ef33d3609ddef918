import ApusCore
import Synchronization

/// Runs admitted tasks one after the other inside one Swift task: starting a Swift task per task costs several times as
/// much as an empty task.
///
/// To cancel a task is to cancel its runner's Swift task. Such a runner takes no further task; another one goes on.
final class Runner: Sendable {
    let backend: EmbeddedBackend
    private let threads: WorkerThreads
    private let cluster: Cluster

    private enum Handle {
        case starting
        case started(Task<Void, Never>)
        case cancelled
    }

    private let handle = Mutex<Handle>(.starting)

    init(backend: EmbeddedBackend, threads: WorkerThreads) {
        self.backend = backend
        self.threads = threads
        cluster = backend.cluster
    }

    func context(for cell: ObjectCell) -> RunContext { RunContext(cluster: cluster, cell: cell) }

    func start(with cell: ObjectCell) {
        let task = Task(executorPreference: threads) { await self.run(cell) }
        let cancel = handle.withLock { handle in
            if case .cancelled = handle { return true }
            handle = .started(task)
            return false
        }
        if cancel { task.cancel() }
    }

    func cancel() {
        let task: Task<Void, Never>? = handle.withLock { handle in
            if case .started(let task) = handle { return task }
            handle = .cancelled
            return nil
        }
        task?.cancel()
    }

    private func run(_ first: ObjectCell) async {
        var cell = first
        while true {
            let execution = await cell.execute(on: self)
            if threads.hasWaitingJobs { await Task.yield() }
            guard let next = backend.next(after: cell, execution: execution, on: self, threads: threads) else { return }
            cell = next
        }
    }
}
