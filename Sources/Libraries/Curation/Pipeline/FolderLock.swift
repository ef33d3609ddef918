import Files
import Glibc

/// Keeps a folder for one run at a time, also against other processes. The system lets go of it when the process ends.
final class FolderLock: Sendable {
    private let descriptor: Int32

    /// - Throws: `CurationRunError.inUse` where another run has the folder; `FileError`.
    init(_ folder: String) throws {
        try Folder.create(folder)
        let path = folder + "/.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError.current("lock", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw FileError.system(operation: "lock", path: path, code: code) }
            throw CurationRunError.inUse(folder: folder)
        }
    }

    deinit { close(descriptor) }
}

/// Why a curation run cannot start.
public enum CurationRunError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another run writes there.
    case inUse(folder: String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .inUse(let folder): "\(folder): another run is writing there. Wait for its end, or choose another folder."
        }
    }
}
