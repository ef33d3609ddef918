import ApusTensor
import JSON
import Testing

@Suite(
    "Tensors against PyTorch",
    .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct PyTorchTests {
    typealias Operation = @Sendable ([Tensor]) throws -> Tensor

    /// The cases of `tensor.py`, by name.
    static let operations: [String: Operation] = [
        "add": { try $0[0] + $0[1] },
        "subtract": { try $0[0] - $0[1] },
        "multiply": { try $0[0] * $0[1] },
        "divide": { try $0[0] / ($0[1] + 3) },
        "exponential": { try $0[0].exp() },
        "logarithm": { try ($0[0] + 2).log() },
        "tanh": { try $0[0].tanh() },
        "silu": { try $0[0].silu() },
        "square": { try $0[0].square() },
        "matmul": { try $0[0].matmul($0[1]) },
        "batched matmul": { try $0[0].matmul($0[1]) },
        "linear": { try Linear(weight: $0[1], bias: $0[2])($0[0]) },
        "layer norm": { try LayerNorm(gain: $0[1])($0[0]) },
        "embedding": { try Embedding(weight: $0[0])(try Golden.integers([2, 4], 7, 6)) },
        "cross entropy": { try $0[0].crossEntropy(try Golden.integers([4], 8, 6)) },
        "attention": { try Tensor.causalAttention(query: $0[0], key: $0[1], value: $0[2]) },
        "log sum exp": { try $0[0].logSumExp(1) },
        "log softmax": { try $0[0].logSoftmax(1) },
        "gather": { try $0[0].gather(1, try Golden.integers([3, 2], 9, 5)) },
        "slices": { try Tensor.concatenate([try $0[0].slice(1, 2..<5), try $0[0].slice(1, 0..<2)], 1) },
        "split": { try $0[0].split([2, 3], 1)[1] },
        "transpose": { try $0[0].transposed(0, 2).reshape([4, 6]) },
        "mean": { try $0[0].mean() },
        "sum": { try $0[0].sum() },
    ]

    @Test("every case that PyTorch answered has a test here")
    func coverage() throws {
        let cases = try #require(try Golden.json("tensor.json")["cases"]?.objectValue)
        #expect(Set(cases.keys) == Set(Self.operations.keys))
    }

    @Test("values and gradients are PyTorch's", arguments: operations.keys.sorted())
    func operation(name: String) throws {
        let expected = try #require(try Golden.json("tensor.json")["cases"]?[name])
        let shapes = try #require(expected["inputs"]?.arrayValue).map { $0.arrayValue?.compactMap(\.intValue) ?? [] }
        let inputs = try shapes.enumerated().map { try Golden.tensor($1, $0).requireGradient() }
        let result = try #require(try Self.operations[name]?(inputs))
        #expect(result.shape == expected["shape"]?.arrayValue?.compactMap(\.intValue))
        #expect(Golden.difference(try result.elements(), Golden.floats(expected["values"])) < 2e-6)
        try result.backward(seed: try Golden.tensor(result.shape, 50))
        let gradients = try #require(expected["gradients"]?.arrayValue)
        for (input, gradient) in zip(inputs, gradients) {
            let found = try #require(try input.gradient).elements(as: Float.self)
            #expect(Golden.difference(found, Golden.floats(gradient)) < 2e-6)
        }
    }

    @Test("clipped AdamW steps with weight decay and a changing rate are PyTorch's")
    func adamW() throws {
        let weights = [
            try Golden.tensor([3, 4], 20).requireGradient(), try Golden.tensor([4], 21).requireGradient(),
        ]
        let optimiser = try AdamW(
            [Parameter(name: "a", tensor: weights[0]), Parameter(name: "b", tensor: weights[1])], weightDecay: 0.1)
        let steps = try #require(try Golden.json("tensor.json")["adamw"]?.arrayValue)
        #expect(steps.count == 6)
        for (step, expected) in steps.enumerated() {
            for weight in weights { try weight.setGradient(nil) }
            let product = try Golden.tensor([5, 3], 30 + step).matmul(weights[0])
            try (try product * weights[1]).square().sum().backward()
            let norm = try optimiser.clipGradients(to: 1)
            #expect(Golden.difference([Float(norm)], [Float(try #require(expected["norm"]?.doubleValue))]) < 2e-6)
            try optimiser.step(learningRate: 0.01 * Double(step + 1))
            let after = try #require(expected["weights"]?.arrayValue)
            for (weight, values) in zip(weights, after) {
                #expect(Golden.difference(try weight.elements(), Golden.floats(values)) < 2e-6)
            }
        }
        #expect(optimiser.steps == 6)
    }
}
