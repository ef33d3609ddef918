/// The Adam optimiser with decoupled weight decay.
///
/// Each step, for gradient g and learning rate η: θ ← θ − η·λ·θ, then θ ← θ − η·m̂/(√v̂ + ε) with the bias-corrected moving averages m̂ of g
/// and v̂ of g².
///
/// - Source: Loshchilov and Hutter 2019, algorithm 2; the update is libtorch's fused one.
public final class AdamW {
    public let parameters: [Parameter]
    public let beta1: Double
    public let beta2: Double
    public let epsilon: Double
    public let weightDecay: Double
    /// Steps taken.
    public private(set) var steps = 0

    private let tensors: [Tensor]
    private let averages: [Tensor]
    private let squares: [Tensor]
    private let counters: [Tensor]

    public init(
        _ parameters: [Parameter], beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8,
        weightDecay: Double = 0
    ) throws(TensorError) {
        self.parameters = parameters
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        tensors = parameters.map(\.tensor)
        averages = try Self.zeros(like: tensors)
        squares = try Self.zeros(like: tensors)
        var counters: [Tensor] = []
        for _ in tensors { counters.append(try Tensor([Float(0)], shape: [])) }
        self.counters = counters
    }

    private static func zeros(like tensors: [Tensor]) throws(TensorError) -> [Tensor] {
        try withoutGradients { () throws(TensorError) in
            var zeros: [Tensor] = []
            for tensor in tensors { zeros.append(try tensor.zerosLike()) }
            return zeros
        }
    }

    /// Changes the parameters by their accumulated gradients, which stay as they are.
    ///
    /// - Throws: `TensorError.mismatch` for a parameter without a gradient; nothing is changed then.
    public func step(learningRate: Double) throws(TensorError) {
        let gradients = try gradients()
        guard !gradients.isEmpty else { return }
        try withoutGradients { () throws(TensorError) in
            try Tensor.run("_foreach_add_.Scalar", .tensors(counters), .number(1))
            try Tensor.run(
                "_fused_adamw_", .tensors(tensors), .tensors(gradients), .tensors(averages), .tensors(squares),
                .tensors([]), .tensors(counters), .number(learningRate), .number(beta1), .number(beta2),
                .number(weightDecay), .number(epsilon), .boolean(false), .boolean(false))
        }
        steps += 1
    }

    /// Scales all gradients together so that their L2 norm is at most `limit`.
    ///
    /// - Returns: the norm before.
    public func clipGradients(to limit: Double) throws(TensorError) -> Double {
        let gradients = try gradients()
        guard !gradients.isEmpty else { return 0 }
        return try withoutGradients { () throws(TensorError) in
            let norms = try Tensor.invoke(
                "_foreach_norm.Scalar", [.tensors(gradients), .integer(2)], rule: nil, limit: gradients.count)
            let all = norms.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
            let norm = try Tensor.call("norm.Scalar", .tensor(try Tensor.call("stack", .tensors(all))), .integer(2))
                .item()
            // The small number is PyTorch's, so that clipped runs agree with it.
            let scale = limit / (norm + 1e-6)
            if scale < 1 { try Tensor.run("_foreach_mul_.Scalar", .tensors(gradients), .number(scale)) }
            return norm
        }
    }

    private func gradients() throws(TensorError) -> [Tensor] {
        var gradients: [Tensor] = []
        for parameter in parameters {
            guard let gradient = try parameter.tensor.gradient else {
                throw .mismatch(name: parameter.name, reason: "has no gradient; call backward first")
            }
            gradients.append(gradient)
        }
        return gradients
    }

    /// The moving averages, for a checkpoint: `average.NAME` and `square.NAME` for each parameter. They are the optimiser's own
    /// tensors, which the next step changes.
    public var state: [(name: String, tensor: Tensor)] {
        zip(parameters, averages).map { ("average." + $0.name, $1) }
            + zip(parameters, squares).map { ("square." + $0.name, $1) }
    }

    /// Takes up where another optimiser of the same parameters stood.
    ///
    /// - Throws: `TensorError.mismatch` where a tensor is missing or of another shape; nothing is changed then.
    public func restore(_ values: [String: Tensor], steps: Int) throws(TensorError) {
        let state = state
        for (name, tensor) in state {
            guard let value = values[name], value.shape == tensor.shape else {
                throw .mismatch(name: name, reason: "the optimiser's state lacks it in the shape \(tensor.shape)")
            }
        }
        guard steps >= 0, values.count == state.count else {
            throw .mismatch(
                name: "optimiser", reason: "the state has \(values.count) tensors, needed are \(state.count)")
        }
        try withoutGradients { () throws(TensorError) in
            for (name, tensor) in state {
                if let value = values[name] { try tensor.copy(value) }
            }
            for counter in counters { try counter.copy(try Tensor([Float(steps)], shape: [])) }
        }
        self.steps = steps
    }
}
