/// Why a record of evaluation results cannot be read, and what to do.
public enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is not JSON.
    case notJSON(file: String, reason: String)
    /// A part of the record is absent or of the wrong kind.
    case malformed(file: String, key: String, expected: String)
    /// A score that is no share of right answers.
    case badScore(file: String, task: String, value: String)
    /// None of the benchmark's tasks is among the scores.
    case noKnownTask(file: String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .notJSON(let file, let reason):
            "\(file): \(reason). A JSON record of evaluation results is needed."
        case .malformed(let file, let key, let expected):
            "\(file): ‘\(key)’ must be \(expected)."
        case .badScore(let file, let task, let value):
            "\(file): the score of ‘\(task)’ is \(value), but must be a number from 0 to 1. Divide percentages by 100."
        case .noKnownTask(let file):
            "\(file): ‘eval_metrics.icl’ names no task of the benchmark. Its labels are such as hellaswag_zeroshot or boolq."
        }
    }
}
