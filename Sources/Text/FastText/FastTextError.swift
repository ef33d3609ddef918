import Files

/// What can go wrong with a fastText model.
public enum FastTextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file could not be read or written.
    case file(FileError)
    /// The file does not begin as a fastText model does.
    case notAModel(file: String)
    /// A version of the format that Apus does not read.
    case unsupportedVersion(file: String, version: Int)
    /// The file ends inside a field.
    case truncated(file: String, offset: Int, field: String)
    /// A field holds what no valid model holds.
    case invalid(file: String, offset: Int, field: String, reason: String)
    /// Word vectors only: such a model predicts no labels.
    case notSupervised(file: String)
    /// A quantised model cannot be written again.
    case cannotWriteQuantized
    /// A training option outside its range.
    case option(name: String, value: String, allowed: String)
    /// Training needs at least one text and two labels.
    case nothingToTrainOn(examples: Int, labels: Int)
    /// A label that is empty or has white space.
    case label(String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .notAModel(let file):
            "\(file): is no fastText model (its first four bytes differ). Give a .bin or .ftz file of fastText."
        case .unsupportedVersion(let file, let version):
            "\(file): has fastText format \(version); 11 and 12 are read. Write it again with fastText 0.9."
        case .truncated(let file, let offset, let field):
            "\(file): ends at byte \(offset), inside \(field). Fetch the file again."
        case .invalid(let file, let offset, let field, let reason):
            "\(file): \(field) at byte \(offset) is damaged: \(reason). Fetch the file again."
        case .notSupervised(let file):
            "\(file): holds word vectors, not a classifier. Give a model made by `fasttext supervised`."
        case .cannotWriteQuantized:
            "A quantised model cannot be written; copy its file instead."
        case .option(let name, let value, let allowed):
            "The training option \(name) is \(value); allowed is \(allowed)."
        case .nothingToTrainOn(let examples, let labels):
            "Training needs texts of at least two labels; there are \(examples) texts with \(labels) labels. Check the input files."
        case .label(let label):
            "The label \"\(label)\" is empty or has white space. Use one word."
        }
    }
}
