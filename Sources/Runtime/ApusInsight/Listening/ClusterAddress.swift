import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a node listens: an abstract socket `apus/USER/CLUSTER`, which ends with the process and leaves nothing behind.
package struct ClusterAddress: Hashable, Sendable {
    package let user: UInt32
    package let cluster: String

    package static let longestName = 64

    /// - Parameter name: kept where it is 1 to 64 letters, digits and `-_.`; other characters become `-`.
    package init(cluster name: String, user: UInt32 = geteuid()) {
        self.user = user
        cluster = Self.plain(name)
    }

    package var socketName: String { "apus/\(user)/\(cluster)" }

    private static func plain(_ name: String) -> String {
        let bytes = name.utf8.prefix(longestName).map { byte in isPlain(byte) ? byte : UInt8(ascii: "-") }
        return bytes.isEmpty ? "cluster" : String(decoding: bytes, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// The clusters of a user that run on this machine, by name.
    ///
    /// - Throws: `InsightError.file`.
    package static func running(user: UInt32 = geteuid()) throws(InsightError) -> [ClusterAddress] {
        let path = "/proc/net/unix"
        let bytes: [UInt8]
        do throws(FileError) { bytes = try read(path) } catch { throw .file(error) }
        return listening(in: bytes, user: user)
    }

    private static func read(_ path: String) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .current("read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        // A table of millions of sockets is cut.
        while bytes.count < 256 << 20 {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .current("read", path) }
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return bytes
    }

    /// Reads the kernel's table: address, references, protocol, flags, type, state, inode and path; the flag `10000` means
    /// that the socket listens.
    package static func listening(in table: [UInt8], user: UInt32) -> [ClusterAddress] {
        let prefix = Array("@apus/\(user)/".utf8)
        var found: Set<ClusterAddress> = []
        for line in table.split(separator: 0x0A) {
            let fields = line.split(separator: 0x20, maxSplits: 7, omittingEmptySubsequences: true)
            guard fields.count == 8, fields[7].starts(with: prefix),
                let flags = UInt32(String(decoding: fields[3], as: UTF8.self), radix: 16), flags & 0x10000 != 0
            else { continue }
            let name = fields[7].dropFirst(prefix.count)
            guard !name.isEmpty, name.count <= longestName, name.allSatisfy(isPlain) else { continue }
            found.insert(ClusterAddress(cluster: String(decoding: name, as: UTF8.self), user: user))
        }
        return found.sorted { $0.cluster < $1.cluster }
    }
}
