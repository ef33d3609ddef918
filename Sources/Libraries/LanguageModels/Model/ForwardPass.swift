import ApusTensor
import Glibc

/// The computation of a transformer: from tokens to the hidden states before the head.
struct ForwardPass {
    let configuration: ModelConfiguration
    let weights: ComputeWeights
    /// context × 1 × head width, in the precision of the products.
    private let cosines: Tensor
    /// The sines, negative in the first half: the rotated half-split vector is x·cos + roll(x)·these.
    private let signedSines: Tensor

    /// Longer sequences go through the fused attention, which never holds time × time scores. Shorter ones in bfloat16 are
    /// twice as fast as two products and a softmax (Benchmarks/training).
    private static let directAttentionLimit = 512
    /// -∞ above the diagonal, for the direct way.
    private let mask: Tensor?

    init(_ configuration: ModelConfiguration, _ weights: ComputeWeights) throws(TensorError) {
        self.configuration = configuration
        self.weights = weights
        let tables = try Self.tables(configuration)
        cosines = try tables.cosines.to(weights.precision.elementType)
        signedSines = try tables.signedSines.to(weights.precision.elementType)
        let length = configuration.context
        if weights.precision == .bfloat16, length <= Self.directAttentionLimit {
            mask = try Tensor.call(
                "triu", .tensor(try Tensor.full([length, length], -.infinity, .bfloat16)), .integer(1))
        } else {
            mask = nil
        }
    }

    /// The tables are made in float32 and rounded afterwards, whatever the precision: a model trained in bfloat16 then means
    /// the same in float32.
    private static func tables(_ configuration: ModelConfiguration) throws(TensorError) -> (
        cosines: Tensor, signedSines: Tensor
    ) {
        let (context, width) = (configuration.context, configuration.headWidth)
        var cosines = [Float](repeating: 0, count: context * width)
        var sines = cosines
        for pair in 0..<width / 2 {
            let frequency = Float(1 / pow(10_000, Double(2 * pair) / Double(width)))
            for position in 0..<context {
                let angle = Float(position) * frequency
                let row = position * width + pair
                cosines[row] = cosf(angle)
                cosines[row + width / 2] = cosf(angle)
                sines[row] = -sinf(angle)
                sines[row + width / 2] = sinf(angle)
            }
        }
        return (try Tensor(cosines, shape: [context, 1, width]), try Tensor(sines, shape: [context, 1, width]))
    }

    /// Hidden states after the last norm.
    ///
    /// - Parameter tokens: batch × time, int64.
    /// - Returns: batch·time × d, in the precision of the products.
    func hidden(_ tokens: Tensor) throws -> Tensor {
        let shape = tokens.shape
        guard shape.count == 2, shape[1] >= 1, shape[1] <= configuration.context else {
            throw LanguageModelError.badData(
                source: "tokens",
                reason: "batch × time with at most \(configuration.context) positions is needed, not \(shape)")
        }
        var stream = try Embedding(weight: weights.embedding)(tokens)
        for layer in weights.layers {
            let attended = try attention(layer, try normed(stream, layer.attentionNorm), shape[0], shape[1])
            stream = try stream + attended
            let input = try normed(stream, layer.feedForwardNorm)
            let gated = try input.linear(layer.gate).silu() * (try input.linear(layer.up))
            stream = try stream + gated.linear(layer.down)
        }
        return try normed(stream, weights.norm).reshape([shape[0] * shape[1], configuration.width])
    }

    /// Rows of logits, float32, for rows of hidden states.
    func logits(of hidden: Tensor) throws(TensorError) -> Tensor { try hidden.linear(weights.head).to(.float32) }

    private func normed(_ stream: Tensor, _ gain: Tensor) throws(TensorError) -> Tensor {
        try LayerNorm(gain: gain)(try stream.to(weights.precision.elementType))
    }

    private func attention(_ layer: ComputeWeights.Layer, _ input: Tensor, _ batch: Int, _ time: Int)
        throws(TensorError) -> Tensor
    {
        let (d, heads, width) = (configuration.width, configuration.heads, configuration.headWidth)
        // Queries and keys go through norm and rotation together: half as many calls.
        let both = try input.linear(layer.queryKey).reshape([batch, time, 2, d])
        let normed = try Tensor.call("layer_norm", .tensor(both), .integers([d]), .none, .none, .number(1e-5))
        let split = try (try normed * layer.queryKeyGains).reshape([batch, time, 2 * heads, width])
        let parts = try rotated(split, time).transposed(1, 2).split([heads, heads], 1)
        let value = try input.linear(layer.value).reshape([batch, time, heads, width]).transposed(1, 2)
        let mixed = try mix(query: parts[0], key: parts[1], value: value, time)
        return try mixed.transposed(1, 2).reshape([batch, time, d]).linear(layer.outProjection)
    }

    private func rotated(_ vectors: Tensor, _ time: Int) throws(TensorError) -> Tensor {
        let rolled = try Tensor.call(
            "roll", .tensor(vectors), .integers([configuration.headWidth / 2]), .integers([3]))
        return try Tensor.call(
            "addcmul", .tensor(try vectors * (try cosines.slice(0, 0..<time))), .tensor(rolled),
            .tensor(try signedSines.slice(0, 0..<time)))
    }

    /// Causal attention over batch × heads × time × head width.
    private func mix(query: Tensor, key: Tensor, value: Tensor, _ time: Int) throws(TensorError) -> Tensor {
        guard let mask else { return try Tensor.causalAttention(query: query, key: key, value: value) }
        let shape = query.shape
        let rows = [shape[0] * shape[1], time, shape[3]]
        let corner = try mask.slice(0, 0..<time).slice(1, 0..<time)
        let scores = try Tensor.call(
            "baddbmm", .tensor(corner), .tensor(try query.reshape(rows)),
            .tensor(try key.reshape(rows).transposed(1, 2)),
            .number(1), .number(1 / Double(shape[3]).squareRoot()))
        let weights = try Tensor.call("softmax.int", .tensor(scores), .integer(-1))
        return try Tensor.call("bmm", .tensor(weights), .tensor(try value.reshape(rows))).reshape(shape)
    }
}

extension Tensor {
    /// x·Wᵀ.
    func linear(_ weight: Tensor) throws(TensorError) -> Tensor {
        try Tensor.call("linear", .tensor(self), .tensor(weight))
    }
}
