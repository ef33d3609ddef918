import Glibc

/// What a constraint leaves to choose from.
struct Budget {
    enum Kind { case none, partition, knapsack }

    let kind: Kind
    private let classes: [Int]
    private var quotas: [Int]
    private let costs: [Double]
    private let isByGain: Bool
    private var left: Double

    init(_ constraint: Constraint, elements: Int) throws(CoresetError) {
        isByGain = if case .knapsack(_, _, .gain) = constraint { true } else { false }
        switch constraint {
        case .none: (kind, classes, quotas, costs, left) = (.none, [], [], [], 0)
        case .partition(let classes, let quotas):
            guard classes.count == elements else {
                throw .dimensions(expected: elements, found: classes.count, what: "classes of the partition")
            }
            for (element, name) in classes.enumerated() where name < 0 || name >= quotas.count {
                throw .outOfRange(index: name, rows: quotas.count, what: "the class of element \(element),")
            }
            for (name, quota) in quotas.enumerated() where quota < 0 {
                throw .invalidParameter(name: "the quota of class \(name)", value: "\(quota)", expected: "0 or more")
            }
            (kind, self.classes, self.quotas, costs, left) = (.partition, classes, quotas, [], 0)
        case .knapsack(let costs, let budget, _):
            guard costs.count == elements else {
                throw .dimensions(expected: elements, found: costs.count, what: "costs of the knapsack")
            }
            for (element, cost) in costs.enumerated() where !(cost > 0 && cost.isFinite) {
                throw .invalidParameter(
                    name: "the cost of element \(element)", value: "\(cost)", expected: "a positive number")
            }
            guard budget >= 0, !budget.isNaN else {
                throw .invalidParameter(name: "the budget", value: "\(budget)", expected: "0 or more")
            }
            (kind, classes, quotas, self.costs, left) = (.knapsack, [], [], costs, budget)
        }
    }

    /// Whether an element may be added. Once false it stays so.
    @inline(__always)
    func allows(_ element: Int) -> Bool {
        switch kind {
        case .none: true
        case .partition: quotas[classes[element]] > 0
        case .knapsack: costs[element] <= left
        }
    }

    /// What elements are ranked by.
    @inline(__always)
    func key(_ gain: Double, _ element: Int) -> Double {
        kind == .knapsack && !isByGain ? gain / costs[element] : gain
    }

    mutating func take(_ element: Int) {
        switch kind {
        case .none: break
        case .partition: quotas[classes[element]] -= 1
        case .knapsack: left -= costs[element]
        }
    }
}

extension Double {
    static let exp1 = 2.718281828459045
    static func naturalLog(_ x: Double) -> Double { log(x) }
    static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}
