/// A selector of the recent past: two summaries of half a window each, of which the older one goes when a half is full.
///
/// What is kept is of the last window, and of at least its latter half. Old points vanish within one window.
///
/// - Complexity: that of the selector; memory of two.
public struct SlidingSelector<Selector: StreamSelector>: StreamSelector {
    /// Points of a window.
    public let window: Int
    private let fresh: Selector
    private var previous: Selector?
    private var current: Selector
    /// Number of the first point that `current` saw, and `previous`.
    private var start = 0
    private var previousStart = 0

    /// - Parameter fresh: a selector that has seen nothing.
    /// - Throws: `CoresetError.invalidParameter`.
    public init(_ fresh: Selector, window: Int) throws(CoresetError) {
        guard window > 1, fresh.seen == 0 else {
            throw .invalidParameter(
                name: "the window, or what the selector has seen", value: "\(window), \(fresh.seen)",
                expected: "2 or more, and nothing")
        }
        self.fresh = fresh
        self.window = window
        current = fresh
    }

    public var dimensions: Int { fresh.dimensions }
    public var seen: Int { start + current.seen }
    /// Numbers of the kept points, the older summary's first.
    public var kept: [Int] {
        (previous.map { $0.kept.map { $0 + previousStart } } ?? []) + current.kept.map { $0 + start }
    }
    public var points: Matrix<Float> {
        guard let previous else { return current.points }
        let (old, new) = (previous.points, current.points)
        return Matrix(finite: old.storage + new.storage, rows: old.rows + new.rows, columns: dimensions)
    }

    /// Slots are those of the newer summary, behind the older one's.
    public mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision {
        if current.seen == (window + 1) / 2 {
            (previousStart, start) = (start, start + current.seen)
            previous = current
            current = fresh
        }
        let offset = previous?.kept.count ?? 0
        switch current.observe(point) {
        case .rejected: return .rejected
        case .added(let slot): return .added(slot: slot + offset)
        case .replaced(let slot, let evicted): return .replaced(slot: slot + offset, evicted: evicted + start)
        }
    }
}

/// Tells when arrivals no longer look like what is kept: their mean distance to the nearest kept point over a window is
/// above a multiple of its long-run mean.
public struct DriftDetector: Sendable, Hashable, Codable {
    public let window: Int
    public let factor: Double
    private var recent: [Double] = []
    private var next = 0
    private var sum = 0.0
    private var longSum = 0.0
    private var longCount = 0.0

    /// - Throws: `CoresetError.invalidParameter`.
    public init(window: Int = 200, factor: Double = 2) throws(CoresetError) {
        guard window > 0, factor > 1 else {
            throw .invalidParameter(
                name: "the window or the factor", value: "\(window), \(factor)", expected: "positive, and above 1")
        }
        self.window = window
        self.factor = factor
        recent.reserveCapacity(window)
    }

    /// Looks at an arrival's distance to the nearest kept point.
    ///
    /// - Returns: whether there is drift. The long-run mean then begins anew, from what comes next.
    /// - Complexity: O(1), no allocation after the first window.
    public mutating func observe(distance: Double) -> Bool {
        if recent.count < window {
            recent.append(distance)
            sum += distance
            return false
        }
        // What leaves the window joins the long run, so that the two do not overlap.
        longSum += recent[next]
        longCount += 1
        sum += distance - recent[next]
        recent[next] = distance
        next = next + 1 == window ? 0 : next + 1
        guard longCount >= Double(window), sum / Double(window) > factor * longSum / longCount else { return false }
        recent.removeAll(keepingCapacity: true)
        (next, sum, longSum, longCount) = (0, 0, 0, 0)
        return true
    }
}
