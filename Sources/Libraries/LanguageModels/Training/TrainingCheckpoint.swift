import ApusTensor
import Files
import JSON

/// Where a run stands between two steps: model, optimiser and step in one safetensors file, which is there whole or not
/// at all.
struct TrainingCheckpoint {
    private static let format = "apus-checkpoint-1"
    private static let modelPrefix = "model."

    /// Steps done.
    var step: Int
    /// Time spent in them.
    var seconds: Double
    /// Digest of the settings of the run.
    var run: String

    func write(_ model: Transformer, _ optimiser: AdamW, to path: String) throws(TensorError) {
        let tensors = model.parameters.map { (Self.modelPrefix + $0.name, $0.tensor) } + optimiser.state
        try Safetensors.write(
            tensors,
            metadata: ["format": Self.format, "step": "\(step)", "seconds": "\(seconds)", "run": run], to: path)
    }

    /// Reads a checkpoint into a model and its optimiser.
    ///
    /// - Throws: `LanguageModelError.badCheckpoint`; the model may have changed then.
    init(_ path: String, run: String, into model: Transformer, _ optimiser: AdamW) throws {
        func bad(_ reason: String) -> LanguageModelError { .badCheckpoint(file: path, reason: reason) }
        do throws(TensorError) {
            let (tensors, metadata) = try Safetensors.read(path)
            guard metadata["format"] == Self.format, let step = metadata["step"].flatMap({ Int($0) }), step >= 0,
                let seconds = metadata["seconds"].flatMap({ Double($0) })
            else { throw TensorError.invalidFile(path: path, reason: "it is no checkpoint of `apus train`") }
            guard metadata["run"] == run else {
                throw TensorError.invalidFile(path: path, reason: "it belongs to a run with other settings")
            }
            var weights: [String: Tensor] = [:]
            var state: [String: Tensor] = [:]
            for (name, tensor) in tensors {
                if name.hasPrefix(Self.modelPrefix) {
                    weights[String(name.dropFirst(Self.modelPrefix.count))] = tensor
                } else {
                    state[name] = tensor
                }
            }
            try model.load(weights)
            try optimiser.restore(state, steps: step)
            (self.step, self.seconds, self.run) = (step, seconds, run)
        } catch {
            switch error {
            case .invalidFile(_, let reason): throw bad(reason)
            case .mismatch(let name, let reason): throw bad("\(name): \(reason)")
            default: throw error
            }
        }
    }

    init(step: Int, seconds: Double, run: String) {
        self.step = step
        self.seconds = seconds
        self.run = run
    }
}
