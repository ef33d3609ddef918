import ApusTensor
import Synchronization
import Testing

/// Numbers that must not change, in memory that says when it is let go of.
private final class Numbers: Sendable {
    private let address: UInt
    let count: Int
    private let isReleased: ReleaseFlag

    final class ReleaseFlag: Sendable {
        let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
    }

    init(_ elements: [Float], _ flag: ReleaseFlag) {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: elements.count)
        _ = buffer.initialize(fromContentsOf: elements)
        address = UInt(bitPattern: buffer.baseAddress)
        count = elements.count
        isReleased = flag
    }

    deinit {
        UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        isReleased.value.store(true, ordering: .releasing)
    }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count * 4)
    }

    var elements: [Float] { Array(bytes.bindMemory(to: Float.self)) }
}

@Suite(
    "Tensors that read memory in place",
    .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct ReadOnlyTests {
    private let flag = Numbers.ReleaseFlag()

    private func isReadOnlyError(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return false
        } catch TensorError.readOnly {
            return true
        } catch {
            return false
        }
    }

    @Test("it has the elements of the memory, where they are")
    func elements() throws {
        let numbers = Numbers([1, 2, 3, 4, 5, 6], flag)
        let tensor = try Tensor(reading: numbers.bytes, type: .float32, shape: [2, 3], keeping: numbers)
        #expect(tensor.isReadOnly && tensor.shape == [2, 3])
        #expect(try tensor.elements(as: Float.self) == [1, 2, 3, 4, 5, 6])
        #expect(try tensor.transposed(0, 1).elements(as: Float.self) == [1, 4, 2, 5, 3, 6])
        #expect(try tensor.matmul(try tensor.transposed(0, 1)).elements(as: Float.self) == [14, 32, 32, 77])
        let copy = try tensor.cloned()
        #expect(!copy.isReadOnly)
        try copy.copy(try Tensor.zeros([2, 3]))
        #expect(numbers.elements == [1, 2, 3, 4, 5, 6])
    }

    @Test("the memory is let go of with the last that reads it: a view, or what was recorded for gradients")
    func lifetime() throws {
        var tensor: Tensor? = try { [flag] in
            let numbers = Numbers([1, 2, 3, 4], flag)
            return try Tensor(reading: numbers.bytes, type: .float32, shape: [4], keeping: numbers)
        }()
        var view: Tensor? = try tensor?.slice(0, 1..<3)
        let weight = try Tensor([2, 2] as [Float]).requireGradient()
        var product: Tensor? = try view.map { try $0 * weight }
        tensor = nil
        #expect(!flag.isSet && tensor == nil)
        view = nil
        // The gradient of the weight is what it was multiplied by.
        #expect(!flag.isSet && view == nil)
        try product?.sum().backward()
        #expect(try weight.gradient?.elements(as: Float.self) == [2, 3])
        product = nil
        #expect(flag.isSet && product == nil)
    }

    @Test("memory that does not fit is refused, and let go of")
    func refused() throws {
        try { [flag] in
            let numbers = Numbers([1, 2, 3, 4], flag)
            #expect(throws: TensorError.self) {
                try Tensor(reading: numbers.bytes, type: .float32, shape: [5], keeping: numbers)
            }
            #expect(throws: TensorError.self) {
                try Tensor(
                    reading: UnsafeRawBufferPointer(rebasing: numbers.bytes[1..<13]), type: .float32, shape: [3],
                    keeping: numbers)
            }
            #expect(throws: TensorError.self) {
                try Tensor(reading: numbers.bytes, type: .bool, shape: [16], keeping: numbers)
            }
            let empty = try Tensor(
                reading: UnsafeRawBufferPointer(rebasing: numbers.bytes[..<0]), type: .float32, shape: [0],
                keeping: numbers)
            #expect(try empty.elements(as: Float.self) == [])
        }()
        #expect(flag.isSet)
    }

    @Test("whatever would write to it is an error, by each way that an operator names what it writes")
    func writes() throws {
        let numbers = Numbers([1, 2, 3, 4], flag)
        let tensor = try Tensor(reading: numbers.bytes, type: .float32, shape: [4], keeping: numbers)
        let other = try Tensor([5, 6, 7, 8] as [Float])
        let view = try tensor.slice(0, 1..<3)
        let bent = try tensor.reshape([2, 2]).transposed(0, 1)
        let detached = try tensor.detached()
        #expect(view.isReadOnly && bent.isReadOnly && detached.isReadOnly)
        let writes: [(String, () throws -> Void)] = [
            ("in place", { try tensor.copy(other) }),
            ("a view", { try view.copy(try Tensor([0, 0] as [Float])) }),
            ("a view of a view", { try bent.copy(try Tensor.zeros([2, 2])) }),
            (
                "an argument for the result",
                { try Tensor.run("add.out", .tensor(other), .tensor(other), .number(1), .tensor(tensor)) }
            ),
            ("a list", { try Tensor.run("_foreach_add_.Scalar", .tensors([other, tensor]), .number(1)) }),
            ("its size", { try Tensor.run("resize_", .tensor(tensor), .integers([2])) }),
            (
                "running statistics",
                {
                    let rows = try Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [2, 4])
                    _ = try Tensor.callForMany(
                        "native_batch_norm", .tensor(rows), .none, .none, .tensor(tensor), .none, .boolean(true),
                        .number(0.1), .number(1e-5))
                }
            ),
        ]
        for (name, write) in writes {
            #expect(isReadOnlyError(write), "\(name)")
            #expect(numbers.elements == [1, 2, 3, 4], "\(name)")
        }
        // Another tensor that was made to lie there is found as well.
        let moved = try Tensor.zeros([4])
        try Tensor.run("set_.source_Tensor", .tensor(moved), .tensor(tensor))
        #expect(isReadOnlyError { try moved.copy(other) })
        let message = TensorError.readOnly(operation: "copy_", operands: ["float32[4]"]).description
        #expect(message.contains("cloned()"))
    }

    @Test("gradients and seeds that lie there are copied, since backward adds to gradients in place")
    func gradients() throws {
        let numbers = Numbers([1, 2, 3, 4], flag)
        let seed = try Tensor(reading: numbers.bytes, type: .float32, shape: [2, 2], keeping: numbers)
        let weight = try Tensor([0, 0, 0, 0] as [Float]).requireGradient()
        // The seed itself, in another shape, would become the gradient.
        for _ in 0..<3 { try weight.reshape([2, 2]).backward(seed: seed) }
        #expect(try weight.gradient?.elements(as: Float.self) == [3, 6, 9, 12])
        #expect(numbers.elements == [1, 2, 3, 4])
        try weight.setGradient(try seed.reshape([4]))
        try weight.reshape([2, 2]).backward(seed: seed)
        #expect(try weight.gradient?.elements(as: Float.self) == [2, 4, 6, 8])
        #expect(numbers.elements == [1, 2, 3, 4])
        // Parameters that lie there have gradients, and no optimiser changes them.
        let fixed = try Tensor(reading: numbers.bytes, type: .float32, shape: [4], keeping: numbers).requireGradient()
        try fixed.square().sum().backward()
        #expect(try fixed.gradient?.elements(as: Float.self) == [2, 4, 6, 8])
        let optimiser = try AdamW([Parameter(name: "fixed", tensor: fixed)], weightDecay: 0.1)
        #expect(isReadOnlyError { try optimiser.step(learningRate: 0.1) })
        #expect(numbers.elements == [1, 2, 3, 4])
    }
}
