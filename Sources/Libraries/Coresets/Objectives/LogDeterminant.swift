import Glibc

/// log det(K_S + λ·I): how much the chosen differ, as a determinantal point process sees it.
///
/// Kept by an incremental Cholesky factorisation: for each candidate the row of the factor that it would add, and the
/// square of its pivot.
///
/// - Complexity: O(1) a gain; O(n·|S|) and one row of K an addition; O(n·|S|) memory.
/// - Source: Chen, Zhang & Zhou 2018, fast greedy MAP inference.
public struct LogDeterminant: Objective {
    private let similarities: Similarities
    private let ridge: Double
    private var pivots: [Double]
    /// Column t of the factor, for all candidates, at [t·n, (t + 1)·n).
    private var factor: [Double] = []
    private var chosen: [Int] = []
    private var row: [Double] = []
    public private(set) var value = 0.0

    /// - Parameters:
    ///   - similarities: a kernel without negative eigenvalues; candidates are the represented points.
    ///   - ridge: λ ≥ 0.
    /// - Throws: `CoresetError.unsupported` for a metric that is no such kernel, `.invalidParameter`, `.dimensions`.
    public init(_ similarities: Similarities, ridge: Double = 1) throws(CoresetError) {
        if let metric = similarities.metric, !metric.isPositiveSemidefinite {
            throw .unsupported(
                what: "The metric \(metric.name) has negative eigenvalues, so its determinants mean nothing",
                remedy: "Use cosine, cosine-squared, exp-distance or gaussian:GAMMA.")
        }
        guard ridge >= 0, ridge.isFinite else {
            throw .invalidParameter(name: "λ of log-determinant", value: "\(ridge)", expected: "0 or more")
        }
        guard similarities.count == similarities.represented else {
            throw .dimensions(
                expected: similarities.count, found: similarities.represented, what: "represented points of a kernel")
        }
        self.similarities = similarities
        self.ridge = ridge
        pivots = similarities.diagonal().map { $0 + ridge }
    }

    public var name: String { "log-determinant" }
    public var count: Int { similarities.count }
    /// Whether gains are never negative: every pivot is at least 1 where λ is.
    public var isMonotone: Bool { ridge >= 1 }
    public var memory: Int { similarities.memory + 8 * (factor.count + 2 * count) }

    /// −∞ where the element depends on the chosen to rounding.
    public mutating func gain(of element: Int) -> Double {
        let pivot = pivots[element]
        return pivot > 0 ? log(pivot) : -.infinity
    }

    public mutating func gains(of elements: [Int], into gains: inout [Double]) {
        gains.removeAll(keepingCapacity: true)
        for element in elements { gains.append(pivots[element] > 0 ? log(pivots[element]) : -.infinity) }
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        let size = chosen.count
        chosen.append(element)
        let root = max(pivots[element], 0).squareRoot()
        similarities.row(element, into: &row)
        let count = count
        factor.append(contentsOf: repeatElement(0, count: count))
        factor.withUnsafeMutableBufferPointer { factor in
            row.withUnsafeMutableBufferPointer { row in
                for t in 0..<size {
                    let column = t * count
                    let share = factor[column + element]
                    if share == 0 { continue }
                    for other in 0..<count { row[other] -= share * factor[column + other] }
                }
                let column = size * count
                let scale = root > 0 ? 1 / root : 0
                for other in 0..<count { factor[column + other] = row[other] * scale }
                for taken in chosen { factor[column + taken] = 0 }
                factor[column + element] = root
                pivots.withUnsafeMutableBufferPointer { pivots in
                    for other in 0..<count {
                        let x = factor[column + other]
                        pivots[other] -= x * x
                    }
                }
            }
        }
        // A pick's pivot stays what it was added with.
        pivots[element] = root * root
    }
}
