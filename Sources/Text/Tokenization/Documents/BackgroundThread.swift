import Glibc
import Synchronization

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

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread of its own and waits for it. Cancelling the waiting task raises the flag that `body` is
    /// given, and no more.
    static func run<Result: Sendable>(
        _ body: @escaping @Sendable (Cancellation) throws -> Result
    ) async throws -> Result {
        let cancellation = Cancellation(flag: Flag())
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let work = Work { continuation.resume(with: Swift.Result { try body(cancellation) }) }
                // The thread takes over this reference.
                let argument = Unmanaged.passRetained(work).toOpaque()
                var thread = pthread_t()
                let code = pthread_create(
                    &thread, nil,
                    { argument in
                        guard let argument else { return nil }
                        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                        return nil
                    }, argument)
                if code == 0 {
                    pthread_detach(thread)
                } else {
                    Unmanaged<Work>.fromOpaque(argument).release()
                    continuation.resume(throwing: TokenizationError.noThread(code: code))
                }
            }
        } onCancel: {
            cancellation.flag.value.store(true, ordering: .relaxed)
        }
    }
}
