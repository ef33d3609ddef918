import Files
import Glibc
import JSON

/// The folder of one training run: what it trains, how far it is, its log and its result.
///
/// Held by one process at a time: a lock goes with the object and with the process.
package final class RunFolder {
    static let checkpointName = "checkpoint.safetensors"

    let path: String
    private let lock: FolderLock

    var checkpoint: String { Paths.join(path, Self.checkpointName) }
    var model: String { Paths.join(path, ModelFile.name) }
    var log: String { Paths.join(path, "log.jsonl") }
    private var settings: String { Paths.join(path, "run.json") }
    private var result: String { Paths.join(path, "result.json") }

    /// Makes the folder where it is missing and takes its lock.
    ///
    /// - Throws: `LanguageModelError.busy` while another process has it, `.file`.
    package init(_ path: String) throws(LanguageModelError) {
        self.path = path
        let taken: FolderLock?
        do throws(FileError) { taken = try FolderLock(path) } catch { throw .file(error) }
        guard let taken else { throw .busy(folder: path) }
        lock = taken
    }

    /// What the folder is for, if it has been begun.
    func storedSettings() throws -> JSONValue? { try read(settings) }

    /// Notes what the folder is for, or compares it with what it is for.
    ///
    /// - Parameter given: an object of objects.
    /// - Throws: `LanguageModelError.otherRun` naming the first setting that differs.
    func claim(_ given: JSONValue) throws {
        guard let stored = try storedSettings() else {
            return try AtomicFile.write(given.text(.indented) + "\n", to: settings)
        }
        // As a reader sees it, so that a number written as 1 equals 1.0.
        let given = try JSONValue(parsing: given.text())
        for (section, values) in given.objectValue ?? JSONObject() {
            for (name, value) in values.objectValue ?? JSONObject() {
                let before = stored[section]?[name] ?? .null
                guard before == value else {
                    throw LanguageModelError.otherRun(
                        folder: path, setting: "\(section).\(name)", stored: before.text(), given: value.text())
                }
            }
        }
    }

    /// The result, if the run has finished.
    func storedResult() throws -> JSONValue? { try read(result) }

    /// Notes the result and removes what only a resumed run needs.
    func finish(_ value: JSONValue) throws {
        try AtomicFile.write(value.text(.indented) + "\n", to: result)
        unlink(checkpoint)
    }

    private func read(_ file: String) throws -> JSONValue? {
        guard FileReader.exists(file) else { return nil }
        let bytes = try FileReader.bytes(of: file, limit: 1 << 24)
        do throws(JSONError) {
            return try JSONValue(parsing: bytes)
        } catch {
            throw LanguageModelError.badCheckpoint(file: file, reason: "\(error)")
        }
    }
}
