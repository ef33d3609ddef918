import ApusCore

/// An estimate with its interval.
public struct Interval: Sendable, Hashable, Codable {
    public var value: Double
    public var lower: Double
    public var upper: Double

    public init(value: Double, lower: Double, upper: Double) {
        self.value = value
        self.lower = lower
        self.upper = upper
    }
}

/// Percentile bootstrap intervals: units (documents) are drawn with replacement as often as there are units, and the
/// statistic's quantiles over many such draws bound it.
///
/// Draws depend on the seed and the number of units alone, so that two statistics over the same units see the same draws: a
/// difference is paired. Where several models (seeds of training) were measured, models are drawn too, each side's on its
/// own: k − 1 of k, which gives their mean its right variance however few they are. With one model the chance of its
/// training is not part of the interval.
///
/// - Source: Efron and Tibshirani 1993, chapter 13; Rao and Wu 1988 for the number of models drawn.
public struct Bootstrap: Sendable, Hashable {
    /// Draws of all units.
    public var samples: Int
    public var seed: UInt64
    /// Share of the draws inside the interval.
    public var confidence: Double

    /// - Precondition: `samples` ≥ 1, 0 < `confidence` < 1.
    public init(samples: Int = 2000, seed: UInt64, confidence: Double = 0.95) {
        precondition(
            samples >= 1 && confidence > 0 && confidence < 1, "a bootstrap needs draws, and a share of them inside")
        self.samples = samples
        self.seed = seed
        self.confidence = confidence
    }

    /// The mean of one number a unit.
    ///
    /// - Complexity: O(samples · units).
    public func mean(_ values: [Double]) -> Interval { ratio(of: values, to: Array(repeating: 1, count: values.count)) }

    /// Σ numerators ÷ Σ denominators over units, such as bits and bytes of documents.
    ///
    /// - Precondition: as many numerators as denominators; no denominator is negative.
    /// - Returns: zero everywhere where the denominators sum to nothing.
    public func ratio(of numerators: [Double], to denominators: [Double]) -> Interval {
        ratio(of: [numerators], to: denominators)
    }

    /// The mean over models of their Σ numerators ÷ Σ denominators.
    ///
    /// - Parameters:
    ///   - numerators: for each model, one number a unit.
    ///   - denominators: one number a unit, the same for all models.
    public func ratio(of numerators: [[Double]], to denominators: [Double]) -> Interval {
        interval([Ratio(numerators, denominators)]) { $0[0] }
    }

    /// The difference of two ratios over the same units, drawn together.
    public func ratioDifference(
        _ numerators: [Double], _ denominators: [Double], minus otherNumerators: [Double], _ otherDenominators: [Double]
    ) -> Interval {
        ratioDifference([numerators], denominators, minus: [otherNumerators], otherDenominators)
    }

    /// The same where each side has several models.
    public func ratioDifference(
        _ numerators: [[Double]], _ denominators: [Double], minus otherNumerators: [[Double]],
        _ otherDenominators: [Double]
    ) -> Interval {
        precondition(
            denominators.count == otherDenominators.count, "a paired difference needs the same units on both sides")
        return interval([Ratio(numerators, denominators), Ratio(otherNumerators, otherDenominators)]) { $0[0] - $0[1] }
    }

    private struct Ratio {
        let numerators: [[Double]]
        let denominators: [Double]

        init(_ numerators: [[Double]], _ denominators: [Double]) {
            precondition(
                !numerators.isEmpty && numerators.allSatisfy { $0.count == denominators.count },
                "each numerator needs a denominator")
            self.numerators = numerators
            self.denominators = denominators
        }

        func value(over units: [Int], models: [Int]) -> Double {
            var numerator = 0.0
            var denominator = 0.0
            for model in models {
                for unit in units { numerator += numerators[model][unit] }
            }
            for unit in units { denominator += denominators[unit] }
            return denominator > 0 ? numerator / Double(models.count) / denominator : 0
        }
    }

    private func interval(_ ratios: [Ratio], _ statistic: ([Double]) -> Double) -> Interval {
        let count = ratios[0].denominators.count
        let all = Array(0..<count)
        let value = statistic(ratios.map { $0.value(over: all, models: Array($0.numerators.indices)) })
        guard count > 0 else { return Interval(value: 0, lower: 0, upper: 0) }
        var unitDraws = SeededGenerator(seed: seed, stream: UInt64(count))
        var modelDraws = ratios.indices.map { SeededGenerator(seed: seed, stream: .max - UInt64($0)) }
        var units = all
        var statistics: [Double] = []
        statistics.reserveCapacity(samples)
        for _ in 0..<samples {
            for place in units.indices { units[place] = unitDraws.below(count) }
            let values = ratios.indices.map { side in
                let models = ratios[side].numerators.count
                let drawn = (0..<max(1, models - 1)).map { _ in modelDraws[side].below(models) }
                return ratios[side].value(over: units, models: drawn)
            }
            statistics.append(statistic(values))
        }
        statistics.sort()
        let tail = (1 - confidence) / 2
        return Interval(
            value: value, lower: Quantile.of(statistics, at: tail), upper: Quantile.of(statistics, at: 1 - tail))
    }
}

/// Quantiles of sorted numbers, linear between neighbours (Hyndman and Fan 1996, definition 7).
enum Quantile {
    /// - Precondition: `sorted` is not empty, 0 ≤ `share` ≤ 1.
    static func of(_ sorted: [Double], at share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        guard below + 1 < sorted.count else { return sorted[sorted.count - 1] }
        return sorted[below] + (place - Double(below)) * (sorted[below + 1] - sorted[below])
    }
}
