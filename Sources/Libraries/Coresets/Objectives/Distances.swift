/// Pairwise distances of points.
public struct Distances: Sendable {
    /// How far two rows are apart.
    public enum Metric: String, Sendable, CaseIterable, Codable {
        case euclidean
        case manhattan
        /// 1 − cosine; no metric, but what libraries use.
        case cosine
    }

    private enum Source: Sendable {
        case features(Matrix<Double>, Metric)
        case complement(Similarities)
    }

    private let source: Source
    public let count: Int

    public init<Scalar: KernelScalar>(_ features: Matrix<Scalar>, metric: Metric = .euclidean) {
        source = .features(features.converted(to: Double.self), metric)
        count = features.rows
    }

    /// 1 − s.
    public init(oneMinus similarities: Similarities) {
        source = .complement(similarities)
        count = similarities.count
    }

    /// Distances from one point to all. Complexity: O(n·d).
    public func row(_ element: Int, into row: inout [Double]) {
        switch source {
        case .complement(let similarities):
            similarities.row(element, into: &row)
            for other in row.indices { row[other] = 1 - row[other] }
        case .features(let features, let metric):
            if row.count != count { row = [Double](repeating: 0, count: count) }
            features.storage.withUnsafeBufferPointer { values in
                guard let start = values.baseAddress else { return }
                let columns = features.columns
                let point = start + element * columns
                for other in 0..<count {
                    row[other] = Self.distance(point, start + other * columns, columns, metric)
                }
            }
        }
    }

    static func distance(
        _ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, _ count: Int, _ metric: Metric
    ) -> Double {
        switch metric {
        case .euclidean: return Double._distance(left, right, count: count).squareRoot()
        case .manhattan:
            var sum = 0.0
            for t in 0..<count { sum += abs(left[t] - right[t]) }
            return sum
        case .cosine:
            let norms = Double._dot(left, left, count: count) * Double._dot(right, right, count: count)
            return norms > 0 ? 1 - Double._dot(left, right, count: count) / norms.squareRoot() : 1
        }
    }

    /// All distances, row-major.
    ///
    /// - Throws: `CoresetError.memory`.
    public func matrix(memoryLimit: Int? = nil) throws(CoresetError) -> [Double] {
        try Memory.require(
            count * count * 8, limit: memoryLimit, for: "\(count)² distances", remedy: "Take fewer points.")
        var all: [Double] = []
        all.reserveCapacity(count * count)
        var row: [Double] = []
        for element in 0..<count {
            self.row(element, into: &row)
            all.append(contentsOf: row)
        }
        return all
    }
}
