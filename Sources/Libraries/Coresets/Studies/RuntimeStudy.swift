import ApusCore
import Glibc
import JSON
import Reports

/// How the time of stream algorithms grows with the number of points n and of kept points k: measured on small runs,
/// averaged, fitted by log t = a + b·log n + c·log k, and the fit checked against a measurement at a larger n.
///
/// - Source: the runtime study of Wang, Flynn & Luo 2023.
public struct RuntimeStudy: Sendable {
    public enum Algorithm: String, Sendable, CaseIterable {
        case exhaustive = "brute-force k-replacement"
        case replacement = "k-replacement"
        case adjacency = "k-adjacency replacement"
        case doubling
        case sieve = "sieve-streaming++"
        case farthestFirst = "farthest-first"
    }

    /// One average.
    public struct Measurement: Sendable, Hashable {
        public var points: Int
        public var kept: Int
        public var seconds: Double
    }

    /// What the averages of one algorithm say.
    public struct Growth: Sendable {
        public var algorithm: Algorithm
        public var measurements: [Measurement]
        public var constant: Double
        /// b and c.
        public var exponents: (points: Double, kept: Double)
        /// Share of the variance of log t that the fit explains.
        public var determination: Double
        /// At the larger n and the greatest k.
        public var predicted: Double
        public var measured: Double

        public var ratio: Double { max(predicted / measured, measured / predicted) }
    }

    public var points = [500, 1000, 2000, 4000, 8000]
    public var kept = [5, 10, 20, 40]
    public var repeats = 5
    public var target = 50_000

    public init() {}

    /// Runs all algorithms on random rows of the features, repeated where there are too few.
    ///
    /// - Throws: `CoresetError`.
    public func run(_ features: Matrix<Float>, algorithms: [Algorithm] = Algorithm.allCases, seed: UInt64 = 0)
        throws(CoresetError) -> [Growth]
    {
        guard features.rows > 0 else {
            throw .invalidParameter(name: "the features", value: "empty", expected: "at least one row")
        }
        let most = kept.max() ?? 1
        var sizes: [(points: Int, kept: Int)] = points.flatMap { n in kept.map { (points: n, kept: $0) } }
        sizes.append((target, most))
        var times = [[[Double]]](
            repeating: [[Double]](repeating: [], count: sizes.count), count: algorithms.count)
        // All sizes in each round: what else the machine does for a while then falls on all of them, not on some.
        for round in 0..<repeats {
            for (place, size) in sizes.enumerated() {
                var generator = SeededGenerator(seed: seed, stream: UInt64(round))
                let rows = features.select((0..<size.points).map { _ in generator.below(features.rows) })
                for (index, algorithm) in algorithms.enumerated() {
                    times[index][place].append(try time(algorithm, rows, size.kept))
                }
            }
        }
        return algorithms.enumerated().map { index, algorithm in
            let all = zip(sizes, times[index]).map { size, times in
                Measurement(points: size.points, kept: size.kept, seconds: Self.average(times))
            }
            let (small, large) = (Array(all.dropLast()), all[all.count - 1])
            let fit = Self.fit(small)
            return Growth(
                algorithm: algorithm, measurements: small, constant: fit.a, exponents: (fit.b, fit.c),
                determination: fit.determination,
                predicted: exp(fit.a + fit.b * log(Double(target)) + fit.c * log(Double(most))),
                measured: large.seconds)
        }
    }

    /// The mean of the fastest three of five repeats, or of all of fewer: other programs can only lengthen a run.
    private static func average(_ times: [Double]) -> Double {
        let sorted = times.sorted()
        let trimmed = sorted.count >= 5 ? sorted[..<(sorted.count - 2)] : sorted[...]
        return trimmed.reduce(0, +) / Double(max(1, trimmed.count))
    }

    private func time(_ algorithm: Algorithm, _ rows: Matrix<Float>, _ k: Int) throws(CoresetError) -> Double {
        let start = Self.processorTime
        switch algorithm {
        case .exhaustive, .replacement, .adjacency:
            let rule: ReplacementSelector.Rule =
                algorithm == .exhaustive ? .exhaustive : algorithm == .replacement ? .all : .adjacent
            var selector = try ReplacementSelector(capacity: k, dimensions: rows.columns, rule: rule)
            selector.observe(rowsOf: rows)
        case .doubling:
            var selector = try DoublingCenters(capacity: k, dimensions: rows.columns)
            selector.observe(rowsOf: rows)
        case .sieve:
            let empty = StreamLogDeterminant(
                capacity: k, dimensions: rows.columns, gamma: 1 / Double(max(1, rows.columns)))
            var selector = try SieveStreaming(empty, count: k, epsilon: 0.5)
            selector.observe(rowsOf: rows)
        case .farthestFirst: _ = try FarthestFirst(rows, count: k)
        }
        return Self.processorTime - start
    }

    /// Least squares in logarithms, by the normal equations of three unknowns.
    ///
    /// A run weighs as its points times the kept ones: in the small runs are fixed costs that the law does not know, and
    /// it is the large ones whose growth is continued.
    static func fit(_ measurements: [Measurement]) -> (a: Double, b: Double, c: Double, determination: Double) {
        var matrix = [[Double]](repeating: [0, 0, 0, 0], count: 3)
        let rows = measurements.map { [1, log(Double($0.points)), log(Double($0.kept)), log(max($0.seconds, 1e-9))] }
        let weights = measurements.map { Double($0.points * $0.kept) }
        for (row, weight) in zip(rows, weights) {
            for i in 0..<3 { for j in 0..<4 { matrix[i][j] += weight * row[i] * row[j] } }
        }
        for pivot in 0..<3 {
            let best = (pivot..<3).max { abs(matrix[$0][pivot]) < abs(matrix[$1][pivot]) } ?? pivot
            matrix.swapAt(pivot, best)
            guard abs(matrix[pivot][pivot]) > 1e-9 else { continue }
            for row in 0..<3 where row != pivot {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot..<4 { matrix[row][column] -= factor * matrix[pivot][column] }
            }
        }
        let solution = (0..<3).map { abs(matrix[$0][$0]) > 1e-9 ? matrix[$0][3] / matrix[$0][$0] : 0 }
        let total = max(1, weights.reduce(0, +))
        let mean = zip(rows, weights).reduce(0) { $0 + $1.0[3] * $1.1 } / total
        var (left, all) = (0.0, 0.0)
        for (row, weight) in zip(rows, weights) {
            let error = row[3] - (0..<3).reduce(0) { $0 + solution[$1] * row[$1] }
            left += weight * error * error
            all += weight * (row[3] - mean) * (row[3] - mean)
        }
        return (solution[0], solution[1], solution[2], all > 0 ? 1 - left / all : 1)
    }

    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Time against n at the greatest k, as an SVG file: points measured, lines fitted.
    public static func plot(_ growths: [Growth]) -> String {
        var series: [Plot.Series] = []
        for (colour, growth) in growths.enumerated() {
            let most = growth.measurements.map(\.kept).max() ?? 1
            let own = growth.measurements.filter { $0.kept == most }
            series.append(
                Plot.Series(
                    growth.algorithm.rawValue,
                    points: own.map { (Double($0.points), $0.seconds) } + [(50_000, growth.measured)],
                    mark: .points(4), colour: colour))
            let line = [own.first?.points ?? 1, 50_000].map { n in
                (
                    x: Double(n),
                    y: exp(
                        growth.constant + growth.exponents.points * log(Double(n)) + growth.exponents.kept
                            * log(Double(most)))
                )
            }
            series.append(Plot.Series("", points: line, mark: .dashed, colour: colour))
        }
        return Plot(
            "time against points", horizontal: "points", vertical: "seconds", series: series,
            horizontalScale: .logarithmic, verticalScale: .logarithmic
        ).file
    }
}

extension RuntimeStudy.Growth {
    public var json: JSONValue {
        .object([
            "name": JSONValue(algorithm.rawValue), "exponentPoints": JSONValue(exponents.points),
            "exponentKept": JSONValue(exponents.kept), "determination": JSONValue(determination),
            "predicted": JSONValue(predicted), "measured": JSONValue(measured), "ratio": JSONValue(ratio),
        ])
    }
}
