/// A tensor of a module that training changes, with its name in checkpoints.
public struct Parameter {
    /// Dotted path from the outermost module, such as `blocks.0.attention.projection.weight`.
    public let name: String
    public let tensor: Tensor

    public init(name: String, tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }
}

/// A part of a model: tensors that training changes, and parts of its own.
public protocol Module {
    /// All parameters, those of the parts included, in an order that never varies.
    var parameters: [Parameter] { get }
}

extension Module {
    /// The parameters with a name before theirs.
    public func parameters(under name: String) -> [Parameter] {
        parameters.map { Parameter(name: name + "." + $0.name, tensor: $0.tensor) }
    }

    /// The number of numbers that training changes.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

    /// Copies values into the parameters.
    ///
    /// - Parameter values: exactly one tensor for each parameter, of its shape.
    /// - Throws: `TensorError.mismatch` naming the parameter that is missing, superfluous or of another shape; nothing is changed
    ///   then.
    public func load(_ values: [String: Tensor]) throws(TensorError) {
        let parameters = parameters
        let names = Set(parameters.map(\.name))
        if let extra = values.keys.filter({ !names.contains($0) }).min() {
            throw .mismatch(name: extra, reason: "the module has no such parameter")
        }
        for parameter in parameters {
            guard let value = values[parameter.name] else {
                throw .mismatch(name: parameter.name, reason: "the checkpoint lacks this parameter")
            }
            guard value.shape == parameter.tensor.shape else {
                throw .mismatch(
                    name: parameter.name,
                    reason: "the checkpoint has the shape \(value.shape), the module \(parameter.tensor.shape)")
            }
        }
        try withoutGradients { () throws(TensorError) in
            for parameter in parameters {
                if let value = values[parameter.name] { try parameter.tensor.copy(value) }
            }
        }
    }

    /// Forgets all accumulated gradients.
    public func clearGradients() throws(TensorError) {
        for parameter in parameters { try parameter.tensor.setGradient(nil) }
    }
}

/// y = x·Wᵀ + b, with W of outputs × inputs.
public struct Linear: Module {
    public let weight: Tensor
    public let bias: Tensor?

    /// - Throws: `TensorError.shape` unless the weight is a matrix and the bias has one number per row of it.
    public init(weight: Tensor, bias: Tensor? = nil) throws(TensorError) {
        guard weight.rank == 2, bias.map({ $0.shape == [weight.shape[0]] }) ?? true else {
            throw .shape(
                operation: "Linear", shapes: [weight.shape] + (bias.map { [$0.shape] } ?? []),
                reason: "a matrix of outputs × inputs and one bias per output are needed")
        }
        self.weight = weight
        self.bias = bias
    }

    public var parameters: [Parameter] {
        [Parameter(name: "weight", tensor: weight)] + (bias.map { [Parameter(name: "bias", tensor: $0)] } ?? [])
    }

    public func callAsFunction(_ input: Tensor) throws(TensorError) -> Tensor {
        guard input.shape.last == weight.shape[1] else {
            throw .shape(
                operation: "Linear", shapes: [input.shape, weight.shape],
                reason: "the input's last length must be the weight's second")
        }
        return try input.apply("linear", .tensor(weight), .optional(bias))
    }
}

/// A row of a table for each index.
public struct Embedding: Module {
    /// Rows × width.
    public let weight: Tensor

    /// - Throws: `TensorError.shape` unless the weight is a matrix.
    public init(weight: Tensor) throws(TensorError) {
        guard weight.rank == 2 else {
            throw .shape(operation: "Embedding", shapes: [weight.shape], reason: "a matrix of rows × width is needed")
        }
        self.weight = weight
    }

    public var parameters: [Parameter] { [Parameter(name: "weight", tensor: weight)] }

    /// - Parameter indices: int64, each less than the number of rows.
    /// - Throws: `TensorError.operation` for an index out of range.
    public func callAsFunction(_ indices: Tensor) throws(TensorError) -> Tensor {
        guard indices.elementType == .int64 else {
            throw .dtype(
                operation: "Embedding", found: indices.elementType.map { [$0] } ?? [], reason: "indices are int64")
        }
        return try weight.apply("embedding", .tensor(indices))
    }
}

/// Rows brought to mean 0 and variance 1, times a gain; no bias is added.
public struct LayerNorm: Module {
    public let gain: Tensor
    public let epsilon: Double

    public init(gain: Tensor, epsilon: Double = 1e-5) {
        self.gain = gain
        self.epsilon = epsilon
    }

    public var parameters: [Parameter] { [Parameter(name: "weight", tensor: gain)] }

    public func callAsFunction(_ input: Tensor) throws(TensorError) -> Tensor {
        try input.apply(
            "layer_norm", .integers(gain.shape), .tensor(gain), .none, .number(epsilon),
            rule: .lastDimensions(of: gain.shape))
    }
}
