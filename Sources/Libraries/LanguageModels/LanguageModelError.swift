import ApusTensor
import Files

/// Why a model, its training or its scores failed, and what to do.
public enum LanguageModelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A setting outside what makes sense.
    case badSetting(name: String, value: String, expected: String)
    /// A name that no scale has; the nearest that one has.
    case unknownScale(name: String, nearest: String?, known: [String])
    /// The folder holds a run with other settings.
    case otherRun(folder: String, setting: String, stored: String, given: String)
    /// Another process trains in the folder.
    case busy(folder: String)
    /// A checkpoint that cannot be read or does not fit what it is loaded for.
    case badCheckpoint(file: String, reason: String)
    /// The folder has no finished model.
    case noModel(folder: String, resumable: Bool)
    /// The loss, or the norm of its gradient, is no longer a number.
    case notFinite(quantity: String, step: Int, learningRate: Double)
    /// Data that a model cannot take.
    case badData(source: String, reason: String)
    /// A line of a file to score that holds no document.
    case badLine(file: String, line: Int, reason: String)
    /// The system gave no thread.
    case noThread(code: Int32)
    /// The tensor library refused, or is missing.
    case tensor(TensorError)
    /// The file system refused.
    case file(FileError)

    public var description: String {
        switch self {
        case .badSetting(let name, let value, let expected): "\(name) is \(value), but must be \(expected)."
        case .unknownScale(let name, let nearest, let known):
            "there is no scale ‘\(name)’" + (nearest.map { "; did you mean ‘\($0)’?" } ?? ".") + " Known: "
                + known.joined(separator: ", ") + "."
        case .otherRun(let folder, let setting, let stored, let given):
            "\(folder): holds a run with \(setting) \(stored), not \(given). Give the same settings to resume it, or another folder."
        case .busy(let folder): "\(folder): another process trains here. Wait for it, or give another folder."
        case .badCheckpoint(let file, let reason):
            "\(file): \(reason). Give the file of a run of this version, or remove the folder and train again."
        case .noModel(let folder, let resumable):
            resumable
                ? "\(folder): the training has not finished. Run the same `apus train` again to resume it."
                : "\(folder): there is no model.safetensors. Give the folder that `apus train --out` wrote."
        case .notFinite(let quantity, let step, let rate):
            "the \(quantity) of step \(step) is not a finite number, at a learning rate of \(rate). Start again in another folder with a smaller learning rate or more warm-up steps."
        case .badData(let source, let reason): "\(source): \(reason)."
        case .badLine(let file, let line, let reason): "\(file):\(line): \(reason)."
        case .noThread(let code): "the system gives no thread (error \(code)). Raise the limit on processes."
        case .tensor(let error): error.description
        case .file(let error): error.description
        }
    }

    /// Runs a body and gives the failures of lower layers as this module's.
    static func wrapping<Value>(_ body: () throws -> Value) throws(LanguageModelError) -> Value {
        do { return try body() } catch { throw from(error) }
    }

    /// A failure of this module or of a lower layer as this module's.
    static func from(_ error: any Error) -> LanguageModelError {
        switch error {
        case let error as LanguageModelError: error
        case let error as TensorError: .tensor(error)
        case let error as FileError: .file(error)
        default: .badData(source: "data", reason: "\(error)")
        }
    }
}
