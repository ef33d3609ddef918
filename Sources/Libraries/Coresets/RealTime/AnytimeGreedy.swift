import ApusCore
import Glibc

/// Greedy selection that can be stopped at any time and tells what it is worth.
///
/// Each round looks at candidates in random order, for as long as the caller lets it, and takes the best of them; one
/// whose gain was once too small is passed over. A round that saw a random R of n candidates raises the expected value by
/// at least (1 − e^(−R·k/n))/k of what the optimum is above it, so the bound of all rounds is 1 − Πⱼ(1 − (1 − e^(−Rⱼ·k/n))/k)
/// of the optimum: 1 − 1/e when every round saw all.
///
/// Pure: it knows no clock.
///
/// - Source: Mirzasoleiman et al. 2015 for a round's bound, here with a sample of its own in each round.
public struct AnytimeGreedy<Function: Objective>: Sendable {
    public let count: Int
    private var function: Function
    /// Candidates that are not taken; those of the present round's sample come first.
    private var pool: [Int]
    private var bounds: [Double]
    private var generator: SeededGenerator
    /// Candidates of the round that have been looked at, and those that a gain was computed for.
    private var seen = 0
    private var best: (place: Int, gain: Double)?
    private var batch: [Int] = []
    private var found: [Double] = []
    /// Π of the bound.
    private var missing = 1.0
    public private(set) var picks: [Int] = []
    public private(set) var gains: [Double] = []
    public private(set) var evaluations = 0

    /// - Parameters:
    ///   - count: picks to make; fewer where there are not so many candidates.
    ///   - initial: elements of the objective that are in the set already and are no candidates.
    /// - Throws: `CoresetError.notSubmodular`, `.outOfRange`, `.invalidParameter`.
    public init(_ function: Function, count: Int, initial: [Int] = [], seed: UInt64 = 0)
        throws(CoresetError)
    {
        guard count >= 0 else {
            throw .invalidParameter(name: "count", value: "\(count)", expected: "0 or more")
        }
        guard function.isSubmodular else {
            throw .notSubmodular(objective: function.name, optimizer: "anytime")
        }
        self.function = function
        var isCandidate = [Bool](repeating: true, count: function.count)
        for element in initial {
            guard isCandidate.indices.contains(element) else {
                throw .outOfRange(index: element, rows: function.count, what: "the initial element")
            }
            isCandidate[element] = false
            self.function.add(element)
        }
        pool = (0..<function.count).filter { isCandidate[$0] }
        self.count = min(count, pool.count)
        bounds = [Double](repeating: .infinity, count: function.count)
        generator = SeededGenerator(seed: seed)
    }

    /// Whether all picks are made.
    public var isComplete: Bool { picks.count == count }
    /// Whether the present round has seen every candidate.
    public var hasSeenAll: Bool { seen == pool.count }
    public var value: Double { function.value }

    /// The share of the optimum that the picks, filled up or not, have in expectation at least; for monotone objectives.
    public var guarantee: Double { count == 0 ? 1 : 1 - missing }

    /// Whether an element's last gain, which bounds its present one, leaves it a chance in this round.
    private func canWin(_ element: Int) -> Bool {
        guard let best else { return true }
        return bounds[element] > best.gain || (bounds[element] == best.gain && element < pool[best.place])
    }

    /// Looks at more candidates until gains of `most` have been computed or all have been seen.
    ///
    /// - Returns: gains computed.
    @discardableResult
    public mutating func look(_ most: Int) -> Int {
        guard !isComplete else { return 0 }
        batch.removeAll(keepingCapacity: true)
        let first = seen
        while seen < pool.count, batch.count < most {
            pool.swapAt(seen, seen + generator.below(pool.count - seen))
            if canWin(pool[seen]) { batch.append(pool[seen]) }
            seen += 1
        }
        guard !batch.isEmpty else { return 0 }
        function.gains(of: batch, into: &found)
        evaluations += batch.count
        var next = 0
        for place in first..<seen where next < batch.count && pool[place] == batch[next] {
            let gain = found[next]
            bounds[pool[place]] = gain
            if best == nil || gain > best?.gain ?? 0
                || (gain == best?.gain && pool[place] < pool[best?.place ?? 0])
            {
                best = (place, gain)
            }
            next += 1
        }
        return batch.count
    }

    /// Ends the round: the best candidate that it saw becomes a pick.
    public mutating func take() {
        guard !isComplete, seen > 0 else { return }
        // Where no gain is a number above −∞ any candidate is as good.
        let best = best ?? (place: 0, gain: bounds[pool[0]])
        let k = Double(count)
        let share = seen == pool.count ? 1 : 1 - exp(-Double(seen) * k / Double(pool.count))
        missing *= 1 - share / k
        let element = pool[best.place]
        function.add(element)
        picks.append(element)
        gains.append(best.gain)
        pool.swapAt(best.place, pool.count - 1)
        pool.removeLast()
        self.best = nil
        seen = 0
    }

    /// The picks, and what is missing to `count` filled up at no cost: with the best candidate of the round that was not
    /// ended, and then at random. The greatest of outdated gains would do worse, for they are alike.
    public var filled: [Int] {
        guard !isComplete else { return picks }
        var result = picks
        var rest = pool
        if let best {
            result.append(rest[best.place])
            rest.swapAt(best.place, rest.count - 1)
            rest.removeLast()
        }
        var generator = generator
        for index in 0..<count - result.count {
            rest.swapAt(index, index + generator.below(rest.count - index))
            result.append(rest[index])
        }
        return result
    }

    /// Goes on until all picks are made or time is up. Each round gets an equal share of what is left.
    ///
    /// - Parameters:
    ///   - deadline: in the unit and from the origin of `now`.
    ///   - unit: gains computed between two looks at the clock.
    public mutating func run(until deadline: Double, unit: Int = 8, now: () -> Double) {
        while !isComplete {
            let start = now()
            guard start < deadline else { return }
            let end = start + (deadline - start) / Double(count - picks.count)
            repeat { look(unit) } while !hasSeenAll && now() < end
            take()
        }
    }
}
