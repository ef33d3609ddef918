import Glibc
import Synchronization

/// A file that appears under its name only when it is whole.
///
/// Bytes go to a temporary name in the same folder; `commit()` flushes them to the disk and renames. A process that
/// dies, a full disk or a `deinit` without `commit()` leaves the old file as it was (after a kill, beside it a
/// `.NAME.PID-NUMBER.tmp`). Two writers of one name don't disturb each other; the last to commit wins.
///
/// Not `Sendable`: one task writes one file.
public final class AtomicFile {
    /// Where the file will be.
    public let path: String
    /// Bytes written so far.
    public private(set) var count = 0

    private let temporaryPath: String
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private let bufferSize: Int
    private static let made = Atomic(0)

    /// Opens the temporary file, making missing folders on the way.
    ///
    /// - Parameter bufferSize: bytes that are written at once.
    /// - Throws: `FileError`.
    public init(_ path: String, bufferSize: Int = 1 << 18) throws(FileError) {
        self.path = path
        self.bufferSize = bufferSize
        let (folder, name) = Paths.split(path)
        try Folder.create(folder)
        let number = Self.made.add(1, ordering: .relaxed).newValue
        temporaryPath = Paths.join(folder, ".\(name).\(getpid())-\(number).tmp")
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .current("write", path) }
        buffer.reserveCapacity(bufferSize)
    }

    deinit { discard() }

    /// Appends bytes.
    public func write(_ bytes: some Sequence<UInt8>) throws(FileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= bufferSize { try flush() }
    }

    /// Appends text as UTF-8.
    public func write(_ text: String) throws(FileError) { try write(text.utf8) }

    /// Appends bytes; many at once go to the file without a copy.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        if bytes.count < bufferSize {
            buffer.append(contentsOf: bytes)
            if buffer.count >= bufferSize { try flush() }
        } else {
            try flush()
            try put(bytes)
        }
    }

    /// Makes the file appear under its name. Nothing may be written afterwards.
    ///
    /// - Parameter durably: waits until the bytes are on the disk. Without, a loss of power soon after may leave a damaged
    ///   file; the end of the process does not. For files that are checked when read and can be made again.
    public func commit(durably: Bool = true) throws(FileError) {
        do throws(FileError) {
            try flush()
            if durably { guard fsync(descriptor) == 0 else { throw .current("write", path) } }
            let closed = descriptor
            descriptor = -1
            guard close(closed) == 0 else { throw .current("write", path) }
            guard rename(temporaryPath, path) == 0 else { throw .current("write", path) }
        } catch {
            discard()
            // The descriptor may be closed already: where the name is a folder's, say, only the last step fails.
            unlink(temporaryPath)
            throw error
        }
    }

    /// Forgets what was written and removes the temporary file.
    public func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporaryPath)
    }

    private func flush() throws(FileError) {
        var failure: FileError?
        buffer.withUnsafeBytes { bytes in
            do throws(FileError) { try put(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        buffer.removeAll(keepingCapacity: true)
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard let base = bytes.baseAddress else { return }
        var written = 0
        while written < bytes.count {
            let result = Glibc.write(descriptor, base + written, bytes.count - written)
            if result < 0 {
                if errno == EINTR { continue }
                throw .current("write", path)
            }
            written += result
        }
        count += bytes.count
    }

    /// Writes a whole file at once.
    public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.write(bytes)
        try file.commit()
    }

    /// Writes text as a whole file at once.
    public static func write(_ text: String, to path: String) throws(FileError) { try write(text.utf8, to: path) }
}
