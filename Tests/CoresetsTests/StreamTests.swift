import ApusCore
import Coresets
import Testing

@Suite("Selection on streams") struct StreamTests {
    static func stream(_ generator: inout SeededGenerator, rows: Int, columns: Int) throws -> Matrix<Float> {
        // Clusters of very different sizes, duplicates among the points.
        let centres = (0..<6).map { _ in (0..<columns).map { _ in Float(generator.unit() * 20) } }
        var storage: [Float] = []
        for _ in 0..<rows {
            let centre = centres[generator.below(generator.below(6) + 1)]
            let spread = generator.below(4) == 0 ? Float(0) : 1
            for value in centre { storage.append(value + spread * Float(generator.unit())) }
        }
        return try Matrix(rows: rows, columns: columns, storage: storage)
    }

    @Test("doubling keeps its invariants, alone and merged") func doubling() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 20)
        for round in 0..<300 {
            let note = Replay.note(round)
            let columns = 1 + generator.below(5)
            let rows = 1 + generator.below(120)
            let capacity = 1 + generator.below(12)
            let points = try Self.stream(&generator, rows: rows, columns: columns)
            var whole = try DoublingCenters(capacity: capacity, dimensions: columns)
            whole.observe(rowsOf: points)
            try check(whole, of: points, note)
            // The same points on three streams, merged in both orders.
            let cut = [0, generator.below(rows + 1), rows].sorted()
            var parts: [DoublingCenters] = []
            for (low, high) in zip(cut, cut.dropFirst()) {
                var part = try DoublingCenters(capacity: capacity, dimensions: columns)
                part.observe(rowsOf: points.select(Array(low..<high)))
                parts.append(part)
            }
            var merged = parts[0]
            try merged.merge(parts[1])
            try check(merged, of: points, note)
        }
    }

    private func check(_ centers: DoublingCenters, of points: Matrix<Float>, _ note: Comment) throws {
        let kept = centers.points
        #expect(kept.rows <= centers.capacity, note)
        #expect(centers.weights.reduce(0, +) == Double(points.rows), note)
        #expect(centers.seen == points.rows, note)
        let representation = Representation(
            of: try Matrix(
                rows: points.rows + kept.rows, columns: points.columns, storage: points.storage + kept.storage),
            by: Array(points.rows..<points.rows + kept.rows))
        #expect(representation.radius <= centers.coveringBound * (1 + 1e-5) + 1e-6, note)
        let distances = Distances(kept)
        if kept.rows > 1, centers.threshold > 0 {
            #expect(
                Diversity.remoteEdge.value(of: Array(0..<kept.rows), in: distances).number
                    > 2 * centers.threshold * (1 - 1e-5), note)
        }
        // Farthest-first is within 2 of the optimum, so the bound below the optimum is below it, too.
        let best = try FarthestFirst(points.converted(to: Double.self), count: min(centers.capacity, points.rows))
            .radius
        #expect(centers.lowerBound <= best * (1 + 1e-5), note)
    }

    @Test("replacement never loses diversity and does what trying every exchange does") func replacement() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 21)
        for round in 0..<200 {
            let columns = 1 + generator.below(4)
            let rows = 2 + generator.below(60)
            let capacity = 2 + generator.below(6)
            let storage = (0..<rows * columns).map { _ in Float(generator.below(1000)) }
            let points = try Matrix(rows: rows, columns: columns, storage: storage)
            let distances = try Distances(points).matrix()
            func edge(_ set: [Int]) -> Double {
                Diversity.remoteEdge.value(
                    distances: set.flatMap { i in set.map { distances[i * rows + $0] } }, count: set.count
                )
                .number
            }
            for rule in ReplacementSelector.Rule.allCases {
                var selector = try ReplacementSelector(capacity: capacity, dimensions: columns, rule: rule)
                var naive: [Int] = []
                var before = 0.0
                for row in 0..<rows {
                    selector.observe(Array(points[row: row]))
                    if naive.count < capacity {
                        naive.append(row)
                    } else {
                        var best = (value: edge(naive), slot: -1)
                        for slot in naive.indices {
                            var other = naive
                            other[slot] = row
                            if edge(other) > best.value { best = (edge(other), slot) }
                        }
                        if best.slot >= 0 { naive[best.slot] = row }
                    }
                    if row >= capacity {
                        #expect(selector.diversity >= before, Replay.note(round))
                        before = selector.diversity
                    }
                    #expect(selector.kept == naive, "\(rule), \(Replay.note(round))")
                }
            }
        }
    }

    @Test("sieves reach ½ − ε of the optimum in any order, in bounded memory") func sieves() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 22)
        let epsilon = 0.1
        for round in 0..<60 {
            let rows = 6 + generator.below(7)
            let size = 2 + generator.below(3)
            let points = try Matrix(
                rows: rows, columns: 2, storage: (0..<rows * 2).map { _ in Float(generator.unit()) })
            let similarities = try Similarities(points, metric: .gaussian(gamma: 4), storage: .stored)
            let optimum = try ExhaustiveSearch.maximum(of: FacilityLocation(similarities), size: size).value
            for order in 0..<20 {
                var shuffled = Array(0..<rows)
                generator.shuffle(&shuffled)
                for rule in [0, 1] {
                    let empty = try StreamFacilityLocation(reference: points, metric: .gaussian(gamma: 4))
                    var sieve = try SieveStreaming(
                        empty, count: size, epsilon: epsilon, rule: rule == 0 ? .sieve : .plusPlus)
                    for row in shuffled { sieve.observe(Array(points[row: row])) }
                    let note = Comment(rawValue: "order \(order), \(Replay.note(round))")
                    #expect(sieve.value >= (0.5 - epsilon) * optimum - 1e-4, note)
                    #expect(sieve.kept.count <= size, note)
                    #expect(Double(sieve.mostStored) <= Double(size) * (3 * 2.718281828 * 8 / epsilon), note)
                }
            }
        }
    }

    @Test("log-determinants of streams are those of sets") func logDeterminant() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 23)
        let points = try Matrix(rows: 30, columns: 3, storage: (0..<90).map { _ in Float(generator.unit()) })
        var set = try LogDeterminant(
            Similarities(points.converted(to: Double.self), metric: .gaussian(gamma: 2), storage: .stored), ridge: 1)
        var stream = StreamLogDeterminant(capacity: 30, dimensions: 3, gamma: 2)
        for row in 0..<30 {
            set.add(row)
            Array(points[row: row]).withUnsafeBufferPointer { stream.add($0) }
            #expect(abs(stream.value - set.value / 2) <= 1e-5)
        }
    }

    @Test("a gain that is asked for from a bound on is the gain or below the bound") func bounds() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 25)
        var cut = 0
        for round in 0..<50 {
            let points = try Matrix(rows: 60, columns: 2, storage: (0..<120).map { _ in Float(generator.unit()) })
            var stream = StreamLogDeterminant(
                capacity: 20, dimensions: 2, gamma: 0.5 + 8 * generator.unit(), scale: 0.2 + 3 * generator.unit())
            for row in 0..<60 {
                let point = Array(points[row: row])
                point.withUnsafeBufferPointer { point in
                    let gain = stream.gain(of: point)
                    for least in [-1, 0, gain / 2, gain, gain + 1e-9, gain + 0.01, 2 * gain, 5] {
                        let found = stream.gain(of: point, atLeast: least)
                        #expect(found == gain || (found < least && gain < least), Replay.note(round))
                        if found != gain { cut += 1 }
                    }
                    if row % 3 == 0 { stream.add(point) }
                }
            }
        }
        #expect(cut > 1000)
    }

    @Test("three sieves fill up on a long stream and beat a random sample") func threeSieves() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 24)
        let points = try Self.stream(&generator, rows: 20_000, columns: 5)
        let empty = StreamLogDeterminant(capacity: 20, dimensions: 5, gamma: 0.5)
        var three = try ThreeSieves(empty, count: 20, greatestGain: empty.greatestGain, epsilon: 0.05, patience: 200)
        var reservoir = ReservoirSelector(capacity: 20, dimensions: 5, seed: 1)
        three.observe(rowsOf: points)
        reservoir.observe(rowsOf: points)
        #expect(three.kept.count == 20 && reservoir.kept.count == 20)
        var random = empty
        for row in 0..<20 { Array(reservoir.points[row: row]).withUnsafeBufferPointer { random.add($0) } }
        #expect(three.value > random.value)
    }
}
