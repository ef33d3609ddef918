/// GradMatch: few examples whose weighted gradients sum to the gradient of all, by orthogonal matching pursuit.
///
/// Each step adds the example whose gradient points most along the residual (not by magnitude: weights are ≥ 0), and
/// fits all weights anew: min_{w ≥ 0} ‖Gᵀw − b‖² + λ‖w‖².
///
/// - Source: Killamsetty et al. 2021; Lawson & Hanson 1974 for the fit.
public struct GradientMatching: Sendable, Hashable, Codable {
    public var picks: [Int] = []
    /// Weights of the picks after the last step.
    public var weights: [Double] = []
    /// ‖b − Gᵀw‖ after each step.
    public var residuals: [Double] = []
    public var targetNorm = 0.0

    /// - Parameters:
    ///   - gradients: a row for each example.
    ///   - target: b; the sum of all gradients where nil.
    ///   - ridge: λ ≥ 0.
    ///   - tolerance: stop where the residual is this small.
    /// - Throws: `CoresetError.tooMany`, `.dimensions`, `.invalidParameter`.
    /// - Complexity: O(n·k·d + k⁴) at worst.
    public init(
        gradients: Matrix<Double>, count: Int, target: [Double]? = nil, ridge: Double = 0.5, tolerance: Double = 0
    ) throws(CoresetError) {
        let (rows, columns) = (gradients.rows, gradients.columns)
        guard count >= 0, count <= rows else { throw .tooMany(count: count, rows: rows) }
        guard ridge >= 0, ridge.isFinite else {
            throw .invalidParameter(name: "λ", value: "\(ridge)", expected: "0 or more")
        }
        if let target, target.count != columns {
            throw .dimensions(expected: columns, found: target.count, what: "the target gradient")
        }
        var sums = [Double](repeating: 0, count: columns)
        if target == nil {
            for row in 0..<rows { for column in 0..<columns { sums[column] += gradients[row, column] } }
        }
        let goal = target ?? sums
        func dot(_ row: Int, _ vector: [Double]) -> Double {
            gradients.storage.withUnsafeBufferPointer { all in
                vector.withUnsafeBufferPointer { vector in
                    guard let start = all.baseAddress, let other = vector.baseAddress else { return 0 }
                    return Double._dot(start + row * columns, other, count: columns)
                }
            }
        }
        targetNorm = goal.reduce(0) { $0 + $1 * $1 }.squareRoot()
        var residual = goal
        var gram: [[Double]] = []
        var against: [Double] = []
        var isTaken = [Bool](repeating: false, count: rows)
        while picks.count < count {
            var best = -1
            var most = -Double.infinity
            for row in 0..<rows where !isTaken[row] {
                let along = dot(row, residual)
                if along > most { (best, most) = (row, along) }
            }
            isTaken[best] = true
            let new = Array(gradients[row: best])
            let products = picks.map { dot($0, new) }
            for (index, product) in products.enumerated() { gram[index].append(product) }
            gram.append(products + [dot(best, new) + ridge])
            against.append(dot(best, goal))
            picks.append(best)
            weights = NonNegativeLeastSquares.solve(gram: gram, against: against)
            residual = goal
            for (pick, weight) in zip(picks, weights) where weight != 0 {
                for column in 0..<columns { residual[column] -= weight * gradients[pick, column] }
            }
            residuals.append(residual.reduce(0) { $0 + $1 * $1 }.squareRoot())
            if residuals[residuals.count - 1] <= tolerance { break }
        }
    }
}

/// min_{w ≥ 0} ½·wᵀAw − cᵀw for a positive definite A, by Lawson & Hanson's active sets.
enum NonNegativeLeastSquares {
    static func solve(gram: [[Double]], against: [Double]) -> [Double] {
        let size = against.count
        var weights = [Double](repeating: 0, count: size)
        var isFree = [Bool](repeating: false, count: size)
        let scale = against.map(abs).max() ?? 0
        // Each round frees one weight; rounding could make it go back and forth, so rounds are bounded.
        for _ in 0..<(3 * size + 10) {
            var best = -1
            var most = 1e-14 * scale
            for index in 0..<size where !isFree[index] {
                var slope = against[index]
                for other in 0..<size { slope -= gram[index][other] * weights[other] }
                if slope > most { (best, most) = (index, slope) }
            }
            guard best >= 0 else { break }
            isFree[best] = true
            while true {
                let free = (0..<size).filter { isFree[$0] }
                let solution = cholesky(free.map { row in free.map { gram[row][$0] } }, free.map { against[$0] })
                if solution.allSatisfy({ $0 > 0 }) {
                    for (index, value) in zip(free, solution) { weights[index] = value }
                    break
                }
                // Towards the solution until the first weight is 0; that one is fixed again.
                var share = 1.0
                for (index, value) in zip(free, solution) where value <= 0 {
                    share = min(share, weights[index] / (weights[index] - value))
                }
                for (index, value) in zip(free, solution) {
                    weights[index] += share * (value - weights[index])
                    if weights[index] <= 1e-15 * scale {
                        weights[index] = 0
                        isFree[index] = false
                    }
                }
                if !isFree.contains(true) { break }
            }
        }
        return weights
    }

    private static func cholesky(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
        let size = right.count
        var factor = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
        for i in 0..<size {
            for j in 0...i {
                var sum = matrix[i][j]
                for t in 0..<j { sum -= factor[i][t] * factor[j][t] }
                factor[i][j] = i == j ? max(sum, 1e-300).squareRoot() : sum / factor[j][j]
            }
        }
        var x = right
        for i in 0..<size {
            for t in 0..<i { x[i] -= factor[i][t] * x[t] }
            x[i] /= factor[i][i]
        }
        for i in stride(from: size - 1, through: 0, by: -1) {
            for t in (i + 1)..<max(i + 1, size) { x[i] -= factor[t][i] * x[t] }
            x[i] /= factor[i][i]
        }
        return x
    }
}
