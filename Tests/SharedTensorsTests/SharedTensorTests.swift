import Apus
import ApusCore
import ApusTensor
import Glibc
import SharedTensors
import Testing

/// Where a task ran, and what it found.
struct Reading: Codable, Sendable {
    var process: Int32
    var sum: Double
    /// Private memory that reading took, in bytes.
    var growth: Int
    var isReadOnly: Bool
    var error: String
}

/// Private memory of this process that no file backs, in bytes.
private func privateMemory() throws -> Int {
    let file = try #require(fopen("/proc/self/status", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix("RssAnon:") else { continue }
        let number = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        return try #require(number.flatMap { Int($0) }) << 10
    }
    throw TensorError.operation(name: "privateMemory", operands: [], message: "no RssAnon")
}

/// Ones in a tensor of some rows and 1024 columns, made in place.
struct MakeOnes: RemoteTask {
    var rows: Int
    func run() async throws -> Results<SharedTensor, Int32> {
        let tensor = try await SharedTensor(shape: [rows, 1024], type: .float32) { bytes in
            bytes.bindMemory(to: Float.self).initialize(repeating: 1)
        }
        return Results(tensor, getpid())
    }
}

struct SumTensor: RemoteTask {
    @Input var shared: SharedTensor
    func run() async throws -> Reading {
        // libtorch and its threads take memory of their own: all of it before the measurement.
        _ = try Tensor.full([1 << 16], 1).sum().item()
        let before = try privateMemory()
        let tensor = try shared.tensor()
        let sum = try tensor.sum().item()
        let growth = try privateMemory() - before
        var message = ""
        do {
            try tensor.copy(try Tensor.zeros([1]))
        } catch {
            message = "\(error)"
        }
        return Reading(process: getpid(), sum: sum, growth: growth, isReadOnly: tensor.isReadOnly, error: message)
    }
}

@Suite(
    "Tensors over objects", .timeLimit(.minutes(5)),
    .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct SharedTensorTests {
    static let backends: [ClusterConfiguration] = [
        .embedded(cpus: 2), .embedded(cpus: 2, isolation: .encoded), .local(cpus: 2),
    ]

    @Test("a tensor of 256 MiB that one process made is read in another without private memory")
    func large() async throws {
        try await withCluster(.local(cpus: 2, objectStore: 600 << 20)) { cluster in
            let rows = 64 << 10
            let (made, maker) = try cluster.submit(MakeOnes(rows: rows), .init(maxCalls: 1))
            let reading = try await cluster.submit(SumTensor(shared: made), .init(retries: 0)).value
            #expect(try await maker.value != reading.process)
            #expect(reading.sum == Double(rows * 1024))
            #expect(reading.isReadOnly)
            #expect(reading.error.contains("cloned()"))
            #expect(reading.growth < 8 << 20, "\(reading.growth) bytes")
        }
    }

    @Test("an object is freed with the last tensor that reads it")
    func lifetime() async throws {
        try await withCluster(.local(cpus: 1, objectStore: 64 << 20)) { cluster in
            var view: Tensor?
            do {
                let (made, _) = try cluster.submit(MakeOnes(rows: 4096), .init())
                view = try await made.value.tensor().slice(0, 0..<2)
            }
            // The reference is gone, and its worker has let go of the object too.
            for _ in 0..<20 { _ = try await cluster.submit(MakeOnes(rows: 1)).1.value }
            let status = try #require(await cluster.objectStore())
            #expect(status.count == 1 && status.used >= 16 << 20)
            #expect(try view?.sum().item() == 2048)
            view = nil
            let deadline = ContinuousClock.now + .seconds(120)
            while await cluster.objectStore()?.count != 0, .now < deadline {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(await cluster.objectStore()?.count == 0 && view == nil)
        }
    }

    @Test("tensors of each element type and shape arrive as they were", arguments: backends)
    func types(backend: ClusterConfiguration) async throws {
        try await withCluster(backend) { cluster in
            for type in ElementType.allCases {
                for shape in [[], [0, 3], [7], [3, 50_000]] {
                    let count = shape.reduce(1, *)
                    let numbers = (0..<count).map { UInt8($0 % 2) }
                    let tensor = try Tensor(numbers, shape: shape).to(type)
                    let put = try await cluster.put(try await SharedTensor(copying: tensor))
                    let back = try await cluster.submit(EchoTensor(shared: put)).value
                    #expect(back.shape == shape && back.elementType == type)
                    #expect(try back.tensor().to(.uint8).elements(as: UInt8.self) == numbers)
                }
            }
        }
    }

    @Test("a shared array is read as a tensor, in place")
    func arrays() throws {
        let array = SharedArray((0..<6).map { Float($0) })
        let tensor = try Tensor(reading: array, shape: [2, 3])
        #expect(try tensor.elements(as: Float.self) == [0, 1, 2, 3, 4, 5])
        #expect(try Tensor(reading: array).shape == [6])
        #expect(throws: TensorError.self) { try Tensor(reading: array, shape: [4]) }
    }

    @Test("values that are no such tensor are refused")
    func refused() async throws {
        await #expect(throws: TensorError.self) {
            try await SharedTensor(shape: [-1], type: .float32) { _ in }
        }
        await #expect(throws: TensorError.self) {
            try await SharedTensor(shape: [.max, .max], type: .float32) { _ in }
        }
        struct Lie: Codable {
            var shape: [Int]
            var elementType: ElementType
            var bytes: SharedArray<UInt8>
        }
        let bytes = SharedArray([UInt8](repeating: 0, count: 24))
        #expect(try decode(Lie(shape: [2, 3], elementType: .float32, bytes: bytes)).shape == [2, 3])
        for (shape, type) in [
            ([5], ElementType.float32), ([2, 3], .float64), ([-2, -3], .float32), ([.max, 4], .int64),
        ] {
            #expect(throws: CodingError.self) { try decode(Lie(shape: shape, elementType: type, bytes: bytes)) }
        }
    }

    private func decode(_ value: some Encodable) throws -> SharedTensor {
        try BinaryDecoder().decode(SharedTensor.self, from: try BinaryEncoder().encode(value))
    }
}

struct EchoTensor: RemoteTask {
    @Input var shared: SharedTensor
    func run() async throws -> SharedTensor { shared }
}
