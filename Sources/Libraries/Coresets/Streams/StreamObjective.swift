import Glibc

/// A monotone submodular function of points that are seen once.
///
/// A value: a copy is a set of its own.
public protocol StreamObjective: Sendable {
    var dimensions: Int { get }
    /// f of the points taken.
    var value: Double { get }
    /// Points taken.
    var count: Int { get }
    var points: Matrix<Float> { get }
    /// What a point would add.
    mutating func gain(of point: UnsafeBufferPointer<Float>) -> Double
    /// The same where it is at least `least`, and anything below `least` where it is not: most points of a stream are
    /// worth too little, and much of the work can be spared on them.
    mutating func gain(of point: UnsafeBufferPointer<Float>, atLeast least: Double) -> Double
    /// Takes a point.
    mutating func add(_ point: UnsafeBufferPointer<Float>)
}

extension StreamObjective {
    public mutating func gain(of point: UnsafeBufferPointer<Float>, atLeast least: Double) -> Double {
        gain(of: point)
    }
}

/// ½·log det(I + a·K) with K = exp(−γ·d²): what the taken points tell about a Gaussian process.
///
/// - Complexity: a gain O(k·d + k²), O(k·d) where one of the taken points shows that it is too small; memory O(k·d + k²).
public struct StreamLogDeterminant: StreamObjective {
    private let kernel: KernelTransform
    private let scale: Double
    private let capacity: Int
    public let dimensions: Int
    public private(set) var count = 0
    public private(set) var value = 0.0
    private var slots: PointSlots
    /// Lower triangle of the Cholesky factor, by rows of `capacity`.
    private var factor: [Double]
    private var distances: [Float]
    private var row: [Double]
    private let gamma: Double
    /// The last bound that a gain was asked for from, its pivot, and the squared distance to a taken point below which no
    /// gain reaches it.
    private var bound = (gain: -Double.infinity, pivot: 1.0, square: Float(-1))

    /// - Parameters:
    ///   - capacity: points that can be taken at most.
    ///   - gamma: γ of the kernel.
    ///   - scale: a, the share of signal to noise.
    public init(capacity: Int, dimensions: Int, gamma: Double, scale: Double = 1) {
        self.capacity = capacity
        self.dimensions = dimensions
        self.scale = scale
        self.gamma = gamma
        greatestGain = 0.5 * log(1 + scale)
        kernel = Similarity.gaussian(gamma: gamma).transform(dimensions: dimensions, maximum: 0)
        slots = PointSlots(capacity: capacity, dimensions: dimensions)
        factor = [Double](repeating: 0, count: capacity * capacity)
        distances = [Float](repeating: 0, count: slots.places)
        row = [Double](repeating: 0, count: capacity)
    }

    public var points: Matrix<Float> { slots.matrix(count: count) }
    /// The greatest gain that any point can have: that of the first.
    public let greatestGain: Double

    public mutating func gain(of point: UnsafeBufferPointer<Float>) -> Double {
        count == 0 ? greatestGain : 0.5 * log(pivot(point, least: 1, near: -1))
    }

    public mutating func gain(of point: UnsafeBufferPointer<Float>, atLeast least: Double) -> Double {
        if least != bound.gain { setBound(least) }
        let square = pivot(point, least: bound.pivot, near: bound.square)
        return square < 1 ? -.infinity : count == 0 ? greatestGain : 0.5 * log(square)
    }

    private mutating func setBound(_ least: Double) {
        // A hair lower, so that rounding cannot turn a gain that is just large enough away.
        bound = (least, exp(2 * least) * (1 - 1e-12), -1)
        // A taken point with likeness a·K leaves at most 1 + a − (a·K)²/(1 + a); distances have seven digits, which must
        // not decide.
        let left = (1 + scale) * (1 + scale - bound.pivot * (1 - 1e-5))
        if bound.pivot > 1, left > 0, left.squareRoot() < scale {
            bound.square = Float(-log(left.squareRoot() / scale) / gamma * (1 - 1e-5))
        }
    }

    /// Solves for the row of the factor that the point would add.
    ///
    /// - Returns: its squared pivot, or −1 as soon as that is known to be less than `least`.
    private mutating func pivot(_ point: UnsafeBufferPointer<Float>, least: Double, near: Float) -> Double {
        if count == 0 { return 1 + scale }
        slots.distances(point, count: count, into: &distances)
        let (count, capacity, scale, kernel) = (count, capacity, scale, kernel)
        let square = distances.withUnsafeMutableBufferPointer { distances -> Double in
            var square = 1 + scale
            guard let values = distances.baseAddress else { return square }
            // The nearest taken point alone leaves too little: the others can only lessen it.
            if near > 0, Float._minimum(values, count: count) < near { return -1 }
            Float._transform(kernel, values, count: count)
            return factor.withUnsafeBufferPointer { factor in
                row.withUnsafeMutableBufferPointer { row in
                    for i in 0..<count {
                        var sum = scale * Double(values[i])
                        let line = i * capacity
                        for t in 0..<i { sum -= factor[line + t] * row[t] }
                        let x = sum / factor[line + i]
                        row[i] = x
                        square -= x * x
                        if square < least, least > 1 { return -1 }
                    }
                    return square
                }
            }
        }
        // I + a·K has no eigenvalue below 1, so neither has a pivot.
        return square == -1 ? -1 : max(square, 1)
    }

    public mutating func add(_ point: UnsafeBufferPointer<Float>) {
        let square = pivot(point, least: 1, near: -1)
        value += 0.5 * log(square)
        for t in 0..<count { factor[count * capacity + t] = row[t] }
        factor[count * capacity + count] = square.squareRoot()
        slots.set(count, point)
        count += 1
    }
}

/// Facility location against a sample of reference points: f ≈ Σ_u max_{j∈S} s(u, j), u in the sample.
///
/// A stream has no Σ over all its points; the sample stands for them, and its size belongs in the report.
public struct StreamFacilityLocation: StreamObjective {
    private let reference: PointSlots
    private let size: Int
    private let transform: KernelTransform
    private let rounding: Double
    public let dimensions: Int
    public private(set) var count = 0
    public private(set) var value = 0.0
    private var best: [Float]
    private var similarities: [Float]
    private var taken: [Float] = []

    /// - Parameter metric: exp-distance, gaussian or inverse-distance.
    /// - Throws: `CoresetError.unsupported` for other metrics.
    public init(reference: Matrix<Float>, metric: Similarity) throws(CoresetError) {
        guard metric.isOfDistance, !metric.needsMaximum else {
            throw .unsupported(
                what: "On a stream the greatest distance is not known, which \(metric.name) needs",
                remedy: "Use exp-distance, inverse-distance or gaussian:GAMMA.")
        }
        let columns = reference.columns
        var slots = PointSlots(capacity: max(1, reference.rows), dimensions: columns)
        reference.storage.withUnsafeBufferPointer { values in
            for row in 0..<reference.rows {
                slots.set(row, UnsafeBufferPointer(rebasing: values[row * columns..<(row + 1) * columns]))
            }
        }
        self.reference = slots
        size = reference.rows
        dimensions = columns
        transform = metric.transform(dimensions: columns, maximum: 0)
        rounding = Float.rounding(count: reference.rows, greatest: 1 + 1e-5)
        best = [Float](repeating: 0, count: slots.places)
        similarities = best
    }

    public var points: Matrix<Float> { Matrix(finite: taken, rows: count, columns: dimensions) }

    public mutating func gain(of point: UnsafeBufferPointer<Float>) -> Double {
        reference.distances(point, count: size, into: &similarities)
        let (size, transform, rounding) = (size, transform, rounding)
        return similarities.withUnsafeMutableBufferPointer { similarities in
            best.withUnsafeBufferPointer { best in
                guard let values = similarities.baseAddress, let best = best.baseAddress else { return 0 }
                Float._transform(transform, values, count: size)
                return Float._gain(values, best, count: size, rounding: rounding)
            }
        }
    }

    public mutating func add(_ point: UnsafeBufferPointer<Float>) {
        value += gain(of: point)
        for index in 0..<size { best[index] = max(best[index], similarities[index]) }
        taken.append(contentsOf: point)
        count += 1
    }
}
