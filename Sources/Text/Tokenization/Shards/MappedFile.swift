import Files
import Glibc

/// A file mapped into memory, read-only.
///
/// The file must not be cut shorter while it is mapped: shards appear whole and are replaced by renaming, which leaves a
/// mapping as it was.
final class MappedFile: @unchecked Sendable {
    // Safe to share: both are set once, the memory is mapped without write permission, and unmapped only in `deinit`,
    // when no one holds a reference.
    private let base: UnsafeMutableRawPointer?
    private let count: Int

    init(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .current("read", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .current("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .system(operation: "read", path: path, code: EISDIR) }
        count = Int(status.st_size)
        guard count > 0 else {
            base = nil
            return
        }
        let mapped = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else { throw .current("map", path) }
        base = mapped
    }

    deinit { if let base { munmap(base, count) } }

    /// The bytes; valid while the file is referenced.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}
