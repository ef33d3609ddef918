import ApusTensor

/// The OpenLM decoder-only transformer.
///
/// Each layer computes h = x + Attention(LN(x)), y = h + W₃(silu(W₁·LN(h)) ⊙ W₂·LN(h)); after the last one come a norm
/// and the head. Norms have gains and no biases; queries and keys are normed over the full width, before they are split into
/// heads and rotated. Input and output embeddings are separate. Parameters have OpenLM's names.
///
/// - Source: OpenLM's model; Su et al. 2021 for rotary positions; Shazeer 2020 for SwiGLU.
public struct Transformer: Module {
    public let configuration: ModelConfiguration

    /// Vocabulary × d.
    let embedding: Tensor
    let layers: [Layer]
    /// Gain of the last norm: d.
    let norm: Tensor
    /// Vocabulary × d.
    let head: Tensor

    /// The parameters of one layer.
    struct Layer {
        /// Gains: d.
        let attentionNorm: Tensor
        /// Queries, keys and values: 3d × d.
        let inProjection: Tensor
        /// Gains of the norms of queries (row 0) and keys (row 1): 2 × d. Two parameters that are used together.
        let queryKeyGains: Tensor
        /// d × d.
        let outProjection: Tensor
        /// Gains: d.
        let feedForwardNorm: Tensor
        /// W₁ above W₂: 2·hidden × d.
        let gateAndUp: Tensor
        /// W₃: d × hidden.
        let down: Tensor
    }

    /// A new model with random weights: truncated normal at ±3σ, σ = 1/√(inputs), divided by √(2(l+1)) for the products that add to
    /// the residual stream of layer l; gains are 1.
    ///
    /// - Throws: `LanguageModelError.badSetting`, `.tensor`.
    /// - Complexity: O(parameters); the numbers depend on the seed and the shape only.
    public init(_ configuration: ModelConfiguration, seed: UInt64) throws(LanguageModelError) {
        var stream: UInt64 = 0
        try self.init(configuration, gain: 1) { rows, columns, deviation throws(TensorError) in
            var generator = SeededNumbers(seed: seed, stream: stream)
            stream += 1
            return try Tensor(
                TruncatedNormal.numbers(rows * columns, deviation: deviation, using: &generator),
                shape: [rows, columns])
        }
    }

    /// All parameters 0: to be loaded, or to hold gradients.
    init(zeros configuration: ModelConfiguration) throws(LanguageModelError) {
        try self.init(configuration, gain: 0) { rows, columns, _ throws(TensorError) in
            try Tensor.zeros([rows, columns])
        }
    }

    private init(
        _ configuration: ModelConfiguration, gain: Double,
        matrix: (_ rows: Int, _ columns: Int, _ deviation: Double) throws(TensorError) -> Tensor
    ) throws(LanguageModelError) {
        try configuration.check()
        self.configuration = configuration
        let (d, hidden) = (configuration.width, configuration.hidden)
        let narrow = 1 / Double(d).squareRoot()
        let wide = 1 / Double(hidden).squareRoot()
        do throws(TensorError) {
            embedding = try matrix(configuration.vocabulary, d, narrow)
            var layers: [Layer] = []
            for index in 0..<configuration.layers {
                let depth = 1 / Double(2 * (index + 1)).squareRoot()
                layers.append(
                    Layer(
                        attentionNorm: try Tensor.full([d], gain), inProjection: try matrix(3 * d, d, narrow),
                        queryKeyGains: try Tensor.full([2, d], gain), outProjection: try matrix(d, d, narrow * depth),
                        feedForwardNorm: try Tensor.full([d], gain), gateAndUp: try matrix(2 * hidden, d, narrow),
                        down: try matrix(d, hidden, wide * depth)))
            }
            self.layers = layers
            norm = try Tensor.full([d], gain)
            head = try matrix(configuration.vocabulary, d, narrow)
            parameters = try Self.name(embedding, layers, norm, head)
        } catch {
            throw .tensor(error)
        }
    }

    public let parameters: [Parameter]

    private static func name(
        _ embedding: Tensor, _ layers: [Layer], _ norm: Tensor, _ head: Tensor
    ) throws(TensorError) -> [Parameter] {
        var parameters = [Parameter(name: "tok_embeddings.weight", tensor: embedding)]
        for (index, layer) in layers.enumerated() {
            let gains = try rows(of: layer.queryKeyGains)
            for (name, tensor) in [
                ("attention_norm", layer.attentionNorm), ("attention.in_proj", layer.inProjection),
                ("attention.q_norm", gains[0]), ("attention.k_norm", gains[1]),
                ("attention.out_proj", layer.outProjection), ("ffn_norm", layer.feedForwardNorm),
                ("feed_forward.w12", layer.gateAndUp), ("feed_forward.w3", layer.down),
            ] {
                parameters.append(Parameter(name: "layers.\(index).\(name).weight", tensor: tensor))
            }
        }
        return parameters + [
            Parameter(name: "norm.weight", tensor: norm), Parameter(name: "output.weight", tensor: head),
        ]
    }

    /// The rows of a matrix, as views.
    static func rows(of matrix: Tensor) throws(TensorError) -> [Tensor] {
        var rows: [Tensor] = []
        for index in 0..<matrix.shape[0] {
            rows.append(try Tensor.call("select.int", .tensor(matrix), .integer(0), .integer(index)))
        }
        return rows
    }

    /// Logits for the token that follows each position.
    ///
    /// - Parameters:
    ///   - tokens: batch × time, int64, each less than the vocabulary; at most `context` positions.
    ///   - precision: of the products; logits are float32 always.
    /// - Returns: batch × time × vocabulary, float32, without gradients.
    public func logits(_ tokens: Tensor, precision: Precision = .float32) throws(LanguageModelError) -> Tensor {
        try LanguageModelError.wrapping {
            try withoutGradients {
                let pass = try ForwardPass(configuration, try ComputeWeights(self, precision))
                return try pass.logits(of: try pass.hidden(tokens)).reshape(tokens.shape + [configuration.vocabulary])
            }
        }
    }
}
