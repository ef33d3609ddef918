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
/// One idle thread at a time is the reader. It looks for messages for some microseconds, then sleeps in the inbox. While
/// all threads run jobs nobody reads; a ticker that wakes every millisecond while the process is busy sees to it then.
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
            // The reader takes what its own messages brought; it wakes others for what it leaves.
            if isReading { return .nothing }
            if hasReader.load(ordering: .sequentiallyConsistent) { return .wakeReader }
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

    /// Whether the calling thread is handing out this process's messages, so that what it enqueues is run by it next.
    private var isReading: Bool {
        get {
            pthread_getspecific(Self.readingKey) == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
        }
        set {
            pthread_setspecific(
                Self.readingKey, newValue ? UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) : nil)
        }
    }

    private static let readingKey: pthread_key_t = {
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
        let executor = asUnownedTaskExecutor()
        while true {
            if let job = pop() {
                job.runSynchronously(on: executor)
                continue
            }
            if !hasReader.exchange(true, ordering: .sequentiallyConsistent) {
                let goesOn = read()
                hasReader.store(false, ordering: .sequentiallyConsistent)
                if !goesOn { break }
                activity.wrappingAdd(1, ordering: .sequentiallyConsistent)
                relayIfNeeded()
            } else if !follow() {
                break
            }
        }
    }

    /// Hands out messages until there is a job, or the end.
    private func read() -> Bool {
        isReading = true
        defer { isReading = false }
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
                if looks & 63 == 0 { sched_yield() } else { apus_pause() }
                continue
            }
            looks = 0
            mailroom.inbox.prepareToSleep()
            if waiting.load(ordering: .sequentiallyConsistent) > 0 || mailroom.inbox.hasAnnouncements
                || isStopped
            {
                mailroom.inbox.cancelSleep()
                continue
            }
            mailroom.inbox.sleep()
        }
    }

    /// After reading: another thread takes the jobs that this one does not, and reads if this one is long at its job.
    private func relayIfNeeded() {
        let hasMore = waiting.load(ordering: .sequentiallyConsistent) > 1
        guard hasMore || isDormant.load(ordering: .sequentiallyConsistent) else { return }
        let wake = lock.withLock { _ in
            if idle > 0 { return true }
            if hasMore, threads.count < count, !isStopped { startThread() }
            return false
        }
        if wake { ring() }
    }

    /// Waits for jobs while another thread reads.
    private func follow() -> Bool {
        let seen = apus_load32(bell)
        let goesOn = lock.withLock { _ in
            if isStopped { return false }
            idle += 1
            return true
        }
        guard goesOn else { return false }
        defer { lock.withLock { _ in idle -= 1 } }
        if !hasTicker.exchange(true, ordering: .sequentiallyConsistent) {
            tick(seen)
            hasTicker.store(false, ordering: .sequentiallyConsistent)
        } else if waiting.load(ordering: .sequentiallyConsistent) == 0 {
            apus_futex_wait(bell, seen, -1)
        }
        return true
    }

    /// Wakes every millisecond until there is a job, nobody reads, or nothing has happened for a while.
    private func tick(_ seen: UInt32) {
        isDormant.store(false, ordering: .sequentiallyConsistent)
        var last = activity.load(ordering: .relaxed)
        var quiet = 0
        while apus_load32(bell) == seen {
            if waiting.load(ordering: .sequentiallyConsistent) > 0
                || !hasReader.load(ordering: .sequentiallyConsistent)
            {
                return
            }
            let now = activity.load(ordering: .relaxed)
            quiet = now == last ? quiet + 1 : 0
            last = now
            if quiet < Self.quietTicks {
                apus_futex_wait(bell, seen, 1_000_000)
                continue
            }
            isDormant.store(true, ordering: .sequentiallyConsistent)
            // A reader that left before it saw the flag has counted.
            guard activity.load(ordering: .sequentiallyConsistent) == last,
                hasReader.load(ordering: .sequentiallyConsistent)
            else {
                isDormant.store(false, ordering: .sequentiallyConsistent)
                continue
            }
            apus_futex_wait(bell, seen, -1)
            return
        }
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
        mailroom.inbox.wake()
        for _ in threads { ring() }
        for thread in threads { thread.join() }
    }
}
