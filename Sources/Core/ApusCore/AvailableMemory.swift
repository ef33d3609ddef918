import Glibc

/// The memory that a node may still take: what the system has available, and what the control groups of the process,
/// as in a container, leave.
package struct AvailableMemory: Hashable, Sendable {
    package let bytes: Int
    /// What sets the limit: `/proc/meminfo` or a control group's file.
    package let limitedBy: String

    package init(bytes: Int, limitedBy: String) {
        self.bytes = bytes
        self.limitedBy = limitedBy
    }

    /// The largest store that a node with so much available memory takes: nine tenths, so that processes have some.
    package static func largestStore(of available: Int) -> Int { available / 10 * 9 }

    /// The store's size where none was asked for: three tenths, as in Ray.
    package static func standardStore(of available: Int) -> Int { available / 10 * 3 }

    /// What the running process may take.
    package static func read() -> AvailableMemory {
        read { path in
            guard let file = fopen(path, "r") else { return nil }
            defer { fclose(file) }
            // Kernel files of a few kilobytes.
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = fread(&bytes, 1, bytes.count, file)
            return String(decoding: bytes[..<count], as: UTF8.self)
        }
    }

    /// The least of what the files say that `contents` gives.
    package static func read(contents: (String) -> String?) -> AvailableMemory {
        var least = AvailableMemory(bytes: .max, limitedBy: "no limit that is known")
        if let text = contents("/proc/meminfo") {
            for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
                if let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
                    least = AvailableMemory(bytes: kibibytes << 10, limitedBy: "/proc/meminfo")
                }
            }
        }
        for line in (contents("/proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy:controllers:path
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let group: (root: String, limit: String, usage: String)
            if parts[1].isEmpty {
                group = ("/sys/fs/cgroup", "memory.max", "memory.current")
            } else if parts[1].split(separator: ",").contains("memory") {
                group = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            } else {
                continue
            }
            var path = parts[2]
            // Every group up to the root limits the process. In a container the path may not be there: the root is.
            while true {
                let folder = group.root + (path == "/" ? "" : path)
                if let limit = number(contents("\(folder)/\(group.limit)")),
                    let usage = number(contents("\(folder)/\(group.usage)"))
                {
                    let cache = reclaimable(contents("\(folder)/memory.stat"))
                    let left = max(0, limit - max(0, usage - cache))
                    if left < least.bytes {
                        least = AvailableMemory(bytes: left, limitedBy: "\(folder)/\(group.limit)")
                    }
                }
                guard let slash = path.lastIndex(of: "/"), path.count > 1 else { break }
                path = slash == path.startIndex ? "/" : path[..<slash]
            }
        }
        return least
    }

    private static func number(_ text: String?) -> Int? {
        text.flatMap { Int($0.filter { !$0.isWhitespace }) }
    }

    /// Cached file pages, which the kernel gives up before a limit is hit.
    private static func reclaimable(_ text: String?) -> Int {
        for line in (text ?? "").split(separator: "\n") {
            let parts = line.split(separator: " ")
            // Of the older interface's two, the one that counts the groups below as well comes later.
            if parts.count == 2, parts[0] == "inactive_file" || parts[0] == "total_inactive_file" {
                return Int(parts[1]) ?? 0
            }
        }
        return 0
    }
}
