import Glibc

/// A file operation that the system refused, with the remedy where there is one.
public enum FileError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// A system call failed: what was tried, on which path, and `errno`.
    case system(operation: String, path: String, code: Int32)
    /// A file is larger than its reader takes.
    case tooLarge(path: String, bytes: Int, limit: Int)

    /// The error that the calling thread's last system call left in `errno`.
    public static func current(_ operation: String, _ path: String) -> FileError {
        .system(operation: operation, path: path, code: errno)
    }

    public var description: String {
        switch self {
        case .system(let operation, let path, let code):
            "\(path): cannot \(operation): \(String(cString: strerror(code)))\(Self.remedy(code))"
        case .tooLarge(let path, let bytes, let limit):
            "\(path): has \(bytes) bytes, more than the \(limit) that are read at once. Split it, or leave it out."
        }
    }

    private static func remedy(_ code: Int32) -> String {
        switch code {
        case ENOENT: ". Check the path."
        case EACCES, EPERM: ". Check its permissions (ls -l)."
        case ENOSPC, EDQUOT: ". Free some space, or write elsewhere; nothing half-written was left."
        case EFBIG: ". Raise the limit of file sizes (ulimit -f), or write elsewhere; nothing half-written was left."
        case EMFILE, ENFILE: ". Raise the limit of open files (ulimit -n)."
        case EEXIST: ". Something else has that name: choose another."
        case EISDIR: ". A file is needed here."
        case ENOTDIR: ". A folder is needed here."
        default: "."
        }
    }
}
