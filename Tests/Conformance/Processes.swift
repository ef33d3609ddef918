import Apus
import Foundation

/// Processes as `/proc` shows them.
enum Processes {
    /// Those that live and have a text among their arguments.
    static func all(withArgument text: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { arguments(of: $0).contains(text) }
    }

    /// Empty where it has ended, also where nobody has asked how.
    static func arguments(of process: Int32) -> [String] {
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return [] }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    static func isAlive(_ process: Int32) -> Bool { !arguments(of: process).isEmpty }

    static func children(of process: Int32) -> [Int32] {
        let path = "/proc/\(process)/task/\(process)/children"
        guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }

    /// What a process has open: paths, and sockets by their numbers.
    static func descriptors(of process: Int32) -> Set<String> {
        let folder = "/proc/\(process)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return Set(names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") })
    }

    /// The numbers of the system's Unix sockets.
    static func sockets() -> Set<String> {
        let table = FileManager.default.contents(atPath: "/proc/net/unix") ?? Data()
        let lines = String(decoding: table, as: UTF8.self).split(separator: "\n").dropFirst()
        return Set(
            lines.compactMap { line in
                let columns = line.split(separator: " ")
                return columns.count > 6 ? "socket:[\(columns[6])]" : nil
            })
    }

    static func end(_ process: Int32) { kill(process, SIGKILL) }
}

/// The program `ConformanceDriver`, running.
final class DriverProgram: @unchecked Sendable {
    // Used by one test, one call after the other.
    let token = "token-\(UInt64.random(in: 0 ... .max))"
    let folder: URL
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffer = Data()

    /// Beside this program, where it was built.
    static func built(_ name: String) -> URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appending(path: name)
    }

    /// A shell in a mount namespace of its own, whose user can mount: `$0` and what follows is the program. Nil where the
    /// system does not allow it.
    static let namespace: [String]? = {
        let words = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c"]
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words + ["mount -t tmpfs -o size=64k none /dev/shm"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        process.waitUntilExit()
        return process.terminationStatus == 0 ? words : nil
    }()

    /// - Parameters:
    ///   - mounts: shell commands that are run before it, in a mount namespace of its own.
    ///   - isCopied: whether its file is one of this test's own, `program` in `folder`.
    init(_ scenario: String, mounts: String? = nil, isCopied: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: token)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var program = Self.built("ConformanceDriver")
        if isCopied {
            let copy = folder.appending(path: "program")
            try Self.copy(program, to: copy)
            program = copy
        }
        if let mounts, let namespace = Self.namespace {
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = namespace + ["\(mounts) && exec \"$0\" \"$@\"", program.path, scenario, token]
        } else {
            process.executableURL = program
            process.arguments = [scenario, token]
        }
        var variables = ProcessInfo.processInfo.environment
        variables["TMPDIR"] = folder.path
        process.environment = variables
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// Copies a program that is to be started. By another process: while this one had the copy open for writing, whatever
    /// it starts just then would have it open too, and the system starts no file that is being written.
    static func copy(_ program: URL, to copy: URL) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/cp")
        process.arguments = [program.path, copy.path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    deinit {
        if process.isRunning { Processes.end(process.processIdentifier) }
        try? FileManager.default.removeItem(at: folder)
    }

    var identifier: Int32 { process.processIdentifier }

    func tell(_ line: String) { input.fileHandleForWriting.write(Data("\(line)\n".utf8)) }

    /// The next line of its output; nil at the end.
    func line() async throws -> String? { try await onThread { self.nextLine() } }

    private func nextLine() -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer = Data(buffer[buffer.index(after: end)...]) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            buffer.append(more)
        }
    }

    /// How it ended: a code, or the negative of a signal's number.
    func wait() async throws -> Int32 {
        try await onThread { [process] in
            process.waitUntilExit()
            return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        }
    }

    /// Its own process, its node and its workers.
    func processes() -> [Int32] { Processes.all(withArgument: token) }
}
