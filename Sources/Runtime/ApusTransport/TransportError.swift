#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Why bytes cannot pass between processes.
public enum TransportError: Error, Sendable, CustomStringConvertible {
    /// A system call failed.
    case system(call: String, error: Int32)
    /// The other side ended.
    case closed
    /// A message longer than the protocol allows: the sender is not one of ours, or the stream is damaged.
    case tooLong(bytes: Int, limit: Int)
    /// Bytes that are no message.
    case malformed(reason: String)

    public var description: String {
        switch self {
        case .system(let call, let error): "\(call): \(String(cString: strerror(error)))\(Self.remedy(error))"
        case .closed: "The other process ended."
        case .tooLong(let bytes, let limit): "A message of \(bytes) bytes came where at most \(limit) are allowed."
        case .malformed(let reason): "A message could not be read: \(reason)"
        }
    }

    /// An error of the system call that just failed on this thread.
    package static func last(_ call: String) -> TransportError { .system(call: call, error: errno) }

    private static func remedy(_ error: Int32) -> String {
        switch error {
        case EMFILE, ENFILE: ". The limit of open files is reached: raise it (ulimit -n), or use fewer processes."
        case ENOMEM, ENOSPC: ". The machine's memory is used up: ask for a smaller object store or fewer processes."
        case EAGAIN: ". The limit of processes is reached: raise it (ulimit -u), or use fewer."
        default: ""
        }
    }
}
