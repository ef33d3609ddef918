/// A weighted sum of objectives over the same elements, each with its own input.
public struct Mixture: Objective {
    private var parts: [any Objective]
    private let weights: [Double]
    private var scratch: [Double] = []

    /// - Throws: `CoresetError.dimensions` where parts have different elements, `.invalidParameter` for negative
    ///   weights.
    public init(_ parts: [(weight: Double, objective: any Objective)]) throws(CoresetError) {
        guard let first = parts.first else {
            throw .invalidParameter(name: "a mixture", value: "empty", expected: "at least one objective")
        }
        for part in parts {
            guard part.objective.count == first.objective.count else {
                throw .dimensions(
                    expected: first.objective.count, found: part.objective.count,
                    what: "elements of \(part.objective.name) in the mixture")
            }
            guard part.weight >= 0, part.weight.isFinite else {
                throw .invalidParameter(
                    name: "the weight of \(part.objective.name)", value: "\(part.weight)", expected: "0 or more")
            }
        }
        self.parts = parts.map(\.objective)
        weights = parts.map(\.weight)
    }

    public var name: String { "mixture of " + parts.map(\.name).joined(separator: ", ") }
    public var count: Int { parts[0].count }
    public var isMonotone: Bool { parts.allSatisfy(\.isMonotone) }
    public var isSubmodular: Bool { parts.allSatisfy(\.isSubmodular) }
    public var value: Double { zip(weights, parts).reduce(0) { $0 + $1.0 * $1.1.value } }
    public var memory: Int { parts.reduce(0) { $0 + $1.memory } }

    public mutating func gain(of element: Int) -> Double {
        var sum = 0.0
        for index in parts.indices { sum += weights[index] * parts[index].gain(of: element) }
        return sum
    }

    public mutating func gains(of elements: [Int], into gains: inout [Double]) {
        gains = [Double](repeating: 0, count: elements.count)
        for index in parts.indices {
            parts[index].gains(of: elements, into: &scratch)
            for place in gains.indices { gains[place] += weights[index] * scratch[place] }
        }
    }

    public mutating func add(_ element: Int) {
        for index in parts.indices { parts[index].add(element) }
    }
}
