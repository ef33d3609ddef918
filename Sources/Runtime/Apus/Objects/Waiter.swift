import CApusEntry
import Synchronization

/// Is told once when an object is complete. Each waits for one object.
package class Waiter: @unchecked Sendable {
    // No state of its own; subclasses guard theirs.
    /// Called without any lock held, on the thread that completed the object.
    func objectCompleted() {}
    /// The task that cannot begin before the object exists, for listings.
    var waitingTask: ObjectCell? { nil }
}

/// Resumes a Swift task when an object is complete, time is up or the task is cancelled, whichever comes first.
package class ContinuationWaiter: Waiter, @unchecked Sendable {
    // The state is guarded by its mutex.
    enum Reason: Sendable { case completed, timedOut, cancelled }

    private enum State {
        case idle
        case waiting(UnsafeContinuation<Reason, Never>)
        case resumed(Reason)
    }

    private let progress = Mutex<State>(.idle)

    final override func objectCompleted() { resume(.completed) }

    final func resume(_ reason: Reason) {
        let continuation: UnsafeContinuation<Reason, Never>? = progress.withLock { state in
            switch state {
            case .idle:
                state = .resumed(reason)
                return nil
            case .waiting(let continuation):
                state = .resumed(reason)
                return continuation
            case .resumed: return nil
            }
        }
        continuation?.resume(returning: reason)
    }

    /// Suspends until `resume` is called, or returns at once where it was.
    final func wait() async -> Reason {
        // As `withTaskCancellationHandler` does, which would look its executor up twice more: a microsecond for each call of
        // an actor. The record is memory of the Swift task, and is given back before anything that was taken earlier.
        let record = apus_cancellation_handler_add(Unmanaged.passUnretained(self).toOpaque())
        let reason = await withUnsafeContinuation { (continuation: UnsafeContinuation<Reason, Never>) in
            let already: Reason? = progress.withLock { state in
                if case .resumed(let reason) = state { return reason }
                state = .waiting(continuation)
                return nil
            }
            if let already { continuation.resume(returning: already) }
        }
        apus_cancellation_handler_remove(record)
        // The handler does not retain it.
        withExtendedLifetime(self) {}
        return reason
    }
}

@_cdecl("apus_waiter_cancelled")
func waiterCancelled(_ waiter: UnsafeRawPointer) {
    // Registered by `wait` alone, which keeps its waiter until the handler is removed.
    Unmanaged<ContinuationWaiter>.fromOpaque(waiter).takeUnretainedValue().resume(.cancelled)
}

/// Waits for several objects: notes the number of each that completes, and wakes its consumer.
final class WaitGroup: Sendable {
    private struct State {
        var ready: [Int] = []
        /// Wakes the consumer once this many are ready.
        var threshold = Int.max
        var consumer: ContinuationWaiter?
    }

    private let state = Mutex(State())

    private final class Member: Waiter, @unchecked Sendable {
        // Immutable.
        let group: WaitGroup
        let index: Int
        init(group: WaitGroup, index: Int) { (self.group, self.index) = (group, index) }
        override func objectCompleted() { group.completed(index) }
    }

    /// Notes `index` as soon as the cell is complete, which may be at once.
    ///
    /// - Returns: what to pass to the cell's `remove` when the wait ends first.
    func add(_ cell: ObjectCell, index: Int) -> Waiter? {
        let member = Member(group: self, index: index)
        if cell.add(member) { return member }
        completed(index)
        return nil
    }

    private func completed(_ index: Int) {
        let consumer: ContinuationWaiter? = state.withLock { state in
            state.ready.append(index)
            guard state.ready.count >= state.threshold else { return nil }
            state.threshold = .max
            return state.consumer.take()
        }
        consumer?.resume(.completed)
    }

    /// Those that completed since the last call, in that order, once there are `count` or the wait ends otherwise.
    func take(count: Int, timeout: Duration?) async -> (ready: [Int], reason: ContinuationWaiter.Reason) {
        let waiter = ContinuationWaiter()
        let enough = state.withLock { state in
            if state.ready.count >= count { return true }
            state.threshold = count
            state.consumer = waiter
            return false
        }
        var reason = ContinuationWaiter.Reason.completed
        if !enough { reason = await waiter.wait(atMost: timeout) }
        let ready = state.withLock { state in
            state.threshold = .max
            state.consumer = nil
            defer { state.ready = [] }
            return state.ready
        }
        return (ready, reason)
    }
}

extension ContinuationWaiter {
    /// Suspends as `wait` does, no longer than a duration. The timer is a child of this call in all but name: it is
    /// cancelled before the call returns.
    final func wait(atMost timeout: Duration?) async -> Reason {
        guard let timeout else { return await wait() }
        guard timeout > .zero else {
            resume(.timedOut)
            return await wait()
        }
        let timer = Task {
            try? await Task.sleep(for: timeout)
            if !Task.isCancelled { self.resume(.timedOut) }
        }
        defer { timer.cancel() }
        return await wait()
    }
}
