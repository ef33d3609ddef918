import Glibc

/// Submodular maximisation on a stream by thresholds: a set is built for each guess of the optimum at once.
///
/// - `sieve`: a point joins the set of guess v if its gain is at least (v/2 − f(S))/(k − |S|); ½ − ε of the optimum;
///   Badanidiyuru et al. 2014.
/// - `plusPlus`: a point joins the set of threshold τ if its gain is at least τ; thresholds below what a set already
///   reaches are dropped, which leaves O(k/ε) stored points; ½ − ε; Kazemi et al. 2019.
public struct SieveStreaming<Function: StreamObjective>: StreamSelector {
    public enum Rule: String, Sendable, CaseIterable { case sieve, plusPlus }

    private struct Sieve {
        /// Exponent of 1 + ε, and the guess itself.
        let level: Int
        let guess: Double
        var function: Function
        var numbers: [Int] = []
    }

    public let count: Int
    public let epsilon: Double
    public let rule: Rule
    public private(set) var seen = 0
    private let empty: Function
    private var single: Function
    private var sieves: [Sieve] = []
    private var greatestSingle = 0.0
    private var reached = 0.0
    /// Gains computed.
    public private(set) var evaluations = 0
    /// The most points that all sets together have held.
    public private(set) var mostStored = 0

    /// - Parameters:
    ///   - empty: the objective with nothing taken.
    ///   - count: k.
    ///   - epsilon: how finely the optimum is guessed; between 0 and 1.
    /// - Throws: `CoresetError.invalidParameter`.
    public init(_ empty: Function, count: Int, epsilon: Double = 0.1, rule: Rule = .plusPlus) throws(CoresetError) {
        guard epsilon > 0, epsilon < 1 else {
            throw .invalidParameter(name: "ε", value: "\(epsilon)", expected: "between 0 and 1")
        }
        guard count > 0 else { throw .invalidParameter(name: "the count", value: "\(count)", expected: "positive") }
        self.empty = empty
        single = empty
        self.count = count
        self.epsilon = epsilon
        self.rule = rule
    }

    private var best: Sieve? { sieves.max { $0.function.value < $1.function.value } }
    public var dimensions: Int { empty.dimensions }
    /// The best value that a set has.
    public var value: Double { best?.function.value ?? 0 }
    public var kept: [Int] { best?.numbers ?? [] }
    public var points: Matrix<Float> { best?.function.points ?? empty.points }
    /// Sets that are kept at the moment.
    public var guesses: Int { sieves.count }

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
        for index in sieves.indices where sieves[index].function.count < count {
            let guess = sieves[index].guess
            let left = Double(count - sieves[index].function.count)
            let needed = rule == .sieve ? (guess / 2 - sieves[index].function.value) / left : guess
            // No gain is more than that of a point alone.
            guard alone >= needed else { continue }
            let gain = sieves[index].function.gain(of: point, atLeast: needed)
            evaluations += 1
            guard gain >= needed, gain > 0 else { continue }
            sieves[index].function.add(point)
            sieves[index].numbers.append(seen)
            decision = .added(slot: sieves[index].numbers.count - 1)
            if sieves[index].function.value > reached {
                reached = sieves[index].function.value
                hasGrown = true
            }
        }
        if decision != .rejected { mostStored = max(mostStored, sieves.reduce(0) { $0 + $1.numbers.count }) }
        if hasGrown, rule == .plusPlus { makeGuesses() }
        return decision
    }

    /// Guesses that the optimum still allows: v from M to 2kM, τ from max(M, LB)/2k to M. New ones start empty: what
    /// they missed was worth less than they ask for.
    private mutating func makeGuesses() {
        guard greatestSingle > 0 else { return }
        let (low, high) =
            rule == .sieve
            ? (greatestSingle, 2 * Double(count) * greatestSingle)
            : (max(greatestSingle, reached) / (2 * Double(count)), greatestSingle)
        let base = log(1 + epsilon)
        let first = Int((log(low) / base).rounded(.down))
        let last = Int((log(high) / base).rounded(.up))
        // The best set stays even where its guess has been passed.
        let bestLevel = best?.level
        sieves.removeAll { $0.level < first && $0.level != bestLevel }
        let present = Set(sieves.map(\.level))
        for level in first...max(first, last) where !present.contains(level) {
            sieves.append(Sieve(level: level, guess: pow(1 + epsilon, Double(level)), function: empty))
        }
        sieves.sort { $0.level < $1.level }
    }
}

/// One set and one falling threshold: what comes often enough is not waited for in vain.
///
/// Begins with the greatest guess v; after `patience` rejections in a row the next smaller one is taken. A point joins if
/// its gain is at least (v − f(S))/(k − |S|): half of that, as sieves ask for that must not miss, fills the set with the
/// first points that are half good, for guesses are tried from above here. Good with high probability on streams in random order; no worst-case bound. O(k) points, one gain a point.
///
/// - Source: Buschjäger, Honysz, Pfahler & Morik 2021.
public struct ThreeSieves<Function: StreamObjective>: StreamSelector {
    public let count: Int
    public let epsilon: Double
    public let patience: Int
    public private(set) var seen = 0
    public private(set) var kept: [Int] = []
    private var function: Function
    private var guess: Double
    private let floor: Double
    private var rejected = 0

    /// - Parameter greatestGain: what a single point can be worth at most.
    /// - Throws: `CoresetError.invalidParameter`.
    public init(
        _ empty: Function, count: Int, greatestGain: Double, epsilon: Double = 0.1, patience: Int = 1000
    ) throws(CoresetError) {
        guard epsilon > 0, epsilon < 1, greatestGain > 0, count > 0, patience > 0 else {
            throw .invalidParameter(
                name: "one of ε, the greatest gain, count and patience",
                value: "\(epsilon), \(greatestGain), \(count), \(patience)", expected: "positive, ε below 1")
        }
        function = empty
        self.count = count
        self.epsilon = epsilon
        self.patience = patience
        guess = greatestGain * Double(count)
        floor = greatestGain
    }

    public var dimensions: Int { function.dimensions }
    public var value: Double { function.value }
    public var points: Matrix<Float> { function.points }

    @_specialize(where Function == StreamLogDeterminant)
    @_specialize(where Function == StreamFacilityLocation)
    public mutating func observe(_ point: UnsafeBufferPointer<Float>) -> StreamDecision {
        defer { seen += 1 }
        guard function.count < count else { return .rejected }
        let needed = (guess - function.value) / Double(count - function.count)
        let gain = function.gain(of: point, atLeast: needed)
        if gain > 0, gain >= needed {
            function.add(point)
            kept.append(seen)
            rejected = 0
            return .added(slot: kept.count - 1)
        }
        rejected += 1
        if rejected >= patience, guess > floor {
            guess /= 1 + epsilon
            rejected = 0
        }
        return .rejected
    }
}
