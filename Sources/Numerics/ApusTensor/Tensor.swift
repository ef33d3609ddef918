import CApusTensor

/// An n-dimensional array of numbers, with the operations it came from where gradients are recorded.
///
/// A tensor is a reference: `copy(_:)`, the optimiser and other operations whose name ends in `InPlace` change it for all who hold it.
/// It is not `Sendable`: libtorch's reference counts are atomic, but its elements and its graph are not, so that a
/// model, its optimiser and its data belong to one thread. Pass values (`[Float]`, files) between threads.
public final class Tensor {
    /// Owns one reference of the library's.
    let handle: apus_tensor_ref
    private let functions: UnsafePointer<apus_tensor_table>

    /// Takes over the reference.
    init(owning handle: apus_tensor_ref, _ library: TensorLibrary) {
        self.handle = handle
        functions = library.table.functions
    }

    deinit { functions.pointee.release(handle) }

    /// Lengths of the dimensions; empty for a single number.
    public var shape: [Int] {
        let rank = functions.pointee.rank(handle)
        return [Int](unsafeUninitializedCapacity: rank) { buffer, count in
            if let base = buffer.baseAddress {
                // `Int` is `Int64` on every platform of Apus.
                base.withMemoryRebound(to: Int64.self, capacity: rank) { functions.pointee.shape(handle, $0) }
            }
            count = rank
        }
    }

    /// The number of dimensions.
    public var rank: Int { functions.pointee.rank(handle) }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The element type; nil for one of libtorch's that has no name here.
    public var elementType: ElementType? { ElementType(rawValue: functions.pointee.dtype(handle)) }
}

@available(*, unavailable, message: "a tensor belongs to one thread; pass its values")
extension Tensor: Sendable {}

extension Tensor: CustomStringConvertible {
    public var description: String {
        let type = elementType?.description ?? "other"
        return type + "[" + shape.map(String.init).joined(separator: "×") + "]"
    }
}

// MARK: Values in and out

extension Tensor {
    /// A tensor with the given elements, in row-major order.
    ///
    /// - Throws: `TensorError.shape` unless the shape has as many elements.
    public convenience init<Element: TensorElement>(_ elements: [Element], shape: [Int]) throws(TensorError) {
        let result: Result<apus_tensor_ref, TensorError> = elements.withUnsafeBytes { bytes in
            Result { () throws(TensorError) in try Self.make(Element.elementType, shape, bytes) }
        }
        self.init(owning: try result.get(), try TensorLibrary.shared)
    }

    /// A one-dimensional tensor.
    public convenience init<Element: TensorElement>(_ elements: [Element]) throws(TensorError) {
        try self.init(elements, shape: [elements.count])
    }

    /// A tensor with the given bytes, in row-major order and the machine's byte order; they are copied.
    ///
    /// - Throws: `TensorError.shape` unless the bytes are exactly those of the shape; `.dtype` for a byte other than 0
    ///   or 1 among truth values.
    public convenience init(bytes: UnsafeRawBufferPointer, type: ElementType, shape: [Int]) throws(TensorError) {
        self.init(owning: try Self.make(type, shape, bytes), try TensorLibrary.shared)
    }

    /// A tensor that reads bytes where they are, in row-major order and the machine's byte order, without a copy.
    ///
    /// Operations read it like any other. Those that would write to it, or to a view of it, throw `TensorError.readOnly`;
    /// a seed or gradient is copied instead. To change it, change a copy: `cloned()`.
    ///
    /// - Parameters:
    ///   - memory: never changes as long as its owner exists; aligned as the elements are.
    ///   - owner: kept until nothing reads the memory any more: neither this tensor nor a view of it, nor an operation
    ///     recorded for gradients. Let go of on any thread.
    /// - Throws: `TensorError.shape` unless the bytes are exactly those of the shape; `.dtype` for a byte other than 0
    ///   or 1 among truth values; `.operation` for bytes that are not aligned.
    public convenience init(
        reading memory: UnsafeRawBufferPointer, type: ElementType, shape: [Int], keeping owner: any AnyObject & Sendable
    ) throws(TensorError) {
        let library = try TensorLibrary.shared
        try Self.check(memory, type, shape)
        guard UInt(bitPattern: memory.baseAddress) % UInt(type.size) == 0 else {
            throw .operation(
                name: "Tensor", operands: ["\(type)"], message: "the bytes do not lie as the elements need it")
        }
        var handle: apus_tensor_ref?
        let status = shape.map(Int64.init).withUnsafeBufferPointer {
            library.table.functions.pointee.from_memory(
                type.rawValue, $0.baseAddress, $0.count, memory.baseAddress, memory.count,
                Unmanaged.passRetained(owner).toOpaque(), { $0.map { Unmanaged<AnyObject>.fromOpaque($0).release() } },
                &handle)
        }
        try TensorLibrary.check(status, "Tensor")
        guard let handle else { throw .operation(name: "Tensor", operands: [], message: "the library gave no tensor") }
        self.init(owning: handle, library)
    }

    /// Whether the tensor reads memory in place that never changes, or is a view of such a tensor.
    public var isReadOnly: Bool { functions.pointee.reads_memory(handle) != 0 }

    private static func check(
        _ bytes: UnsafeRawBufferPointer, _ type: ElementType, _ shape: [Int]
    ) throws(TensorError) {
        guard let count = elementCount(of: shape),
            count.multipliedReportingOverflow(by: type.size) == (bytes.count, false)
        else {
            throw .shape(
                operation: "Tensor", shapes: [shape], reason: "\(bytes.count) bytes of \(type) were given for it")
        }
        if type == .bool, bytes.contains(where: { $0 > 1 }) {
            throw .dtype(operation: "Tensor", found: [type], reason: "a truth value is a byte of 0 or 1")
        }
    }

    private static func make(
        _ type: ElementType, _ shape: [Int], _ bytes: UnsafeRawBufferPointer
    ) throws(TensorError) -> apus_tensor_ref {
        let library = try TensorLibrary.shared
        try check(bytes, type, shape)
        var handle: apus_tensor_ref?
        let status = shape.map(Int64.init).withUnsafeBufferPointer {
            library.table.functions.pointee.from_bytes(
                type.rawValue, $0.baseAddress, $0.count, bytes.baseAddress, bytes.count, &handle)
        }
        try TensorLibrary.check(status, "Tensor")
        guard let handle else { throw .operation(name: "Tensor", operands: [], message: "the library gave no tensor") }
        return handle
    }

    /// The number of elements of a shape; nil for a negative length or more than `Int` counts.
    package static func elementCount(of shape: [Int]) -> Int? {
        var count = 1
        for length in shape {
            guard length >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            guard !overflow else { return nil }
            count = product
        }
        return count
    }

    /// The elements in row-major order.
    ///
    /// - Throws: `TensorError.dtype` unless the tensor's elements are of that type.
    public func elements<Element: TensorElement>(as type: Element.Type = Element.self) throws(TensorError) -> [Element]
    {
        try requireType(Element.elementType, for: "elements")
        var elements = [Element](repeating: .zero, count: count)
        let status = elements.withUnsafeMutableBytes {
            functions.pointee.to_bytes(handle, $0.baseAddress, $0.count)
        }
        try TensorLibrary.check(status, "elements", operands: [description])
        return elements
    }

    /// Copies the elements into a buffer of exactly their size, in row-major order and the machine's byte order.
    public func copyBytes(to buffer: UnsafeMutableRawBufferPointer) throws(TensorError) {
        try TensorLibrary.check(
            functions.pointee.to_bytes(handle, buffer.baseAddress, buffer.count), "copyBytes", operands: [description])
    }

    /// The only element, as a number.
    ///
    /// - Throws: `TensorError.shape` unless there is exactly one.
    public func item() throws(TensorError) -> Double {
        guard count == 1 else {
            throw .shape(operation: "item", shapes: [shape], reason: "exactly one element is needed")
        }
        return try to(.float64).elements(as: Double.self)[0]
    }

    private func requireType(_ type: ElementType, for operation: String) throws(TensorError) {
        guard let found = elementType, found == type else {
            throw .dtype(
                operation: operation, found: elementType.map { [$0] } ?? [],
                reason: "the elements are asked for as \(type); convert with to(.\(type))")
        }
    }
}

// MARK: Gradients

extension Tensor {
    /// Whether gradients with respect to this tensor are recorded.
    public var requiresGradient: Bool { functions.pointee.requires_gradient(handle) != 0 }

    /// Turns recording for this tensor on or off; only for tensors of floating-point numbers that no recorded operation made.
    @discardableResult
    public func requireGradient(_ required: Bool = true) throws(TensorError) -> Tensor {
        if required, elementType?.isFloatingPoint != true {
            throw .dtype(
                operation: "requireGradient", found: elementType.map { [$0] } ?? [],
                reason: "only floating-point numbers have gradients")
        }
        try TensorLibrary.check(
            functions.pointee.set_requires_gradient(handle, required ? 1 : 0), "requireGradient",
            operands: [description])
        return self
    }

    /// The gradient that `backward` accumulated, or nil.
    public var gradient: Tensor? {
        get throws(TensorError) {
            var result: apus_tensor_ref?
            try TensorLibrary.check(functions.pointee.gradient(handle, &result), "gradient", operands: [description])
            let library = try TensorLibrary.shared
            return result.map { Tensor(owning: $0, library) }
        }
    }

    /// Replaces the accumulated gradient; nil forgets it.
    public func setGradient(_ gradient: Tensor?) throws(TensorError) {
        if let gradient, gradient.shape != shape {
            throw .shape(operation: "setGradient", shapes: [shape, gradient.shape], reason: "they must be equal")
        }
        try TensorLibrary.check(
            functions.pointee.set_gradient(handle, gradient?.handle), "setGradient", operands: [description])
    }

    /// Accumulates the gradients of this tensor into the leaves it was made from.
    ///
    /// - Parameter seed: the gradient of the final value with respect to this tensor; 1 for a single number.
    public func backward(seed: Tensor? = nil) throws(TensorError) {
        if let seed, seed.shape != shape {
            throw .shape(operation: "backward", shapes: [shape, seed.shape], reason: "the seed has the tensor's shape")
        }
        guard seed != nil || count == 1 else {
            throw .shape(operation: "backward", shapes: [shape], reason: "without a seed, one element is needed")
        }
        var output: apus_tensor_ref? = handle
        var seedHandle: apus_tensor_ref? = seed?.handle
        try withExtendedLifetime((self, seed)) { () throws(TensorError) in
            try TensorLibrary.check(
                functions.pointee.backward(&output, &seedHandle, 1), "backward", operands: [description])
        }
    }

    /// Gradients of this tensor with respect to others; nil for those it does not depend on. Nothing is accumulated.
    ///
    /// - Parameters:
    ///   - seed: the gradient of the final value with respect to this tensor; 1 for a single number.
    ///   - differentiable: whether the gradients can be differentiated again.
    public func gradients(
        of inputs: [Tensor], seed: Tensor? = nil, differentiable: Bool = false
    ) throws(TensorError) -> [Tensor?] {
        if let seed, seed.shape != shape {
            throw .shape(
                operation: "gradients", shapes: [shape, seed.shape], reason: "the seed has the tensor's shape")
        }
        guard seed != nil || count == 1 else {
            throw .shape(operation: "gradients", shapes: [shape], reason: "without a seed, one element is needed")
        }
        var output: apus_tensor_ref? = handle
        var seedHandle: apus_tensor_ref? = seed?.handle
        let handles: [apus_tensor_ref?] = inputs.map(\.handle)
        var results = [apus_tensor_ref?](repeating: nil, count: inputs.count)
        let status = withExtendedLifetime((inputs, seed)) {
            functions.pointee.differentiate(
                &output, &seedHandle, 1, handles, handles.count, differentiable ? 1 : 0, &results)
        }
        try TensorLibrary.check(status, "gradients", operands: [description])
        let library = try TensorLibrary.shared
        return results.map { $0.map { Tensor(owning: $0, library) } }
    }
}

/// Runs the body without recording operations for gradients: for evaluation, and to change parameters.
///
/// The setting belongs to the thread, and the body does not suspend, so that it holds for the body alone.
public func withoutGradients<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    // Without the library there are no tensors, hence nothing to record.
    guard let functions = try? TensorLibrary.shared.table.functions else { return try body() }
    let before = functions.pointee.set_recording(0)
    defer { _ = functions.pointee.set_recording(before) }
    return try body()
}
