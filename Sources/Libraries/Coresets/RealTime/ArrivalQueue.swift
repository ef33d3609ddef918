/// A bounded queue of what has arrived and not been worked on, and what happens when it is full.
public struct ArrivalQueue<Element: Sendable>: Sendable {
    public enum Policy: String, Sendable, CaseIterable, Codable {
        /// What arrives waits at the source.
        case block
        /// What arrives is lost.
        case dropNewest = "drop-newest"
        /// What has waited longest is lost.
        case dropOldest = "drop-oldest"
    }

    public struct Arrival: Sendable {
        public var element: Element
        public var time: Double
    }

    public let limit: Int
    public let policy: Policy
    /// Lost so far.
    public private(set) var dropped = 0
    private var waiting: [Arrival] = []

    /// - Throws: `CoresetError.invalidParameter`.
    public init(limit: Int, policy: Policy) throws(CoresetError) {
        guard limit > 0 else {
            throw .invalidParameter(name: "the queue's limit", value: "\(limit)", expected: "positive")
        }
        self.limit = limit
        self.policy = policy
        waiting.reserveCapacity(limit)
    }

    public var count: Int { waiting.count }

    /// Takes an arrival in.
    ///
    /// - Returns: false where the source must keep it and try again.
    public mutating func arrive(_ element: Element, at time: Double) -> Bool {
        if waiting.count == limit {
            switch policy {
            case .block: return false
            case .dropNewest:
                dropped += 1
                return true
            case .dropOldest:
                waiting.removeFirst()
                dropped += 1
            }
        }
        waiting.append(Arrival(element: element, time: time))
        return true
    }

    /// What has waited longest.
    public mutating func next() -> Arrival? { waiting.isEmpty ? nil : waiting.removeFirst() }
}
