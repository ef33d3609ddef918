import Glibc

/// A file read from front to back in pieces. Closed on `deinit`.
///
/// Not `Sendable`: one task reads one file.
public final class FileReader {
    public let path: String
    private let descriptor: Int32

    /// Opens a file; `-` is standard input.
    public init(_ path: String) throws(FileError) {
        self.path = path
        descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .current("read", path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .current("read", path) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw .system(operation: "read", path: path, code: EISDIR)
        }
    }

    // Also where the initialiser throws once it has set everything: closing there too would close what another thread has
    // opened meanwhile.
    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Reads up to the buffer's size; 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .current("read", path) }
        }
    }

    /// Goes to an offset from the front. False where that is impossible (a pipe).
    public func seek(to offset: Int) throws(FileError) -> Bool {
        if lseek(descriptor, off_t(offset), SEEK_SET) >= 0 { return true }
        if errno == ESPIPE { return false }
        throw .current("read", path)
    }

    /// Bytes in the file now; 0 for a pipe.
    public var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
    }

    /// Appends up to `count` bytes to a buffer and tells how many came; 0 at the end of the file.
    public func read(_ count: Int, into bytes: inout [UInt8]) throws(FileError) -> Int {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count))
        var got = 0
        var failure: FileError?
        bytes.withUnsafeMutableBytes { all in
            do throws(FileError) {
                got = try read(into: UnsafeMutableRawBufferPointer(rebasing: all[start...]))
            } catch {
                failure = error
            }
        }
        bytes.removeLast(count - got)
        if let failure { throw failure }
        return got
    }
}

extension FileReader {
    /// The whole of a file.
    ///
    /// - Throws: `FileError.tooLarge` beyond `limit` bytes, `.system` otherwise.
    public static func bytes(of path: String, limit: Int = 1 << 32) throws(FileError) -> [UInt8] {
        let reader = try FileReader(path)
        var status = stat()
        guard fstat(reader.descriptor, &status) == 0 else { throw .current("read", path) }
        let expected = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
        guard expected <= limit else { throw .tooLarge(path: path, bytes: expected, limit: limit) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(expected + 1)
        while try reader.read(max(expected + 1 - bytes.count, 1 << 16), into: &bytes) > 0 {
            guard bytes.count <= limit else { throw .tooLarge(path: path, bytes: bytes.count, limit: limit) }
        }
        return bytes
    }

    /// The whole of a file as text; invalid UTF-8 becomes U+FFFD.
    public static func text(of path: String, limit: Int = 1 << 32) throws(FileError) -> String {
        String(decoding: try bytes(of: path, limit: limit), as: UTF8.self)
    }
}
