/// What is wrong with a recipe file: where, and the remedy.
public enum RecipeError: Error, Sendable, Hashable, CustomStringConvertible {
    case notYAML(file: String, line: Int?, reason: String)
    case unknownKey(file: String, line: Int, key: String, nearest: String?)
    case wrongShape(file: String, line: Int, expected: String)
    case severalSources(file: String, sources: [String])
    case step(file: String, line: Int, CurationError)
    case unknownVariable(file: String, line: Int, name: String, known: [String])
    case misplaced(file: String, line: Int, step: String, reason: String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .notYAML(let file, let line, let reason):
            "\(file)\(line.map { ":\($0)" } ?? ""): cannot be read as YAML: \(reason)."
        case .unknownKey(let file, let line, let key, let nearest):
            "\(file):\(line): unknown key `\(key)`.\(nearest.map { " Did you mean `\($0)`?" } ?? "")"
        case .wrongShape(let file, let line, let expected): "\(file):\(line): \(expected) is needed here."
        case .severalSources(let file, let sources):
            "\(file): has steps for \(sources.joined(separator: ", ")). Say which with --source."
        case .step(let file, let line, let error): "\(file):\(line): \(error)"
        case .unknownVariable(let file, let line, let name, let known):
            "\(file):\(line): `${\(name)}` stands for nothing"
                + (known.isEmpty ? "" : "; known are \(known.joined(separator: ", "))")
                + ". Give it with --set \(name)=VALUE, or name it in the experiment."
        case .misplaced(let file, let line, let step, let reason): "\(file):\(line): \(step) \(reason)."
        }
    }
}
