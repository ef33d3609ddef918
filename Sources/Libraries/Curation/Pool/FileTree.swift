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
    /// What was left out, in the order of the walk.
    public private(set) var skipped: [Skipped] = []

    /// A path that was left out.
    public struct Skipped: Sendable, Hashable {
        /// Where it is.
        public var path: String
        /// Why it is not among the files.
        public var reason: Reason
    }

    /// Why a path was left out; the raw values are for people.
    public enum Reason: String, Sendable {
        case unreadable
        case unreadableFolder = "unreadable folder"
        /// A pipe, say, at which reading would wait for ever.
        case notAFile = "not a file"
        /// Nothing is missing: the file is there under another name.
        case linkedTwice = "linked twice"
    }

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
                if accepts(name) { skip(path, .unreadable) }
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                guard depth < Self.depthLimit, seen.insert(Self.identity(status)).inserted else { continue }
                do {
                    try walk(root, relative, depth + 1, accepts)
                } catch {
                    skip(path, .unreadableFolder)
                }
            } else if accepts(name) {
                guard status.st_mode & S_IFMT == S_IFREG else {
                    skip(path, .notAFile)
                    continue
                }
                guard seen.insert(Self.identity(status)).inserted else {
                    skip(path, .linkedTwice)
                    continue
                }
                files.append(File(relativePath: relative, bytes: Int(status.st_size), modified: status.st_mtim.tv_sec))
            }
        }
    }

    private mutating func skip(_ path: String, _ reason: Reason) { skipped.append(Skipped(path: path, reason: reason)) }

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
