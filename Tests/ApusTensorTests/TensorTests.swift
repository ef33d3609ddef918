import ApusTensor
import Testing

@Suite("Tensors", .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct TensorTests {
    @Test("elements come out as they went in, for every Swift type")
    func roundTrip() throws {
        #expect(try Tensor([1.5, -2] as [Float]).elements(as: Float.self) == [1.5, -2])
        #expect(try Tensor([1e300, -2] as [Double]).elements(as: Double.self) == [1e300, -2])
        #expect(try Tensor([.min, .max] as [Int64]).elements(as: Int64.self) == [.min, .max])
        #expect(try Tensor([.min, .max] as [Int32]).elements(as: Int32.self) == [.min, .max])
        #expect(try Tensor([0, 255] as [UInt8]).elements(as: UInt8.self) == [0, 255])
        let empty = try Tensor([] as [Float], shape: [0, 3])
        #expect(empty.shape == [0, 3])
        #expect(try empty.elements(as: Float.self) == [])
        let single = try Tensor([7] as [Float], shape: [])
        #expect(single.rank == 0 && single.count == 1)
        #expect(try single.item() == 7)
    }

    @Test("conversion rounds to the nearest number of the type", arguments: [ElementType.float16, .bfloat16])
    func conversion(type: ElementType) throws {
        let values: [Float] = [1, -0.5, 3.140625, 1000]
        let converted = try Tensor(values).to(type)
        #expect(converted.elementType == type)
        let back = try converted.to(.float32).elements(as: Float.self)
        let precision: Float = type == .float16 ? 0x1p-11 : 0x1p-8
        for (found, value) in zip(back, values) { #expect(abs(found - value) <= abs(value) * precision) }
    }

    @Test("a transposed tensor is read in row-major order")
    func transposed() throws {
        let matrix = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(try matrix.transposed(0, 1).elements(as: Float.self) == [1, 4, 2, 5, 3, 6])
    }

    @Test("shapes that do not go together are refused by name")
    func shapes() throws {
        let left = try Tensor.zeros([2, 3])
        let right = try Tensor.zeros([4, 5])
        #expect(
            throws: TensorError.shape(
                operation: "matmul", shapes: [[2, 3], [4, 5]],
                reason: "the left one has 3 columns, the right one 4 rows")
        ) { try left.matmul(right) }
        #expect(
            throws: TensorError.shape(
                operation: "add.Tensor", shapes: [[2, 3], [4, 5]],
                reason: "from the right, lengths must be equal or 1, and 3 meets 5")
        ) { try left + right }
        #expect(
            throws: TensorError.shape(
                operation: "reshape", shapes: [[2, 3]], reason: "[4] has another number of elements")
        ) { try left.reshape([4]) }
        #expect(
            throws: TensorError.shape(
                operation: "Tensor", shapes: [[3]], reason: "8 bytes of float32 were given for it")
        ) { try Tensor([1, 2] as [Float], shape: [3]) }
        for shape in [[-1], [Int.max, Int.max], [Int.max]] {
            #expect(throws: TensorError.self) { try Tensor([1] as [Float], shape: shape) }
        }
    }

    @Test("element types that do not go together are refused by name")
    func types() throws {
        let floats = try Tensor.zeros([2, 2])
        let integers = try Tensor.zeros([2, 2], .int64)
        #expect(
            throws: TensorError.dtype(
                operation: "matmul", found: [.float32, .int64], reason: "they must be equal; convert with to(_:)")
        ) { try floats.matmul(integers) }
        #expect(throws: TensorError.self) { try integers.elements(as: Float.self) }
        #expect(throws: TensorError.self) { try integers.requireGradient() }
        #expect(throws: TensorError.self) { try Embedding(weight: floats)(floats) }
    }

    @Test("an exception of the library becomes an error that names the operation and its operands")
    func exceptions() throws {
        let floats = try Tensor.zeros([2, 2])
        do throws(TensorError) {
            _ = try floats.transposed(0, 5)
            Issue.record("a dimension out of range was accepted")
        } catch {
            guard case .operation(let name, let operands, let message) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(name == "transpose.int" && operands == ["float32[2×2]", "0", "5"])
            #expect(message.contains("range") && !message.contains("\n"))
        }
        do throws(TensorError) {
            _ = try Embedding(weight: floats)(try Tensor([5] as [Int64]))
            Issue.record("an index out of range was accepted")
        } catch {
            guard case .operation("embedding", _, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("an unknown operator and wrong arguments are errors")
    func unknown() throws {
        let tensor = try Tensor.zeros([2])
        do throws(TensorError) {
            _ = try Tensor.call("no_such_thing", .tensor(tensor))
            Issue.record("accepted")
        } catch {
            guard case .unknownOperator("no_such_thing", _) = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(throws: TensorError.self) { try Tensor.call("add.Tensor", .tensor(tensor)) }
        #expect(throws: TensorError.self) { try Tensor.call("neg", .integer(3)) }
        #expect(throws: TensorError.self) { try Tensor.call("neg", .tensor(tensor), .tensor(tensor), .none) }
        #expect(throws: TensorError.self) { try Tensor.call("split.Tensor", .tensor(tensor), .integer(1)) }
    }

    @Test("more memory than there is gives a typed error")
    func memory() throws {
        do throws(TensorError) {
            _ = try Tensor.zeros([1 << 40, 1 << 10])
            Issue.record("a petabyte was found")
        } catch {
            guard case .memory = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("gradients accumulate, can be cleared, and are not recorded where that is off")
    func gradients() throws {
        let weight = try Tensor([2] as [Float]).requireGradient()
        try weight.square().sum().backward()
        try weight.square().sum().backward()
        #expect(try weight.gradient?.elements(as: Float.self) == [8])
        try weight.setGradient(nil)
        #expect(try weight.gradient == nil)
        let unrecorded = try withoutGradients { () throws(TensorError) in try weight.square().sum() }
        #expect(!unrecorded.requiresGradient)
        #expect(throws: TensorError.self) { try unrecorded.backward() }
        #expect(try weight.square().sum().requiresGradient)
        #expect(throws: TensorError.self) { try weight.setGradient(try Tensor.zeros([3])) }
    }

    @Test("a gradient can be differentiated again")
    func secondDerivative() throws {
        let x = try Tensor([3] as [Float]).requireGradient()
        let unused = try Tensor([1] as [Float]).requireGradient()
        let cube = try (try x.square() * x).sum()
        let first = try cube.gradients(of: [x, unused], differentiable: true)
        #expect(try first[0]?.elements(as: Float.self) == [27])
        #expect(first[1] == nil)
        let second = try #require(first[0]).sum().gradients(of: [x])
        #expect(try second[0]?.elements(as: Float.self) == [18])
    }

    @Test("a module takes exactly the tensors that fit it")
    func loading() throws {
        let linear = try Linear(weight: try Tensor.zeros([2, 3]), bias: try Tensor.zeros([2]))
        let weight = try Tensor.full([2, 3], 4)
        let bias = try Tensor.full([2], 5)
        #expect(linear.parameterCount == 8)
        for wrong in [
            ["weight": weight], ["weight": weight, "bias": weight], ["weight": weight, "bias": bias, "c": bias],
        ] {
            #expect(throws: TensorError.self) { try linear.load(wrong) }
            #expect(try linear.weight.elements(as: Float.self) == [0, 0, 0, 0, 0, 0])
        }
        try linear.load(["weight": weight, "bias": bias])
        #expect(try linear.bias?.elements(as: Float.self) == [5, 5])
    }

    @Test("an optimiser that is restored goes on as the one that was saved")
    func optimiserState() throws {
        func parameter() throws -> Parameter {
            Parameter(name: "w", tensor: try Tensor([1, -2, 3] as [Float]).requireGradient())
        }
        func step(_ parameter: Parameter, _ optimiser: AdamW) throws {
            try parameter.tensor.setGradient(nil)
            try parameter.tensor.square().sum().backward()
            try optimiser.step(learningRate: 0.1)
        }
        let whole = try parameter()
        let first = try AdamW([whole], weightDecay: 0.1)
        for _ in 0..<3 { try step(whole, first) }
        let resumed = try parameter()
        try withoutGradients { () throws(TensorError) in try resumed.tensor.copy(whole.tensor) }
        let second = try AdamW([resumed], weightDecay: 0.1)
        let state = Dictionary(uniqueKeysWithValues: first.state.map { ($0.name, $0.tensor) })
        #expect(throws: TensorError.self) { try second.restore([:], steps: 3) }
        try second.restore(state, steps: first.steps)
        try step(whole, first)
        try step(resumed, second)
        #expect(try whole.tensor.elements(as: Float.self) == resumed.tensor.elements(as: Float.self))
        #expect(second.steps == 4)
    }

    @Test("the library is looked for in the environment's place alone, or beside and above")
    func search() {
        #expect(
            TensorLibrary.candidates(environment: "/x/y.so", executable: "/a/b/apus", workingDirectory: "/c") == [
                "/x/y.so"
            ])
        #expect(
            TensorLibrary.candidates(environment: nil, executable: "/a/b/apus", workingDirectory: "/c") == [
                "/a/b/libapus_tensor.so", "/a/b/.deps/lib/libapus_tensor.so", "/a/.deps/lib/libapus_tensor.so",
                "/.deps/lib/libapus_tensor.so", "/c/.deps/lib/libapus_tensor.so",
            ])
    }
}
