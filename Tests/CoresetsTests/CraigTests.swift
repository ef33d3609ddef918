import ApusCore
import Coresets
import JSON
import Testing

@Suite("CRAIG and gradient matching", .enabled(if: Shared.isThere, Shared.absent)) struct CraigTests {
    @Test("per class, picks, gains, weights and cost are the reference's") func golden() throws {
        var classes = 0
        for record in try Shared.lines("golden_reference.jsonl") where record["kind"]?.stringValue == "craig_per_class"
        {
            let features: Matrix<Double> = try Shared.matrix(try #require(record["instance"]?.stringValue))
            let labels = try #require(record["labels"]).ints
            let coreset = try CraigCoreset(
                proxies: features, labels: labels, quota: .fraction(try #require(record["fraction"]?.doubleValue)))
            for (ours, theirs) in zip(coreset.classes, try #require(record["classes"]?.arrayValue)) {
                classes += 1
                let note = Comment(rawValue: "\(record["instance"]?.stringValue ?? ""), class \(ours.label)")
                #expect(ours.label == theirs["label"]?.intValue, note)
                let picks = try #require(theirs["picks"]).ints
                // Candidates that gain the same by symmetry tie exactly, and the smallest row wins, as in the reference.
                #expect(ours.picks == picks, note)
                #expect(ours.weights.reduce(0, +) == ours.size, note)
                let rows = labels.indices.filter { labels[$0] == ours.label }
                let places = picks.compactMap { rows.firstIndex(of: $0) }
                let members = features.select(rows)
                var replay = FacilityLocation(try Similarities(members, metric: .maximumMinusDistance()))
                for (place, expected) in zip(places, try #require(theirs["gains"]).doubles) {
                    #expect(abs(replay.gain(of: place) - expected) <= 1e-9 * max(1, expected), note)
                    replay.add(place)
                }
                let same = Representation(of: members, by: places)
                #expect(same.weights.map { Int($0) } == theirs["weights"]?.ints, note)
                let cost = try #require(theirs["L"]?.doubleValue)
                #expect(abs(same.cost - cost) <= 1e-9 * cost, note)
                #expect(ours.weights == theirs["weights"]?.ints && ours.cost == same.cost, note)
                #expect(abs(ours.phantom - (theirs["phantom"]?.doubleValue ?? 0)) <= 1e-9 * ours.phantom, note)
            }
        }
        #expect(classes >= 20)
    }

    @Test("a class whose similarities are kept and one whose are computed choose the same, to the bit")
    func dense() throws {
        let features: Matrix<Float> = try Shared.matrix("ijcnn1_train_X.npy")
        let labels = try NumPyFile(contentsOf: Shared.root + "ijcnn1_train_y.npy").integers()
        // All of the small class, 4,853 rows, and as many of the large one as make 5,000.
        var left = 5000
        let rows = labels.indices.filter { row in
            if labels[row] == 1 { return true }
            left -= 1
            return left >= 0
        }
        let part = (features.select(rows), rows.map { labels[$0] })
        let choices = try [Similarities.Storage.stored, .computed].map { storage in
            try CraigCoreset(proxies: part.0, labels: part.1, quota: .fraction(0.1), storage: storage).classes
        }
        #expect(choices[0].map(\.size) == [5000, 4853] && choices[0].map(\.picks.count) == [500, 486])
        for (kept, computed) in zip(choices[0], choices[1]) {
            #expect(kept.picks == computed.picks && kept.gains == computed.gains)
            #expect(kept.weights == computed.weights && kept.cost == computed.cost)
        }
    }

    @Test("matching pursuit has the reference's picks and residuals, which never rise") func matching() throws {
        for record in try Shared.lines("golden_reference.jsonl") where record["kind"]?.stringValue == "omp_nnls" {
            let path = try #require(record["instance"]?.stringValue)
            let features: Matrix<Double> = try Shared.matrix(path)
            let mean = features.storage.reduce(0) { $0 + $1 * $1 } / Double(features.rows)
            let scaled = try Matrix(
                rows: features.rows, columns: features.columns, storage: features.storage.map { $0 / mean.squareRoot() }
            )
            let picks = try #require(record["picks"]).ints
            let norm = try #require(record["target_norm"]?.doubleValue)
            let result = try GradientMatching(
                gradients: scaled, count: picks.count, ridge: try #require(record["lam"]?.doubleValue))
            let note = Comment(rawValue: path)
            // Standardised columns sum to rounding noise, of which the order of summation decides the digits.
            if norm > 1e-3 {
                #expect(result.picks == picks, note)
                for (weight, expected) in zip(result.weights, try #require(record["weights"]).doubles) {
                    #expect(abs(weight - expected) <= 1e-8 * max(1, expected), note)
                }
            }
            for (residual, expected) in zip(result.residuals, try #require(record["residual_norms"]).doubles) {
                #expect(abs(residual - expected) <= 1e-8 * max(1, norm), note)
            }
            for (before, after) in zip(result.residuals, result.residuals.dropFirst()) {
                #expect(after <= before * (1 + 1e-12), note)
            }
            #expect(result.weights.allSatisfy { $0 >= 0 }, note)
        }
    }

    @Test("on ijcnn1, 10 % of the gradients reach nearly the loss of all, and follow their gradient")
    func ijcnn1() throws {
        let features: Matrix<Float> = try Shared.matrix("ijcnn1_train_X.npy")
        let labels = try NumPyFile(contentsOf: Shared.root + "ijcnn1_train_y.npy").integers()
        let bytes = labels.map { UInt8($0) }
        let coreset = try CraigCoreset(proxies: features, labels: labels, quota: .fraction(0.1))
        // Computed by another program on the same data.
        #expect(coreset.classes.map(\.picks.count) == [4514, 486])
        #expect(abs(coreset.classes[0].cost - 5003) <= 5 && abs(coreset.classes[1].cost - 871) <= 1)
        #expect(coreset.classes[0].weights.reduce(0, +) == 45137)

        let all = (0..<features.rows).map { WeightedExample(row: $0, weight: 1) }
        let chosen = coreset.examples
        var generator = SeededGenerator(seed: Replay.seed, stream: 9)
        var random = Array(0..<features.rows)
        generator.shuffle(&random)
        let share = Double(features.rows) / Double(chosen.count)
        let sample = random.prefix(chosen.count).map { WeightedExample(row: $0, weight: share) }
        var errors = (craig: 0.0, random: 0.0)
        for _ in 0..<20 {
            var model = LogisticRegression(dimensions: features.columns, ridge: 1e-5)
            for t in model.weights.indices {
                // Nearly normal: the sum of twelve uniform numbers.
                model.weights[t] = (0..<12).reduce(-6) { sum, _ in sum + generator.unit() }
            }
            let full = model.gradient(features, labels: bytes, examples: all)
            let norm = full.reduce(0) { $0 + $1 * $1 }.squareRoot()
            func error(_ examples: [WeightedExample]) -> Double {
                let part = model.gradient(features, labels: bytes, examples: examples)
                return zip(full, part).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() / norm
            }
            errors.craig += error(chosen) / 20
            errors.random += error(sample) / 20
        }
        #expect(errors.craig <= 0.4 * errors.random, "CRAIG \(errors.craig), random \(errors.random)")

        // 20 epochs over a tenth of the data are a tenth of the gradients of 20 over all of it.
        var best = Double.infinity
        for first in [0.001, 0.003, 0.01, 0.03] {
            for factor in [0.8, 0.9, 1.0] {
                var model = LogisticRegression(dimensions: features.columns, ridge: 1e-5)
                model.train(
                    features, labels: bytes, examples: chosen, total: Double(features.rows), epochs: 20,
                    steps: .init(first: first, factor: factor), seed: 1)
                best = min(best, model.loss(features, labels: bytes))
            }
        }
        #expect(best <= 0.188, "loss \(best)")
    }
}
