// The operations in use, one line each over `Tensor.call`. Another one needs another line here, or none at the caller.

// MARK: Making

extension Tensor {
    /// Zeros.
    public static func zeros(_ shape: [Int], _ type: ElementType = .float32) throws(TensorError) -> Tensor {
        try call("zeros", .integers(shape), .type(type))
    }

    /// One number everywhere.
    public static func full(_ shape: [Int], _ value: Double, _ type: ElementType = .float32) throws(TensorError)
        -> Tensor
    {
        try call("full", .integers(shape), .number(value), .type(type))
    }

    /// Zeros of this tensor's shape and type.
    public func zerosLike() throws(TensorError) -> Tensor { try apply("zeros_like") }

    /// The elements converted; the tensor itself where nothing changes.
    public func to(_ type: ElementType) throws(TensorError) -> Tensor { try apply("to.dtype", .type(type)) }

    /// The same elements without their history.
    public func detached() throws(TensorError) -> Tensor { try apply("detach") }

    /// A copy with memory of its own.
    public func cloned() throws(TensorError) -> Tensor { try apply("clone") }
}

// MARK: Element by element

extension Tensor {
    public static func + (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.apply("add.Tensor", .tensor(right), rule: .broadcast)
    }

    public static func - (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.apply("sub.Tensor", .tensor(right), rule: .broadcast)
    }

    public static func * (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.apply("mul.Tensor", .tensor(right), rule: .broadcast)
    }

    public static func / (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.apply("div.Tensor", .tensor(right), rule: .broadcast)
    }

    public static func + (left: Tensor, right: Double) throws(TensorError) -> Tensor {
        try left.apply("add.Scalar", .number(right))
    }

    public static func * (left: Tensor, right: Double) throws(TensorError) -> Tensor {
        try left.apply("mul.Scalar", .number(right))
    }

    public static prefix func - (tensor: Tensor) throws(TensorError) -> Tensor { try tensor.apply("neg") }

    public func exp() throws(TensorError) -> Tensor { try apply("exp") }
    public func log() throws(TensorError) -> Tensor { try apply("log") }
    public func tanh() throws(TensorError) -> Tensor { try apply("tanh") }
    public func silu() throws(TensorError) -> Tensor { try apply("silu") }
    public func square() throws(TensorError) -> Tensor { try apply("square") }

    /// Overwrites the elements, keeping the tensor's type.
    public func copy(_ source: Tensor) throws(TensorError) {
        try Self.run("copy_", .tensor(self), .tensor(source))
    }
}

// MARK: Shape

extension Tensor {
    /// The same elements in another shape, without a copy where the memory allows it; one length may be -1.
    public func reshape(_ shape: [Int]) throws(TensorError) -> Tensor {
        try apply("reshape", .integers(shape), rule: .sameElements(as: shape))
    }

    public func transposed(_ first: Int, _ second: Int) throws(TensorError) -> Tensor {
        try apply("transpose.int", .integer(first), .integer(second))
    }

    /// Consecutive indices of one dimension, as a view.
    public func slice(_ dimension: Int, _ range: Range<Int>) throws(TensorError) -> Tensor {
        try apply("narrow", .integer(dimension), .integer(range.lowerBound), .integer(range.count))
    }

    /// Parts of the given lengths along one dimension, as views.
    public func split(_ lengths: [Int], _ dimension: Int) throws(TensorError) -> [Tensor] {
        let parts = try Self.invoke(
            "split_with_sizes", [.tensor(self), .integers(lengths), .integer(dimension)], rule: nil,
            limit: lengths.count)
        return parts.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
    }

    /// Tensors joined along one dimension.
    public static func concatenate(_ parts: [Tensor], _ dimension: Int) throws(TensorError) -> Tensor {
        try call("cat", .tensors(parts), .integer(dimension))
    }

    /// The elements laid out in row-major order; the tensor itself where they are.
    public func contiguous() throws(TensorError) -> Tensor { try apply("contiguous") }
}

// MARK: Reduction and products

extension Tensor {
    /// The sum of all elements.
    public func sum() throws(TensorError) -> Tensor { try apply("sum") }
    /// The mean of all elements.
    public func mean() throws(TensorError) -> Tensor { try apply("mean") }

    /// log Σ exp over one dimension.
    public func logSumExp(_ dimension: Int) throws(TensorError) -> Tensor {
        try apply("logsumexp", .integers([dimension]))
    }

    public func logSoftmax(_ dimension: Int) throws(TensorError) -> Tensor {
        try apply("log_softmax.int", .integer(dimension))
    }

    /// The index of the greatest element along one dimension, the first of equal ones.
    public func argmax(_ dimension: Int) throws(TensorError) -> Tensor { try apply("argmax", .integer(dimension)) }

    /// The elements that an index tensor names along one dimension.
    public func gather(_ dimension: Int, _ indices: Tensor) throws(TensorError) -> Tensor {
        try apply("gather", .integer(dimension), .tensor(indices))
    }

    /// The matrix product; leading dimensions are batches and broadcast.
    public func matmul(_ other: Tensor) throws(TensorError) -> Tensor {
        try apply("matmul", .tensor(other), rule: .matrixProduct)
    }

    /// Mean cross-entropy, in nats, of rows of logits and the class of each.
    public func crossEntropy(_ classes: Tensor) throws(TensorError) -> Tensor {
        guard rank == 2, classes.rank == 1, shape[0] == classes.shape[0] else {
            throw .shape(
                operation: "crossEntropy", shapes: [shape, classes.shape], reason: "rows × classes and rows are needed")
        }
        guard classes.elementType == .int64 else {
            throw .dtype(
                operation: "crossEntropy", found: classes.elementType.map { [$0] } ?? [], reason: "classes are int64")
        }
        return try apply("cross_entropy_loss", .tensor(classes))
    }

    /// softmax(q·kᵀ/√d)·v over batch × heads × time × d, each position attending to itself and those before it.
    public static func causalAttention(
        query: Tensor, key: Tensor, value: Tensor
    ) throws(TensorError) -> Tensor {
        guard query.rank == 4, query.shape == key.shape, key.shape == value.shape else {
            throw .shape(
                operation: "causalAttention", shapes: [query.shape, key.shape, value.shape],
                reason: "three equal shapes batch × heads × time × width are needed")
        }
        return try call(
            "scaled_dot_product_attention", .tensor(query), .tensor(key), .tensor(value), .none, .number(0),
            .boolean(true))
    }
}
