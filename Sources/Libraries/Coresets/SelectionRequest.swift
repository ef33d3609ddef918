import Glibc

/// A selection as it is asked for by name: what `apus select` runs, for programs too.
public struct SelectionRequest: Sendable {
    /// Precision of features and similarities.
    public enum Precision: String, Sendable, CaseIterable {
        /// `double` where features are 64-bit or the work is small, else `single`.
        case automatic
        case single
        case double
    }

    public var objective: String
    public var metric: Similarity?
    public var distance = Distances.Metric.euclidean
    public var count: Int
    /// How to search; where nil, as suits the objective: `lazy` where it is submodular.
    public var optimizer: Optimizer?
    public var constraint = Constraint.none
    public var initial: [Int] = []
    /// A count was asked for, so by default nothing stops before it.
    public var stop = StopRule.never
    public var seed: UInt64 = 0
    /// K of `facility-location` on a neighbour graph; all pairs where nil.
    public var neighbours: Int?
    /// How these are looked for.
    public var search = NeighbourSearch.exact
    /// Parameter of the objective: α of saturated coverage, λ of graph cut and log-determinant, θ of coverage.
    public var parameter: Double?
    public var concave = Concave.squareRoot
    public var storage = Similarities.Storage.automatic
    public var memoryLimit: Int?
    public var threads: Int?

    public init(objective: String, count: Int) throws(CoresetError) {
        self.count = count
        self.objective = try Self.canonical(objective)
    }

    /// Objectives, with what else they are called.
    static let names: [(name: String, aliases: [String])] = [
        ("facility-location", ["fl"]), ("k-medoid", ["k-median"]), ("k-center", ["gmm", "farthest-first"]),
        ("graph-cut", []), ("sum-redundancy", []), ("saturated-coverage", []), ("feature-based", []),
        ("max-coverage", ["set-cover"]), ("probabilistic-coverage", ["probabilistic-set-cover"]),
        ("log-determinant", ["log-det", "dpp"]), ("remote-edge", ["disparity-min", "max-min"]),
        ("remote-clique", ["disparity-sum", "max-sum"]), ("remote-star", []), ("remote-bipartition", []),
        ("remote-tree", []), ("remote-cycle", []), ("remote-pseudoforest", []), ("remote-matching", []),
    ]

    /// Objectives by their own names.
    public static var objectives: [String] { names.map(\.name) }

    private static func canonical(_ name: String) throws(CoresetError) -> String {
        let wanted = String(name.lowercased().map { $0 == "_" ? "-" : $0 })
        guard let found = names.first(where: { $0.name == wanted || $0.aliases.contains(wanted) }) else {
            throw .unknownName(what: "objective", name: name, known: objectives)
        }
        return found.name
    }

    /// What was chosen, and for whom it stands.
    public struct Outcome: Sendable {
        public var selection: Selection
        /// Rows that each pick represents; they sum to the number of rows.
        public var weights: [Double]
        public var representation: Representation
        /// From the features at hand to the last pick and weight.
        public var seconds: Double
        /// From the features at hand to the last pick.
        public var selectionSeconds: Double
        /// Processor time of all threads for that, which other programs on the machine lengthen less.
        public var processorSeconds: Double
        public var metric: String
        public var isDouble: Bool
        public var bytes: Int
    }

    /// Runs the request in the precision that suits it.
    ///
    /// - Parameter isDouble: whether the features were 64-bit where they come from.
    /// - Throws: `CoresetError`.
    public func run(_ features: Matrix<Double>, isDouble: Bool, precision: Precision = .automatic) throws(CoresetError)
        -> Outcome
    {
        let work = Double(features.rows) * Double(features.rows) * Double(features.columns)
        let wide =
            switch precision {
            case .single: false
            case .double: true
            case .automatic: isDouble ? work <= 5e10 : work <= 5e8
            }
        return wide ? try run(features) : try run(features.converted(to: Float.self))
    }

    /// Runs the request on features as they are.
    ///
    /// - Throws: `CoresetError`.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public func run<Scalar: KernelScalar>(_ features: Matrix<Scalar>) throws(CoresetError) -> Outcome {
        let start = Self.now
        let startProcessor = Self.processorNow
        var bytes = 0
        var metricName = metric?.name ?? "none"
        let selection: Selection
        func maximize(_ objective: some Objective) throws(CoresetError) -> Selection {
            bytes = objective.memory
            return try objective.maximize(
                count: count, using: optimizer ?? (objective.isSubmodular ? .lazy : .naive), constraint: constraint,
                initial: initial, stopAt: stop, seed: seed)
        }
        func similarities(_ fallback: Similarity) throws(CoresetError) -> Similarities {
            let metric = metric ?? fallback
            metricName = metric.name
            return try Similarities(
                features, metric: metric, storage: storage, memoryLimit: memoryLimit, threads: threads)
        }
        switch objective {
        case "facility-location":
            if let neighbours {
                let metric = metric ?? .exponentialDistance
                metricName = metric.name
                let graph = try NeighbourGraph(
                    features, neighbours: neighbours, metric: metric, search: search, memoryLimit: memoryLimit,
                    threads: threads)
                selection = try maximize(FacilityLocation(Similarities(sparse: graph.similarities)))
            } else {
                selection = try maximize(FacilityLocation(try similarities(.maximumMinusSquaredDistance)))
            }
        case "k-medoid": selection = try maximize(FacilityLocation(try similarities(.maximumMinusDistance())))
        case "graph-cut":
            selection = try maximize(try GraphCut(try similarities(.cosine), penalty: parameter ?? 0.5))
        case "sum-redundancy": selection = try maximize(try SumRedundancy(try similarities(.cosineSquared)))
        case "saturated-coverage":
            selection = try maximize(
                try SaturatedCoverage(try similarities(.maximumMinusSquaredDistance), saturation: parameter ?? 0.1))
        case "feature-based": selection = try maximize(try FeatureBased(features, concave: concave))
        case "max-coverage":
            selection = try maximize(try MaximumCoverage(SparseMatrix(features), threshold: parameter ?? 1))
        case "probabilistic-coverage": selection = try maximize(try ProbabilisticCoverage(SparseMatrix(features)))
        case "log-determinant":
            selection = try maximize(try LogDeterminant(try similarities(.exponentialDistance), ridge: parameter ?? 1))
        default: (selection, metricName) = try diverse(features)
        }
        let chosen = Self.now
        let processor = Self.processorNow - startProcessor
        let representation = Representation(of: features, by: selection.picks, metric: metric, threads: threads)
        return Outcome(
            selection: selection, weights: representation.weights, representation: representation,
            seconds: Self.now - start, selectionSeconds: chosen - start, processorSeconds: processor,
            metric: metricName,
            isDouble: Scalar.self == Double.self, bytes: bytes)
    }

    /// Objectives of distance alone are not submodular, and what searches for them knows no constraints.
    private func checkDiverse() throws(CoresetError) {
        guard constraint == .none else {
            throw .unsupported(
                what: "\(objective) is searched for without costs or quotas",
                remedy: "Take an objective with gains, such as log-determinant, or choose from each group by itself.")
        }
        switch optimizer {
        case nil, .naive: return
        case .localSearch where objective != "k-center": return
        case .lazy, .twoStage, .approximateLazy, .threshold:
            throw .notSubmodular(objective: objective, optimizer: optimizer?.name ?? "")
        default:
            throw .unsupported(
                what: "\(objective) is not searched for by \(optimizer?.name ?? "")",
                remedy: "Leave the optimiser out\(objective == "k-center" ? "" : ", or take local-search").")
        }
    }

    /// Objectives of distance alone.
    private func diverse<Scalar: KernelScalar>(_ features: Matrix<Scalar>) throws(CoresetError) -> (Selection, String) {
        try checkDiverse()
        let isLocal = if case .localSearch = optimizer { true } else { false }
        // A similarity s was asked for: distances are 1 − s.
        let isComplement =
            metric.map { !($0 == .maximumMinusSquaredDistance || $0 == .maximumMinusDistance()) } ?? false
        guard objective == "k-center" || (objective == "remote-edge" && !isLocal), !isComplement, distance == .euclidean
        else {
            let distances =
                isComplement
                ? Distances(
                    oneMinus: try Similarities(
                        features, metric: metric ?? .cosine, storage: storage, memoryLimit: memoryLimit,
                        threads: threads))
                : Distances(features, metric: distance)
            let name = isComplement ? "1 − \(metric?.name ?? "")" : distance.rawValue
            if objective == "k-center" {
                return (kCenter(try FarthestFirst(distances, count: count, initial: initial)), name)
            }
            guard let diversity = Diversity(rawValue: objective) else {
                throw .unknownName(what: "objective", name: objective, known: Self.objectives)
            }
            return (
                try DiversitySearch(diversity, distances: distances).select(count: count, swaps: isLocal ? 10 : 0), name
            )
        }
        let traversal = try FarthestFirst(features, count: count, initial: initial)
        if objective == "k-center" { return (kCenter(traversal), "euclidean") }
        // The distance of each pick to those before is the radius before it.
        var value = 0.0
        var gains = traversal.picks.isEmpty ? [] : [0.0]
        for radius in traversal.radii.dropLast() {
            let now = gains.count == 1 ? radius : min(value, radius)
            gains.append(now - value)
            value = now
        }
        return (
            Selection(
                picks: traversal.picks, gains: gains, value: value, evaluations: features.rows * count,
                objective: objective, optimizer: "farthest-first", seed: seed, guarantee: 0.5), "euclidean"
        )
    }

    private func kCenter(_ traversal: FarthestFirst) -> Selection {
        Selection(
            picks: traversal.picks, gains: traversal.radii, value: -traversal.radius,
            evaluations: traversal.picks.count, objective: "k-center", optimizer: "farthest-first", seed: seed,
            guarantee: 0.5)
    }

    static var now: Double { read(CLOCK_MONOTONIC) }
    /// Of the calling thread: what else a process does at the time is not in it.
    static var threadNow: Double { read(CLOCK_THREAD_CPUTIME_ID) }
    static var processorNow: Double { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
