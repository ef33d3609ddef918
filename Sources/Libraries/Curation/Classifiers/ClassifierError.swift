/// Why a classifier cannot be trained, and what to do.
public enum ClassifierError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A file is an archive: its pages have no text yet.
    case noLines(file: String)
    /// A side has no text.
    case noTexts(side: String, files: [String], failed: Int)
    /// The held-out share is not one.
    case share(Double)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .noLines(let file):
            "\(file): is no JSONL file. Take its text first: apus curate Recipes/visible_text.yaml --pool \(file) --out FOLDER."
        case .noTexts(let side, let files, let failed):
            "\(files.joined(separator: ", ")): no \(side) text to train on (\(failed) lines failed). Each line must be an object with a `text`."
        case .share(let share): "The held-out share is \(share); it must be from 0 to 0.9."
        }
    }
}
