import Apus
import ApusCore
import Coresets
import Foundation
import Testing

@Suite("Training on subsets") struct SubsetTests {
    /// Two clouds that overlap.
    private static func examples(_ generator: inout SeededGenerator, rows: Int) throws -> (
        features: Matrix<Float>, labels: [UInt8]
    ) {
        var storage: [Float] = []
        var labels: [UInt8] = []
        for _ in 0..<rows {
            let label = generator.below(3) == 0
            labels.append(label ? 1 : 0)
            for _ in 0..<3 {
                let noise = (0..<6).reduce(-3.0) { sum, _ in sum + generator.unit() }
                storage.append(Float(noise + (label ? 0.8 : 0)))
            }
        }
        return (try Matrix(rows: rows, columns: 3, storage: storage), labels)
    }

    @Test("gradients of rows are the slopes of their losses") func gradients() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 70)
        let (features, labels) = try Self.examples(&generator, rows: 40)
        var model = LogisticRegression(dimensions: 3, ridge: 0)
        for t in model.weights.indices { model.weights[t] = generator.unit() - 0.5 }
        let rows = Array(0..<40)
        let gradients = model.gradients(features, labels: labels, rows: rows)
        for t in 0..<4 {
            var (up, down) = (model, model)
            up.weights[t] += 1e-5
            down.weights[t] -= 1e-5
            let high = up.losses(features, labels: labels, rows: rows)
            let low = down.losses(features, labels: labels, rows: rows)
            for row in rows {
                #expect(abs((high[row] - low[row]) / 2e-5 - Double(gradients[row, t])) < 1e-4, Replay.note(row))
            }
        }
    }

    @Test("mini-batch core-sets weigh 1 together, stay while the quadratic model fits, and go when it does not")
    func crest() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 71)
        let (features, labels) = try Self.examples(&generator, rows: 600)
        var settings = Crest.Settings()
        (settings.subset, settings.batch, settings.batches) = (200, 20, 4)
        let start = LogisticRegression(dimensions: 3, ridge: 1e-4)
        var crest = Crest(rows: 600, start: start, settings: settings, seed: 3)
        #expect(try crest.check(start, features, labels: labels))
        #expect(crest.batches.count == 4 && crest.regions == 1)
        for batch in crest.batches {
            #expect(batch.count == 20 && Set(batch.map(\.row)).count == 20)
            #expect(abs(batch.reduce(0) { $0 + $1.weight } - 1) < 1e-9)
        }
        // A step too small to matter: the loss of another sample differs by chance, which a wide threshold allows for.
        var near = start
        near.weights[0] += 1e-4
        settings.threshold = 0.3
        var patient = Crest(rows: 600, start: start, settings: settings, seed: 3)
        #expect(try patient.check(start, features, labels: labels))
        let before = patient.batches
        #expect(try !patient.check(near, features, labels: labels))
        #expect(patient.batches == before && patient.regions == 1)
        // A jump that no quadratic follows.
        var far = start
        far.weights = [40, -40, 40, 0]
        #expect(try patient.check(far, features, labels: labels))
        #expect(patient.regions == 2)
    }

    @Test("examples that stay learnt are left out, but never so many that none are left") func learnt() throws {
        let rows = 1000
        let features = try Matrix<Float>(rows: rows, columns: 1, storage: (0..<rows).map { $0 < 900 ? 8 : -0.01 })
        let labels = [UInt8](repeating: 1, count: rows)
        var model = LogisticRegression(dimensions: 1, ridge: 0)
        model.weights = [1, 0]
        var settings = Crest.Settings()
        (settings.subset, settings.batch, settings.batches) = (300, 10, 1)
        var crest = Crest(rows: rows, start: model, settings: settings, seed: 1)
        for _ in 0..<60 { try crest.check(model, features, labels: labels) }
        #expect(crest.learnt > 300 && crest.learnt <= 900)
        #expect(crest.batches[0].count == 10)
    }

    @Test(
        "on a part of ijcnn1 every method trains with its share of gradients, and CRAIG's gradient errs less than random's",
        .enabled(if: Shared.isThere, Shared.absent))
    func methods() async throws {
        let all: Matrix<Float> = try Shared.matrix("ijcnn1_train_X.npy")
        let classes = try NumPyFile(contentsOf: Shared.root + "ijcnn1_train_y.npy").integers()
        let train = try SubsetExperiment.Examples(
            features: all.select(0..<4000), labels: Array(classes.prefix(4000)))
        let test = try SubsetExperiment.Examples(
            features: all.select(10_000..<14_000), labels: Array(classes[10_000..<14_000]))
        var experiment = SubsetExperiment(seeds: [1, 2, 3])
        experiment.epochs = 6
        experiment.refresh = 3
        experiment.parts = 2
        experiment.firsts = [0.003, 0.01]
        experiment.factors = [0.9]
        let chosen = experiment
        let outcome = try await withCluster(.embedded(cpus: 2)) { cluster in
            try await chosen.run(on: cluster, train: train, test: test)
        }
        let summaries = Dictionary(uniqueKeysWithValues: outcome.summaries.map { ($0.method, $0) })
        #expect(summaries.count == SubsetMethod.allCases.count)
        let full = try #require(summaries[.full])
        #expect(full.gradients == 24_000)
        for (method, one) in summaries where method != .full {
            #expect(one.gradients <= 2500, "\(method)")
            let loss = try #require(one.losses.last)
            #expect(loss.mean < log(2.0) / 2 && loss.mean > 0.9 * (full.losses.last?.mean ?? 0), "\(method)")
        }
        let craig = try #require(summaries[.craig]?.randomPointError)
        let random = try #require(summaries[.random]?.randomPointError)
        #expect(craig.mean < 0.5 * random.mean, "CRAIG \(craig.mean), random \(random.mean)")
        #expect(outcome.json["methods"]?.arrayValue?.count == 7)
        #expect(SubsetReport(source: "ijcnn1", outcome: outcome).html.contains("craig-anew"))
        var bad = experiment
        bad.fraction = 0
        let wrong = bad
        await #expect(throws: CoresetError.self) {
            try await withCluster(.embedded(cpus: 1)) { cluster in
                _ = try await wrong.run(on: cluster, train: train, test: test)
            }
        }
    }
}
