import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads a session's logs, and what is added to them later.
package struct LogReader {
    private let folder: String
    private let worker: UInt64?
    private let errorsOnly: Bool
    /// Of each log: the file that is read, by its number, how far, and the bytes of a line that is not whole.
    private struct Place {
        var file: UInt64 = 0
        var offset = 0
        var rest: [UInt8] = []
    }
    private var places: [String: Place] = [:]
    /// Whether no line was found yet.
    package private(set) var isEmpty = true

    package init(folder: String, worker: UInt64?, errorsOnly: Bool) {
        self.folder = folder
        self.worker = worker
        self.errorsOnly = errorsOnly
    }

    /// Calls `body` with each line since the last call, as `(worker 3) text`.
    ///
    /// - Throws: `InsightError.file`.
    package mutating func read(_ body: (String) -> Void) throws(InsightError) {
        let names: [String]
        do throws(FileError) { names = try Folder.entries(folder) } catch { throw .file(error) }
        for name in names {
            guard let (number, isError) = Self.log(name), worker == nil || worker == number, isError || !errorsOnly
            else { continue }
            var place = places[name] ?? Place()
            let parts = Self.parts(name, from: place.file, in: folder, names)
            for part in parts {
                if part.file != place.file { place = Place(file: part.file, offset: 0, rest: place.rest) }
                Self.lines(part.path, &place) { line in
                    isEmpty = false
                    body("(worker \(number)\(isError ? ", errors" : "")) \(line)")
                }
            }
            places[name] = place
        }
    }

    private static func log(_ name: String) -> (worker: UInt64, isError: Bool)? {
        guard name.hasPrefix("worker-"), name.hasSuffix(".out") || name.hasSuffix(".err"),
            let number = UInt64(name.dropFirst(7).dropLast(4))
        else { return nil }
        return (number, name.hasSuffix(".err"))
    }

    /// The parts of a log that are to be read, oldest first: from the one that was read last on, or all.
    private static func parts(
        _ name: String, from file: UInt64, in folder: String, _ names: [String]
    ) -> [(path: String, file: UInt64)] {
        var parts: [(path: String, file: UInt64)] = []
        for part in 0..<LogFile.parts {
            let path = Paths.join(folder, part == 0 ? name : "\(name).\(part)")
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            parts.append((path, UInt64(status.st_ino)))
            if file != 0, UInt64(status.st_ino) == file { break }
        }
        return parts.reversed()
    }

    private static func lines(_ path: String, _ place: inout Place, _ body: (String) -> Void) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = pread(descriptor, &buffer, buffer.count, off_t(place.offset))
            guard count > 0 else { return }
            place.offset += count
            for byte in buffer[..<count] {
                if byte == 0x0A {
                    body(String(decoding: place.rest, as: UTF8.self))
                    place.rest.removeAll(keepingCapacity: true)
                } else {
                    place.rest.append(byte)
                }
            }
        }
    }
}
