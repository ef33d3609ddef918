#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Keeps a folder for one run at a time, also against other processes. The system lets go of it when the process ends,
/// however it ends.
package final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Makes the folder where it is missing and takes its lock; nil where another run has it.
    ///
    /// - Throws: `FileError`.
    package init?(_ folder: String) throws(FileError) {
        try Folder.create(folder)
        let path = Paths.join(folder, ".lock")
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .current("lock", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw .current("lock", path) }
            return nil
        }
    }

    // Also where the initialiser fails once it has opened the file: it must not close it itself.
    deinit {
        guard descriptor >= 0 else { return }
        // A process that is being started has the descriptor until it runs its own program: closing would not be enough.
        // A lock that is another's is not released by this.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
