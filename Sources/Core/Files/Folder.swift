import Glibc

/// Operations on path names as text.
public enum Paths {
    /// The folder (`.` where there is none) and the last component of a path.
    public static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.utf8.index(after: slash)...]))
    }

    /// A path that does not depend on the working folder.
    public static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let buffer = getcwd(nil, 0) else { return path }
        defer { free(buffer) }
        return join(String(cString: buffer), path)
    }

    /// A path below a folder; an absolute path stays as it is.
    public static func join(_ folder: String, _ path: String) -> String {
        if path.hasPrefix("/") || folder == "." || folder.isEmpty { return path }
        return folder.hasSuffix("/") ? folder + path : folder + "/" + path
    }
}

/// Operations on folders.
public enum Folder {
    /// Makes a folder and those above it; nothing happens where it exists.
    public static func create(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) == 0 || exists(path) { return }
        guard errno == ENOENT else { throw .current("create the folder", path) }
        let parent = Paths.split(path).folder
        guard parent != path else { throw .current("create the folder", path) }
        try create(parent)
        guard mkdir(path, 0o755) == 0 || exists(path) else { throw .current("create the folder", path) }
    }

    /// Whether the path is a folder.
    public static func exists(_ path: String) -> Bool {
        let code = errno
        defer { errno = code }
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Names in a folder, sorted by their bytes, without `.` and `..`.
    public static func entries(_ path: String) throws(FileError) -> [String] {
        guard let stream = opendir(path) else { throw .current("read the folder", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

extension FileReader {
    /// Whether a readable regular file (or pipe) stands at the path.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR && access(path, R_OK) == 0
    }
}
