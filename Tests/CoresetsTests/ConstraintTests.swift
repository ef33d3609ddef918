import ApusCore
import Coresets
import Foundation
import Testing

@Suite("Costs, double greedy and Salsa") struct ConstraintTests {
    private static func coverage(_ generator: inout SeededGenerator, rows: Int) throws -> MaximumCoverage {
        let cells = (0..<rows * 12).map { _ in generator.below(4) == 0 ? Double(1 + generator.below(3)) : 0 }
        return try MaximumCoverage(SparseMatrix(Matrix(rows: rows, columns: 12, storage: cells)), threshold: 3)
    }

    @Test("with costs, the better ranking is at least ½(1 − 1/e) of the optimum; one alone can be as bad as one likes")
    func knapsack() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 80)
        for round in 0..<400 {
            let rows = 3 + generator.below(9)
            let objective = try Self.coverage(&generator, rows: rows)
            let costs = (0..<rows).map { _ in Double(1 + generator.below(9)) }
            let budget = Double(1 + generator.below(20))
            var optimum = 0.0
            for set in 0..<(1 << rows) {
                let members = (0..<rows).filter { set >> $0 & 1 == 1 }
                guard members.reduce(0.0, { $0 + costs[$1] }) <= budget else { continue }
                var one = objective
                for element in members { one.add(element) }
                optimum = max(optimum, one.value)
            }
            for optimizer in [Optimizer.naive, .lazy] {
                let better = try objective.maximize(
                    count: rows, using: optimizer, constraint: .knapsack(costs: costs, budget: budget))
                #expect(better.picks.reduce(0.0) { $0 + costs[$1] } <= budget, Replay.note(round))
                #expect(better.value >= (1 - 1 / 2.718281828459045) / 2 * optimum - 1e-9, Replay.note(round))
                let share = try #require(better.guarantee)
                #expect(abs(share - (1 - 1 / 2.718281828459045) / 2) < 1e-12)
                for ranking in [KnapsackRanking.ratio, .gain] {
                    let one = try objective.maximize(
                        count: rows, using: optimizer,
                        constraint: .knapsack(costs: costs, budget: budget, ranking: ranking))
                    #expect(one.value <= better.value && one.guarantee == nil, Replay.note(round))
                }
            }
        }
        // A trifle of cost 1 and gain 2 leaves no room for what costs all and is worth 100.
        let trap = try MaximumCoverage(
            SparseMatrix(try Matrix<Double>([[2, 0], [0, 100]])), threshold: 1000)
        let costs = [1.0, 100]
        let ratio = try trap.maximize(count: 2, constraint: .knapsack(costs: costs, budget: 100, ranking: .ratio))
        let better = try trap.maximize(count: 2, constraint: .knapsack(costs: costs, budget: 100))
        #expect(ratio.value == 2 && better.value == 100 && better.ranking == "gain")
    }

    @Test("double greedy by halves decides as it does element by element, and reaches half of the optimum on average")
    func bidirectional() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 81)
        var (reached, optima) = (0.0, 0.0)
        for round in 0..<200 {
            let rows = 2 + generator.below(9)
            let points = try Matrix(rows: rows, columns: 2, storage: (0..<rows * 2).map { _ in generator.unit() })
            let cut = try GraphCut(
                Similarities(points, metric: .gaussian(gamma: 3), storage: .stored), penalty: 1)
            let seed = UInt64(round)
            let selection = try cut.maximize(count: rows, using: .bidirectional, stopAt: .never, seed: seed)
            // As the definition has it: a growing set, and all elements but those left out.
            var draws = SeededGenerator(seed: seed)
            var kept: [Int] = []
            var left = Array(0..<rows)
            func gain(_ element: Int, _ set: [Int]) -> Double {
                var one = cut
                for other in set { one.add(other) }
                return one.gain(of: element)
            }
            for element in 0..<rows {
                let a = max(0, gain(element, kept))
                let b = max(0, -gain(element, left.filter { $0 != element }))
                if a + b == 0 || draws.unit() < a / (a + b) {
                    kept.append(element)
                } else {
                    left.removeAll { $0 == element }
                }
            }
            #expect(Set(selection.picks.prefix(kept.count)) == Set(kept), Replay.note(round))
            var optimum = 0.0
            for set in 0..<(1 << rows) {
                var one = cut
                for element in 0..<rows where set >> element & 1 == 1 { one.add(element) }
                optimum = max(optimum, one.value)
            }
            var own = cut
            for element in kept { own.add(element) }
            reached += own.value
            optima += optimum
        }
        #expect(reached >= 0.5 * optima)
    }

    @Test("Salsa reaches ½ − ε in any order, and in random order more than sieve-streaming++ on average")
    func salsa() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 82)
        let epsilon = 0.1
        var (ours, theirs, rounds) = (0.0, 0.0, 0)
        for round in 0..<60 {
            let rows = 6 + generator.below(7)
            let size = 2 + generator.below(3)
            let points = try Matrix(
                rows: rows, columns: 2, storage: (0..<rows * 2).map { _ in Float(generator.unit()) })
            let similarities = try Similarities(points, metric: .gaussian(gamma: 4), storage: .stored)
            let optimum = try ExhaustiveSearch.maximum(of: FacilityLocation(similarities), size: size).value
            let empty = try StreamFacilityLocation(reference: points, metric: .gaussian(gamma: 4))
            for order in 0..<12 {
                var shuffled = Array(0..<rows)
                // The first orders are by value, rising and falling: the worst for thresholds.
                let alone = (0..<rows).map { row in
                    var one = empty
                    return Array(points[row: row]).withUnsafeBufferPointer { one.gain(of: $0) }
                }
                switch order {
                case 0: shuffled.sort { alone[$0] < alone[$1] }
                case 1: shuffled.sort { alone[$0] > alone[$1] }
                default: generator.shuffle(&shuffled)
                }
                var salsa = try SalsaStreaming(empty, count: size, length: rows, epsilon: epsilon)
                var sieve = try SieveStreaming(empty, count: size, epsilon: epsilon)
                for row in shuffled {
                    salsa.observe(Array(points[row: row]))
                    sieve.observe(Array(points[row: row]))
                }
                let note = Comment(rawValue: "order \(order), \(Replay.note(round))")
                #expect(salsa.value >= (0.5 - epsilon) * optimum - 1e-4, note)
                #expect(salsa.kept.count <= size && salsa.points.rows == salsa.kept.count, note)
                #expect(Double(salsa.mostStored) <= 5 * Double(size) * (log(2 * Double(size)) / epsilon + 4), note)
                if order > 1 {
                    ours += salsa.value / optimum
                    theirs += sieve.value / optimum
                    rounds += 1
                }
            }
        }
        #expect(ours > theirs, "Salsa \(ours / Double(rounds)), sieve-streaming++ \(theirs / Double(rounds))")
        #expect(throws: CoresetError.self) {
            try SalsaStreaming(
                StreamLogDeterminant(capacity: 2, dimensions: 1, gamma: 1), count: 2, length: 0)
        }
    }
}
