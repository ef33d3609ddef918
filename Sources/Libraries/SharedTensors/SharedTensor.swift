import Apus
import ApusCore
import ApusTensor

/// The elements of a tensor as a value that travels: in tasks, results, calls of actors and objects.
///
/// They lie in the node's shared memory once. Every process of the node makes tensors of them that read them there, in
/// place: no copy, however large they are and however many read.
///
/// ```swift
/// let table = try await cluster.put(SharedTensor(copying: embeddings))
/// // in a task, with `@Input var table: SharedTensor`:
/// let rows = try table.tensor().slice(0, 0..<1000)
/// ```
/// A tensor itself belongs to one thread; this does not.
public struct SharedTensor: Sendable {
    public let shape: [Int]
    public let elementType: ElementType
    private let bytes: SharedArray<UInt8>

    /// Copies a tensor's elements, in row-major order: inside a cluster of processes straight into the node's memory.
    ///
    /// - Throws: `TensorError.dtype` for an element type without a name; an error of the object store where it is full.
    public init(copying tensor: Tensor) async throws {
        guard let type = tensor.elementType else {
            throw TensorError.dtype(operation: "SharedTensor", found: [], reason: "the element type has no name here")
        }
        try await self.init(shape: tensor.shape, type: type) { try tensor.copyBytes(to: $0) }
    }

    /// Elements that are made in place: to read a file into, for example.
    ///
    /// - Parameter initialize: writes all bytes, in row-major order and the machine's byte order; aligned to 64 bytes,
    ///   with undefined contents before.
    /// - Throws: what `initialize` throws; `TensorError.shape` for a negative length, or more than memory counts; an error
    ///   of the object store where it is full.
    public init(
        shape: [Int], type: ElementType, initializingWith initialize: (UnsafeMutableRawBufferPointer) throws -> Void
    ) async throws {
        guard let size = Self.size(of: shape, type) else {
            throw TensorError.shape(
                operation: "SharedTensor", shapes: [shape],
                reason: "a length is negative, or they are too many elements")
        }
        self.shape = shape
        elementType = type
        bytes = try await SharedArray(unsafeUninitializedCount: size) { buffer in
            try initialize(UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// A tensor that reads the elements in place. It, its views and what is recorded of it for gradients keep them; what
    /// would write to them throws `TensorError.readOnly`.
    ///
    /// - Complexity: O(1); O(elements) for truth values, which are looked at.
    public func tensor() throws(TensorError) -> Tensor {
        try Tensor(reading: bytes.bytes.buffer, type: elementType, shape: shape, keeping: bytes.bytes)
    }

    private static func size(of shape: [Int], _ type: ElementType) -> Int? {
        guard let count = Tensor.elementCount(of: shape) else { return nil }
        let (size, overflows) = count.multipliedReportingOverflow(by: type.size)
        return overflows ? nil : size
    }
}

extension SharedTensor: CustomStringConvertible {
    public var description: String {
        "shared \(elementType)[" + shape.map(String.init).joined(separator: "×") + "]"
    }
}

extension SharedTensor: Codable {
    private enum CodingKeys: String, CodingKey { case shape, elementType, bytes }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        shape = try container.decode([Int].self, forKey: .shape)
        elementType = try container.decode(ElementType.self, forKey: .elementType)
        bytes = try container.decode(SharedArray<UInt8>.self, forKey: .bytes)
        guard Self.size(of: shape, elementType) == bytes.count else {
            throw CodingError.rejected(
                path: "SharedTensor", reason: "\(bytes.count) bytes came for \(elementType) of the shape \(shape).")
        }
    }
}

extension Tensor {
    /// A tensor that reads an array's elements in place, without a copy: see `SharedTensor.tensor()`.
    ///
    /// - Parameter shape: one dimension of all elements where nil.
    /// - Throws: `TensorError.shape` unless the shape has as many elements.
    public convenience init<Element: TensorElement>(
        reading array: SharedArray<Element>, shape: [Int]? = nil
    ) throws(TensorError) {
        try self.init(
            reading: array.bytes.buffer, type: Element.elementType, shape: shape ?? [array.count], keeping: array.bytes)
    }
}
