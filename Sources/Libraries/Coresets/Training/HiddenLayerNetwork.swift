import ApusCore
import Glibc

/// A network with one hidden layer of sigmoids and soft-max behind it, trained by steps along weighted mini-batches: what
/// core-sets for losses that are not convex are tried on.
///
/// - Complexity: a gradient O(hidden · (dimensions + classes)).
public struct HiddenLayerNetwork: Sendable, Hashable {
    public let dimensions: Int
    public let hidden: Int
    public let classes: Int
    /// λ; offsets are free of it.
    public let ridge: Float
    /// Of the hidden units, a row of `dimensions` each, and of the classes, a row of `hidden` each.
    public var inner: [Float]
    public var outer: [Float]
    public var innerOffsets: [Float]
    public var outerOffsets: [Float]

    /// Weights are drawn uniformly from ±√(6/(units before + units behind)); Glorot & Bengio 2010.
    public init(dimensions: Int, hidden: Int, classes: Int, ridge: Double, seed: UInt64) {
        self.dimensions = dimensions
        self.hidden = hidden
        self.classes = classes
        self.ridge = Float(ridge)
        var generator = SeededGenerator(seed: seed, stream: 80)
        func draw(_ rows: Int, _ columns: Int) -> [Float] {
            let bound = (6 / Double(rows + columns)).squareRoot()
            return (0..<rows * columns).map { _ in Float(bound * (2 * generator.unit() - 1)) }
        }
        inner = draw(hidden, dimensions)
        outer = draw(classes, hidden)
        innerOffsets = [Float](repeating: 0, count: hidden)
        outerOffsets = [Float](repeating: 0, count: classes)
    }

    /// What one example makes of the units.
    private struct Activity {
        var hidden: [Float]
        var likely: [Float]
    }

    private func look(_ point: UnsafePointer<Float>, into activity: inout Activity) {
        inner.withUnsafeBufferPointer { inner in
            guard let inner = inner.baseAddress else { return }
            for unit in 0..<hidden {
                let sum = innerOffsets[unit] + Float._dot(inner + unit * dimensions, point, count: dimensions)
                activity.hidden[unit] = 1 / (1 + expf(-sum))
            }
        }
        var most = -Float.infinity
        for label in 0..<classes {
            var sum = outerOffsets[label]
            for unit in 0..<hidden { sum += outer[label * hidden + unit] * activity.hidden[unit] }
            activity.likely[label] = sum
            most = max(most, sum)
        }
        var total: Float = 0
        for label in 0..<classes {
            activity.likely[label] = expf(activity.likely[label] - most)
            total += activity.likely[label]
        }
        for label in 0..<classes { activity.likely[label] /= total }
    }

    private var empty: Activity {
        Activity(hidden: [Float](repeating: 0, count: hidden), likely: [Float](repeating: 0, count: classes))
    }

    /// A row for each row, a column for each class.
    public func probabilities(of features: Matrix<Float>) -> Matrix<Float> {
        var activity = empty
        var result: [Float] = []
        result.reserveCapacity(features.rows * classes)
        features.storage.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for row in 0..<features.rows {
                look(values + row * dimensions, into: &activity)
                result += activity.likely
            }
        }
        return Matrix(finite: result, rows: features.rows, columns: classes)
    }

    /// Mean loss with the ridge, for probabilities of all rows.
    public func loss(_ probabilities: Matrix<Float>, labels: [UInt8]) -> Double {
        var sum = 0.0
        for (row, label) in labels.enumerated() {
            sum -= log(max(1e-30, Double(probabilities[row, Int(label)])))
        }
        let norm = (inner + outer).reduce(0) { $0 + Double($1) * Double($1) }
        return sum / Double(max(1, labels.count)) + Double(ridge) / 2 * norm
    }

    /// One step down the gradient of Σ weightᵢ · lossᵢ + λ/2 · ‖weights‖².
    ///
    /// - Parameter batch: its weights sum to 1.
    public mutating func step(
        _ features: Matrix<Float>, labels: [UInt8], batch: WeightedLoader.Batch, rate: Float
    ) {
        let (dimensions, hidden, classes) = (dimensions, hidden, classes)
        var activity = empty
        // Slopes of all examples at the weights before the step.
        var slopes = [Float](repeating: 0, count: batch.rows.count * hidden)
        var errors = [Float](repeating: 0, count: batch.rows.count * classes)
        var seen = [Float](repeating: 0, count: batch.rows.count * hidden)
        features.storage.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for (index, row) in batch.rows.enumerated() {
                look(values + row * dimensions, into: &activity)
                activity.likely[Int(labels[row])] -= 1
                for label in 0..<classes {
                    let error = activity.likely[label] * Float(batch.weights[index])
                    errors[index * classes + label] = error
                    for unit in 0..<hidden { slopes[index * hidden + unit] += error * outer[label * hidden + unit] }
                }
                for unit in 0..<hidden {
                    let value = activity.hidden[unit]
                    seen[index * hidden + unit] = value
                    slopes[index * hidden + unit] *= value * (1 - value)
                }
            }
            let shrink = 1 - rate * ridge
            inner.withUnsafeMutableBufferPointer { inner in
                guard let start = inner.baseAddress else { return }
                for unit in 0..<hidden {
                    let weights = start + unit * dimensions
                    for t in 0..<dimensions { weights[t] *= shrink }
                    for (index, row) in batch.rows.enumerated() {
                        let move = rate * slopes[index * hidden + unit]
                        let point = values + row * dimensions
                        for t in 0..<dimensions { weights[t] -= move * point[t] }
                    }
                }
            }
            for label in 0..<classes {
                for unit in 0..<hidden { outer[label * hidden + unit] *= shrink }
                for index in batch.rows.indices {
                    let move = rate * errors[index * classes + label]
                    for unit in 0..<hidden { outer[label * hidden + unit] -= move * seen[index * hidden + unit] }
                    outerOffsets[label] -= move
                }
            }
            for unit in 0..<hidden {
                for index in batch.rows.indices { innerOffsets[unit] -= rate * slopes[index * hidden + unit] }
            }
        }
    }
}
