/// A set function together with the set chosen so far.
///
/// A value: a copy is a snapshot. Conformers keep what makes `gain` cheap and update it in `add`.
///
/// ```swift
/// struct Covered: Objective { … }                    // one's own
/// let selection = try Covered(…).maximize(count: 10, using: .lazy())
/// ```
public protocol Objective: Sendable {
    /// The objective's name in reports and errors.
    var name: String { get }
    /// Elements that can be chosen, numbered from 0.
    var count: Int { get }
    /// Whether f(S ∪ {e}) ≥ f(S) for every S and e.
    var isMonotone: Bool { get }
    /// Whether gains never rise as S grows. Lazy optimisers need it.
    var isSubmodular: Bool { get }
    /// f of the set chosen so far.
    var value: Double { get }

    /// f(S ∪ {e}) − f(S) for an element that is not in S.
    mutating func gain(of element: Int) -> Double
    /// Puts an element into S.
    mutating func add(_ element: Int)

    /// The gains of several elements, in their order. The default asks for each.
    mutating func gains(of elements: [Int], into gains: inout [Double])
    /// For each element a number that its gain does not exceed now, where that is cheaper to have than the gains.
    mutating func upperBounds() -> [Double]?
    /// Bytes held beyond the input.
    var memory: Int { get }
}

extension Objective {
    public var isMonotone: Bool { true }
    public var isSubmodular: Bool { true }
    public var memory: Int { 0 }

    public mutating func gains(of elements: [Int], into gains: inout [Double]) {
        gains.removeAll(keepingCapacity: true)
        for element in elements { gains.append(gain(of: element)) }
    }

    public mutating func upperBounds() -> [Double]? { nil }
}
