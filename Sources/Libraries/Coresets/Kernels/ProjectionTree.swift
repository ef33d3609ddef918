import ApusCore

/// Points cut into leaves by random hyperplanes, so that those of a leaf are near each other.
///
/// - Source: Dasgupta & Freund 2008, with planes between two of the points.
struct ProjectionTree: Sendable {
    /// All rows, those of a leaf next to each other.
    let order: [Int32]
    /// Leaves are `order[bounds[i]..<bounds[i + 1]]`.
    let bounds: [Int]

    /// - Parameter leaf: points of a leaf at most.
    /// - Complexity: O(n·d·log(n / leaf)).
    init(_ rows: some PointRows, leaf: Int, seed: UInt64, stream: UInt64) {
        var order = [Int32](unsafeUninitializedCapacity: rows.rows) { order, count in
            for row in 0..<rows.rows { order[row] = Int32(truncatingIfNeeded: row) }
            count = rows.rows
        }
        var generator = SeededGenerator(seed: seed, stream: stream)
        var bounds = [0]
        var open = [0..<rows.rows]
        while let range = open.popLast() {
            guard range.count > leaf else {
                bounds.append(range.upperBound)
                continue
            }
            let left = Int(order[range.lowerBound + generator.below(range.count)])
            let right = Int(order[range.lowerBound + generator.below(range.count)])
            // Between two of the points is a plane at right angles to what the data vary in.
            var (low, high) = (range.lowerBound, range.upperBound)
            while low < high {
                let point = Int(order[low])
                if rows.squaredDistance(point, left) < rows.squaredDistance(point, right) {
                    low += 1
                } else {
                    high -= 1
                    order.swapAt(low, high)
                }
            }
            // Equal points cannot be told apart; neither may a leaf's depth grow without end.
            let least = range.count / 16
            if low - range.lowerBound < least || range.upperBound - low < least {
                low = range.lowerBound + range.count / 2
            }
            open.append(low..<range.upperBound)
            open.append(range.lowerBound..<low)
        }
        self.order = order
        self.bounds = bounds
    }
}
