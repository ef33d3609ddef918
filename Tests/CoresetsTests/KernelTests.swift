import ApusCore
import Coresets
import JSON
import Testing

@Suite("Packed rows, neighbour graphs, threads and memory") struct KernelTests {
    private static func random(_ rows: Int, _ columns: Int, stream: UInt64) throws -> Matrix<Float> {
        var generator = SeededGenerator(seed: Replay.seed, stream: stream)
        // Clusters, as data have.
        let centres = (0..<12 * columns).map { _ in Float(generator.unit()) }
        var storage: [Float] = []
        for row in 0..<rows {
            for column in 0..<columns {
                storage.append(0.8 * centres[row % 12 * columns + column] + 0.2 * Float(generator.unit()))
            }
        }
        return try Matrix(rows: rows, columns: columns, storage: storage)
    }

    @Test("half precision keeps every number that it has, and rounds others to the nearest") func halves() throws {
        // All finite patterns, widened, narrow to themselves.
        let patterns = (0..<65_536).map { UInt16($0) }.filter { $0 & 0x7C00 != 0x7C00 }
        let packed = try PackedMatrix(
            rows: patterns.count, columns: 1, element: .float16,
            bytes: patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
        let wide = packed.widened
        #expect(wide.storage.indices.allSatisfy { wide.storage[$0] == packed[$0, 0] })
        #expect(try PackedMatrix(wide, as: .float16) == packed)
        #expect(wide[0x3C01, 0] == 1 + 0x1p-10 && wide[1, 0] == 0x1p-24 && wide.storage.max() == 65_504)
        // The middle of two goes to the even one.
        let middles: [Float] = [1 + 0x1p-11, 1 + 3 * 0x1p-11, 0x1p-25, 3 * 0x1p-25, 2047.5, -0x1.FFEp-15]
        let rounded = try PackedMatrix(Matrix(rows: 1, columns: 6, storage: middles), as: .float16).widened.storage
        #expect(rounded == [1, 1 + 0x1p-9, 0, 0x1p-23, 2048, -0x1p-14])
        #expect(throws: CoresetError.self) {
            try PackedMatrix(Matrix(rows: 1, columns: 1, storage: [65_520]), as: .float16)
        }
        #expect(throws: CoresetError.notFinite(row: 0, column: 1)) {
            try PackedMatrix(rows: 1, columns: 2, element: .float16, bytes: [0, 0, 0, 0x7C])
        }
    }

    @Test("distances and products of packed rows are those of the widened numbers", arguments: [1, 15, 16, 33, 784])
    func distances(columns: Int) throws {
        let points = try Self.random(40, columns, stream: 5)
        for element in PackedMatrix.Element.allCases {
            let packed = try PackedMatrix(points, as: element)
            let wide = packed.widened
            let step = element == .float16 ? Float(0x1p-10) : packed.scale
            #expect(zip(wide.storage, points.storage).allSatisfy { abs($0 - $1) <= 0.501 * step }, "\(element)")
            for left in 0..<40 {
                let right = left * 7 % 40
                var (square, dot) = (0.0, 0.0)
                for t in 0..<columns {
                    let (x, y) = (Double(wide[left, t]), Double(wide[right, t]))
                    square += (x - y) * (x - y)
                    dot += x * y
                }
                #expect(
                    abs(Double(packed.distance(left, right)) - square.squareRoot()) <= 1e-5 * (1 + square), "\(element)"
                )
                #expect(abs(Double(packed.dot(left, right)) - dot) <= 2e-5 * dot, "\(element)")
            }
        }
    }

    private static func lists(_ graph: NeighbourGraph) -> [Set<Int32>] {
        let matrix = graph.similarities
        return (0..<matrix.rowCount).map { Set(matrix.columns[matrix.offsets[$0]..<matrix.offsets[$0 + 1]]) }
    }

    private static func recall(_ found: NeighbourGraph, _ exact: NeighbourGraph) -> Double {
        let (found, exact) = (lists(found), lists(exact))
        let hits = zip(found, exact).reduce(0) { $0 + $1.0.intersection($1.1).count }
        return Double(hits) / Double(exact.reduce(0) { $0 + $1.count })
    }

    @Test("the exact graph of packed rows is that of the widened ones") func packedGraph() throws {
        for columns in [5, 90] {
            let points = try Self.random(700, columns, stream: 6)
            for element in PackedMatrix.Element.allCases {
                let packed = try PackedMatrix(points, as: element)
                let own = try NeighbourGraph(packed, neighbours: 8, metric: .gaussian(gamma: 1), symmetry: .none)
                let wide = try NeighbourGraph(
                    packed.widened.converted(to: Double.self), neighbours: 8, metric: .gaussian(gamma: 1),
                    symmetry: .none)
                // Equal numbers are common among bytes, and of equal distances single precision may tell one apart.
                #expect(Self.recall(own, wide) >= 0.995, "\(element), \(columns)")
            }
        }
    }

    @Test(
        "similarities of pixels are exact: those of double precision, rounded once",
        arguments: [(columns: 65, least: 0), (96, -128), (131, 4_000_000), (784, 0)])
    func pixels(columns: Int, least: Int) throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 12)
        func pixels(_ rows: Int) throws -> Matrix<Float> {
            // Black and white among them, which are the ends of what bytes hold.
            let storage = (0..<rows * columns).map { index -> Float in
                let shade = index % 7 == 0 ? generator.below(2) * 255 : generator.below(256)
                return Float(least + shade)
            }
            return try Matrix(rows: rows, columns: columns, storage: storage)
        }
        let (points, others) = (try pixels(77), try pixels(30))
        for represented in [nil, others] {
            for storage in [Similarities.Storage.stored, .computed] {
                let own = try Similarities(
                    points, representing: represented, metric: .maximumMinusSquaredDistance, storage: storage,
                    threads: 1)
                let exact = try Similarities(
                    points.converted(to: Double.self), representing: represented?.converted(to: Double.self),
                    metric: .maximumMinusSquaredDistance, storage: storage, threads: 1)
                var (row, wanted): ([Double], [Double]) = ([], [])
                for point in 0..<77 {
                    own.row(point, into: &row)
                    exact.row(point, into: &wanted)
                    // Whole numbers below 2²⁴ are what they are; above, the greatest and the difference are rounded.
                    #expect(zip(row, wanted).allSatisfy { abs($0 - $1) <= max(0, ($1 - 0x1p23) * 0x1p-22) })
                }
            }
        }
        // One fraction among them, and products are of `Float` again: nearly the same.
        var storage = points.storage
        storage[columns] += 0.25
        let broken = try Matrix(rows: 77, columns: columns, storage: storage)
        let (one, other) = try (
            Similarities(broken, metric: .exponentialDistance), Similarities(points, metric: .exponentialDistance)
        )
        var (row, wanted): ([Double], [Double]) = ([], [])
        one.row(5, into: &row)
        other.row(5, into: &wanted)
        #expect(zip(row, wanted).allSatisfy { abs($0 - $1) <= 1e-3 })
    }

    /// Points of many numbers that vary in some directions more than in others, the n-th by 1/n or equally.
    private static func wide(_ rows: Int, _ columns: Int, isEqual: Bool, stream: UInt64) throws -> Matrix<Float> {
        var generator = SeededGenerator(seed: Replay.seed, stream: stream)
        let directions = (0..<columns * 40).map { _ in Float(generator.unit() - 0.5) }
        var storage: [Float] = []
        for _ in 0..<rows {
            let along = (0..<40).map { Float(generator.unit() - 0.5) / (isEqual ? 1 : Float($0 + 1)) }
            for column in 0..<columns {
                var value = isEqual ? 2 * Float(generator.unit()) : 0.05 * Float(generator.unit())
                for axis in 0..<40 where !isEqual { value += along[axis] * directions[axis * columns + column] }
                storage.append(value)
            }
        }
        return try Matrix(rows: rows, columns: columns, storage: storage)
    }

    @Test(
        "the exact graph of points of many numbers is that of double precision, wherever and however large they are",
        arguments: [(columns: 200, isEqual: false), (400, false), (230, true)])
    func sketched(columns: Int, isEqual: Bool) throws {
        let points = try Self.wide(1300, columns, isEqual: isEqual, stream: 11)
        for (scale, offset): (Float, Float) in [(1, 0), (1e-9, 0), (3e12, 0), (1, 50), (1e18, 0)] {
            var storage = points.storage.map { $0 * scale + offset }
            // Points twice over, at the end and in the middle.
            for copy in 0..<20 {
                for column in 0..<columns {
                    storage[(1280 - 31 * copy) * columns + column] = storage[copy * columns + column]
                }
            }
            let moved = try Matrix(rows: 1300, columns: columns, storage: storage)
            let metric = Similarity.maximumMinusSquaredDistance
            let own = try NeighbourGraph(moved, neighbours: 9, metric: metric, symmetry: .none)
            let exact = try NeighbourGraph(
                moved.converted(to: Double.self), neighbours: 9, metric: metric, symmetry: .none)
            #expect(Self.recall(own, exact) >= 0.999, "\(scale), \(offset)")
            let (most, same) = (
                exact.similarities.values.max() ?? 0, own.similarities.columns == exact.similarities.columns
            )
            if same {
                #expect(
                    zip(own.similarities.values, exact.similarities.values).allSatisfy { abs($0 - $1) <= 2e-5 * most })
            }
            for threads in [1, 3] {
                let again = try NeighbourGraph(
                    moved, neighbours: 9, metric: metric, symmetry: .none, threads: threads)
                #expect(again.similarities == own.similarities)
            }
        }
    }

    @Test("graphs with union and mutual symmetry are symmetric, one in the other") func symmetry() throws {
        let points = try Self.random(300, 4, stream: 7)
        func graph(_ symmetry: NeighbourGraph.Symmetry) throws -> SparseMatrix {
            try NeighbourGraph(points, neighbours: 6, metric: .inverseDistance, symmetry: symmetry).similarities
        }
        let (none, union, mutual) = (try graph(.none), try graph(.union), try graph(.mutual))
        #expect(union == union.transposed && mutual == mutual.transposed)
        var entries: [Int: (forward: Bool, backward: Bool)] = [:]
        for row in 0..<300 {
            for entry in none.offsets[row]..<none.offsets[row + 1] {
                let column = Int(none.columns[entry])
                entries[row * 300 + column, default: (false, false)].forward = true
                entries[column * 300 + row, default: (false, false)].backward = true
            }
        }
        #expect(union.values.count == entries.count)
        #expect(mutual.values.count == entries.values.filter { $0.forward && $0.backward }.count)
        #expect(none.offsets.last == 1800)
    }

    @Test("the approximate graph finds nearly all neighbours of real data", .enabled(if: Shared.isThere, Shared.absent))
    func recall() throws {
        let digits: Matrix<Float> = try Shared.matrix("mnist_test_X.npy")
        let sensors: Matrix<Float> = try Shared.matrix("ijcnn1_train_X.npy")
        for (name, points, least) in [
            ("MNIST", digits.select(0..<3000), 0.97), ("ijcnn1", sensors.select(0..<8000), 0.99),
        ] {
            let exact = try NeighbourGraph(points, neighbours: 10, metric: .exponentialDistance, symmetry: .none)
            let found = try NeighbourGraph(
                points, neighbours: 10, metric: .exponentialDistance, symmetry: .none, search: .approximate())
            #expect(Self.recall(found, exact) >= least, "\(name)")
            if name == "MNIST" {
                let packed = try PackedMatrix(points, as: .uint8)
                let bytes = try NeighbourGraph(
                    packed, neighbours: 10, metric: .exponentialDistance, symmetry: .none, search: .approximate())
                #expect(Self.recall(bytes, exact) >= least)
            }
            // Whoever knows all neighbours' values knows the graph: entries found agree with the exact ones.
            for row in stride(from: 0, to: points.rows, by: 97) {
                for entry in found.similarities.offsets[row]..<found.similarities.offsets[row + 1] {
                    let own = exact.similarities
                    let column = found.similarities.columns[entry]
                    if let same = (own.offsets[row]..<own.offsets[row + 1]).first(where: { own.columns[$0] == column })
                    {
                        #expect(abs(own.values[same] - found.similarities.values[entry]) <= 1e-5)
                    }
                }
            }
        }
    }

    @Test("duplicates and tiny sets have graphs too") func degenerate() throws {
        let same = try Matrix<Float>(rows: 500, columns: 3, storage: [Float](repeating: 1, count: 1500))
        for search in [NeighbourSearch.exact, .approximate(leaf: 16)] {
            let graph = try NeighbourGraph(
                same, neighbours: 5, metric: .gaussian(gamma: 1), symmetry: .none, search: search)
            #expect(graph.similarities.values.allSatisfy { $0 == 1 } && graph.similarities.offsets.last == 2500)
            let sets = Self.lists(graph)
            #expect(sets.indices.allSatisfy { sets[$0].contains(Int32($0)) })
            let one = try NeighbourGraph(
                same.select([0]), neighbours: 1, metric: .maximumMinusDistance(), search: search)
            #expect(one.similarities.columns == [0])
        }
    }

    @Test("one, two and eight threads give the same JSON, byte for byte") func threads() throws {
        let points = try Self.random(1500, 9, stream: 8)
        let wide = try Self.random(500, 100, stream: 9)
        func text(_ request: SelectionRequest, _ features: Matrix<Float>, _ threads: Int) throws -> String {
            var request = request
            request.threads = threads
            let outcome = try request.run(features)
            let report = SelectionReport(
                source: "points", request: request, outcome: outcome, features: features.converted(to: Double.self))
            guard case .object(var object) = report.json else { return "" }
            for key in ["seconds", "selectionSeconds", "processorSeconds"] { object[key] = nil }
            return JSONValue.object(object).text()
        }
        for objective in SelectionRequest.objectives {
            for optimizer in ["lazy", "stochastic", "threshold"] {
                let isDiverse = objective.hasPrefix("remote-") || objective == "k-center"
                if isDiverse, optimizer != "lazy" { continue }
                var request = try SelectionRequest(objective: objective, count: 24)
                request.optimizer = isDiverse ? nil : try Optimizer(named: optimizer)
                request.seed = 7
                // The diversities search small sets at length.
                let few = isDiverse ? points.select(0..<200) : points
                let one = try text(request, few, 1)
                #expect(one.count > 100)
                #expect(try text(request, few, 2) == one, "\(objective), \(optimizer)")
                #expect(try text(request, few, 8) == one, "\(objective), \(optimizer)")
            }
        }
        for search in [NeighbourSearch.exact, .approximate(leaf: 64, seed: 3)] {
            var request = try SelectionRequest(objective: "facility-location", count: 40)
            request.neighbours = 12
            request.search = search
            for features in [points, wide] {
                let one = try text(request, features, 1)
                #expect(try text(request, features, 2) == one, "\(search)")
                #expect(try text(request, features, 8) == one, "\(search)")
            }
        }
        var stored = try SelectionRequest(objective: "facility-location", count: 40)
        stored.metric = .cosine
        let one = try text(stored, wide, 1)
        #expect(try text(stored, wide, 2) == one)
        #expect(try text(stored, wide, 8) == one)
        let labels = (0..<points.rows).map { $0 % 3 }
        let craig = try [1, 2, 8].map { threads in
            var coreset = try CraigCoreset(proxies: points, labels: labels, quota: .fraction(0.1), threads: threads)
            coreset.seconds = 0
            return coreset
        }
        #expect(craig[0] == craig[1] && craig[0] == craig[2])
    }

    @Test("objectives of distance refuse lazy searches, quotas and costs, which they would ignore") func diverse()
        throws
    {
        let points = try Self.random(30, 3, stream: 13)
        for objective in ["k-center", "remote-edge", "remote-clique"] {
            var request = try SelectionRequest(objective: objective, count: 4)
            let usual = try request.run(points).selection.picks
            request.optimizer = .naive
            #expect(try request.run(points).selection.picks == usual)
            for optimizer in [Optimizer.lazy, .twoStage(), .approximateLazy(), .threshold()] {
                request.optimizer = optimizer
                #expect(throws: CoresetError.notSubmodular(objective: objective, optimizer: optimizer.name)) {
                    try request.run(points)
                }
            }
            for optimizer in [Optimizer.stochastic(), .random, .bidirectional] {
                request.optimizer = optimizer
                #expect(throws: CoresetError.self) { try request.run(points) }
            }
            request.optimizer = .localSearch()
            if objective == "k-center" {
                #expect(throws: CoresetError.self) { try request.run(points) }
            } else {
                #expect(try request.run(points).selection.picks.count == 4)
            }
            request.optimizer = nil
            request.constraint = .partition(classes: [Int](repeating: 0, count: 30), quotas: [4])
            #expect(throws: CoresetError.self) { try request.run(points) }
        }
        var covering = try SelectionRequest(objective: "facility-location", count: 4)
        let lazy = try covering.run(points).selection
        #expect(lazy.optimizer == "lazy")
        covering.optimizer = .naive
        #expect(try covering.run(points).selection.picks == lazy.picks)
    }

    @Test("memory that would not suffice is refused before it is taken, with what would") func memory() throws {
        let points = try Self.random(2000, 3, stream: 10)
        let error = #expect(throws: CoresetError.self) {
            try Similarities(points, metric: .exponentialDistance, storage: .stored, memoryLimit: 1 << 20)
        }
        guard case .memory(let needed, let limit, _, let remedy) = error else {
            Issue.record("no memory error")
            return
        }
        #expect(needed >= 2000 * 2000 * 4 && limit == 1 << 20 && remedy.contains("computed"))
        // What the message proposes fits.
        _ = try Similarities(points, metric: .exponentialDistance, storage: .computed, memoryLimit: 1 << 20)
        let graph = #expect(throws: CoresetError.self) {
            try NeighbourGraph(
                points, neighbours: 200, metric: .exponentialDistance, memoryLimit: 8 << 20, threads: 1)
        }
        guard case .memory(_, _, _, let advice) = graph, let fits = Int(advice.split(separator: " ")[0]) else {
            Issue.record("no number of neighbours that would fit: \(graph.map { "\($0)" } ?? "")")
            return
        }
        #expect(fits >= 1 && fits < 200)
        _ = try NeighbourGraph(
            points, neighbours: fits, metric: .exponentialDistance, memoryLimit: 8 << 20, threads: 1)
        #expect(throws: CoresetError.self) {
            try NeighbourGraph(
                points, neighbours: fits + 1, metric: .exponentialDistance, memoryLimit: 8 << 20, threads: 1)
        }
    }
}
