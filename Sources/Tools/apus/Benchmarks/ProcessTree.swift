#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Which processes a process started, from /proc.
enum ProcessTree {
    /// All that a process started, and those that they started.
    static func all(below ancestor: Int32) -> Set<Int32> {
        var started: [Int32: [Int32]] = [:]
        for process in processes() {
            if let parent = parent(of: process) { started[parent, default: []].append(process) }
        }
        var all: Set<Int32> = []
        var next = [ancestor]
        while let process = next.popLast() {
            for child in started[process] ?? [] where all.insert(child).inserted { next.append(child) }
        }
        return all
    }

    static func children(of parent: Int32) -> Set<Int32> {
        Set(processes().filter { self.parent(of: $0) == parent })
    }

    private static func processes() -> [Int32] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var processes: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let process = Int32(name) { processes.append(process) }
        }
        return processes
    }

    private static func parent(of process: Int32) -> Int32? {
        let descriptor = open("/proc/\(process)/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        // The name may hold spaces and parentheses: the fields begin after the last one.
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        // A process that ended and was not waited for is no longer one.
        guard fields.count > 1, fields[0] != "Z" else { return nil }
        return Int32(fields[1])
    }
}
