import ApusTensor
import Files
import JSON

/// A model on disk: one safetensors file whose metadata hold its shape and where it comes from.
public enum ModelFile {
    /// Name of a finished model in the folder of its training.
    public static let name = "model.safetensors"
    private static let format = "apus-model-1"

    /// Writes a model; the file appears when it is whole.
    ///
    /// - Parameters:
    ///   - model: what is written.
    ///   - origin: further metadata, for readers.
    ///   - path: of the file, which is replaced.
    public static func write(
        _ model: Transformer, origin: [String: String] = [:], to path: String
    ) throws(LanguageModelError) {
        var metadata = origin
        metadata["format"] = format
        metadata["model"] = model.configuration.json.text()
        do throws(TensorError) {
            try Safetensors.write(model.parameters.map { ($0.name, $0.tensor) }, metadata: metadata, to: path)
        } catch {
            throw .tensor(error)
        }
    }

    /// Reads a model.
    ///
    /// - Parameter path: the file, or the folder that `apus train` wrote.
    /// - Throws: `LanguageModelError.noModel` for a folder without one, `.badCheckpoint` for a file of another kind or
    ///   damaged.
    public static func read(_ path: String) throws(LanguageModelError) -> (model: Transformer, origin: [String: String])
    {
        var file = path
        if Folder.exists(path) {
            file = Paths.join(path, name)
            guard FileReader.exists(file) else {
                throw .noModel(folder: path, resumable: FileReader.exists(Paths.join(path, RunFolder.checkpointName)))
            }
        }
        do {
            let (tensors, metadata) = try Safetensors.read(file)
            guard metadata["format"] == format, let text = metadata["model"] else {
                throw LanguageModelError.badCheckpoint(file: file, reason: "it is no model of `apus train`")
            }
            let model = try Transformer(zeros: try ModelConfiguration(json: try JSONValue(parsing: text), file: file))
            try model.load(tensors)
            return (model, metadata)
        } catch let error as LanguageModelError {
            throw error
        } catch let error as TensorError {
            switch error {
            case .invalidFile(_, let reason): throw .badCheckpoint(file: file, reason: reason)
            case .mismatch(let name, let reason): throw .badCheckpoint(file: file, reason: "\(name): \(reason)")
            default: throw .tensor(error)
            }
        } catch {
            throw .badCheckpoint(file: file, reason: "\(error)")
        }
    }
}
