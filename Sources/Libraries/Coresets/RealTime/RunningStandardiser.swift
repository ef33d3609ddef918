/// Brings a stream's features to mean 0 and deviation 1, by the points seen until it is frozen.
///
/// - Source: Welford 1962.
public struct RunningStandardiser: Sendable, Hashable, Codable {
    /// Points after which means and deviations no longer change.
    public let warmUp: Int
    public private(set) var seen = 0
    private var means: [Double]
    private var squares: [Double]

    public init(dimensions: Int, warmUp: Int) {
        self.warmUp = warmUp
        means = [Double](repeating: 0, count: dimensions)
        squares = means
    }

    public var isFrozen: Bool { seen >= warmUp }

    /// Learns from a point, while not frozen. Complexity: O(d), no allocation.
    public mutating func observe(_ point: UnsafeBufferPointer<Float>) {
        guard !isFrozen else { return }
        seen += 1
        for t in means.indices {
            let difference = Double(point[t]) - means[t]
            means[t] += difference / Double(seen)
            squares[t] += difference * (Double(point[t]) - means[t])
        }
    }

    /// Constant features become 0.
    public func standardise(
        _ point: UnsafeBufferPointer<Float>, into result: UnsafeMutableBufferPointer<Float>
    ) {
        for t in means.indices {
            let variance = seen > 0 ? squares[t] / Double(seen) : 0
            result[t] = variance > 0 ? Float((Double(point[t]) - means[t]) / variance.squareRoot()) : 0
        }
    }
}
