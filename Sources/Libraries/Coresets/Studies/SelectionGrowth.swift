import ApusCore
import Glibc
import JSON
import Reports

/// The time that selections take against the number of points, up to a million.
public struct SelectionGrowth: Sendable {
    public enum Work: String, Sendable, CaseIterable {
        /// Lazy greedy, similarities computed when needed.
        case facilityLocation = "facility-location"
        /// Lazy greedy on an approximate graph of ten neighbours, the making of the graph included.
        case graph = "facility-location, 10 neighbours"
        case featureBased = "feature-based"
        case farthestFirst = "k-center"
        case doubling = "doubling"
        case sieve = "sieve-streaming++"
    }

    /// One run.
    public struct Measurement: Sendable, Hashable {
        public var work: Work
        public var points: Int
        public var seconds: Double
    }

    public var points = [1000, 3162, 10_000, 31_623, 100_000, 316_228, 1_000_000]
    public var count = 100
    /// A work whose last run took longer goes no further.
    public var patience = 20.0
    public var threads = 1

    public init() {}

    /// Runs all works on rows drawn from the features, with a hundredth of their deviation added, so that no two are
    /// equal.
    ///
    /// - Parameter progress: told each measurement as it is there.
    /// - Throws: `CoresetError`.
    public func run(
        _ features: Matrix<Float>, works: [Work] = Work.allCases, seed: UInt64 = 0,
        progress: (Measurement) -> Void = { _ in }
    ) throws(CoresetError) -> [Measurement] {
        guard features.rows > 0 else {
            throw .invalidParameter(name: "the features", value: "empty", expected: "at least one row")
        }
        var result: [Measurement] = []
        var ended: Set<Work> = []
        for size in points {
            let rows = sample(features, size, seed)
            for work in works where !ended.contains(work) {
                let start = SelectionRequest.processorNow
                try perform(work, rows)
                let one = Measurement(work: work, points: size, seconds: SelectionRequest.processorNow - start)
                result.append(one)
                progress(one)
                if one.seconds > patience { ended.insert(work) }
            }
        }
        return result
    }

    private func sample(_ features: Matrix<Float>, _ size: Int, _ seed: UInt64) -> Matrix<Float> {
        var generator = SeededGenerator(seed: seed)
        let columns = features.columns
        var deviation = [Float](repeating: 0, count: columns)
        for column in 0..<columns {
            var (sum, squares) = (0.0, 0.0)
            for row in 0..<features.rows {
                sum += Double(features[row, column])
                squares += Double(features[row, column]) * Double(features[row, column])
            }
            let mean = sum / Double(features.rows)
            deviation[column] = Float(max(0, squares / Double(features.rows) - mean * mean).squareRoot())
        }
        var storage: [Float] = []
        storage.reserveCapacity(size * columns)
        for _ in 0..<size {
            let row = generator.below(features.rows)
            for column in 0..<columns {
                let noise = Float(generator.unit() - 0.5) * 0.02 * deviation[column]
                storage.append(features[row, column] + noise)
            }
        }
        return Matrix(finite: storage, rows: size, columns: columns)
    }

    private func perform(_ work: Work, _ rows: Matrix<Float>) throws(CoresetError) {
        let count = min(count, rows.rows)
        switch work {
        case .facilityLocation:
            _ = try FacilityLocation(Similarities(rows, metric: .maximumMinusSquaredDistance, threads: threads))
                .maximize(count: count)
        case .graph:
            let graph = try NeighbourGraph(
                rows, neighbours: min(10, rows.rows), metric: .exponentialDistance, search: .approximate(),
                threads: threads)
            _ = try FacilityLocation(Similarities(sparse: graph.similarities)).maximize(count: count)
        case .featureBased:
            // Moved to where no feature is negative.
            let least = rows.storage.min() ?? 0
            let moved = Matrix(finite: rows.storage.map { $0 - least }, rows: rows.rows, columns: rows.columns)
            _ = try FeatureBased(moved).maximize(count: count)
        case .farthestFirst: _ = try FarthestFirst(rows, count: count)
        case .doubling:
            var selector = try DoublingCenters(capacity: count, dimensions: rows.columns)
            selector.observe(rowsOf: rows)
        case .sieve:
            let kept = min(20, count)
            let empty = StreamLogDeterminant(
                capacity: kept, dimensions: rows.columns, gamma: 1 / Double(max(1, rows.columns)))
            var selector = try SieveStreaming(empty, count: kept)
            selector.observe(rowsOf: rows)
        }
    }

    /// Time against points as an SVG file.
    public static func plot(_ measurements: [Measurement]) -> String {
        let series = Work.allCases.enumerated().flatMap { colour, work in
            let own = measurements.filter { $0.work == work }.map { (x: Double($0.points), y: $0.seconds) }
            return own.isEmpty
                ? []
                : [
                    Plot.Series(work.rawValue, points: own, colour: colour),
                    Plot.Series("", points: own, mark: .points(3), colour: colour),
                ]
        }
        return Plot(
            "time against points", horizontal: "points", vertical: "seconds", series: series,
            horizontalScale: .logarithmic, verticalScale: .logarithmic
        ).file
    }
}
