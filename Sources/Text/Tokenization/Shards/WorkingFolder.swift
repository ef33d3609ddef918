import Files
import Glibc

/// A hidden folder beside what is being made; gone with its owner, or, after a kill, with the next one in its place.
final class WorkingFolder {
    let path: String

    init(in folder: String) throws(FileError) {
        try Folder.create(folder)
        for name in try Folder.entries(folder) where name.hasPrefix(Self.prefix) && Self.isAbandoned(name) {
            Self.remove(Paths.join(folder, name))
        }
        path = Paths.join(folder, "\(Self.prefix)\(getpid())-\(Self.stamp())")
        try Folder.create(path)
    }

    deinit { Self.remove(path) }

    private static let prefix = ".shards-"

    private static func stamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return "\(now.tv_sec)\(now.tv_nsec)"
    }

    private static func isAbandoned(_ name: String) -> Bool {
        guard let owner = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }), owner > 0 else { return false }
        return kill(owner, 0) != 0 && errno == ESRCH
    }

    /// Only ever given folders whose name starts with the prefix; they hold files, no folders.
    private static func remove(_ folder: String) {
        guard let names = try? Folder.entries(folder) else { return }
        for name in names { unlink(Paths.join(folder, name)) }
        rmdir(folder)
    }
}
