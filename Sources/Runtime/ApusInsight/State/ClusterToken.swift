import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What shows a cluster that a visitor is its user: `APUS_TOKEN`, or a file that only the user can read, made once.
package struct ClusterToken: Sendable {
    package let bytes: [UInt8]
    /// Where it came from, for messages.
    package let source: String

    package static let lengths = 16...128

    /// - Throws: `InsightError.invalidToken`, `.exposed`, `.file`, `.noHome`.
    package init(_ variables: [String: String] = StateFolder.environment()) throws(InsightError) {
        if let text = variables["APUS_TOKEN"] {
            try self.init(text: text, source: "APUS_TOKEN")
        } else {
            let path = Paths.join(try StateFolder(variables).path, "token")
            try self.init(text: try Self.read(path), source: path)
        }
    }

    package init(text: String, source: String) throws(InsightError) {
        let bytes = Array(text.utf8)
        guard Self.lengths.contains(bytes.count) else {
            throw .invalidToken(source: source, reason: "the token has \(bytes.count) characters")
        }
        let isPlain = bytes.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard isPlain else { throw .invalidToken(source: source, reason: "the token has other characters") }
        self.bytes = bytes
        self.source = source
    }

    /// Reads the file, which is made where it is missing: written whole under another name first, then linked, so that
    /// of several processes that make it one wins and none reads half a token.
    private static func read(_ path: String) throws(InsightError) -> String {
        for _ in 0..<3 {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            if descriptor >= 0 {
                defer { close(descriptor) }
                return try read(descriptor, path)
            }
            guard errno == ENOENT else { throw .file(.current("read", path)) }
            try make(path)
        }
        throw .file(.system(operation: "make the token", path: path, code: ENOENT))
    }

    private static func read(_ descriptor: Int32, _ path: String) throws(InsightError) -> String {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .file(.current("look at", path)) }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
            throw .exposed(path: path, mode: status.st_mode)
        }
        var buffer = [UInt8](repeating: 0, count: lengths.upperBound + 2)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw .file(.current("read", path)) }
        if count > 0, buffer[count - 1] == 0x0A {
            buffer.removeLast(buffer.count - count + 1)
        } else {
            buffer.removeLast(buffer.count - count)
        }
        return String(decoding: buffer, as: UTF8.self)
    }

    private static func make(_ path: String) throws(InsightError) {
        var random = [UInt8](repeating: 0, count: 32)
        guard getentropy(&random, random.count) == 0 else { throw .system(call: "getentropy", code: errno) }
        let digits = Array("0123456789abcdef".utf8)
        var text = random.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        text.append(0x0A)
        let temporary = "\(path).\(getpid())-\(random[0])-\(random[1]).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file(.current("write", path)) }
        defer { unlink(temporary) }
        let written = write(descriptor, text, text.count)
        let code = errno
        close(descriptor)
        guard written == text.count else { throw .file(.system(operation: "write", path: path, code: code)) }
        if link(temporary, path) != 0, errno != EEXIST { throw .file(.current("write", path)) }
    }

    /// Whether another token is the same, in a time that does not depend on where they differ.
    package func matches(_ other: some Collection<UInt8>) -> Bool {
        var difference: UInt8 = other.count == bytes.count ? 0 : 1
        var index = 0
        for byte in other {
            difference |= byte ^ bytes[index % bytes.count]
            index += 1
        }
        return difference == 0
    }
}
