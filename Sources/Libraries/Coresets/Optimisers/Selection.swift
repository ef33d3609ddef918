/// What an optimiser chose.
public struct Selection: Sendable, Hashable, Codable {
    /// Why choosing ended.
    public enum Stop: String, Sendable, Codable {
        /// As many as were asked for.
        case count
        /// Nothing that is left may be added: budgets or quotas are used up.
        case constraint
        /// The best gain was 0, or below it, and the caller wanted to stop there.
        case gain
    }

    /// Elements in order of choice; none twice, none of the initial set.
    public var picks: [Int]
    /// What each added to the objective.
    public var gains: [Double]
    /// The objective of the initial set and the picks.
    public var value: Double
    public var stop: Stop
    /// Gains computed.
    public var evaluations: Int
    public var objective: String
    public var optimizer: String
    /// The seed of what was left to chance.
    public var seed: UInt64
    /// How elements with costs were ranked.
    public var ranking: String?
    /// A number that `value` is at least this share of the optimum, where theory gives one.
    public var guarantee: Double?

    public init(
        picks: [Int] = [], gains: [Double] = [], value: Double = 0, stop: Stop = .count, evaluations: Int = 0,
        objective: String, optimizer: String, seed: UInt64 = 0, guarantee: Double? = nil
    ) {
        self.picks = picks
        self.gains = gains
        self.value = value
        self.stop = stop
        self.evaluations = evaluations
        self.objective = objective
        self.optimizer = optimizer
        self.seed = seed
        self.guarantee = guarantee
    }
}

/// What may be chosen together.
public enum Constraint: Sendable, Hashable {
    case none
    /// At most `quotas[classes[e]]` elements of e's class.
    case partition(classes: [Int], quotas: [Int])
    /// Costs that sum to at most the budget. Elements that do not fit are skipped.
    case knapsack(costs: [Double], budget: Double, ranking: KnapsackRanking = .better)
}

/// What decides between elements that have a cost.
public enum KnapsackRanking: String, Sendable, Hashable, CaseIterable {
    /// Gain over cost. Alone it can be as bad as one likes: a cheap trifle may leave no room for what is worth most.
    case ratio
    /// Gain.
    case gain
    /// Both are tried, and the better result is returned: at least ½(1 − 1/e) of the optimum, where the budget and not
    /// the count ends the choice; Leskovec et al. 2007.
    case better
}

/// When to stop before the count is reached.
public enum StopRule: String, Sendable, Hashable, CaseIterable {
    case never
    /// The best gain is not positive.
    case zero
    /// The best gain is negative.
    case negative
}

/// How the set is searched for.
public enum Optimizer: Sendable, Hashable {
    /// Every gain in every round.
    case naive
    /// A heap of outdated gains, which bound the present ones from above; Minoux 1978. Same picks as `naive`.
    case lazy
    /// Naive rounds first, in which nearly every gain changes anyway, then `lazy`. Same picks as `naive`.
    case twoStage(first: Int = 10)
    /// As `lazy`, but accepts an element whose gain is at least `beta` times the next outdated one.
    case approximateLazy(beta: Double = 0.9)
    /// Each round looks at ⌈n/k · ln 1/ε⌉ elements drawn at random: (1 − 1/e − ε) in expectation; Mirzasoleiman et al.
    /// 2015.
    case stochastic(epsilon: Double = 0.1)
    /// Falling thresholds, from the greatest gain down by 1 − ε each: 1 − 1/e − ε; Badanidiyuru & Vondrák 2014.
    case threshold(epsilon: Double = 0.1)
    /// The greatest single gains.
    case modular
    /// At random.
    case random
    /// Elements are kept or left by their gain in a growing and a shrinking set: ½ in expectation without a bound on the
    /// count; then greedy within the kept. Buchbinder et al. 2012.
    case bidirectional
    /// Greedy, then swaps of one element while the objective rises by more than a share `epsilon`.
    case localSearch(epsilon: Double = 1e-6)

    public var name: String {
        switch self {
        case .naive: "naive"
        case .lazy: "lazy"
        case .twoStage: "two-stage"
        case .approximateLazy: "approximate-lazy"
        case .stochastic: "stochastic"
        case .threshold: "threshold"
        case .modular: "modular"
        case .random: "random"
        case .bidirectional: "bidirectional"
        case .localSearch: "local-search"
        }
    }

    /// Names that `init(named:)` knows.
    public static let knownNames = [
        "naive", "lazy", "two-stage", "approximate-lazy", "stochastic", "threshold", "modular", "random",
        "bidirectional", "local-search",
    ]

    /// - Parameter parameter: β of `approximate-lazy`, ε of `stochastic`, `threshold` and `local-search`.
    /// - Throws: `CoresetError.unknownName`, `.invalidParameter`.
    public init(named name: String, parameter: Double? = nil) throws(CoresetError) {
        if let parameter, !(parameter > 0 && parameter < 1) {
            throw .invalidParameter(name: "parameter of \(name)", value: "\(parameter)", expected: "between 0 and 1")
        }
        switch name {
        case "naive": self = .naive
        case "lazy": self = .lazy
        case "two-stage": self = .twoStage()
        case "approximate-lazy": self = .approximateLazy(beta: parameter ?? 0.9)
        case "stochastic": self = .stochastic(epsilon: parameter ?? 0.1)
        case "threshold": self = .threshold(epsilon: parameter ?? 0.1)
        case "modular": self = .modular
        case "random": self = .random
        case "bidirectional": self = .bidirectional
        case "local-search": self = .localSearch(epsilon: parameter ?? 1e-6)
        default: throw .unknownName(what: "optimizer", name: name, known: Self.knownNames)
        }
    }

    var needsSubmodularity: Bool {
        switch self {
        case .lazy, .twoStage, .approximateLazy, .threshold: true
        default: false
        }
    }
}

extension Objective {
    /// Chooses elements that make the objective large.
    ///
    /// Of equal gains the smallest index is taken, everywhere; no element is chosen twice; what is left to chance
    /// depends on the seed alone.
    ///
    /// - Parameters:
    ///   - count: elements to choose, 0 … `self.count` − initial.
    ///   - initial: elements that are in the set from the start; not among the picks.
    ///   - stop: `.never` where nil and the objective is monotone, else `.negative`.
    /// - Throws: `CoresetError.tooMany`, `.outOfRange`, `.notSubmodular` for lazy optimisers, `.invalidParameter`,
    ///   `.submodularityViolated`.
    /// - Complexity: naive n·count gains; lazy as many at worst, usually few times n.
    public func maximize(
        count: Int, using optimizer: Optimizer = .lazy, constraint: Constraint = .none, initial: [Int] = [],
        stopAt stop: StopRule? = nil, seed: UInt64 = 0
    ) throws(CoresetError) -> Selection {
        func run(_ constraint: Constraint) throws(CoresetError) -> Selection {
            var run = try Greedy(
                self, count: count, optimizer: optimizer, constraint: constraint, initial: initial,
                stop: stop ?? (isMonotone ? .never : .negative), seed: seed)
            return try run.run()
        }
        guard case .knapsack(let costs, let budget, let ranking) = constraint else { return try run(constraint) }
        let rankings: [KnapsackRanking] = ranking == .better ? [.ratio, .gain] : [ranking]
        var results: [Selection] = []
        for ranking in rankings {
            var one = try run(.knapsack(costs: costs, budget: budget, ranking: ranking))
            one.ranking = ranking.rawValue
            results.append(one)
        }
        var best = results[0]
        for other in results.dropFirst() where other.value > best.value { best = other }
        best.evaluations = results.reduce(0) { $0 + $1.evaluations }
        let isExact =
            switch optimizer {
            case .naive, .lazy, .twoStage: isMonotone && isSubmodular
            default: false
            }
        let endsByBudget = results.allSatisfy { $0.stop == .constraint || $0.picks.count + initial.count == self.count }
        if ranking == .better, isExact, endsByBudget { best.guarantee = (1 - 1 / Double.exp1) / 2 }
        return best
    }
}
