import ApusTensor
import JSON
import LanguageModels
import Testing

@Suite(
    "Transformer against a plain implementation",
    .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct ReferenceTests {
    @Test("logits are the reference's")
    func logits() throws {
        let golden = try Golden()
        let tokens = try Tensor(try golden.sequences(0), shape: [4, 13]).slice(1, 0..<12).contiguous()
        let found = try golden.model().logits(tokens)
        #expect(found.shape == [4, 12, 40])
        let difference = Golden.difference(try found.elements(), try golden.floats("logits"))
        print("logits: greatest difference from the reference \(difference)")
        #expect(difference < 1e-5)
    }

    @Test("loss, z-loss, norm and gradients are the reference's", arguments: [(1, 1), (1, 3), (2, 2), (4, 1)])
    func gradients(microBatch: Int, threads: Int) throws {
        let golden = try Golden()
        let model = try golden.model()
        let computer = try GradientComputer(
            model, length: 12, microBatch: microBatch, zLoss: Golden.zLoss, precision: .float32, threads: threads)
        let loss = try computer.compute(try golden.sequences(0))
        #expect(abs(loss.crossEntropy - (try golden.number(0, "loss"))) < 1e-6)
        #expect(abs(loss.squaredLogSum * Golden.zLoss - (try golden.number(0, "zLoss"))) < 1e-6)
        let expected = golden.tensors("gradient")
        var greatest: Float = 0
        for parameter in model.parameters {
            let gradient = try #require(try parameter.tensor.gradient)
            greatest = max(
                greatest, Golden.difference(try gradient.elements(), try #require(expected[parameter.name]).elements()))
        }
        print("gradients: greatest difference from the reference \(greatest)")
        #expect(greatest < 1e-6)
    }

    @Test(
        "six steps of AdamW with warm-up, cosine, clipping and decay are the reference's",
        arguments: [("smooth", 1e-4), ("steps", 1e-8)])
    func steps(run: String, epsilon: Double) throws {
        let golden = try Golden()
        let model = try golden.model()
        let computer = try GradientComputer(
            model, length: 12, microBatch: 2, zLoss: Golden.zLoss, precision: .float32, threads: 2)
        let optimiser = try AdamW(model.parameters, epsilon: epsilon, weightDecay: Golden.weightDecay)
        var greatest = 0.0
        for step in 0..<6 {
            let loss = try computer.compute(try golden.sequences(step))
            greatest = max(greatest, abs(loss.crossEntropy - (try golden.number(step, "loss", of: run))))
            greatest = max(
                greatest, abs(loss.squaredLogSum * Golden.zLoss - (try golden.number(step, "zLoss", of: run))))
            let norm = try optimiser.clipGradients(to: 1)
            greatest = max(greatest, abs(norm - (try golden.number(step, "norm", of: run))))
            try optimiser.step(learningRate: Golden.schedule.rate(at: step))
            if run == "smooth", step == 0 || step == 5 {
                let difference = try Golden.difference(model.parameters, golden.tensors("after\(step + 1)"))
                print("weights after \(step + 1) steps: greatest difference from the reference \(difference)")
                #expect(difference < 2e-5)
            }
        }
        print("losses and norms of six steps (epsilon \(epsilon)): greatest difference from the reference \(greatest)")
        #expect(greatest < (run == "smooth" ? 1e-5 : 1e-3))
    }

    @Test("bfloat16 products change the loss by little")
    func bfloat16() throws {
        let golden = try Golden()
        let computer = try GradientComputer(
            try golden.model(), length: 12, microBatch: 2, zLoss: Golden.zLoss, precision: .bfloat16, threads: 2)
        let loss = try computer.compute(try golden.sequences(0))
        let difference = abs(loss.crossEntropy - (try golden.number(0, "loss")))
        #expect(difference > 0 && difference < 0.02)
    }

    @Test("gradients are the same bits for any number of threads", arguments: [Precision.float32, .bfloat16])
    func threads(precision: Precision) throws {
        let golden = try Golden()
        func gradients(_ threads: Int) throws -> [[Float]] {
            let model = try golden.model()
            let computer = try GradientComputer(
                model, length: 12, microBatch: 1, zLoss: 1e-4, precision: precision, threads: threads)
            _ = try computer.compute(try golden.sequences(0))
            return try model.parameters.map { try #require(try $0.tensor.gradient).elements() }
        }
        let one = try gradients(1)
        #expect(try gradients(2) == one)
        #expect(try gradients(4) == one)
    }

    @Test("the learning rate is the formula's")
    func schedule() throws {
        let schedule = LearningRateSchedule(peak: 3e-3, final: 3e-5, warmUpSteps: 2000, steps: 7851)
        let points = try #require(try Golden().json["schedule"]?.arrayValue)
        #expect(points.count == 10)
        for point in points {
            let step = try #require(point.arrayValue?[0].intValue)
            #expect(abs(schedule.rate(at: step) - (try #require(point.arrayValue?[1].doubleValue))) < 1e-12)
        }
    }

    @Test("initial weights have the moments of PyTorch's truncated normal distribution")
    func moments() throws {
        let golden = try Golden()
        let configuration = ModelConfiguration(vocabulary: 4096, width: 128, layers: 3, heads: 2, context: 16)
        let model = try Transformer(configuration, seed: 7)
        func expected(_ key: String) throws -> Double { try #require(golden.json["truncated"]?[key]?.doubleValue) }
        for parameter in model.parameters {
            let values = try parameter.tensor.elements(as: Float.self).map(Double.init)
            guard parameter.tensor.rank == 2 else {
                #expect(values.allSatisfy { $0 == 1 })
                continue
            }
            let deviation = 1 / Double(parameter.tensor.shape[1]).squareRoot() / depth(of: parameter.name)
            let count = Double(values.count)
            let scaled = values.map { $0 / deviation }
            let mean = scaled.reduce(0, +) / count
            let spread = (scaled.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
            // Within four standard errors of the sample, and within a hundredth.
            #expect(abs(mean) < 4 / count.squareRoot())
            #expect(abs(spread / (try expected("deviation")) - 1) < 0.01)
            #expect(abs(scaled.reduce(0) { $0 + abs($1) } / count / (try expected("absolute")) - 1) < 0.01)
            #expect(scaled.allSatisfy { abs($0) <= 3.0001 })
            if count > 400_000 {
                #expect(abs(scaled.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count / (try expected("fourth")) - 1) < 0.01)
            }
        }
    }

    /// √(2(l+1)) for the products that add to the residual stream of layer l, else 1.
    private func depth(of name: String) -> Double {
        guard name.contains("out_proj") || name.contains("w3"),
            let layer = name.split(separator: ".")[1].wholeMatch(of: /\d+/)
        else { return 1 }
        return Double(2 * ((Int(layer.output) ?? 0) + 1)).squareRoot()
    }

    @Test("other seeds give other weights, the same seed the same")
    func seeds() throws {
        func head(_ seed: UInt64) throws -> [Float] {
            try #require(try Transformer(Golden.configuration, seed: seed).parameters.last).tensor.elements()
        }
        #expect(try head(1) == head(1))
        #expect(try head(1) != head(2))
    }
}
