import ApusCore

/// What a strategy may look at when it chooses whose label to ask for.
public struct QueryContext: Sendable {
    /// Embeddings of the unlabelled rows at hand.
    public var candidates: Matrix<Float>
    /// How many rows of the stream each candidate stands for.
    public var weights: [Double]
    /// The model's, a row for each candidate; nil before it has been trained.
    public var probabilities: Matrix<Float>?
    /// Embeddings of the rows that have their label.
    public var labelled: Matrix<Float>
    public var classes: Int
    public var threads: Int?

    public init(
        candidates: Matrix<Float>, weights: [Double]? = nil, probabilities: Matrix<Float>? = nil,
        labelled: Matrix<Float>? = nil, classes: Int, threads: Int? = nil
    ) {
        self.candidates = candidates
        self.weights = weights ?? [Double](repeating: 1, count: candidates.rows)
        self.probabilities = probabilities
        self.labelled = labelled ?? Matrix(finite: [], rows: 0, columns: candidates.columns)
        self.classes = classes
        self.threads = threads
    }
}

/// Decides which rows are worth a label.
public protocol QueryStrategy: Sendable {
    var name: String { get }
    /// `count` different candidates, at most as many as there are, the most wanted first.
    func query(_ context: QueryContext, count: Int, generator: inout SeededGenerator) throws(CoresetError) -> [Int]
}

/// The strategies that are built in.
///
/// Those that look at the model's probabilities choose at random before it has been trained.
public enum ActiveStrategy: String, QueryStrategy, Sendable, CaseIterable, Codable {
    /// Uniformly at random: what every other one must beat.
    case random
    /// Farthest-first from the labelled rows; Sener & Savarese 2018.
    case kCenter = "k-center"
    /// Facility location on D₀ − d with the labelled rows in the set: all rows near a labelled one, on average. With
    /// another kernel this is MaxHerding; Bae et al. 2024.
    case facilityLocation = "facility-location"
    /// k-means++ on the gradients of the last layer for the likeliest labels; Ash et al. 2020.
    case badge
    /// The smallest probability of the likeliest class.
    case leastConfidence = "least-confidence"
    /// The smallest difference between the two likeliest classes.
    case margin
    case entropy
    /// `facility-location` below ten labels a class, and then of the smallest margins, five times as many as are asked
    /// for, those that represent them best.
    case adaptive

    public var name: String { rawValue }
    public static var knownNames: [String] { allCases.map(\.rawValue) }

    /// - Throws: `CoresetError.unknownName`.
    public init(named name: String) throws(CoresetError) {
        let wanted = String(name.lowercased().map { $0 == "_" ? "-" : $0 })
        let aliases = ["fl": "facility-location", "uncertainty": "least-confidence", "core-set": "k-center"]
        guard let found = Self(rawValue: aliases[wanted] ?? wanted) else {
            throw .unknownName(what: "strategy", name: name, known: Self.knownNames)
        }
        self = found
    }

    public func query(
        _ context: QueryContext, count: Int, generator: inout SeededGenerator
    ) throws(CoresetError) -> [Int] {
        let count = max(0, min(count, context.candidates.rows))
        guard count > 0 else { return [] }
        switch self {
        case .random: return Self.random(context, count, &generator)
        case .kCenter: return try Self.kCenter(context, count)
        case .facilityLocation: return try Self.facilityLocation(context, count, &generator)
        case .badge, .leastConfidence, .margin, .entropy:
            guard let probabilities = context.probabilities else { return Self.random(context, count, &generator) }
            if self == .badge { return Badge(context, probabilities).query(count, &generator) }
            return Array(Self.mostUncertain(probabilities, by: self).prefix(count))
        case .adaptive:
            guard context.labelled.rows >= 10 * context.classes, let probabilities = context.probabilities else {
                return try Self.facilityLocation(context, count, &generator)
            }
            let near = Array(Self.mostUncertain(probabilities, by: .margin).prefix(5 * count)).sorted()
            let part = QueryContext(
                candidates: context.candidates.select(near), weights: near.map { context.weights[$0] },
                classes: context.classes, threads: context.threads)
            return try Self.facilityLocation(part, count, &generator).map { near[$0] }
        }
    }

    private static func random(_ context: QueryContext, _ count: Int, _ generator: inout SeededGenerator) -> [Int] {
        var order = Array(0..<context.candidates.rows)
        for index in 0..<count { order.swapAt(index, index + generator.below(order.count - index)) }
        return Array(order.prefix(count))
    }

    /// All candidates, the smallest difference between the two likeliest classes first.
    static func smallestMargins(_ probabilities: Matrix<Float>) -> [Int] { mostUncertain(probabilities, by: .margin) }

    /// All candidates, the least certain first; of equal ones the smallest row.
    private static func mostUncertain(_ probabilities: Matrix<Float>, by measure: ActiveStrategy) -> [Int] {
        let certainty = (0..<probabilities.rows).map { row -> Float in
            let line = probabilities[row: row]
            var (first, second, entropy) = (-Float.infinity, -Float.infinity, Float(0))
            for value in line {
                if value > first {
                    (first, second) = (value, first)
                } else if value > second {
                    second = value
                }
                if value > 0 { entropy -= value * Float(Double.naturalLog(Double(value))) }
            }
            return switch measure {
            case .entropy: -entropy
            case .margin: second > -.infinity ? first - second : first
            default: first
            }
        }
        return (0..<probabilities.rows).sorted {
            certainty[$0] == certainty[$1] ? $0 < $1 : certainty[$0] < certainty[$1]
        }
    }

    private static func joined(_ context: QueryContext) -> Matrix<Float> {
        Matrix(
            finite: context.candidates.storage + context.labelled.storage,
            rows: context.candidates.rows + context.labelled.rows, columns: context.candidates.columns)
    }

    private static func kCenter(_ context: QueryContext, _ count: Int) throws(CoresetError) -> [Int] {
        let all = joined(context)
        return try FarthestFirst(
            all, count: count, initial: Array(context.candidates.rows..<all.rows)
        ).picks
    }

    /// Points that are to be represented at most: a sample of a large pool is as good, and costs less.
    private static let representedLimit = 2000

    private static func facilityLocation(
        _ context: QueryContext, _ count: Int, _ generator: inout SeededGenerator
    ) throws(CoresetError) -> [Int] {
        let all = joined(context)
        let candidates = context.candidates.rows
        let total = context.weights.reduce(0, +)
        let size = min(representedLimit, max(candidates, Int(total)))
        // Systematic sampling: each row as often as its weight says, to within one.
        var represented: [Int] = []
        let isAll = candidates <= representedLimit && context.weights.allSatisfy { $0 == context.weights[0] }
        if isAll {
            represented = Array(0..<candidates)
        } else {
            let step = total / Double(size)
            var next = generator.unit() * step
            var passed = 0.0
            for row in 0..<candidates {
                passed += context.weights[row]
                while next < passed, represented.count < size {
                    represented.append(row)
                    next += step
                }
            }
        }
        let phantom = 2 * radius(of: all)
        let similarities = try Similarities(
            all, representing: context.candidates.select(represented),
            metric: .maximumMinusDistance(phantom: max(phantom, 1e-6)), threads: context.threads)
        return try FacilityLocation(similarities).maximize(
            count: count, initial: Array(candidates..<all.rows), stopAt: .never
        ).picks
    }

    /// The greatest distance to the mean: half of what no distance exceeds.
    private static func radius(of features: Matrix<Float>) -> Double {
        let columns = features.columns
        var mean = [Float](repeating: 0, count: columns)
        for row in 0..<features.rows {
            for t in 0..<columns { mean[t] += features.storage[row * columns + t] / Float(features.rows) }
        }
        var most: Float = 0
        features.storage.withUnsafeBufferPointer { rows in
            mean.withUnsafeBufferPointer { mean in
                guard let rows = rows.baseAddress, let mean = mean.baseAddress else { return }
                for row in 0..<features.rows {
                    most = max(most, Float._distance(rows + row * columns, mean, count: columns))
                }
            }
        }
        return Double(most).squareRoot()
    }
}

/// k-means++ on g = (p − onehot(ŷ)) ⊗ h, of which no product is formed: ⟨gᵢ, gⱼ⟩ = ⟨pᵢ, pⱼ⟩·⟨hᵢ, hⱼ⟩.
private struct Badge {
    private let embeddings: Matrix<Float>
    private let slopes: Matrix<Float>
    private let weights: [Double]
    /// ‖gᵢ‖².
    private let squares: [Float]

    init(_ context: QueryContext, _ probabilities: Matrix<Float>) {
        embeddings = context.candidates
        weights = context.weights
        let classes = probabilities.columns
        var slopes = probabilities.storage
        for row in 0..<probabilities.rows {
            var best = row * classes
            for index in row * classes..<(row + 1) * classes where slopes[index] > slopes[best] { best = index }
            slopes[best] -= 1
        }
        self.slopes = Matrix(finite: slopes, rows: probabilities.rows, columns: classes)
        var squares: [Float] = []
        for row in 0..<probabilities.rows {
            squares.append(Self.dot(self.slopes, row, row) * Self.dot(embeddings, row, row))
        }
        self.squares = squares
    }

    private static func dot(_ matrix: Matrix<Float>, _ left: Int, _ right: Int) -> Float {
        matrix.storage.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return 0 }
            return Float._dot(
                start + left * matrix.columns, start + right * matrix.columns, count: matrix.columns)
        }
    }

    /// - Complexity: O(n·count·(d + classes)).
    func query(_ count: Int, _ generator: inout SeededGenerator) -> [Int] {
        let rows = squares.count
        var near = [Float](repeating: .infinity, count: rows)
        var isTaken = [Bool](repeating: false, count: rows)
        var picks: [Int] = []
        var next = squares.indices.max { squares[$0] < squares[$1] || (squares[$0] == squares[$1] && $0 > $1) } ?? 0
        while true {
            picks.append(next)
            isTaken[next] = true
            guard picks.count < count else { return picks }
            var total = 0.0
            for row in 0..<rows where !isTaken[row] {
                let product = Self.dot(slopes, row, next) * Self.dot(embeddings, row, next)
                near[row] = min(near[row], max(0, squares[row] + squares[next] - 2 * product))
                total += weights[row] * Double(near[row])
            }
            let left = (0..<rows).filter { !isTaken[$0] }
            guard total > 0 else {
                next = left[generator.below(left.count)]
                continue
            }
            var draw = generator.unit() * total
            next = left[left.count - 1]
            for row in left {
                draw -= weights[row] * Double(near[row])
                if draw < 0 {
                    next = row
                    break
                }
            }
        }
    }
}
