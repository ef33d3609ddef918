import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The user's folder of tokens, logs and kept events.
///
/// `APUS_STATE`, else `apus` in `XDG_STATE_HOME`, else `~/.local/state/apus`. It is made with mode 0700, and refused where others may
/// write into it.
public struct StateFolder: Sendable {
    public let path: String

    /// - Parameter variables: the environment.
    /// - Throws: `InsightError.noHome`, `.exposed`, `.file`.
    public init(_ variables: [String: String] = StateFolder.environment()) throws(InsightError) {
        func variable(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let path = variable("APUS_STATE") {
            self.path = Paths.absolute(path)
        } else if let folder = variable("XDG_STATE_HOME"), folder.hasPrefix("/") {
            path = Paths.join(folder, "apus")
        } else if let home = variable("HOME") {
            path = Paths.join(home, ".local/state/apus")
        } else {
            throw .noHome
        }
        try Self.make(path)
    }

    /// Makes a folder that only this user can enter.
    static func make(_ path: String) throws(InsightError) {
        do throws(FileError) {
            try Folder.create(Paths.split(path).folder)
        } catch { throw .file(error) }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .file(.current("create the folder", path)) }
        var status = stat()
        guard stat(path, &status) == 0 else { throw .file(.current("look at the folder", path)) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .file(.system(operation: "use the folder", path: path, code: ENOTDIR))
        }
        guard status.st_mode & 0o022 == 0, status.st_uid == geteuid() else {
            throw .exposed(path: path, mode: status.st_mode)
        }
    }

    /// The environment of this process, the few variables that matter here.
    public static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        for name in ["APUS_STATE", "APUS_TOKEN", "XDG_STATE_HOME", "HOME"] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return variables
    }
}
