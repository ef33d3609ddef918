import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A cluster's folder of logs and events. The last five are kept, and all of clusters that run.
package final class SessionFolder: Sendable {
    package let path: String
    package let name: String
    /// Locked as long as the cluster runs.
    private let lock: Int32

    package static let kept = 5

    /// Makes a session's folder, and removes old ones.
    ///
    /// - Throws: `InsightError.file`, `.exposed`.
    package init(name: String, in state: StateFolder) throws(InsightError) {
        let sessions = Paths.join(state.path, "sessions")
        try StateFolder.make(sessions)
        self.name = name
        path = Paths.join(sessions, name)
        try StateFolder.make(path)
        lock = open(Paths.join(path, "lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .file(.current("write", Paths.join(path, "lock"))) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            // `deinit` closes it.
            throw .file(.current("lock", path))
        }
        // The folder of an earlier cluster of the same name begins anew.
        for name in (try? Folder.entries(path)) ?? [] where name != "lock" { unlink(Paths.join(path, name)) }
        utimes(path, nil)
        Self.prune(sessions)
    }

    deinit {
        guard lock >= 0 else { return }
        // A process that is being started has the descriptor until it runs its own program: closing would not be enough.
        flock(lock, LOCK_UN)
        close(lock)
    }

    package static let eventsName = "events"

    /// The names of kept sessions, the newest first.
    package static func names(in state: StateFolder) -> [String] { names(Paths.join(state.path, "sessions")) }

    private static func names(_ sessions: String) -> [String] {
        let found = ((try? Folder.entries(sessions)) ?? []).compactMap { name -> (String, timespec)? in
            var status = stat()
            // The lock is never written: its time is the session's start.
            guard stat(Paths.join(sessions, "\(name)/lock"), &status) == 0 else { return nil }
            return (name, status.st_ctim)
        }
        return found.sorted { ($1.1.tv_sec, $1.1.tv_nsec, $0.0) < ($0.1.tv_sec, $0.1.tv_nsec, $1.0) }.map(\.0)
    }

    private static func prune(_ sessions: String) {
        for name in names(sessions).dropFirst(kept) {
            let folder = Paths.join(sessions, name)
            let lock = open(Paths.join(folder, "lock"), O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard lock >= 0 else { continue }
            defer {
                flock(lock, LOCK_UN)
                close(lock)
            }
            // One that runs keeps its folder.
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { continue }
            for entry in (try? Folder.entries(folder)) ?? [] { unlink(Paths.join(folder, entry)) }
            rmdir(folder)
        }
    }

    /// Whether the cluster of a session still runs.
    package static func isRunning(_ name: String, in state: StateFolder) -> Bool {
        let lock = open(Paths.join(state.path, "sessions/\(name)/lock"), O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard lock >= 0 else { return false }
        defer { close(lock) }
        return flock(lock, LOCK_SH | LOCK_NB) != 0
    }

    /// The path of a session's folder: of the newest one where no name is given.
    ///
    /// - Throws: `InsightError.noSession`.
    package static func find(_ name: String?, in state: StateFolder) throws(InsightError) -> (
        name: String, path: String
    ) {
        let kept = names(in: state)
        guard let found = name.map({ wanted in kept.first { $0 == wanted } }) ?? kept.first else {
            throw .noSession(name: name, kept: kept)
        }
        return (found, Paths.join(state.path, "sessions/\(found)"))
    }
}
