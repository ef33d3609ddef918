import ApusCore
import Glibc
import JSON
import Reports

/// How the time of stream algorithms grows with the number of points n and of kept points k: measured on small runs,
/// averaged, fitted by log t = a + b·log n + c·log k and by laws that know a start (`GrowthLaw`), and what the law that
/// continues best within the small runs predicts for a larger n compared with a measurement there.
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

    /// What the averages of one algorithm say.
    public struct Growth: Sendable {
        public var algorithm: Algorithm
        public var measurements: [GrowthLaw.Measurement]
        /// log t = a + b·log n + c·log k.
        public var power: GrowthLaw
        /// The law that continues best within the measurements.
        public var law: GrowthLaw
        /// At the larger n and the greatest k.
        public var measured: GrowthLaw.Measurement

        public var predicted: Double { law.seconds(points: measured.points, kept: measured.kept) }
        public var ratio: Double { max(predicted / measured.seconds, measured.seconds / predicted) }
        /// What the power law predicts.
        public var powerPredicted: Double { power.seconds(points: measured.points, kept: measured.kept) }
    }

    public var points = [500, 1000, 2000, 4000, 8000]
    public var kept = [5, 10, 20, 40]
    public var repeats = 5
    public var target = 50_000
    /// Processor time, in seconds, that a repeat lasts at least.
    public var shortest = 0.005

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
                    times[index][place].append(try repeated(algorithm, rows, size.kept))
                }
            }
        }
        return algorithms.enumerated().map { index, algorithm in
            let all = zip(sizes, times[index]).map { size, times in
                GrowthLaw.Measurement(points: size.points, kept: size.kept, seconds: Self.average(times))
            }
            let small = Array(all.dropLast())
            return Growth(
                algorithm: algorithm, measurements: small, power: .fit(.power, to: small), law: .best(for: small),
                measured: all[all.count - 1])
        }
    }

    /// The mean of the fastest three of five repeats, or of all of fewer: other programs can only lengthen a run.
    private static func average(_ times: [Double]) -> Double {
        let sorted = times.sorted()
        let trimmed = sorted.count >= 5 ? sorted[..<(sorted.count - 2)] : sorted[...]
        return trimmed.reduce(0, +) / Double(max(1, trimmed.count))
    }

    /// The least time of a run among 25 and as many as take `shortest` together, after one that does not count.
    ///
    /// The first finds its branches cold and its memory not yet mapped, which costs as much as some thousand points; what
    /// the machine does besides makes some runs longer, and none shorter.
    private func repeated(_ algorithm: Algorithm, _ rows: Matrix<Float>, _ k: Int) throws(CoresetError) -> Double {
        let first = try time(algorithm, rows, k)
        // A long run does not feel its start.
        if first > 50 * shortest { return first }
        var (least, total, runs) = (Double.infinity, 0.0, 0)
        while total < shortest || (runs < 25 && total < 100 * shortest) {
            let one = try time(algorithm, rows, k)
            least = min(least, one)
            total += one
            runs += 1
        }
        return least
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
                    points: (own + [growth.measured]).map { (Double($0.points), $0.seconds) }, mark: .points(4),
                    colour: colour))
            let (first, last) = (Double(own.first?.points ?? 1), Double(growth.measured.points))
            let line = (0...32).map { step in
                let n = Int(first * pow(last / first, Double(step) / 32))
                return (x: Double(n), y: growth.law.seconds(points: n, kept: most))
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
            "name": JSONValue(algorithm.rawValue), "exponentPoints": JSONValue(power.pointsExponent),
            "exponentKept": JSONValue(power.keptExponent), "determination": JSONValue(power.determination),
            "powerPredicted": JSONValue(powerPredicted), "law": JSONValue(law.text), "start": JSONValue(law.start),
            "predicted": JSONValue(predicted), "measured": JSONValue(measured.seconds), "ratio": JSONValue(ratio),
            "measurements": .array(
                measurements.map {
                    .object([
                        "points": JSONValue($0.points), "kept": JSONValue($0.kept), "seconds": JSONValue($0.seconds),
                    ])
                }),
        ])
    }
}
