import CApusSystem
import Glibc
import Synchronization
import Threads

/// The file that objects of a node's store move to under memory pressure: nameless, so that nothing is left of it
/// whatever ends the process. Its own threads do the input and output.
///
/// What is written where is the store's decision; the file only carries it out, and reports by events for the store.
package final class SpillFile: @unchecked Sendable {
    // `state` has its lock in `mutex`, and only `init` and `stop` touch `threads`; the rest is immutable.

    private enum Job {
        case spill(SpillOperation, [SpillItem])
        case restore(SpillOperation, RestoreItem)
    }

    private struct State {
        var spills: [Job] = []
        var restores: [Job] = []
        var finished: [StoreEvent] = []
        var isStopped = false
    }

    package let folder: String
    /// Readable when `takeEvents` has something to give.
    package let readiness: Int32
    /// The file, open for reading and writing.
    package let descriptor: Int32
    /// The same for reading alone, for other processes; negative where the system gives none.
    package let readingDescriptor: Int32
    private let segment: SharedSegment
    private let keepFree: Int
    private var state = State()
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var threads: [OwnThread] = []

    /// Bytes that are summed up and written at a time: they stay in the cache meanwhile.
    private static let chunk = SpillInput.chunk

    /// - Parameters:
    ///   - folder: where the file lies; the disk's file system, not one in memory.
    ///   - keepFree: bytes of the file system that are left free; nil for a twentieth of it, at most 4 GiB.
    ///   - threads: two at least: one sees to spills first, the others to restores.
    /// - Throws: `SpillTrouble.system` where no file can be made there.
    package init(
        folder: String, segment: SharedSegment, keepFree: Int? = nil, threads count: Int = 2
    ) throws(SpillTrouble) {
        self.folder = folder
        self.segment = segment
        descriptor = apus_file_create_nameless(folder)
        guard descriptor >= 0 else { throw .last("open", folder) }
        readingDescriptor = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
        readiness = apus_event_create()
        guard readiness >= 0 else {
            let trouble = SpillTrouble.last("eventfd", folder)
            close(descriptor)
            if readingDescriptor >= 0 { close(readingDescriptor) }
            throw trouble
        }
        var system = statvfs()
        let size = fstatvfs(descriptor, &system) == 0 ? Int(system.f_blocks) * Int(system.f_frsize) : 0
        self.keepFree = keepFree ?? min(size / 20, 4 << 30)
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        for number in 0..<max(2, count) {
            do throws(ThreadError) {
                try startThread(prefersSpills: number == 0)
            } catch {
                stop()
                errno = error.code
                throw .last("pthread_create", folder)
            }
        }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
        close(descriptor)
        if readingDescriptor >= 0 { close(readingDescriptor) }
        close(readiness)
    }

    /// Ends the threads after the jobs they are at; those that wait are dropped. The owner calls it once, at the end.
    package func stop() {
        locked { $0.isStopped = true }
        pthread_cond_broadcast(condition)
        for thread in threads { thread.join() }
        threads = []
    }

    package func spill(_ operation: SpillOperation, _ items: [SpillItem]) {
        locked { $0.spills.append(.spill(operation, items)) }
        pthread_cond_signal(condition)
    }

    package func restore(_ operation: SpillOperation, _ item: RestoreItem) {
        locked { $0.restores.append(.restore(operation, item)) }
        pthread_cond_signal(condition)
    }

    /// Gives room that nobody uses back to the disk. At once: a spill that is asked for later may use the room again, and
    /// must not be overtaken.
    package func returnRoom(_ extent: Extent) {
        _ = apus_memory_punch(descriptor, Int64(extent.offset), Int64(extent.count))
    }

    /// What was finished since the last call, in that order.
    package func takeEvents() -> [StoreEvent] {
        apus_event_clear(readiness)
        return locked { state in
            defer { state.finished = [] }
            return state.finished
        }
    }

    // MARK: Threads

    private func locked<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    private func startThread(prefersSpills: Bool) throws(ThreadError) {
        threads.append(try OwnThread { self.work(prefersSpills: prefersSpills) })
    }

    private func work(prefersSpills: Bool) {
        while let job = nextJob(prefersSpills: prefersSpills) {
            let event: StoreEvent
            switch job {
            case .spill(let operation, let items): event = write(operation, items)
            case .restore(let operation, let item): event = read(operation, item)
            }
            locked { $0.finished.append(event) }
            apus_event_raise(readiness)
        }
    }

    private func nextJob(prefersSpills: Bool) -> Job? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !state.isStopped {
            if !state.spills.isEmpty, prefersSpills || state.restores.isEmpty { return state.spills.removeFirst() }
            if !state.restores.isEmpty { return state.restores.removeFirst() }
            pthread_cond_wait(condition, mutex)
        }
        return nil
    }

    // MARK: Input and output

    private func write(_ operation: SpillOperation, _ items: [SpillItem]) -> StoreEvent {
        var system = statvfs()
        if fstatvfs(descriptor, &system) == 0 {
            let free = Int(system.f_bavail) * Int(system.f_frsize)
            let batch = items.reduce(0) { $0 + $1.memory.count }
            if free < batch || free - batch < keepFree {
                return .spillFailed(operation, .diskFull(folder: folder, free: free))
            }
        }
        var checksums: [UInt64] = []
        checksums.reserveCapacity(items.count)
        for item in items {
            do {
                checksums.append(try write(segment.bytes(item.memory), at: item.fileOffset))
            } catch let trouble as SpillTrouble {
                return .spillFailed(operation, trouble)
            } catch {
                return .spillFailed(
                    operation, .system(call: "a write", folder: folder, code: EINVAL, message: "\(error)"))
            }
        }
        return .spillFinished(operation, checksums: checksums)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpillTrouble) -> UInt64 {
        var sum: UInt64 = 0
        var done = 0
        while done < bytes.count {
            let part = UnsafeRawBufferPointer(rebasing: bytes[done..<min(done + Self.chunk, bytes.count)])
            sum = Checksum.update(sum, part)
            var written = 0
            while written < part.count {
                let rest = UnsafeRawBufferPointer(rebasing: part[written...])
                let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done + written))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    if count == 0 || errno == ENOSPC || errno == EDQUOT { throw .diskFull(folder: folder, free: 0) }
                    throw .last("pwrite", folder)
                }
                written += count
            }
            done += part.count
        }
        return sum
    }

    private func read(_ operation: SpillOperation, _ item: RestoreItem) -> StoreEvent {
        do {
            let bytes = try segment.writableBytes(item.memory)
            let sum = try SpillInput.sum(reading: descriptor, at: item.fileOffset, into: bytes, folder: folder)
            return sum == item.checksum ? .restoreFinished(operation) : .restoreCorrupt(operation)
        } catch let trouble as SpillTrouble {
            return .restoreFailed(operation, trouble)
        } catch {
            return .restoreFailed(
                operation, .system(call: "a read", folder: folder, code: EINVAL, message: "\(error)"))
        }
    }
}

extension SpillTrouble {
    static func last(_ call: String, _ folder: String) -> SpillTrouble {
        let code = errno
        return .system(call: call, folder: folder, code: code, message: String(cString: strerror(code)))
    }
}
