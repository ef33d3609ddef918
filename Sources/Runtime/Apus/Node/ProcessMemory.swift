#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The memory of a process of this machine, in bytes; 0 where it has gone.
struct ProcessMemory {
    /// What it has in memory.
    var resident: Int64 = 0
    /// Of that, what it may share with others.
    var shared: Int64 = 0
    /// What nobody else has.
    var own: Int64 { max(0, resident - shared) }

    init(of process: Int32) {
        let descriptor = open("/proc/\(process)/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return }
        // size resident shared …, in pages
        let pages = buffer[..<count].split(separator: 0x20).map { Int64(String(decoding: $0, as: UTF8.self)) ?? 0 }
        guard pages.count > 2 else { return }
        let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))
        (resident, shared) = (pages[1] * pageSize, pages[2] * pageSize)
    }
}
