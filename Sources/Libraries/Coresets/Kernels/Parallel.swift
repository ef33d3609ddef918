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
    /// Bytes that can be had without swapping, as the kernel estimates, or all the machine's where it does not say.
    static var available: Int {
        if let file = fopen("/proc/meminfo", "r") {
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 256)
            while fgets(&line, 256, file) != nil {
                var kibibytes = 0
                if scan(line, &kibibytes) { return kibibytes * 1024 }
            }
        }
        return Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func scan(_ line: [CChar], _ kibibytes: inout Int) -> Bool {
        let prefix = "MemAvailable:".utf8
        guard zip(prefix, line).allSatisfy({ CChar(bitPattern: $0) == $1 }) else { return false }
        kibibytes = 0
        for byte in line.dropFirst(prefix.count) {
            if byte >= 48, byte <= 57 { kibibytes = kibibytes * 10 + Int(byte - 48) }
            if byte == 0 { break }
        }
        return kibibytes > 0
    }

    /// Whether bytes fit, before they are taken.
    ///
    /// - Throws: `CoresetError.memory`.
    static func require(_ bytes: Int, limit: Int?, for what: String, remedy: String) throws(CoresetError) {
        let limit = limit ?? available
        guard bytes <= limit else { throw .memory(needed: bytes, limit: limit, what: what, remedy: remedy) }
    }
}
