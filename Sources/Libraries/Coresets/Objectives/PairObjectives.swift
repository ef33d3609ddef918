/// Graph cut: λ_r·Σ_u Σ_{j∈S} s(u, j) − λ_p·Σ_{i,j∈S} s(i, j), over ordered pairs with i = j among them.
///
/// Not monotone where the penalty outweighs; submodular for s ≥ 0. Represented points are the candidates themselves.
public struct GraphCut: Objective {
    private let similarities: Similarities
    private let representation: Double
    private let penalty: Double
    private let totals: [Double]
    private let diagonal: [Double]
    private var toChosen: [Double]
    public private(set) var value = 0.0

    /// - Parameters:
    ///   - representation: λ_r; apricot's alpha (with `penalty` 1).
    ///   - penalty: λ_p; submodlib's lambda (with `representation` 1).
    /// - Throws: `CoresetError.dimensions` where candidates and represented points differ in number.
    /// - Complexity: O(n) rows at the start, O(1) a gain, a row an addition.
    public init(_ similarities: Similarities, representation: Double = 1, penalty: Double = 1) throws(CoresetError) {
        guard similarities.count == similarities.represented else {
            throw .dimensions(
                expected: similarities.count, found: similarities.represented, what: "represented points of a graph cut"
            )
        }
        self.similarities = similarities
        self.representation = representation
        self.penalty = penalty
        let (totals, diagonal) = similarities.totals()
        self.totals = totals
        self.diagonal = diagonal
        toChosen = [Double](repeating: 0, count: similarities.count)
    }

    public var name: String { "graph-cut" }
    public var count: Int { similarities.count }
    public var isMonotone: Bool { penalty == 0 }
    public var memory: Int { similarities.memory + 24 * count }

    public mutating func gain(of element: Int) -> Double {
        representation * totals[element] - penalty * (2 * toChosen[element] + diagonal[element])
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        var row: [Double] = []
        similarities.row(element, into: &row)
        for other in 0..<count { toChosen[other] += row[other] }
    }
}

/// Minus the redundancy of the chosen: −Σ_{i,j∈S} s(i, j), over ordered pairs with i = j among them.
public struct SumRedundancy: Objective {
    private var cut: GraphCut

    /// - Throws: as `GraphCut.init`.
    public init(_ similarities: Similarities) throws(CoresetError) {
        cut = try GraphCut(similarities, representation: 0, penalty: 1)
    }

    public var name: String { "sum-redundancy" }
    public var count: Int { cut.count }
    public var isMonotone: Bool { false }
    public var value: Double { cut.value }
    public mutating func gain(of element: Int) -> Double { cut.gain(of: element) }
    public mutating func add(_ element: Int) { cut.add(element) }
}

/// Saturated coverage: Σ_u min(Σ_{j∈S} s(u, j), α·Σ_{j∈V} s(u, j)); Lin & Bilmes 2011.
public struct SaturatedCoverage: Objective {
    private let similarities: Similarities
    private var covered: [Double]
    private let caps: [Double]
    private var row: [Double] = []
    public private(set) var value = 0.0

    /// - Parameter saturation: α, the share of all similarity that is enough for a point.
    /// - Complexity: O(n) rows at the start, a row a gain.
    public init(_ similarities: Similarities, saturation: Double) throws(CoresetError) {
        guard saturation > 0, saturation <= 1 else {
            throw .invalidParameter(name: "the saturation", value: "\(saturation)", expected: "above 0 and at most 1")
        }
        self.similarities = similarities
        covered = [Double](repeating: 0, count: similarities.represented)
        var caps = covered
        var row: [Double] = []
        for element in 0..<similarities.count {
            similarities.row(element, into: &row)
            for point in 0..<caps.count { caps[point] += row[point] }
        }
        self.caps = caps.map { $0 * saturation }
    }

    public var name: String { "saturated-coverage" }
    public var count: Int { similarities.count }
    public var memory: Int { similarities.memory + 16 * caps.count }

    public mutating func gain(of element: Int) -> Double {
        similarities.row(element, into: &row)
        var sum = 0.0
        for point in 0..<row.count where covered[point] < caps[point] {
            sum += min(covered[point] + row[point], caps[point]) - covered[point]
        }
        return sum
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        for point in 0..<row.count { covered[point] = min(covered[point] + row[point], caps[point]) }
    }
}

/// The sum of pairwise distances of the chosen, over unordered pairs: remote-clique. Supermodular; greedy is within a
/// factor 2 for metrics.
public struct DisparitySum: Objective {
    private let distances: Distances
    private var toChosen: [Double]
    private var row: [Double] = []
    public private(set) var value = 0.0

    public init(_ distances: Distances) {
        self.distances = distances
        toChosen = [Double](repeating: 0, count: distances.count)
    }

    public var name: String { "remote-clique" }
    public var count: Int { distances.count }
    public var isSubmodular: Bool { false }
    public mutating func gain(of element: Int) -> Double { toChosen[element] }

    public mutating func add(_ element: Int) {
        value += toChosen[element]
        distances.row(element, into: &row)
        for other in 0..<count { toChosen[other] += row[other] }
    }
}

/// The least pairwise distance of the chosen: remote-edge. Greedy on it is GMM; not submodular.
public struct DisparityMin: Objective {
    private let distances: Distances
    private var near: [Double]
    private var chosen = 0
    private var row: [Double] = []
    public private(set) var value = 0.0

    public init(_ distances: Distances) {
        self.distances = distances
        near = [Double](repeating: .infinity, count: distances.count)
    }

    public var name: String { "remote-edge" }
    public var count: Int { distances.count }
    public var isMonotone: Bool { false }
    public var isSubmodular: Bool { false }

    /// Of one element the value is 0; of two it is their distance.
    public mutating func gain(of element: Int) -> Double {
        switch chosen {
        case 0: 0
        case 1: near[element]
        default: min(value, near[element]) - value
        }
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        chosen += 1
        distances.row(element, into: &row)
        for other in 0..<count { near[other] = min(near[other], row[other]) }
    }
}
