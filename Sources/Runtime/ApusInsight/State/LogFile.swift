import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file that lines are appended to, with older parts beside it: `NAME`, `NAME.1` (older) … `NAME.4`.
///
/// Losing a log must never stop the work that is logged: what cannot be written is counted and dropped.
package final class LogFile {
    package let path: String?
    private let limit: Int
    private var descriptor: Int32 = -1
    private var size = 0
    /// Bytes that could not be written.
    package private(set) var lost = 0

    /// Parts that are kept, the one that is written included.
    package static let parts = 5
    package static let defaultLimit = 16 << 20

    /// The file is made with the first line; nothing is kept without a path.
    package init(path: String?, limit: Int = LogFile.defaultLimit) {
        self.path = path
        self.limit = limit
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    package func append(_ line: [UInt8]) {
        guard let path else { return }
        var bytes = line
        bytes.append(0x0A)
        if size > 0, size + bytes.count > limit { rotate(path) }
        if descriptor < 0 {
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { return lost += bytes.count }
        }
        let count = write(descriptor, bytes, bytes.count)
        size += max(0, count)
        lost += bytes.count - max(0, count)
    }

    private func rotate(_ path: String) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        size = 0
        for part in (1..<Self.parts).reversed() {
            rename(part == 1 ? path : "\(path).\(part - 1)", "\(path).\(part)")
        }
    }
}
