import ApusTensor

/// A model's weights in the form that a pass takes: leaves of the graph of gradients, in the precision of the products.
///
/// In float32 they share the parameters' memory; in bfloat16 they are copies that `refresh` renews. Parts of a
/// parameter that go into separate products are separate leaves, so that no gradient is put together from parts.
struct ComputeWeights {
    /// Float32 in any precision, as the residual stream is.
    let embedding: Tensor
    let layers: [Layer]
    let norm: Tensor
    let head: Tensor
    let precision: Precision
    /// The parts of the parameters that the leaves were made from, in the order of `leaves`.
    private let sources: [Tensor]

    struct Layer {
        let attentionNorm: Tensor
        /// 2d × d and d × d.
        let queryKey: Tensor
        let value: Tensor
        /// 2 × d.
        let queryKeyGains: Tensor
        let outProjection: Tensor
        let feedForwardNorm: Tensor
        /// hidden × d each.
        let gate: Tensor
        let up: Tensor
        let down: Tensor
    }

    init(_ model: Transformer, _ precision: Precision) throws(TensorError) {
        let sources = try Self.parts(of: model)
        var leaves: [Tensor] = []
        for (index, source) in sources.enumerated() {
            leaves.append(
                index == 0 || precision == .float32
                    ? try source.detached() : try source.to(precision.elementType).detached())
        }
        self.init(leaves: leaves, sources: sources, precision, layers: model.configuration.layers)
    }

    private init(leaves: [Tensor], sources: [Tensor], _ precision: Precision, layers count: Int) {
        embedding = leaves[0]
        layers = (0..<count).map { index in
            let own = Array(leaves[(1 + 9 * index)..<(10 + 9 * index)])
            return Layer(
                attentionNorm: own[0], queryKey: own[1], value: own[2], queryKeyGains: own[3], outProjection: own[4],
                feedForwardNorm: own[5], gate: own[6], up: own[7], down: own[8])
        }
        norm = leaves[leaves.count - 2]
        head = leaves[leaves.count - 1]
        self.sources = sources
        self.precision = precision
    }

    /// The same numbers as leaves of their own, for another thread: memory is shared, gradients and their graph are not.
    func twin(recordsGradients: Bool = true) throws(TensorError) -> ComputeWeights {
        var twins: [Tensor] = []
        for leaf in leaves {
            let twin = try leaf.detached()
            twins.append(recordsGradients ? try twin.requireGradient() : twin)
        }
        return ComputeWeights(leaves: twins, sources: sources, precision, layers: layers.count)
    }

    /// Takes over the parameters' present numbers.
    func refresh() throws(TensorError) {
        guard precision != .float32 else { return }
        try withoutGradients { () throws(TensorError) in
            for (leaf, source) in zip(leaves, sources).dropFirst() { try leaf.copy(source) }
        }
    }

    /// All leaves: the embedding first, the head last.
    var leaves: [Tensor] {
        [embedding]
            + layers.flatMap {
                [
                    $0.attentionNorm, $0.queryKey, $0.value, $0.queryKeyGains, $0.outProjection, $0.feedForwardNorm,
                    $0.gate,
                    $0.up, $0.down,
                ]
            } + [norm, head]
    }

    /// Views of a model's parameters, or of tensors of their shapes, in the order of `leaves`.
    static func parts(of model: Transformer) throws(TensorError) -> [Tensor] {
        let (d, hidden) = (model.configuration.width, model.configuration.hidden)
        var parts = [model.embedding]
        for layer in model.layers {
            parts += [
                layer.attentionNorm, try layer.inProjection.slice(0, 0..<2 * d),
                try layer.inProjection.slice(0, 2 * d..<3 * d),
                layer.queryKeyGains, layer.outProjection, layer.feedForwardNorm,
                try layer.gateAndUp.slice(0, 0..<hidden),
                try layer.gateAndUp.slice(0, hidden..<2 * hidden), layer.down,
            ]
        }
        return parts + [model.norm, model.head]
    }
}
