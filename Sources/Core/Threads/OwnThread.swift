#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The system gives no thread: the process or its user is at a limit.
package struct ThreadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error number.
    package let code: Int32

    package var description: String {
        "No thread could be started: \(String(cString: strerror(code))). End other programs, or raise ulimit -u."
    }
}

/// A thread of the program's own, for what computes or blocks for long: Swift's tasks share few.
package struct OwnThread: @unchecked Sendable {
    // A handle that never changes; whoever has it may join or detach from any thread, once.
    private let handle: pthread_t

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread that runs a body. It is to be joined or detached.
    package init(_ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        // The thread takes over this reference.
        let work = Unmanaged.passRetained(Work(body))
        let code = pthread_create(
            &thread, nil,
            { argument in
                #if canImport(Darwin)
                    Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                #else
                    if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                #endif
                return nil
            }, work.toOpaque())
        guard code == 0 else {
            work.release()
            throw ThreadError(code: code)
        }
        #if canImport(Darwin)
            guard let thread else { throw ThreadError(code: EAGAIN) }
        #endif
        handle = thread
    }

    /// Waits for the thread's end.
    package func join() { pthread_join(handle, nil) }

    /// The thread ends by itself.
    package func detach() { pthread_detach(handle) }

    /// Runs a body on a thread of its own and awaits it. Cancelling the caller does not interrupt the body.
    ///
    /// - Throws: what the body throws; `ThreadError` where no thread can be started.
    package static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            do throws(ThreadError) {
                try OwnThread { continuation.resume(with: Swift.Result { try body() }) }.detach()
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
