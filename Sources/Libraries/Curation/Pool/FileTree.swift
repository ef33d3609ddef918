import Files
import Glibc

/// The files below a folder that a test accepts, sorted by the bytes of their paths. Links are followed, each real file
/// and folder once, so that loops end.
public struct FileTree {
    /// A file that was found.
    public struct File: Sendable, Hashable {
        /// From the folder on.
        public var relativePath: String
        /// Its size.
        public var bytes: Int
        /// Seconds since 1970.
        public var modified: Int
    }

    /// The files, sorted by the bytes of their paths.
    public private(set) var files: [File] = []
    /// Paths that could not be read, and links to what was seen already, with the reason.
    public private(set) var skipped: [(path: String, reason: String)] = []

    private struct Identity: Hashable {
        var device: UInt
        var file: UInt
    }

    private var seen: Set<Identity> = []
    private static let depthLimit = 256

    /// - Throws: `FileError` where the folder itself cannot be read.
    public init(_ folder: String, where accepts: (String) -> Bool) throws {
        guard let status = Self.status(folder) else { throw FileError.current("read the folder", folder) }
        seen.insert(Self.identity(status))
        try walk(folder, "", 0, accepts)
    }

    private mutating func walk(_ root: String, _ prefix: String, _ depth: Int, _ accepts: (String) -> Bool) throws {
        for name in try Folder.entries(prefix.isEmpty ? root : Paths.join(root, prefix)) {
            let relative = prefix.isEmpty ? name : prefix + "/" + name
            let path = Paths.join(root, relative)
            guard let status = Self.status(path) else {
                if accepts(name) { skipped.append((path, "unreadable")) }
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                guard depth < Self.depthLimit, seen.insert(Self.identity(status)).inserted else { continue }
                do {
                    try walk(root, relative, depth + 1, accepts)
                } catch {
                    skipped.append((path, "unreadable folder"))
                }
            } else if accepts(name) {
                guard status.st_mode & S_IFMT == S_IFREG else {
                    skipped.append((path, "not a file"))  // A pipe, say, at which reading would wait for ever.
                    continue
                }
                guard seen.insert(Self.identity(status)).inserted else {
                    skipped.append((path, "linked twice"))
                    continue
                }
                files.append(File(relativePath: relative, bytes: Int(status.st_size), modified: status.st_mtim.tv_sec))
            }
        }
    }

    /// Whether a path leads to a file with bytes of its own.
    ///
    /// - Throws: `FileError` where it leads nowhere.
    static func isRegular(_ path: String) throws(FileError) -> Bool {
        guard let status = status(path) else { throw .current("read", path) }
        return status.st_mode & S_IFMT == S_IFREG
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    private static func identity(_ status: stat) -> Identity {
        Identity(device: UInt(status.st_dev), file: UInt(status.st_ino))
    }
}
