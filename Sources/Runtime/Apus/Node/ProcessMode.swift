import ApusTransport
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a process of the program is, other than the program itself.
enum ProcessMode: String {
    case node
    case worker

    /// The environment variable that says so. A process takes it out of its environment before anything else.
    static let variable = "APUS_PROCESS"
    /// The descriptor of the connection to whoever started it.
    static let descriptor: Int32 = 3
}

/// Starting processes and telling how they ended.
enum ChildProcess {
    /// - Returns: the process, or -1 with `errno`.
    static func start(
        _ path: String, _ arguments: [String], _ variables: [String: String], folder: String?, output: Int32,
        errors: Int32, kept: [Int32], diesWithParent: Bool
    ) -> Int32 {
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in words + environment { free(word) } }
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        let process = apus_process_start(
            path, &words, &environment, folder, null, output, errors, kept, Int32(kept.count), diesWithParent)
        let error = errno
        defer { errno = error }
        return process
    }

    /// Another descriptor of the same thing, closed on exec.
    static func copy(_ descriptor: Int32) -> Int32 { fcntl(descriptor, F_DUPFD_CLOEXEC, 3) }

    /// How a process ended, for messages.
    static func describe(_ status: Int32) -> String {
        var number: Int32 = 0
        if apus_status_exited(status, &number) { return "it exited with code \(number)" }
        if apus_status_signalled(status, &number) {
            return "it was killed by signal \(number) (\(String(cString: strsignal(number))))"
        }
        return "it ended with status \(status)"
    }

    /// The file that this process runs.
    static func executable() throws(TransportError) -> String {
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = readlink("/proc/self/exe", &buffer, 4096)
        guard count > 0 else { throw .last("readlink /proc/self/exe") }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The environment of this process.
    static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var place = environ
        while let entry = place.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            place += 1
        }
        return variables
    }
}
