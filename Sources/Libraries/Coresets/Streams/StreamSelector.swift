/// What a stream's selector did with a point.
public enum StreamDecision: Sendable, Hashable {
    case rejected
    /// Kept, in a place that was free.
    case added(slot: Int)
    /// Kept instead of the point with the number `evicted`.
    case replaced(slot: Int, evicted: Int)
}

/// Chooses points as they arrive, in bounded memory. A point is seen once.
public protocol StreamSelector: Sendable {
    /// Numbers in a point.
    var dimensions: Int { get }
    /// Points seen.
    var seen: Int { get }
    /// Kept points by their numbers in the stream, in the order of their slots.
    var kept: [Int] { get }
    /// The kept points, in the same order.
    var points: Matrix<Float> { get }

    /// Looks at the next point.
    @discardableResult
    mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision
}

extension StreamSelector {
    /// As the other, for an array.
    @discardableResult
    public mutating func observe(_ point: [Float]) -> StreamDecision { point.withUnsafeBufferPointer { observe($0) } }

    /// Looks at the rows of a matrix in turn.
    public mutating func observe(rowsOf features: Matrix<Float>) {
        let columns = features.columns
        features.storage.withUnsafeBufferPointer { values in
            for row in 0..<features.rows {
                observe(UnsafeBufferPointer(rebasing: values[row * columns..<(row + 1) * columns]))
            }
        }
    }
}
