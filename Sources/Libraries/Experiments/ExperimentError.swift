/// What can go wrong in an experiment, with the place in its file and the remedy.
public enum ExperimentError: Error, Hashable, Sendable, CustomStringConvertible {
    case notYAML(file: String, reason: String)
    case unknownKey(file: String, line: Int, key: String, nearest: String?, known: [String])
    case missingKey(file: String, key: String)
    case wrongType(file: String, line: Int, key: String, expected: String)
    case outOfRange(file: String, line: Int, key: String, value: String, allowed: String)
    case unknownName(file: String, key: String, name: String, known: [String])
    case nothingKept(dataset: String, recipe: String, mostBy: String?)
    case tooFewHeldOut(found: Int, wanted: Int)
    case tooFewTokens(dataset: String, tokens: Int, wanted: Int, epochs: Double)
    case noClassifierExamples(classifier: String, which: String)
    case damagedStep(path: String, reason: String)
    case busy(path: String)
    case stepFailed(step: String, reason: String)
    case notAResult(file: String, reason: String)

    public var description: String {
        switch self {
        case .notYAML(let file, let reason): "\(file): not readable as YAML: \(reason)"
        case .unknownKey(let file, let line, let key, let nearest, let known):
            "\(file):\(line): unknown key ‘\(key)’; "
                + (nearest.map { "did you mean ‘\($0)’?" } ?? "known here: \(known.joined(separator: ", ")).")
        case .missingKey(let file, let key): "\(file): the key ‘\(key)’ is missing."
        case .wrongType(let file, let line, let key, let expected): "\(file):\(line): ‘\(key)’ must be \(expected)."
        case .outOfRange(let file, let line, let key, let value, let allowed):
            "\(file):\(line): ‘\(key)’ is \(value); allowed is \(allowed)."
        case .unknownName(let file, let key, let name, let known):
            "\(file): ‘\(key)’ names ‘\(name)’, which is not defined; defined are: \(known.joined(separator: ", "))."
        case .nothingKept(let dataset, let recipe, let mostBy):
            "data set ‘\(dataset)’: no page is left after \(recipe)"
                + (mostBy.map { "; most were dropped by \($0)" } ?? "") + ". Loosen the recipe, or give a larger pool."
        case .tooFewHeldOut(let found, let wanted):
            "only \(found) documents are left to hold out, \(wanted) are wanted. Lower heldOut.documents, or give a larger pool."
        case .tooFewTokens(let dataset, let tokens, let wanted, let epochs):
            "data set ‘\(dataset)’ has \(tokens) tokens, too few for \(wanted) in \(epochs) passes. Lower training.tokens, raise "
                + "training.maximumEpochs, or give a larger pool."
        case .noClassifierExamples(let classifier, let which):
            "classifier ‘\(classifier)’: no page of the pool has an address that ‘\(which)’ names."
        case .damagedStep(let path, let reason): "\(path): \(reason). Remove the folder and run again."
        case .stepFailed(let step, let reason): "step \(step): \(reason)"
        case .notAResult(let file, let reason):
            "\(file): is no result of an experiment: \(reason). Give the result.json that `apus experiment run` wrote."
        case .busy(let path): "\(path): another run is at work here. Wait for it, or give another --out."
        }
    }
}
