/// What can be wrong with a recipe's step, or with a page for a step.
public enum CurationError: Error, Hashable, Sendable {
    /// No step has this name.
    case unknownStep(String, nearest: String?)
    /// The step has no such parameter.
    case unknownParameter(step: String, key: String, nearest: String?)
    /// A parameter that the step needs is absent.
    case missingParameter(step: String, key: String)
    /// A parameter has the wrong type or a value out of its range.
    case wrongParameter(step: String, key: String, expected: String, found: String)
    /// A parameter's file can't be read.
    case unreadableFile(step: String, key: String, path: String, reason: String)
    /// A model that the step needs is absent or damaged; the reason says what to do.
    case modelUnavailable(step: String, reason: String)
    /// A parameter's regular expression can't be read.
    case badPattern(step: String, key: String, pattern: String, reason: String)
    /// A line of input holds JSON, but no object.
    case notAPage(step: String)
    /// The page lacks a field that the step reads.
    case missingField(step: String, key: String)
    /// A field of the page has the wrong type.
    case wrongField(step: String, key: String, expected: String, found: String)
    /// The field that the step would add is there already.
    case fieldExists(step: String, key: String)
    /// The model knows nothing of the page's text.
    case noPrediction(step: String)
    /// A pattern needed more steps on the page than are allowed.
    case patternTooCostly(step: String, limit: Int)
}

extension CurationError: CustomStringConvertible {
    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .unknownStep(let name, let nearest):
            "There is no step `\(name)`.\(Self.hint(nearest)) `apus curate steps` lists them."
        case .unknownParameter(let step, let key, let nearest):
            "\(step) has no parameter `\(key)`.\(Self.hint(nearest))"
        case .missingParameter(let step, let key): "\(step) needs the parameter `\(key)`."
        case .wrongParameter(let step, let key, let expected, let found):
            "\(step): `\(key)` must be \(expected), but is \(found)."
        case .unreadableFile(let step, let key, let path, let reason):
            "\(step): `\(key)`: \(reason.contains(path) ? "" : path + ": ")\(Self.sentence(reason))"
        case .modelUnavailable(let step, let reason): "\(step): \(Self.sentence(reason))"
        case .badPattern(let step, let key, let pattern, let reason):
            "\(step): `\(key)` holds the pattern `\(pattern)`, which can't be used: \(reason)."
        case .notAPage(let step): "\(step): the line is no JSON object; a page is one, with its content in `text`."
        case .missingField(let step, let key): "\(step): the page has no field `\(key)`."
        case .wrongField(let step, let key, let expected, let found):
            "\(step): the page's `\(key)` must be \(expected), but is \(found)."
        case .fieldExists(let step, let key):
            "\(step): the page already has a field `\(key)`. Pass `overwrite: true`, or another `key`."
        case .noPrediction(let step): "\(step): the model knows no word of the page's text."
        case .patternTooCostly(let step, let limit):
            "\(step): a pattern took more than \(limit) steps on this page. Make the pattern simpler."
        }
    }

    private static func sentence(_ reason: String) -> String { reason.hasSuffix(".") ? reason : reason + "." }

    private static func hint(_ nearest: String?) -> String { nearest.map { " Did you mean `\($0)`?" } ?? "" }
}
