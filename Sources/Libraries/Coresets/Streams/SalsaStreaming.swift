import Glibc

/// Submodular maximisation on a stream by several rules of acceptance at once, in the manner of Salsa.
///
/// For each guess v of the optimum, sets are built by thresholds on the gain: v/2k, which alone reaches ½ − ε of the
/// optimum whatever the order; (v/2 − f(S))/(k − |S|) as sieve-streaming; and those that do better where the order is
/// random: (½ + ⅙)·v/k; high for the first tenth of the stream and a little lower after; ten times v/k for the first four
/// fifths and then a fifth of it. The best set is the result, so it is never below ½ − ε.
///
/// - Complexity: O(log(k)/ε) gains a point and sets of k points, five times those of sieve-streaming.
/// - Source: Norouzi-Fard et al. 2018 for the rules, Badanidiyuru et al. 2014 for the guesses.
public struct SalsaStreaming<Function: StreamObjective>: StreamSelector {
    private enum Rule: CaseIterable { case half, sieve, fixed, highLow, dense }

    private struct Set: Sendable {
        let level: Int
        let rule: Rule
        var function: Function
        var numbers: [Int] = []
    }

    public let count: Int
    public let epsilon: Double
    /// Points that the stream is expected to have; what comes after counts as its end.
    public let length: Int
    public private(set) var seen = 0
    private let empty: Function
    private var single: Function
    private var sets: [Set] = []
    private var greatestSingle = 0.0
    private var reached = 0.0
    private var best: Set?
    /// Gains computed.
    public private(set) var evaluations = 0
    /// The most points that all sets together have held.
    public private(set) var mostStored = 0

    /// - Throws: `CoresetError.invalidParameter`.
    public init(_ empty: Function, count: Int, length: Int, epsilon: Double = 0.1) throws(CoresetError) {
        guard epsilon > 0, epsilon < 1, count > 0, length > 0 else {
            throw .invalidParameter(
                name: "one of ε, count and length", value: "\(epsilon), \(count), \(length)",
                expected: "positive, ε below 1")
        }
        self.empty = empty
        single = empty
        self.count = count
        self.length = length
        self.epsilon = epsilon
    }

    public var dimensions: Int { empty.dimensions }
    /// The best value that a set has.
    public var value: Double { best?.function.value ?? 0 }
    public var kept: [Int] { best?.numbers ?? [] }
    public var points: Matrix<Float> { best?.function.points ?? empty.points }

    @_specialize(where Function == StreamLogDeterminant)
    @_specialize(where Function == StreamFacilityLocation)
    public mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision {
        defer { seen += 1 }
        let alone = single.gain(of: point)
        evaluations += 1
        if alone > greatestSingle {
            greatestSingle = alone
            makeGuesses()
        }
        var decision = StreamDecision.rejected
        var hasGrown = false
        for index in sets.indices where sets[index].function.count < count {
            let needed = threshold(sets[index])
            guard alone >= needed else { continue }
            let gain = sets[index].function.gain(of: point, atLeast: needed)
            evaluations += 1
            guard gain > 0, gain >= needed else { continue }
            sets[index].function.add(point)
            sets[index].numbers.append(seen)
            decision = .added(slot: sets[index].numbers.count - 1)
            if sets[index].function.value > reached {
                reached = sets[index].function.value
                best = sets[index]
                hasGrown = true
            }
        }
        if decision != .rejected { mostStored = max(mostStored, sets.reduce(0) { $0 + $1.numbers.count }) }
        if hasGrown { makeGuesses() }
        return decision
    }

    private func threshold(_ set: Set) -> Double {
        let guess = pow(1 + epsilon, Double(set.level))
        let share = guess / Double(count)
        let passed = Double(seen) / Double(length)
        return switch set.rule {
        case .half: share / 2
        case .sieve: (guess / 2 - set.function.value) / Double(count - set.function.count)
        case .fixed: share * (0.5 + 1.0 / 6)
        case .highLow: passed <= 0.1 ? share * 0.525 : share * (0.5 - 0.1 * 0.025 / 0.9)
        case .dense: passed <= 0.8 ? share * 10 : share * 0.2
        }
    }

    /// Guesses that the optimum still allows: from what is reached to 2kM, M the greatest single value. New sets start
    /// empty: what they missed was worth less than v/2k.
    private mutating func makeGuesses() {
        guard greatestSingle > 0 else { return }
        let base = log(1 + epsilon)
        let first = Int((log(max(greatestSingle, reached)) / base).rounded(.down))
        let last = max(first, Int((log(2 * Double(count) * greatestSingle) / base).rounded(.up)))
        sets.removeAll { $0.level < first }
        var present = [Bool](repeating: false, count: last - first + 1)
        for set in sets where set.level <= last { present[set.level - first] = true }
        for level in first...last where !present[level - first] {
            for rule in Rule.allCases { sets.append(Set(level: level, rule: rule, function: empty)) }
        }
    }
}
