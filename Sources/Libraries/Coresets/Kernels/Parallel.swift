import ApusCore
import Dispatch
import Glibc

/// Loops whose rounds are independent of each other, on several threads.
enum Parallel {
    /// Processors of this machine.
    static let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// Calls `body` with ranges that make up `0..<count`. What a round computes must not depend on the cut.
    ///
    /// - Parameter grain: rounds that are too few to be worth a thread's start.
    static func ranges(_ count: Int, threads: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
        guard count > 0 else { return }
        let pieces = min(threads, (count + grain - 1) / grain)
        guard pieces > 1 else { return body(0..<count) }
        // Four pieces a thread even out rounds of unequal cost.
        let parts = min(count, pieces * 4)
        withoutActuallyEscaping(body) { body in
            let shared = Unchecked(body: body)
            DispatchQueue.concurrentPerform(iterations: parts) { part in
                shared.body(count * part / parts..<count * (part + 1) / parts)
            }
        }
    }

    private struct Unchecked: @unchecked Sendable {
        // Unchecked: `concurrentPerform` returns when all rounds have, and rounds write to places of their own.
        let body: (Range<Int>) -> Void
    }
}

/// What this process may take.
enum Memory {
    /// Bytes that the system has and the process's control groups leave.
    static var available: Int { AvailableMemory.read().bytes }

    /// Whether bytes fit, before they are taken.
    ///
    /// - Throws: `CoresetError.memory`.
    static func require(_ bytes: Int, limit: Int?, for what: String, remedy: String) throws(CoresetError) {
        let limit = limit ?? available
        guard bytes <= limit else { throw .memory(needed: bytes, limit: limit, what: what, remedy: remedy) }
    }
}
