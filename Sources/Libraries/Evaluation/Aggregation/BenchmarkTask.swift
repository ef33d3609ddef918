/// What a task asks of a model.
public enum TaskCategory: String, CaseIterable, Sendable, Hashable {
    case worldKnowledge = "world knowledge"
    case commonsenseReasoning = "commonsense reasoning"
    case languageUnderstanding = "language understanding"
    case symbolicProblemSolving = "symbolic problem solving"
    case readingComprehension = "reading comprehension"
    case safety
}

/// Which random baselines centre the scores. Means of different versions are not comparable: v2's are 1 to 3 points lower.
public enum BenchmarkVersion: String, CaseIterable, Sendable, Hashable {
    /// As published in 2024.
    case v1
    /// Baselines corrected in September 2025 by the tasks' true numbers of choices or majority classes.
    case v2

    /// The one that means without a version are of.
    public static let current = BenchmarkVersion.v2
}

/// A named part of the benchmark's tasks.
public enum TaskGroup: String, CaseIterable, Sendable, Hashable {
    /// The 22 tasks whose scores vary least between equal trainings; their centred mean is Core.
    case core = "low_variance_datasets"
    /// Six tasks for small models.
    case small = "rw_small"
    /// Tasks on which small models are above chance with 95 % confidence.
    case above95 = "95%_CI_above"
    /// The same with 99 %.
    case above99 = "99%_CI_above"

    /// The group's tasks, in the order in which the reference names missing ones.
    public var tasks: [BenchmarkTask] {
        let tasks = BenchmarkTask.all.filter { $0.groups.contains(self) }
        // The reference's list of Core has the last task out of the benchmark's order.
        let last = "bigbench_language_identification"
        return tasks.filter { $0.label != last } + tasks.filter { $0.label == last }
    }
}

/// A task of the DataComp-LM benchmark.
public struct BenchmarkTask: Sendable, Hashable {
    /// The name under which results hold its score.
    public let label: String
    /// What it asks of a model.
    public let category: TaskCategory
    /// The means that it is part of, beside Extended.
    public let groups: Set<TaskGroup>
    /// Whether the task's score is the unweighted mean over categories of its own, such as MMLU's subjects.
    public let hasCategories: Bool
    private let baselines: (v1: Double, v2: Double)

    /// - Parameters:
    ///   - baseline: the score of chance in per cent.
    ///   - v1: the same of v1, where it differs.
    init(
        _ label: String, _ category: TaskCategory, _ baseline: Double, v1: Double? = nil, _ groups: Set<TaskGroup> = [],
        hasCategories: Bool = false
    ) {
        self.label = label
        self.category = category
        self.groups = groups
        self.hasCategories = hasCategories
        baselines = (v1 ?? baseline, baseline)
    }

    /// The score of chance, from 0 to 1.
    public func baseline(_ version: BenchmarkVersion) -> Double {
        0.01 * (version == .v1 ? baselines.v1 : baselines.v2)
    }

    /// A score moved and stretched so that chance is 0 and perfection 1.
    public func centered(_ score: Double, _ version: BenchmarkVersion) -> Double {
        let baseline = baseline(version)
        return (score - baseline) / (1 - baseline)
    }

    /// Tasks are told apart by their labels.
    public static func == (left: BenchmarkTask, right: BenchmarkTask) -> Bool { left.label == right.label }
    /// Hashes the label.
    public func hash(into hasher: inout Hasher) { hasher.combine(label) }
}
