import ApusCore

/// The two directions in which points vary most, by power iteration. For drawings.
struct PrincipalComponents {
    private let mean: [Double]
    private let directions: [[Double]]

    /// - Complexity: O(40·rows·d), on at most 5,000 of the rows.
    init(_ features: Matrix<Double>) {
        let step = max(1, features.rows / 5000)
        let rows = Array(stride(from: 0, to: features.rows, by: step))
        let columns = features.columns
        var mean = [Double](repeating: 0, count: columns)
        for row in rows { for column in 0..<columns { mean[column] += features[row, column] / Double(rows.count) } }
        var directions: [[Double]] = []
        var generator = SeededGenerator(seed: 0)
        for _ in 0..<2 {
            var direction = (0..<columns).map { _ in generator.unit() - 0.5 }
            for _ in 0..<20 {
                var next = [Double](repeating: 0, count: columns)
                for row in rows {
                    var along = 0.0
                    for column in 0..<columns { along += (features[row, column] - mean[column]) * direction[column] }
                    for column in 0..<columns { next[column] += along * (features[row, column] - mean[column]) }
                }
                for other in directions {
                    let along = zip(next, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for column in 0..<columns { next[column] -= along * other[column] }
                }
                let length = next.reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard length > 0 else { break }
                direction = next.map { $0 / length }
            }
            directions.append(direction)
        }
        self.mean = mean
        self.directions = directions
    }

    func projected(_ features: Matrix<Double>) -> [(x: Double, y: Double)] {
        (0..<features.rows).map { row in
            var place = (x: 0.0, y: 0.0)
            for column in 0..<features.columns {
                let value = features[row, column] - mean[column]
                place.x += value * directions[0][column]
                place.y += value * directions[1][column]
            }
            return place
        }
    }
}
