import CApusSystem
import Synchronization
import Threads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Threads that run Swift jobs and, when they have none, read the process's inbox: a message that resumes a Swift task is
/// followed by that task on the same thread, with no other thread to wake.
///
/// One idle thread at a time is the reader. It looks for messages for some microseconds, then sleeps in the inbox. Jobs
/// that messages and other jobs brought are mostly short: the thread that has them runs them itself, and no other one is
/// woken for them, since two threads that share the memory of small calls are slower than one. A ticker, which wakes every
/// millisecond while the process is busy, sees to what takes long: it runs jobs that have waited, and reads while a job
/// keeps the others from it.
package final class EventThreads: TaskExecutor, @unchecked Sendable {
    // `jobs`, `first`, `idle` and `threads` are only touched with `lock` held; the rest is atomic or immutable. `stopped`
    // is raised with the lock held, so that no thread starts after it.
    private let mailroom: Mailroom
    private let lock = Mutex(())
    @exclusivity(unchecked) private var jobs: [UnownedJob?] = Array(repeating: nil, count: 64)
    @exclusivity(unchecked) private var first = 0
    @exclusivity(unchecked) private var idle = 0
    @exclusivity(unchecked) private var threads: [OwnThread] = []
    private let count: Int
    /// Jobs that wait, for a look without the lock.
    private let waiting = Atomic(0)
    /// Changes when followers have something to look at.
    private let bell: UnsafeMutablePointer<UInt32>
    private let hasReader = Atomic(false)
    private let stopped = Atomic(false)
    /// Whether a follower wakes every millisecond to see whether somebody reads.
    private let hasTicker = Atomic(false)
    /// Whether no ticker is needed because nothing happens.
    private let isDormant = Atomic(true)
    /// Counts the times that a reader found something.
    private let activity = Atomic<UInt64>(0)
    /// Threads that run a job.
    private let busy = Atomic(0)
    /// Counts the jobs that were begun.
    private let begun = Atomic<UInt64>(0)
    /// A job came from a thread that is none of these.
    private let isUrgent = Atomic(false)
    private let spins: Int

    /// - Parameter spins: how often an idle reader looks before it sleeps.
    package init(mailroom: Mailroom, count: Int, spins: Int = 2_000) {
        self.mailroom = mailroom
        self.count = max(1, count)
        self.spins = spins
        bell = .allocate(capacity: 1)
        bell.initialize(to: 0)
    }

    deinit { bell.deallocate() }

    private var isStopped: Bool { stopped.load(ordering: .sequentiallyConsistent) }

    /// Two threads start now instead of with the first jobs: one to read, one to read when the other runs a job.
    package func start() {
        lock.withLock { _ in
            while threads.count < 2, !isStopped { startThread() }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        enum Next { case nothing, ring, wakeReader, escape }
        let next: Next = lock.withLock { _ in
            if isStopped, threads.isEmpty { return .escape }
            push(job)
            if isOwn { return .nothing }
            if hasReader.load(ordering: .sequentiallyConsistent) {
                isUrgent.store(true, ordering: .sequentiallyConsistent)
                return .wakeReader
            }
            if idle > 0 { return .ring }
            if threads.count < count, !isStopped { startThread() }
            return .nothing
        }
        switch next {
        case .nothing: break
        case .wakeReader: mailroom.inbox.wake()
        case .ring: ring()
        // A Swift task that user code let escape from its task, after the end: it must not be lost.
        case .escape: globalConcurrentExecutor.enqueue(ExecutorJob(job))
        }
    }

    /// Whether the calling thread is one of these, and so comes to what it enqueues.
    private var isOwn: Bool {
        pthread_getspecific(Self.ownerKey) == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    private static let ownerKey: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    // MARK: The queue

    private func push(_ job: UnownedJob) {
        let count = waiting.load(ordering: .relaxed)
        if count == jobs.count {
            var larger: [UnownedJob?] = Array(repeating: nil, count: jobs.count * 2)
            for index in 0..<count { larger[index] = jobs[(first + index) & (jobs.count - 1)] }
            jobs = larger
            first = 0
        }
        jobs[(first + count) & (jobs.count - 1)] = job
        waiting.store(count + 1, ordering: .sequentiallyConsistent)
    }

    private func pop() -> UnownedJob? {
        guard waiting.load(ordering: .relaxed) > 0 else { return nil }
        return lock.withLock { _ in
            let count = waiting.load(ordering: .relaxed)
            guard count > 0 else { return nil }
            defer {
                jobs[first] = nil
                first = (first + 1) & (jobs.count - 1)
                waiting.store(count - 1, ordering: .relaxed)
            }
            return jobs[first]
        }
    }

    private func ring() {
        apus_store32(bell, apus_load32(bell) &+ 1)
        apus_futex_wake(bell, 1)
    }

    // MARK: The threads

    private func startThread() {
        do throws(ThreadError) {
            threads.append(try OwnThread { self.work() })
        } catch {
            // Without a single thread nothing would ever run; with one at least, the others' absence is only slower.
            precondition(!threads.isEmpty, "\(error)")
        }
    }

    private func work() {
        pthread_setspecific(Self.ownerKey, UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()))
        let executor = asUnownedTaskExecutor()
        while true {
            if let job = pop() {
                busy.wrappingAdd(1, ordering: .sequentiallyConsistent)
                begun.wrappingAdd(1, ordering: .relaxed)
                job.runSynchronously(on: executor)
                busy.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                continue
            }
            // The last one to end its job reads.
            if busy.load(ordering: .sequentiallyConsistent) == 0,
                !hasReader.exchange(true, ordering: .sequentiallyConsistent)
            {
                let goesOn = read()
                hasReader.store(false, ordering: .sequentiallyConsistent)
                if !goesOn { break }
                activity.wrappingAdd(1, ordering: .sequentiallyConsistent)
                relayIfNeeded()
                continue
            }
            var next = follow()
            while case .read = next { next = readBesideJobs() ? .look : follow() }
            if case .end = next { break }
        }
    }

    /// Hands out messages until there is a job, or the end.
    private func read() -> Bool {
        var looks = 0
        while true {
            if waiting.load(ordering: .sequentiallyConsistent) > 0 { return true }
            if mailroom.poll() {
                looks = 0
                continue
            }
            if isStopped { return false }
            looks += 1
            if looks < spins {
                // Soon: whoever shares this processor has what this thread waits for, and then there is more of it at once.
                if looks & 7 == 0 { sched_yield() } else { apus_pause() }
                continue
            }
            looks = 0
            mailroom.inbox.prepareToSleep()
            if waiting.load(ordering: .sequentiallyConsistent) > 0 || mailroom.inbox.hasAnnouncements || isStopped {
                mailroom.inbox.cancelSleep()
            } else {
                mailroom.inbox.sleep()
            }
        }
    }

    /// Hands out messages now and then while another thread is long at its job, and leaves the jobs that they bring to it,
    /// unless it does not come to them.
    ///
    /// - Returns: whether there are jobs to run, or nobody else runs any.
    private func readBesideJobs() -> Bool {
        guard !hasReader.exchange(true, ordering: .sequentiallyConsistent) else { return false }
        defer { hasReader.store(false, ordering: .sequentiallyConsistent) }
        let first = begun.load(ordering: .relaxed)
        var since: ContinuousClock.Instant?
        while true {
            if mailroom.poll() { activity.wrappingAdd(1, ordering: .sequentiallyConsistent) }
            if isStopped || busy.load(ordering: .sequentiallyConsistent) == 0
                || isUrgent.exchange(false, ordering: .sequentiallyConsistent)
            {
                return true
            }
            // The job has ended: the thread that had it comes to the others, and then reads.
            if begun.load(ordering: .relaxed) != first { return false }
            if waiting.load(ordering: .sequentiallyConsistent) == 0 {
                since = nil
            } else if let since {
                if ContinuousClock.now - since > Self.patience { return true }
            } else {
                since = .now
            }
            // In larger portions they cost the other thread less.
            apus_futex_wait(bell, apus_load32(bell), 200_000)
        }
    }

    /// How long jobs wait for a thread that is long at another one.
    private static let patience = Duration.milliseconds(20)

    /// After reading: the ticker wakes, in case that the jobs are long.
    private func relayIfNeeded() {
        guard isDormant.load(ordering: .sequentiallyConsistent) else { return }
        if lock.withLock({ _ in idle > 0 }) { ring() }
    }

    /// This thread takes jobs that waited for long: another one ticks in its place.
    private func relay() {
        let wake = lock.withLock { _ in
            if idle > 1 { return true }
            if threads.count < count, !isStopped { startThread() }
            return false
        }
        if wake { ring() }
    }

    private enum Next { case look, read, end }

    /// Waits for jobs while other threads read and run them.
    private func follow() -> Next {
        let seen = apus_load32(bell)
        let goesOn = lock.withLock { _ in
            if isStopped { return false }
            idle += 1
            return true
        }
        guard goesOn else { return .end }
        defer { lock.withLock { _ in idle -= 1 } }
        if !hasTicker.exchange(true, ordering: .sequentiallyConsistent) {
            defer { hasTicker.store(false, ordering: .sequentiallyConsistent) }
            return tick(seen)
        }
        if waiting.load(ordering: .sequentiallyConsistent) == 0 { apus_futex_wait(bell, seen, -1) }
        return .look
    }

    /// Wakes every millisecond until jobs have waited for long, nobody reads, or the bell rings.
    private func tick(_ seen: UInt32) -> Next {
        isDormant.store(false, ordering: .sequentiallyConsistent)
        var lastRead = activity.load(ordering: .relaxed)
        var lastBegun = begun.load(ordering: .relaxed)
        var quiet = 0
        while apus_load32(bell) == seen {
            let isRead = hasReader.load(ordering: .sequentiallyConsistent)
            // Without a busy thread or a reader this one is the only one that looks.
            if !isRead, busy.load(ordering: .sequentiallyConsistent) == 0 { return .look }
            let read = activity.load(ordering: .relaxed)
            quiet = isRead && read == lastRead ? quiet + 1 : 0
            lastRead = read
            if quiet >= Self.quietTicks {
                isDormant.store(true, ordering: .sequentiallyConsistent)
                // A reader that left before it saw the flag has counted.
                if activity.load(ordering: .sequentiallyConsistent) == lastRead,
                    hasReader.load(ordering: .sequentiallyConsistent)
                {
                    apus_futex_wait(bell, seen, -1)
                    return .look
                }
                isDormant.store(false, ordering: .sequentiallyConsistent)
                quiet = 0
            }
            apus_futex_wait(bell, seen, 1_000_000)
            let begun = begun.load(ordering: .relaxed)
            // At this pace the last one would be begun after five milliseconds.
            if UInt64(waiting.load(ordering: .sequentiallyConsistent)) > 5 &* (begun &- lastBegun) {
                relay()
                return .look
            }
            if begun == lastBegun, !hasReader.load(ordering: .sequentiallyConsistent) { return .read }
            lastBegun = begun
        }
        return .look
    }

    /// Milliseconds without a message after which the ticker sleeps.
    private static let quietTicks = 100

    /// Ends the threads once no job is left, and waits for them. Must not be called on one of them.
    package func stop() {
        let threads = lock.withLock { _ in
            stopped.store(true, ordering: .sequentiallyConsistent)
            defer { self.threads = [] }
            return self.threads
        }
        mailroom.inbox.wakeInAnyCase()
        for _ in threads { ring() }
        for thread in threads { thread.join() }
    }
}
