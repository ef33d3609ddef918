import FastText
import Files

/// What can go wrong with language identification.
public enum LanguageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The model file is nowhere.
    case modelMissing(name: String, searched: [String])
    /// The file could not be read.
    case file(FileError)
    /// The file is no n-gram model, or damaged.
    case damaged(file: String, reason: String)
    /// A fastText model is damaged.
    case fastText(FastTextError)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .modelMissing(let name, let searched):
            "The model \(name) is in none of \(searched.joined(separator: ", ")). Run Scripts/install-models, or set "
                + "APUS_MODELS to its folder."
        case .file(let error): error.description
        case .damaged(let file, let reason):
            "\(file): is no usable n-gram model: \(reason). Remove it and run Scripts/install-models."
        case .fastText(let error): error.description
        }
    }
}
