import ApusCore
import Glibc

/// Mini-batch core-sets that are chosen anew when a quadratic model of the loss no longer fits, in the manner of CREST.
///
/// A region begins at w₀. For it several random subsets are drawn, and of each the few examples are chosen that facility
/// location on gradients says represent it, weighted by whom they represent. They are trained on until, at a check, the
/// loss that the quadratic model predicts, L(w₀) + ⟨g, δ⟩ + ½⟨δ, h∘δ⟩, is off by more than a share τ; g and h, the diagonal
/// of the Hessian, are averaged over regions. Examples whose loss was small at several checks in a row are left out from
/// then on.
///
/// Pure: it asks for losses and gradients and tells what to train on.
///
/// - Source: Yang, Kang & Mirzasoleiman 2023, with constants of our own.
public struct Crest: Sendable {
    public struct Settings: Sendable, Hashable, Codable {
        /// Examples of a random subset, and of the mini-batch chosen from it.
        public var subset = 1000
        public var batch = 100
        /// Mini-batches of a region.
        public var batches = 10
        /// τ.
        public var threshold = 0.05
        /// An example is learnt when its loss stays below this for so many checks.
        public var learntLoss = 0.01
        public var learntChecks = 3
        public init() {}
    }

    public let settings: Settings
    private var candidates: [Int]
    private var quiet: [UInt8]
    private var generator: SeededGenerator
    private var model: LogisticRegression
    private var loss = 0.0
    private var slope: [Double] = []
    private var curvature: [Double] = []
    /// Regions begun, and examples left out as learnt.
    public private(set) var regions = 0
    public var learnt: Int { quiet.count - candidates.count }
    /// The mini-batches to train on.
    public private(set) var batches: [[WeightedExample]] = []

    /// - Parameter rows: examples that there are.
    public init(rows: Int, start: LogisticRegression, settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        candidates = Array(0..<rows)
        quiet = [UInt8](repeating: 0, count: rows)
        generator = SeededGenerator(seed: seed, stream: 77)
        model = start
    }

    private mutating func draw() -> [Int] {
        let count = min(settings.subset, candidates.count)
        for index in 0..<count { candidates.swapAt(index, index + generator.below(candidates.count - index)) }
        return Array(candidates.prefix(count))
    }

    /// Looks at the model after training on the mini-batches, and chooses others where the region has been left.
    ///
    /// - Returns: whether a new region began.
    @discardableResult
    public mutating func check(
        _ present: LogisticRegression, _ features: Matrix<Float>, labels: [UInt8]
    ) throws(CoresetError) -> Bool {
        let sample = draw()
        let losses = present.losses(features, labels: labels, rows: sample)
        let found = losses.reduce(0, +) / Double(max(1, losses.count))
        for (row, loss) in zip(sample, losses) {
            quiet[row] = loss < settings.learntLoss ? min(250, quiet[row] + 1) : 0
        }
        // A few examples must stay to draw from.
        if candidates.count > 2 * settings.subset {
            candidates.removeAll { Int(quiet[$0]) >= settings.learntChecks }
        }
        if regions > 0 {
            var predicted = loss
            for t in slope.indices {
                let move = present.weights[t] - model.weights[t]
                predicted += slope[t] * move + 0.5 * curvature[t] * move * move
            }
            if abs(predicted - found) <= settings.threshold * max(found, 1e-12) { return false }
        }
        model = present
        loss = found
        let (gradient, diagonal) = present.derivatives(features, labels: labels, rows: sample)
        let keep = regions == 0 ? 0.0 : 0.9
        if slope.isEmpty { (slope, curvature) = (gradient, diagonal) }
        for t in slope.indices {
            slope[t] = keep * slope[t] + (1 - keep) * gradient[t]
            curvature[t] = keep * curvature[t] + (1 - keep) * diagonal[t]
        }
        regions += 1
        batches.removeAll(keepingCapacity: true)
        for _ in 0..<settings.batches {
            let rows = draw()
            let proxies = present.gradients(features, labels: labels, rows: rows, scale: curvature)
            let similarities = try Similarities(proxies, metric: .maximumMinusDistance(), threads: 1)
            let picks = try FacilityLocation(similarities).maximize(count: min(settings.batch, rows.count)).picks
            let weights = Representation(of: proxies, by: picks, threads: 1).weights
            batches.append(
                zip(picks, weights).map { WeightedExample(row: rows[$0], weight: $1 / Double(max(1, rows.count))) })
        }
        return true
    }
}

extension LogisticRegression {
    /// Losses of some rows.
    public func losses(_ features: Matrix<Float>, labels: [UInt8], rows: [Int]) -> [Double] {
        rows.map { row in
            let margin = score(features, row) * (labels[row] == 1 ? 1 : -1)
            return margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
        }
    }

    /// Mean gradient and diagonal of the Hessian of some rows, with the ridge.
    func derivatives(_ features: Matrix<Float>, labels: [UInt8], rows: [Int]) -> ([Double], [Double]) {
        let columns = features.columns
        var gradient = weights.map { $0 * ridge }
        var diagonal = [Double](repeating: ridge, count: columns + 1)
        (gradient[columns], diagonal[columns]) = (0, 0)
        let share = 1 / Double(max(1, rows.count))
        for row in rows {
            let likely = 1 / (1 + exp(-score(features, row)))
            let slope = share * (likely - (labels[row] == 1 ? 1 : 0))
            let bend = share * likely * (1 - likely)
            for t in 0..<columns {
                let value = Double(features.storage[row * columns + t])
                gradient[t] += slope * value
                diagonal[t] += bend * value * value
            }
            gradient[columns] += slope
            diagonal[columns] += bend
        }
        return (gradient, diagonal)
    }

    /// The gradient of each row's loss; each weight's divided by √(its second derivative) where `scale` has them.
    public func gradients(
        _ features: Matrix<Float>, labels: [UInt8], rows: [Int], scale: [Double]? = nil
    ) -> Matrix<Float> {
        let columns = features.columns
        var storage: [Float] = []
        storage.reserveCapacity(rows.count * (columns + 1))
        let factors = scale.map { $0.map { Float(1 / ($0.squareRoot() + 1e-6)) } }
        for row in rows {
            let slope = Float(1 / (1 + exp(-score(features, row))) - (labels[row] == 1 ? 1 : 0))
            for t in 0..<columns {
                storage.append(slope * features.storage[row * columns + t] * (factors?[t] ?? 1))
            }
            storage.append(slope * (factors?[columns] ?? 1))
        }
        return Matrix(finite: storage, rows: rows.count, columns: columns + 1)
    }

    /// One step along Σ weight · ∇loss of a mini-batch; the ridge counts `mass` times.
    public mutating func step(
        _ features: Matrix<Float>, labels: [UInt8], batch: [WeightedExample], rate: Double, mass: Double
    ) {
        let columns = features.columns
        var sum = gradient(features, labels: labels, examples: batch)
        for t in 0..<columns { sum[t] += mass * ridge * weights[t] }
        for t in sum.indices { weights[t] -= rate * sum[t] }
    }
}
