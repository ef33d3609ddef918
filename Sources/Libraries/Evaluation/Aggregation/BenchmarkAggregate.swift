/// A mean that counts only if all its tasks were run.
public enum CompleteMean: Sendable, Hashable, CustomStringConvertible {
    case value(Double)
    /// The tasks that were not run.
    case missing([String])

    /// The mean, where all its tasks were run.
    public var value: Double? { if case .value(let value) = self { value } else { nil } }

    /// The number, or the reference's text with the missing tasks.
    public var description: String {
        switch self {
        case .value(let value): "\(value)"
        case .missing(let tasks): "N/A due to missing tasks: \(PythonList.text(tasks))"
        }
    }
}

/// A mean over those of its tasks that were run: of the scores, and of the centred scores.
public struct PartialMean: Sendable, Hashable {
    /// Mean of the scores, 0 to 1.
    public var raw: Double
    /// Mean of the centred scores, at most 1; below 0 where the model is worse than chance.
    public var centered: Double
    /// Tasks in it.
    public var count: Int
}

/// A model's scores on many tasks as few numbers.
///
/// A score is centred by its task's chance: (score − baseline) ÷ (1 − baseline). Core is the mean over 22 tasks, Extended
/// over all 53.
///
/// - Source: DataComp-LM (Li et al. 2024), whose numbers these are to the last digits.
public struct BenchmarkAggregate: Sendable, Hashable {
    /// Whose baselines centre the scores.
    public let version: BenchmarkVersion
    /// Mean centred score of the 22 tasks of `TaskGroup.core`.
    public let core: CompleteMean
    /// Mean centred score of all 53 tasks.
    public let extended: CompleteMean
    /// All tasks that were run; nil where none was.
    public let all: PartialMean?
    /// Groups without a task that was run are absent.
    public let groups: [TaskGroup: PartialMean]
    /// Categories without a task that was run are absent.
    public let categories: [TaskCategory: PartialMean]
    /// Tasks of Extended that were not run, in the benchmark's order.
    public let missingTasks: [String]

    /// - Parameters:
    ///   - scores: from 0 to 1, by task label. A task with categories may come as its categories, whose names then hold
    ///     its label (`mmlu_fewshot/anatomy`); unknown labels do not count.
    ///   - version: whose baselines centre the scores.
    /// - Complexity: O(tasks · scores) at worst.
    public init(scores: [String: Double], version: BenchmarkVersion = .current) {
        self.version = version
        let known = Self.taskScores(scores)
        func mean(_ tasks: [BenchmarkTask]) -> PartialMean? {
            let run = tasks.compactMap { task in known[task.label].map { (task, $0) } }
            guard !run.isEmpty else { return nil }
            let count = Double(run.count)
            return PartialMean(
                raw: run.reduce(0) { $0 + $1.1 } / count,
                centered: run.reduce(0) { $0 + $1.0.centered($1.1, version) } / count, count: run.count)
        }
        func missing(_ tasks: [BenchmarkTask]) -> [String] { tasks.map(\.label).filter { known[$0] == nil } }
        func complete(_ tasks: [BenchmarkTask]) -> CompleteMean {
            let missing = missing(tasks)
            guard missing.isEmpty, let mean = mean(tasks) else { return .missing(missing) }
            return .value(mean.centered)
        }
        let tasks = BenchmarkTask.all
        core = complete(TaskGroup.core.tasks)
        extended = complete(tasks)
        all = mean(tasks)
        missingTasks = missing(tasks)
        groups = Dictionary(
            uniqueKeysWithValues: TaskGroup.allCases.compactMap { group in mean(group.tasks).map { (group, $0) } })
        categories = Dictionary(
            uniqueKeysWithValues: TaskCategory.allCases.compactMap { category in
                mean(tasks.filter { $0.category == category }).map { (category, $0) }
            })
    }

    /// The score of each of the benchmark's tasks that was run.
    private static func taskScores(_ scores: [String: Double]) -> [String: Double] {
        var known: [String: Double] = [:]
        for task in BenchmarkTask.all {
            if let score = scores[task.label] {
                known[task.label] = score
            } else if task.hasCategories {
                // Sorted, so that the sum does not depend on the order of a dictionary.
                let parts = scores.filter { $0.key.contains(task.label) }.sorted { $0.key < $1.key }
                if !parts.isEmpty { known[task.label] = parts.reduce(0) { $0 + $1.value } / Double(parts.count) }
            }
        }
        return known
    }
}

/// Lists as the reference writes them inside texts.
enum PythonList {
    /// - Precondition: the texts hold neither quotes nor backslashes; task labels do not.
    static func text(_ items: [String]) -> String { "[" + items.map { "'\($0)'" }.joined(separator: ", ") + "]" }
}
