import Files

/// What can be wrong with the file of a sentence splitter.
public enum SentenceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file could not be read.
    case file(FileError)
    /// The file does not begin as one of sentence rules does.
    case notRules(file: String)
    /// The file ends early, or a number in it is out of bounds.
    case damagedRules(file: String, offset: Int, reason: String)
    /// A line of a Punkt model is none.
    case damagedModel(file: String, line: Int, reason: String)

    public var description: String {
        switch self {
        case .file(let error): error.description
        case .notRules(let file):
            "\(file): holds no sentence rules (its first eight bytes differ). Give a file made by "
                + "Scripts/convert-sentence-rules, which Scripts/install-models runs."
        case .damagedRules(let file, let offset, let reason):
            "\(file): is damaged at byte \(offset): \(reason). Remove it and run Scripts/install-models."
        case .damagedModel(let file, let line, let reason):
            "\(file):\(line): \(reason). Remove the file and run Scripts/install-models."
        }
    }
}
