import Apus
import ApusCore
import Coresets
import Foundation
import Testing

@Suite("Networks trained on subsets") struct NetworkTests {
    private static func clouds(_ generator: inout SeededGenerator, rows: Int) throws -> SubsetExperiment.Examples {
        var (storage, labels): ([Float], [Int]) = ([], [])
        for _ in 0..<rows {
            let label = generator.below(3)
            labels.append(label)
            for t in 0..<4 {
                let noise = (0..<6).reduce(-3.0) { sum, _ in sum + generator.unit() }
                storage.append(Float(noise + (t == label ? 1.5 : 0)))
            }
        }
        return try SubsetExperiment.Examples(
            features: Matrix(rows: rows, columns: 4, storage: storage), labels: labels, classes: 3)
    }

    @Test("a step goes down the slopes of the weighted loss, as differences of it say") func slopes() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 82)
        let data = try Self.clouds(&generator, rows: 6)
        let network = HiddenLayerNetwork(dimensions: 4, hidden: 5, classes: 3, ridge: 0.01, seed: 3)
        var loader = WeightedLoader(
            [(0, 5), (2, 2), (5, 3)].map { WeightedExample(row: $0.0, weight: $0.1) }, batch: 3, seed: 1)
        let batch = try #require(loader.epoch().first)
        func loss(_ network: HiddenLayerNetwork) -> Double {
            let likely = network.probabilities(of: data.features)
            var sum = 0.0
            for (row, weight) in zip(batch.rows, batch.weights) {
                sum -= weight * log(Double(likely[row, Int(data.labels[row])]))
            }
            return sum + 0.005 * (network.inner + network.outer).reduce(0) { $0 + Double($1) * Double($1) }
        }
        var moved = network
        moved.step(data.features, labels: data.labels, batch: batch, rate: 0.01)
        for path in [
            \HiddenLayerNetwork.inner, \HiddenLayerNetwork.outer, \HiddenLayerNetwork.innerOffsets,
            \HiddenLayerNetwork.outerOffsets,
        ] {
            for place in network[keyPath: path].indices {
                var (up, down) = (network, network)
                up[keyPath: path][place] += 0.02
                down[keyPath: path][place] -= 0.02
                let slope = (loss(up) - loss(down)) / 0.04
                let step = Double(network[keyPath: path][place] - moved[keyPath: path][place]) / 0.01
                #expect(abs(slope - step) < 2e-3, Replay.note(place))
            }
        }
    }

    @Test("on every subset the network learns with its share of gradients, and CRAIG's follow those of all best")
    func subsets() async throws {
        var generator = SeededGenerator(seed: 5, stream: 83)
        let (train, test) = (try Self.clouds(&generator, rows: 900), try Self.clouds(&generator, rows: 600))
        var experiment = SubsetExperiment(
            methods: [.full, .random, .randomAnew, .craig, .craigAnew], seeds: [1, 2, 3], fraction: 0.2)
        (experiment.hidden, experiment.epochs, experiment.subsetEpochs, experiment.refresh) = (8, 6, 12, 2)
        (experiment.firsts, experiment.factors) = ([0.3, 1], [1])
        let chosen = experiment
        let outcome = try await withCluster(.embedded(cpus: 2)) { cluster in
            try await chosen.run(on: cluster, train: train, test: test)
        }
        let summaries = Dictionary(uniqueKeysWithValues: outcome.summaries.map { ($0.method, $0) })
        for (method, one) in summaries {
            #expect(abs(one.gradients - (method == .full ? 5400 : 2160)) <= 36, "\(method)")
            let losses = one.losses.map(\.mean)
            #expect(losses[losses.count - 1] < losses[0] && one.accuracy.mean > 0.6, "\(method): \(losses)")
            #expect(
                one.reaches.count == 4 && zip(one.reaches, one.reaches.dropFirst()).allSatisfy { $0.seeds <= $1.seeds })
        }
        let error = { (method: SubsetMethod) in summaries[method]?.gradientError.mean ?? .infinity }
        #expect(
            error(.full) < 1e-9 && error(.craigAnew) < 0.7 * error(.randomAnew),
            "\(error(.craigAnew)), \(error(.randomAnew))")
        #expect(summaries[.full]?.reaches.allSatisfy { $0.seeds >= 1 } == true)
        var bad = experiment
        bad.methods = [.crest]
        let wrong = bad
        await #expect(throws: CoresetError.self) {
            try await withCluster(.embedded(cpus: 1)) { cluster in
                _ = try await wrong.run(on: cluster, train: train, test: test)
            }
        }
        #expect(throws: CoresetError.self) {
            try SubsetExperiment.Examples(features: train.features, labels: [Int](repeating: 3, count: 900), classes: 3)
        }
    }
}
