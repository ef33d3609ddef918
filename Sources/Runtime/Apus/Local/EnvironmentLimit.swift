import ApusScheduling
import Glibc

/// What the system takes as the environment of a process: asked before a task is taken on, since later nobody could start a
/// worker for it.
enum EnvironmentLimit {
    /// Bytes of one variable: its name, the equals sign, its value and the end. Of Linux, 32 pages.
    static let variable = 32 * Int(getpagesize())

    /// Bytes of a process's environment and arguments together, with a pointer to each. Linux takes a quarter of the
    /// stack, at most 6 MiB.
    static var all: Int { min(sysconf(Int32(_SC_ARG_MAX)), 6 << 20) }

    /// Bytes for what the runtime adds, and for the program's path.
    private static let reserve = 8 << 10

    /// - Parameter variables: added to the program's, or instead of them.
    /// - Throws: `ClusterError.invalidEnvironment` for a name that is none, or a value that is none;
    ///   `.environmentTooLarge`.
    static func check(_ variables: [String: String], of subject: String) throws(ClusterError) {
        guard !variables.isEmpty else { return }
        for (name, value) in variables {
            guard !name.isEmpty, !name.utf8.contains(where: { $0 == UInt8(ascii: "=") || $0 == 0 }) else {
                throw .invalidEnvironment(
                    variable: "The name of an environment variable of \(subject)", value: String(name.prefix(80)),
                    expected: "a name without `=` and without the character 0")
            }
            guard !value.utf8.contains(0) else {
                throw .invalidEnvironment(
                    variable: name, value: String(value.prefix(80)), expected: "text without the character 0")
            }
            let size = size(name, value)
            guard size <= variable else {
                throw .environmentTooLarge(subject: subject, variable: name, bytes: size, limit: variable)
            }
        }
        let whole = ChildProcess.environment().merging(variables) { $1 }
        var bytes = reserve
        for (name, value) in whole { bytes += size(name, value) + MemoryLayout<Int>.size }
        for argument in CommandLine.arguments { bytes += argument.utf8.count + 1 + MemoryLayout<Int>.size }
        guard bytes <= all else {
            throw .environmentTooLarge(subject: subject, variable: nil, bytes: bytes, limit: all)
        }
    }

    private static func size(_ name: String, _ value: String) -> Int { name.utf8.count + value.utf8.count + 2 }
}
