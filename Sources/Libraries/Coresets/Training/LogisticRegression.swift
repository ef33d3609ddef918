import ApusCore
import Glibc

/// Logistic regression on two classes, trained one weighted example at a time: what core-sets for convex losses are
/// tried on.
public struct LogisticRegression: Sendable, Hashable {
    /// Weights of the features, the offset last.
    public var weights: [Double]
    public let ridge: Double

    public init(dimensions: Int, ridge: Double) {
        weights = [Double](repeating: 0, count: dimensions + 1)
        self.ridge = ridge
    }

    /// How the step size falls from epoch to epoch: g·bᵉ.
    public struct Steps: Sendable, Hashable, Codable {
        public var first: Double
        public var factor: Double
        public init(first: Double, factor: Double) {
            self.first = first
            self.factor = factor
        }
    }

    /// Incremental gradient descent. An example's step is scaled by its weight; the ridge by its share of `total`.
    ///
    /// - Parameters:
    ///   - labels: 1 for the positive class, else 0.
    ///   - total: Σ weights of all the data that the examples stand for.
    public mutating func train(
        _ features: Matrix<Float>, labels: [UInt8], examples: [WeightedExample], total: Double, epochs: Int,
        steps: Steps, seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        var order = examples
        let columns = features.columns
        var step = steps.first
        for _ in 0..<epochs {
            generator.shuffle(&order)
            weights.withUnsafeMutableBufferPointer { weights in
                features.storage.withUnsafeBufferPointer { values in
                    for example in order {
                        let start = example.row * columns
                        var score = weights[columns]
                        for t in 0..<columns { score += weights[t] * Double(values[start + t]) }
                        let target = labels[example.row] == 1 ? 1.0 : 0.0
                        let slope = 1 / (1 + exp(-score)) - target
                        let rate = step * example.weight
                        let shrink = 1 - rate * ridge
                        for t in 0..<columns {
                            weights[t] = weights[t] * shrink - rate * slope * Double(values[start + t])
                        }
                        weights[columns] -= rate * slope
                    }
                }
            }
            step *= steps.factor
        }
    }

    func score(_ features: Matrix<Float>, _ row: Int) -> Double {
        var score = weights[features.columns]
        for t in 0..<features.columns { score += weights[t] * Double(features.storage[row * features.columns + t]) }
        return score
    }

    /// Mean loss with the ridge.
    public func loss(_ features: Matrix<Float>, labels: [UInt8]) -> Double {
        var sum = 0.0
        for row in 0..<features.rows {
            let margin = score(features, row) * (labels[row] == 1 ? 1 : -1)
            sum += margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
        }
        let norm = weights.dropLast().reduce(0) { $0 + $1 * $1 }
        return sum / Double(max(1, features.rows)) + ridge / 2 * norm
    }

    public func accuracy(_ features: Matrix<Float>, labels: [UInt8]) -> Double {
        let right = (0..<features.rows).reduce(0) { $0 + ((score(features, $1) > 0) == (labels[$1] == 1) ? 1 : 0) }
        return Double(right) / Double(max(1, features.rows))
    }

    /// Σ weight · ∇loss over examples, without the ridge.
    public func gradient(_ features: Matrix<Float>, labels: [UInt8], examples: [WeightedExample]) -> [Double] {
        let columns = features.columns
        var sum = [Double](repeating: 0, count: columns + 1)
        for example in examples {
            let slope =
                example.weight * (1 / (1 + exp(-score(features, example.row))) - (labels[example.row] == 1 ? 1 : 0))
            for t in 0..<columns { sum[t] += slope * Double(features.storage[example.row * columns + t]) }
            sum[columns] += slope
        }
        return sum
    }
}
