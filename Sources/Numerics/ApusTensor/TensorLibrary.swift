import CApusTensor
import Files
import Glibc

/// The shared library behind every tensor: found and opened once, when the first tensor is made.
///
/// It is looked for at `APUS_TENSOR_LIBRARY`, beside the executable, and as `.deps/lib/libapus_tensor.so` in the
/// folders above the executable and above the working directory.
public struct TensorLibrary: Sendable {
    static let fileName = "libapus_tensor.so"

    let table: Table
    /// Where the library was found.
    public let path: String

    /// The table of functions. It is constant data of a library that is never closed, so that any thread may read it.
    struct Table: @unchecked Sendable {
        let functions: UnsafePointer<apus_tensor_table>
    }

    private static let opened: Result<TensorLibrary, TensorError> = Result { () throws(TensorError) in try open() }

    /// The open library.
    ///
    /// - Throws: `TensorError.libraryMissing`, `.libraryUnusable`.
    public static var shared: TensorLibrary {
        get throws(TensorError) { try opened.get() }
    }

    /// Whether tensors can be used; tests that need them skip where not.
    public static var isAvailable: Bool { if case .success = opened { true } else { false } }

    /// The version of libtorch.
    public static var version: String {
        get throws(TensorError) { String(cString: try shared.table.functions.pointee.version) }
    }

    /// Threads that one operation uses.
    public static var threads: Int {
        get throws(TensorError) { Int(try shared.table.functions.pointee.threads()) }
    }

    /// Sets the threads that one operation uses. The results of reductions depend on it in the last bits.
    public static func setThreads(_ count: Int) throws(TensorError) {
        guard (1...4096).contains(count) else {
            throw .operation(name: "setThreads", operands: ["\(count)"], message: "choose 1 to 4096 threads")
        }
        try check(try shared.table.functions.pointee.set_threads(Int32(count)), "setThreads")
    }

    /// The places where the library is looked for, in order.
    package static func candidates(environment: String?, executable: String, workingDirectory: String) -> [String] {
        var paths: [String] = []
        func add(_ path: String) { if !paths.contains(path) { paths.append(path) } }
        if let environment, !environment.isEmpty { return [environment] }
        let folder = Paths.split(executable).folder
        add(Paths.join(folder, fileName))
        for start in [folder, workingDirectory] {
            var ancestor = start
            while true {
                add(Paths.join(ancestor, ".deps/lib/\(fileName)"))
                let parent = Paths.split(ancestor).folder
                if parent == ancestor || parent == "." { break }
                ancestor = parent
            }
        }
        return paths
    }

    private static func open() throws(TensorError) -> TensorLibrary {
        let paths = candidates(
            environment: getenv("APUS_TENSOR_LIBRARY").map { String(cString: $0) },
            executable: resolved("/proc/self/exe"), workingDirectory: resolved("."))
        guard let path = paths.first(where: FileReader.exists) else { throw .libraryMissing(searched: paths) }
        var reason = [CChar](repeating: 0, count: 1024)
        guard let functions = apus_tensor_open(path, &reason, reason.count) else {
            let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw .libraryUnusable(path: path, reason: text)
        }
        return TensorLibrary(table: Table(functions: functions), path: path)
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// Why the last call on this thread failed.
    var message: String { table.functions.pointee.message().map { String(cString: $0) } ?? "" }

    /// Turns a status into an error with the library's message.
    static func check(_ status: Int32, _ operation: String, operands: [String] = []) throws(TensorError) {
        guard status != Int32(APUS_OK) else { return }
        throw error(status, operation, operands, try shared.message)
    }

    static func error(_ status: Int32, _ operation: String, _ operands: [String], _ message: String) -> TensorError {
        // libtorch appends hints about its debug settings after the first line; the first says what was wrong.
        let line = message.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? message
        return switch Int(status) {
        case APUS_UNKNOWN_OPERATOR: .unknownOperator(name: operation, message: line)
        case APUS_READ_ONLY: .readOnly(operation: operation, operands: operands)
        case APUS_OUT_OF_MEMORY: .memory(operation: operation, message: line)
        default: .operation(name: operation, operands: operands, message: line)
        }
    }
}
