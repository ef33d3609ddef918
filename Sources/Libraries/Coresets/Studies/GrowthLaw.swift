#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How a time t grows with a number n of points and k of kept ones, fitted by least squares of log t.
///
/// The power law t = e^a·n^b·k^c is what small runs are usually fitted with. What they spend before they reach their pace
/// (filling the set, exchanges that are frequent at first, thresholds that are still moving) lowers b, and the law then
/// promises too little of large ones. The laws with a start take b = 1 and a start that costs as much as s·k^g points:
/// t = e^a·(n + s·k^g)·k^c.
public struct GrowthLaw: Sendable, Hashable {
    public enum Form: String, Sendable, CaseIterable {
        case power
        /// The start costs as much as s points.
        case fixedStart
        /// … as s·k points.
        case startOfKept
        /// … as s·k² points.
        case startOfPairs

        /// g; nil where there is no start.
        var startExponent: Double? {
            switch self {
            case .power: nil
            case .fixedStart: 0
            case .startOfKept: 1
            case .startOfPairs: 2
            }
        }
    }

    /// A time that was measured, in seconds.
    public struct Measurement: Sendable, Hashable {
        public var points: Int
        public var kept: Int
        public var seconds: Double

        public init(points: Int, kept: Int, seconds: Double) {
            self.points = points
            self.kept = kept
            self.seconds = seconds
        }

        fileprivate var logarithms: (points: Double, kept: Double, seconds: Double) {
            (log(Double(points)), log(Double(kept)), log(max(seconds, 1e-12)))
        }
    }

    public var form: Form
    /// a.
    public var constant: Double
    /// b; 1 for laws with a start.
    public var pointsExponent: Double
    /// c.
    public var keptExponent: Double
    /// s; 0 for the power law.
    public var start: Double
    /// The share of the variance of log t that the law explains.
    public var determination: Double

    /// The time at n points and k kept ones, in seconds.
    public func seconds(points: Int, kept: Int) -> Double {
        let n = Double(points) + start * pow(Double(kept), form.startExponent ?? 0)
        return exp(constant + pointsExponent * log(n) + keptExponent * log(Double(kept)))
    }

    /// The law as a person reads it.
    public var text: String {
        func short(_ value: Double) -> String {
            let scale = pow(10, 2 - (abs(value) > 0 ? log10(abs(value)).rounded(.down) : 0))
            let rounded = (value * scale).rounded() / scale
            return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
        }
        let kept = "k^\(short(keptExponent))"
        return switch form {
        case .power: "n^\(short(pointsExponent)) · \(kept)"
        case .fixedStart: "(n + \(short(start))) · \(kept)"
        case .startOfKept: "(n + \(short(start))·k) · \(kept)"
        case .startOfPairs: "(n + \(short(start))·k²) · \(kept)"
        }
    }

    /// The law of a form that fits best.
    ///
    /// - Complexity: O(measurements), a few hundred times for laws with a start, whose s is looked for among powers of 2^(1/8).
    public static func fit(_ form: Form, to measurements: [Measurement]) -> GrowthLaw {
        let rows = measurements.map(\.logarithms)
        guard let exponent = form.startExponent else {
            let (solution, error) = leastSquares(rows.map { [1, $0.points, $0.kept] }, rows.map(\.seconds))
            return GrowthLaw(
                form: form, constant: solution[0], pointsExponent: solution[1], keptExponent: solution[2], start: 0,
                determination: determination(error, rows.map(\.seconds)))
        }
        var best: (error: Double, law: GrowthLaw)?
        for step in -17...160 {
            let start = step == -17 ? 0 : exp2(Double(step) / 8)
            let left = measurements.map {
                $0.logarithms.seconds - log(Double($0.points) + start * pow(Double($0.kept), exponent))
            }
            let (solution, error) = leastSquares(rows.map { [1, $0.kept] }, left)
            guard error < (best?.error ?? .infinity) else { continue }
            best = (
                error,
                GrowthLaw(
                    form: form, constant: solution[0], pointsExponent: 1, keptExponent: solution[1], start: start,
                    determination: determination(error, rows.map(\.seconds)))
            )
        }
        return best?.law
            ?? GrowthLaw(
                form: form, constant: 0, pointsExponent: 1, keptExponent: 0, start: 0, determination: 0)
    }

    /// The law that continues best: fitted to the runs of up to half of the greatest n, each form predicts the others; the
    /// one whose predictions err least, as a mean of |log(predicted/measured)|, is then fitted to all.
    ///
    /// A power law with b < 1 is out of the question: whoever reads every point cannot take less and less time for one.
    public static func best(of forms: [Form] = Form.allCases, for measurements: [Measurement]) -> GrowthLaw {
        let greatest = measurements.map(\.points).max() ?? 0
        let small = measurements.filter { $0.points * 2 <= greatest }
        let large = measurements.filter { $0.points * 2 > greatest }
        var best: (error: Double, law: GrowthLaw)?
        for form in forms {
            let law = fit(form, to: measurements)
            guard law.pointsExponent >= 1 else { continue }
            let tried = fit(form, to: small)
            let error = large.reduce(0) {
                $0 + abs($1.logarithms.seconds - log(tried.seconds(points: $1.points, kept: $1.kept)))
            }
            if error < best?.error ?? .infinity { best = (error, law) }
        }
        return best?.law ?? fit(.fixedStart, to: measurements)
    }

    private static func determination(_ error: Double, _ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        let all = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return all > 0 ? 1 - error / all : 1
    }

    /// Least squares by the normal equations of two or three unknowns; those that the rows do not determine are 0.
    private static func leastSquares(
        _ rows: [[Double]], _ values: [Double]
    ) -> (solution: [Double], error: Double) {
        let unknowns = rows.first?.count ?? 3
        var matrix = [[Double]](repeating: [Double](repeating: 0, count: unknowns + 1), count: unknowns)
        for (row, value) in zip(rows, values) {
            for i in 0..<unknowns {
                for j in 0..<unknowns { matrix[i][j] += row[i] * row[j] }
                matrix[i][unknowns] += row[i] * value
            }
        }
        for pivot in 0..<unknowns {
            let best = (pivot..<unknowns).max { abs(matrix[$0][pivot]) < abs(matrix[$1][pivot]) } ?? pivot
            matrix.swapAt(pivot, best)
            guard abs(matrix[pivot][pivot]) > 1e-9 else { continue }
            for row in 0..<unknowns where row != pivot {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot...unknowns { matrix[row][column] -= factor * matrix[pivot][column] }
            }
        }
        let solution = (0..<unknowns).map { abs(matrix[$0][$0]) > 1e-9 ? matrix[$0][unknowns] / matrix[$0][$0] : 0 }
        let error = zip(rows, values).reduce(0) { sum, one in
            let difference = one.1 - zip(one.0, solution).reduce(0) { $0 + $1.0 * $1.1 }
            return sum + difference * difference
        }
        return (solution, error)
    }
}
