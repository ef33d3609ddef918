import Apus
import ApusCore
import Coresets
import Testing

@Suite("Core-sets of parts") struct DistributionTests {
    @Test("union is associative and commutative to the last bit, and loses no weight") func union() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 30)
        for round in 0..<500 {
            let columns = 1 + generator.below(3)
            var coresets: [PartialCoreset] = []
            for part in 0..<3 {
                let rows = generator.below(12)
                let storage = (0..<rows * columns).map { _ in Float(generator.below(9)) }
                let features = try Matrix(rows: rows, columns: columns, storage: storage)
                let rule = CoresetRule.farthestFirst(count: 1 + generator.below(6))
                // Parts may overlap: two of the three carry the same number at times.
                coresets.append(try rule.coreset(of: features, part: generator.below(3) == 0 ? 0 : part))
            }
            let (a, b, c) = (coresets[0], coresets[1], coresets[2])
            let left = try a.united(with: b).united(with: c)
            let right = try a.united(with: b.united(with: c))
            #expect(left.members == right.members && left.seen == right.seen, Replay.note(round))
            let swapped = try c.united(with: b).united(with: a)
            #expect(swapped.members == left.members, Replay.note(round))
            #expect(left.seen == a.seen + b.seen + c.seen, Replay.note(round))
            let reduced = try left.reduced(by: .farthestFirst(count: 3))
            #expect(
                reduced.seen == left.seen && reduced.members.count <= max(3, left.members.count), Replay.note(round))
        }
    }

    @Test("unions of any parts keep the optimum within the factors of remote-edge, tree and cycle") func factors()
        throws
    {
        var generator = SeededGenerator(seed: Replay.seed, stream: 31)
        for round in 0..<300 {
            let rows = 8 + generator.below(6)
            let k = 2 + generator.below(3)
            let points = try Matrix(
                rows: rows, columns: 2, storage: (0..<rows * 2).map { _ in Float(generator.unit()) })
            let all = try Distances(points).matrix()
            let owner = (0..<rows).map { _ in generator.below(3) }
            var union: [Int] = []
            for part in 0..<3 {
                let mine = (0..<rows).filter { owner[$0] == part }
                let picks = try CoresetRule.farthestFirst(count: k).picks(from: points.select(mine))
                union += picks.map { mine[$0] }
            }
            for diversity in [Diversity.remoteEdge, .remoteTree, .remoteCycle] {
                func value(_ set: [Int]) -> Double {
                    diversity.value(distances: set.flatMap { i in set.map { all[i * rows + $0] } }, count: k).number
                }
                let optimum = try ExhaustiveSearch.maximum(count: rows, size: k, of: value).value
                let kept = try ExhaustiveSearch.maximum(count: union.count, size: k) { value($0.map { union[$0] }) }
                    .value
                let factor = try #require(diversity.composableFactor)
                #expect(factor * kept >= optimum - 1e-9, Replay.note(round))
            }
        }
    }

    /// Tasks in threads with their arguments encoded, or in worker processes.
    enum Backend: CaseIterable, Sendable {
        case embedded, local

        var configuration: ClusterConfiguration {
            switch self {
            case .embedded: .embedded(cpus: 2, isolation: .encoded)
            case .local: .local(cpus: 4, workers: 4)
            }
        }
    }

    @Test(
        "64 shards on workers give at least 0.97 of the central choice, whatever the tree and the backend",
        arguments: [2, 8, 64], Backend.allCases)
    func shards(fanIn: Int, backend: Backend) async throws {
        var generator = SeededGenerator(seed: 5)
        let points = try StreamTests.stream(&generator, rows: 6400, columns: 8)
        let metric = Similarity.exponentialDistance
        let central = try FacilityLocation(Similarities(points, metric: metric)).maximize(count: 50)
        let union = try await withCluster(backend.configuration) { cluster in
            var parts: [ObjectRef<Matrix<Float>>] = []
            for shard in 0..<64 {
                parts.append(try await cluster.put(points.select(Array(shard * 100..<(shard + 1) * 100))))
            }
            return try await DistributedSelection(
                rule: .facilityLocation(count: 50, metric: metric), fanIn: fanIn, limit: 400
            )
            .run(on: cluster, parts: parts)
        }
        #expect(union.seen == 6400)
        let final = try union.reduced(by: .facilityLocation(count: 50, metric: metric))
        var objective = FacilityLocation(try Similarities(points, metric: metric))
        for member in final.members { objective.add(member.part * 100 + member.row) }
        #expect(objective.value >= 0.97 * central.value)
    }

    @Test(
        "randomised GreeDi on five parts of MNIST reaches 0.9 of central greedy",
        .enabled(if: Shared.isThere, Shared.absent))
    func greedi() async throws {
        let features: Matrix<Float> = try (Shared.matrix("mnist_test_X.npy") as Matrix<Float>).select(0..<5000)
        let metric = Similarity.gaussian(gamma: 1e-7)
        let central = try FacilityLocation(Similarities(features, metric: metric)).maximize(count: 100)
        let selection = try await withCluster(.embedded(cpus: 2)) { cluster in
            try await GreeDi(count: 100, parts: 5, metric: metric, seed: 3).run(on: cluster, features)
        }
        #expect(selection.picks.count == 100 && Set(selection.picks).count == 100)
        #expect(selection.value >= 0.9 * central.value)
    }
}
