import ApusCore

/// One run of a greedy optimiser.
struct Greedy<Function: Objective> {
    private var function: Function
    private let original: Function
    private let wanted: Int
    private let optimizer: Optimizer
    private var budget: Budget
    private let stop: StopRule
    private var generator: SeededGenerator
    private let seed: UInt64
    private var isTaken: [Bool]
    private var picks: [Int] = []
    private var gains: [Double] = []
    private var evaluations = 0

    init(
        _ function: Function, count: Int, optimizer: Optimizer, constraint: Constraint, initial: [Int], stop: StopRule,
        seed: UInt64
    ) throws(CoresetError) {
        self.function = function
        wanted = count
        self.optimizer = optimizer
        self.stop = stop
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        budget = try Budget(constraint, elements: function.count)
        isTaken = [Bool](repeating: false, count: function.count)
        guard count >= 0 else {
            throw .invalidParameter(name: "count", value: "\(count)", expected: "0 or more")
        }
        if optimizer.needsSubmodularity, !function.isSubmodular {
            throw .notSubmodular(objective: function.name, optimizer: optimizer.name)
        }
        for element in initial {
            guard element >= 0, element < function.count else {
                throw .outOfRange(index: element, rows: function.count, what: "the initial element")
            }
            guard !isTaken[element] else { throw .duplicateIndex(element, what: "the initial set") }
            isTaken[element] = true
            self.function.add(element)
            budget.take(element)
        }
        guard count <= function.count - initial.count else {
            throw .tooMany(count: count, rows: function.count - initial.count)
        }
        original = self.function
    }

    mutating func run() throws(CoresetError) -> Selection {
        let stopReason: Selection.Stop
        switch optimizer {
        case .naive: stopReason = naive(rounds: wanted)
        case .lazy: stopReason = try lazy(beta: 1)
        case .twoStage(let first):
            let reason = naive(rounds: min(first, wanted))
            stopReason = reason == .count && picks.count < wanted ? try lazy(beta: 1) : reason
        case .approximateLazy(let beta): stopReason = try lazy(beta: beta)
        case .stochastic(let epsilon): stopReason = stochastic(epsilon)
        case .threshold(let epsilon): stopReason = threshold(epsilon)
        case .modular: stopReason = ranked(modularOrder())
        case .random:
            var order = Array(0..<function.count)
            generator.shuffle(&order)
            stopReason = ranked(order)
        case .bidirectional: stopReason = bidirectional()
        case .localSearch(let epsilon):
            let reason = function.isSubmodular ? try lazy(beta: 1) : naive(rounds: wanted)
            improve(epsilon)
            stopReason = reason
        }
        return Selection(
            picks: picks, gains: gains, value: function.value, stop: stopReason, evaluations: evaluations,
            objective: function.name, optimizer: optimizer.name, seed: seed, guarantee: guarantee)
    }

    /// The share of the optimum that theory promises for this run.
    private var guarantee: Double? {
        guard function.isMonotone, function.isSubmodular else { return nil }
        let greedy = 1 - 1 / Double.exp1
        switch (optimizer, budget.kind) {
        case (.naive, .none), (.lazy, .none), (.twoStage, .none), (.localSearch, .none): return greedy
        case (.naive, .partition), (.lazy, .partition), (.twoStage, .partition), (.localSearch, .partition):
            return 0.5
        case (.threshold(let epsilon), .none), (.stochastic(let epsilon), .none): return max(0, greedy - epsilon)
        case (.approximateLazy(let beta), .none): return 1 - Double.power(1 / .exp1, beta)
        default: return nil
        }
    }

    private mutating func take(_ element: Int, gain: Double) {
        function.add(element)
        isTaken[element] = true
        budget.take(element)
        picks.append(element)
        gains.append(gain)
    }

    private func stops(at gain: Double) -> Bool {
        switch stop {
        case .never: false
        case .zero: gain <= 0
        case .negative: gain < 0
        }
    }

    // MARK: All gains each round

    private mutating func naive(rounds: Int) -> Selection.Stop {
        var candidates: [Int] = []
        var found: [Double] = []
        for _ in 0..<rounds {
            candidates.removeAll(keepingCapacity: true)
            for element in 0..<function.count where !isTaken[element] && budget.allows(element) {
                candidates.append(element)
            }
            guard !candidates.isEmpty else { return .constraint }
            function.gains(of: candidates, into: &found)
            evaluations += candidates.count
            var best = 0
            var bestKey = budget.key(found[0], candidates[0])
            for index in candidates.indices.dropFirst() {
                let key = budget.key(found[index], candidates[index])
                if key > bestKey { (best, bestKey) = (index, key) }
            }
            if stops(at: found[best]) { return .gain }
            take(candidates[best], gain: found[best])
        }
        return .count
    }

    // MARK: Lazy

    /// Candidates wait in a heap under their latest gain, which bounds the present one. Those on top are computed anew,
    /// in batches that double within a round, until one that is up to date is on top.
    private mutating func lazy(beta: Double) throws(CoresetError) -> Selection.Stop {
        var heap = GainHeap(capacity: function.count)
        let bounds = function.upperBounds()
        for element in 0..<function.count where !isTaken[element] {
            heap.append(budget.key(bounds?[element] ?? .infinity, element), Int32(element))
        }
        heap.build()
        /// The round in which an element's gain was computed last, and that gain.
        var fresh = [Int32](repeating: -1, count: function.count)
        var latest = bounds ?? [Double](repeating: .infinity, count: function.count)
        var batch: [Int] = []
        var found: [Double] = []
        var usual = 1
        while picks.count < wanted {
            let round = Int32(truncatingIfNeeded: picks.count)
            var computed = 0
            var size = max(1, min(8, usual / 2))
            var chosen: Int?
            while let top = heap.top {
                let element = Int(top)
                if !budget.allows(element) {
                    heap.removeTop()
                    continue
                }
                if fresh[element] == round {
                    chosen = element
                    break
                }
                batch.removeAll(keepingCapacity: true)
                while batch.count < size, let next = heap.top, fresh[Int(next)] != round {
                    heap.removeTop()
                    if budget.allows(Int(next)) { batch.append(Int(next)) }
                }
                function.gains(of: batch, into: &found)
                evaluations += batch.count
                computed += batch.count
                for (index, element) in batch.enumerated() {
                    let gain = found[index]
                    if gain > latest[element] { try check(element, latest[element], gain) }
                    latest[element] = gain
                    fresh[element] = round
                    heap.push(budget.key(gain, element), Int32(element))
                }
                if beta < 1, let best = heap.best(where: { fresh[$0] == round }, among: batch),
                    let next = heap.topKey, best.key >= beta * next
                {
                    chosen = best.element
                    break
                }
                size = min(4096, max(size, computed))
            }
            usual = computed
            guard let chosen else { return .constraint }
            if stops(at: latest[chosen]) { return .gain }
            heap.remove(Int32(chosen))
            take(chosen, gain: latest[chosen])
        }
        return .count
    }

    private func check(_ element: Int, _ bound: Double, _ gain: Double) throws(CoresetError) {
        let tolerance = 1e-6 * max(abs(bound), abs(gain), 1e-300)
        if gain - bound > tolerance, gain - bound > 1e-9 * max(abs(gains.first ?? 0), abs(function.value)) {
            throw .submodularityViolated(element: element, bound: bound, gain: gain)
        }
    }

    // MARK: Samples and thresholds

    private mutating func stochastic(_ epsilon: Double) -> Selection.Stop {
        guard wanted > 0 else { return .count }
        let share = Double(function.count) / Double(wanted) * Double.naturalLog(1 / epsilon)
        let size = max(1, Int(share.rounded(.up)))
        var pool = (0..<function.count).filter { !isTaken[$0] }
        var sample: [Int] = []
        var found: [Double] = []
        while picks.count < wanted {
            pool.removeAll { !budget.allows($0) }
            guard !pool.isEmpty else { return .constraint }
            // The front of a partial shuffle is a uniform sample.
            let drawn = min(size, pool.count)
            for index in 0..<drawn { pool.swapAt(index, index + generator.below(pool.count - index)) }
            sample.removeAll(keepingCapacity: true)
            sample.append(contentsOf: pool[..<drawn])
            sample.sort()
            function.gains(of: sample, into: &found)
            evaluations += drawn
            var best = 0
            for index in sample.indices
            where budget.key(found[index], sample[index]) > budget.key(found[best], sample[best]) { best = index }
            if stops(at: found[best]) { return .gain }
            take(sample[best], gain: found[best])
            if let place = pool[..<drawn].firstIndex(of: sample[best]) {
                pool.swapAt(place, pool.count - 1)
                pool.removeLast()
            }
        }
        return .count
    }

    private mutating func threshold(_ epsilon: Double) -> Selection.Stop {
        var found: [Double] = []
        let all = (0..<function.count).filter { !isTaken[$0] }
        guard !all.isEmpty, wanted > 0 else { return wanted == 0 ? .count : .constraint }
        function.gains(of: all, into: &found)
        evaluations += all.count
        var bound = [Double](repeating: -.infinity, count: function.count)
        for (index, element) in all.enumerated() { bound[element] = budget.key(found[index], element) }
        let greatest = all.map { bound[$0] }.max() ?? 0
        var level = greatest
        let floor = greatest * epsilon / Double(max(1, function.count))
        while picks.count < wanted, level > floor, level > 0 {
            for element in all where picks.count < wanted && !isTaken[element] && bound[element] >= level {
                guard budget.allows(element) else { continue }
                let gain = function.gain(of: element)
                evaluations += 1
                bound[element] = budget.key(gain, element)
                if bound[element] >= level { take(element, gain: gain) }
            }
            level *= 1 - epsilon
        }
        // What is left adds next to nothing; the count is still owed.
        return picks.count < wanted ? naive(rounds: wanted - picks.count) : .count
    }

    // MARK: Orders

    private mutating func modularOrder() -> [Int] {
        let all = Array(0..<function.count)
        var found: [Double] = []
        function.gains(of: all, into: &found)
        evaluations += all.count
        return all.sorted {
            let (left, right) = (budget.key(found[$0], $0), budget.key(found[$1], $1))
            return left == right ? $0 < $1 : left > right
        }
    }

    private mutating func ranked(_ order: [Int]) -> Selection.Stop {
        for element in order where picks.count < wanted && !isTaken[element] && budget.allows(element) {
            let gain = function.gain(of: element)
            evaluations += 1
            take(element, gain: gain)
        }
        return picks.count < wanted ? .constraint : .count
    }

    // MARK: Both ends

    private mutating func bidirectional() -> Selection.Stop {
        let order = (0..<function.count).filter { !isTaken[$0] }
        var growing = original
        var kept: [Int] = []
        decide(order[...], others: original, &growing, &kept)
        let isKept = Set(kept)
        for element in order where !isKept.contains(element) { isTaken[element] = true }
        let reason = naive(rounds: min(wanted, kept.count))
        for element in order where !isKept.contains(element) { isTaken[element] = false }
        return reason == .count && picks.count < wanted && stop == .never
            ? naive(rounds: wanted - picks.count) : reason
    }

    /// Keeps or leaves out elements in turn. `others` holds what was kept before them and all that comes after.
    ///
    /// A set function has no removal here, so the shrinking set is built by halves: n·log n additions, not n².
    private mutating func decide(
        _ elements: ArraySlice<Int>, others: Function, _ growing: inout Function, _ kept: inout [Int]
    ) {
        guard let element = elements.first else { return }
        guard elements.count > 1 else {
            var others = others
            let a = max(0, growing.gain(of: element))
            let b = max(0, -others.gain(of: element))
            evaluations += 2
            if a + b == 0 || generator.unit() < a / (a + b) {
                growing.add(element)
                kept.append(element)
            }
            return
        }
        let middle = elements.startIndex + elements.count / 2
        let before = kept.count
        var left = others
        for other in elements[middle...] { left.add(other) }
        decide(elements[..<middle], others: left, &growing, &kept)
        var right = others
        for other in kept[before...] { right.add(other) }
        decide(elements[middle...], others: right, &growing, &kept)
    }

    // MARK: Swaps

    private mutating func improve(_ epsilon: Double) {
        guard case .none = budget.kind, !picks.isEmpty else { return }
        var improved = true
        // Each swap raises the value by a share ε at least, so this ends; the limit bounds unlucky objectives.
        var swaps = 0
        while improved, swaps < 10 * picks.count + 100 {
            improved = false
            for position in picks.indices {
                var without = original
                for (index, element) in picks.enumerated() where index != position { without.add(element) }
                let candidates = (0..<function.count).filter { !isTaken[$0] }
                guard !candidates.isEmpty else { return }
                var found: [Double] = []
                without.gains(of: candidates, into: &found)
                evaluations += candidates.count
                guard let best = found.indices.max(by: { found[$0] < found[$1] }) else { return }
                let value = without.value + found[best]
                if value > function.value + epsilon * abs(function.value) {
                    isTaken[picks[position]] = false
                    isTaken[candidates[best]] = true
                    picks[position] = candidates[best]
                    without.add(candidates[best])
                    function = without
                    swaps += 1
                    improved = true
                }
            }
        }
        // Gains in the order of the final picks.
        var replay = original
        gains = []
        for element in picks {
            gains.append(replay.gain(of: element))
            replay.add(element)
        }
        function = replay
    }
}
