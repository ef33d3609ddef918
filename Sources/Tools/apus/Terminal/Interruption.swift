import Dispatch
import Foundation

/// Runs a command's work so that Ctrl-C (SIGINT) and SIGTERM cancel it: the work ends at its next safe point, files that
/// are not whole disappear, and the command exits with 128 + the signal's number. A second signal ends the process at once.
func interruptible<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
    // A file that reaches the size limit is then an error of the write, with its message, and not the process's end.
    signal(SIGXFSZ, SIG_IGN)
    let task = Task { try await work() }
    let received = SignalFlag()
    let sources = [SIGINT, SIGTERM].map { number in
        // The default action would end the process before the source is asked.
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            if received.set(number) {
                task.cancel()
            } else {
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        source.resume()
        return source
    }
    defer {
        for source in sources { source.cancel() }
        for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }
    do {
        return try await task.value
    } catch {
        guard let number = received.number else { throw error }
        FileHandle.standardError.write(Data("\ninterrupted; run the same command again to go on\n".utf8))
        exit(128 + number)
    }
}
