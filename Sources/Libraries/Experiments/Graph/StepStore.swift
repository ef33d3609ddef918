import Files
import Glibc
import JSON

/// Finished steps of experiments under a folder, found again by what went into them.
///
/// A step's address is the SHA-256 of its kind, its parameters and the addresses of its inputs. Its output is a folder
/// `steps/<name>-<first 16 digits>`; the file `step.json` in it is written last and makes the step finished. A folder
/// without it belongs to a run that was stopped: the step is done again and may resume from what it finds there.
struct StepStore: Sendable {
    /// The experiment's output folder.
    let folder: String

    /// Where an address's output lies.
    func path(of name: String, _ key: String) -> String { "\(folder)/steps/\(name)-\(key.prefix(16))" }

    /// What a finished step reported; nil where it is not finished.
    ///
    /// - Throws: `ExperimentError.damagedStep` where `step.json` is not what a step writes.
    func finished(_ name: String, _ key: String) throws -> (product: JSONValue, seconds: Double)? {
        let path = path(of: name, key)
        let file = path + "/step.json"
        guard FileReader.exists(file) else { return nil }
        guard let record = try? JSONValue(parsing: FileReader.bytes(of: file)), record["key"]?.stringValue == key,
            let product = record["product"], let seconds = record["seconds"]?.doubleValue
        else { throw ExperimentError.damagedStep(path: path, reason: "step.json is damaged") }
        return (product, seconds)
    }

    /// Marks a step finished with what it reports.
    func finish(_ name: String, _ key: String, product: JSONValue, seconds: Double) throws {
        let record: JSONValue = [
            "key": .string(key), "name": .string(name), "seconds": .number(seconds), "product": product,
        ]
        try AtomicFile.write(record.text(.indented) + "\n", to: path(of: name, key) + "/step.json")
    }

    /// The address of a step.
    static func key(kind: String, parameters: JSONValue, inputs: [String]) -> String {
        let identity: JSONValue = [
            "kind": .string(kind), "parameters": parameters, "inputs": .array(inputs.map(JSONValue.string)),
        ]
        return SHA256.digest(Array(identity.text().utf8))
    }
}
