import Synchronization
import Threads

/// A thread for one long computation, so that it holds up none of the few threads that Swift's tasks share.
enum BackgroundThread {
    /// Tells whether the task that waits for the computation was cancelled.
    struct Cancellation: Sendable {
        fileprivate let flag: Flag
        var isCancelled: Bool { flag.value.load(ordering: .relaxed) }

        func check() throws {
            if isCancelled { throw CancellationError() }
        }
    }

    fileprivate final class Flag: Sendable {
        let value = Atomic(false)
    }

    /// Runs `body` on a thread of its own and waits for it. Cancelling the waiting task raises the flag that `body` is
    /// given, and no more.
    static func run<Result: Sendable>(
        _ body: @escaping @Sendable (Cancellation) throws -> Result
    ) async throws -> Result {
        let cancellation = Cancellation(flag: Flag())
        return try await withTaskCancellationHandler {
            do {
                return try await OwnThread.run { try body(cancellation) }
            } catch let error as ThreadError {
                throw TokenizationError.noThread(code: error.code)
            }
        } onCancel: {
            cancellation.flag.value.store(true, ordering: .relaxed)
        }
    }
}
