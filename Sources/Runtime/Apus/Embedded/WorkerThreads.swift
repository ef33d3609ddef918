import DequeModule
import Synchronization
import Threads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Threads of their own for tasks, so that one which computes or blocks never holds up the driver or the runtime.
///
/// Swift tasks with this executor as their preference run here, parts after suspensions included.
final class WorkerThreads: TaskExecutor, @unchecked Sendable {
    // `jobs`, `idle` and `isStopped` are only touched with `mutex` held; `threads` only by `init` and `stop`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs = Deque<UnownedJob>()
    private var idle = 0
    private var isStopped = false
    private var threads: [OwnThread] = []
    /// Jobs that wait, for a look without the lock.
    private let waiting = Atomic(0)
    private let count: Int

    init(count: Int) {
        self.count = max(1, count)
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Whether a job waits for a thread. A runner that has many tasks to do makes way then.
    var hasWaitingJobs: Bool { waiting.load(ordering: .relaxed) > 0 }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(mutex)
        if isStopped, threads.isEmpty {
            // A Swift task that user code let escape from its task, after the cluster's end: it must not be lost.
            pthread_mutex_unlock(mutex)
            globalConcurrentExecutor.enqueue(ExecutorJob(job))
            return
        }
        jobs.append(job)
        waiting.store(jobs.count, ordering: .relaxed)
        let wake = idle > 0
        if !wake, threads.count < count, !isStopped { startThread() }
        pthread_mutex_unlock(mutex)
        if wake { pthread_cond_signal(condition) }
    }

    /// Threads start when they are first needed. They keep the executor alive until `stop`.
    private func startThread() {
        do throws(ThreadError) {
            threads.append(try OwnThread { self.work() })
        } catch {
            // Without a single thread nothing would ever run; with one at least, the others' absence is only slower.
            precondition(!threads.isEmpty, "\(error)")
        }
    }

    private func work() {
        let executor = asUnownedTaskExecutor()
        pthread_mutex_lock(mutex)
        while true {
            if let job = jobs.popFirst() {
                waiting.store(jobs.count, ordering: .relaxed)
                pthread_mutex_unlock(mutex)
                job.runSynchronously(on: executor)
                pthread_mutex_lock(mutex)
            } else if isStopped {
                break
            } else {
                idle += 1
                pthread_cond_wait(condition, mutex)
                idle -= 1
            }
        }
        pthread_mutex_unlock(mutex)
    }

    /// Ends the threads once no job is left, and waits for them. Must not be called on one of them.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        let threads = self.threads
        self.threads = []
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
        for thread in threads { thread.join() }
    }

    /// Lets the threads end by themselves once no job is left. May be called on one of them.
    func stopWhenIdle() {
        pthread_mutex_lock(mutex)
        isStopped = true
        let threads = self.threads
        self.threads = []
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
        for thread in threads { thread.detach() }
    }
}

/// Runs a body that blocks on a thread of its own, and awaits it: the threads that run tasks and calls are free meanwhile.
///
/// Cancelling the caller does not interrupt the body. Complexity: starts a thread, some tens of microseconds.
/// - Throws: what the body throws; an error that says so where no thread can be started.
public func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await OwnThread.run(body)
}
