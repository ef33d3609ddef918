import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A piece of nameless memory that processes share, mapped here for reading and writing.
///
/// It is unmapped when the last reference to this instance goes; the memory itself is freed with its last mapping.
package final class SharedMapping: Sendable {
    /// Page-aligned.
    nonisolated(unsafe) package let base: UnsafeMutableRawPointer
    package let length: Int

    /// Maps the memory behind a descriptor, which can be closed afterwards.
    ///
    /// - Throws: `TransportError.system`, `.malformed` where the memory is shorter than `length`: touching what lies
    ///   beyond would kill the process.
    package init(descriptor: Int32, length: Int) throws(TransportError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last("fstat") }
        guard length > 0, status.st_size >= length else {
            throw .malformed(reason: "shared memory has \(status.st_size) bytes instead of \(length)")
        }
        guard let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED
        else { throw .last("mmap of \(length) bytes") }
        self.base = base
        self.length = length
    }

    deinit { munmap(base, length) }

    /// A descriptor of new memory that reads as zeros. Pages take room when they are first touched.
    package static func create(label: String, length: Int) throws(TransportError) -> Int32 {
        let descriptor = apus_memory_create(label)
        guard descriptor >= 0 else { throw .last("memfd_create") }
        guard ftruncate(descriptor, length) == 0 else {
            let error = TransportError.last("ftruncate to \(length) bytes")
            close(descriptor)
            throw error
        }
        return descriptor
    }
}
