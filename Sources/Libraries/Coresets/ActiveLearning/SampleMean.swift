/// The mean of a few measurements, and how sure it is.
public struct SampleMean: Sendable, Hashable, Codable {
    public var count: Int
    public var mean: Double
    /// Of the sample, with n − 1.
    public var deviation: Double

    public init(_ values: [Double]) {
        count = values.count
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
    }

    /// Half of the 95 % interval by Student's t.
    public var halfWidth: Double {
        guard count > 1 else { return 0 }
        return Self.quantile(count - 1) * deviation / Double(count).squareRoot()
    }

    public var interval: ClosedRange<Double> { mean - halfWidth...mean + halfWidth }

    /// The 97.5 % quantiles of Student's t for 1 … 30 degrees of freedom, as tables give them.
    private static let quantiles = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
        2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]

    private static func quantile(_ freedom: Int) -> Double {
        freedom <= quantiles.count ? quantiles[freedom - 1] : 1.96 + 2.46 / Double(freedom)
    }
}
