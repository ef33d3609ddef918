import Apus
import ApusCore
import Synchronization
import Testing

/// A pair without padding.
private struct Point: BitwiseCopyable, Equatable, Sendable {
    var x: Int32
    var y: Int32
}

/// Holds an array beside other values, as a task does.
private struct Named: Codable, Equatable {
    let name: String
    let values: SharedArray<Double>
    let others: SharedArray<UInt8>
}

struct SumShared: RemoteTask {
    @Input var values: SharedArray<Int64>
    func run() async throws -> Int64 { values.reduce(0, +) }
}

struct MakeShared: RemoteTask {
    let count: Int
    func run() async throws -> SharedArray<Int64> {
        try await SharedArray(count: count) { span in
            for number in 0..<count { span.append(Int64(number)) }
        }
    }
}

/// Memory that counts what is made in it and let go of.
private final class CountingMemory: SharedMemory {
    struct State {
        var allocated = 0
        var sealed = 0
        var abandoned = 0
        var released = 0
    }
    let state = Mutex(State())

    private final class Allocation: SharedAllocation {
        let bytes: UnsafeMutableRawBufferPointer
        let memory: CountingMemory
        init(_ count: Int, _ memory: CountingMemory) {
            bytes = .allocate(byteCount: count, alignment: 64)
            self.memory = memory
        }
        func seal() throws -> SharedBytes {
            memory.state.withLock { $0.sealed += 1 }
            let (memory, address) = (memory, UInt(bitPattern: bytes.baseAddress))
            let start = try #require(UnsafeRawPointer(bitPattern: address))
            return SharedBytes(
                start: start, count: bytes.count, place: .store(ObjectID(owner: 5, number: 1))
            ) {
                memory.state.withLock { $0.released += 1 }
                UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
            }
        }
        func abandon() {
            memory.state.withLock { $0.abandoned += 1 }
            bytes.deallocate()
        }
    }

    func allocate(_ count: Int) async throws -> any SharedAllocation {
        state.withLock { $0.allocated += 1 }
        return Allocation(count, self)
    }
}

@Suite("Shared array") struct SharedArrayTests {
    @Test("an array has the elements it was made of, in each way of reading", arguments: [0, 1, 1000, 100_000])
    func elements(count: Int) async throws {
        let expected = (0..<count).map { Int32($0) &* 77 }
        let copied = SharedArray(expected)
        let appended = try await SharedArray<Int32>(count: count) { span in
            for element in expected { span.append(element) }
        }
        let written = try await SharedArray<Int32>(unsafeUninitializedCount: count) { buffer in
            _ = buffer.initialize(fromContentsOf: expected)
        }
        for array in [copied, appended, written] {
            #expect(Array(array) == expected && array.count == count)
            #expect(array.indices.allSatisfy { array[$0] == expected[$0] })
            let span = array.span
            #expect(span.count == count && span.indices.allSatisfy { span[$0] == expected[$0] })
            #expect(array.withUnsafeBufferPointer { Array($0) } == expected)
            #expect(array.withContiguousStorageIfAvailable { Array($0) } == expected)
        }
        #expect(copied == appended && copied.hashValue == written.hashValue)
        #expect(count == 0 || copied != SharedArray(expected.dropLast()))
    }

    @Test("elements may be structures, and slices read on")
    func structures() {
        let points = SharedArray((0..<10).map { Point(x: $0, y: -$0) })
        #expect(points[3...4].map(\.y) == [-3, -4])
        #expect(points.last == Point(x: 9, y: -9))
    }

    @Test("a closure that writes too few elements or throws makes no array")
    func incomplete() async throws {
        await #expect(throws: SharedArrayError.incomplete(written: 2, count: 3)) {
            _ = try await SharedArray<Int>(count: 3) { span in
                span.append(1)
                span.append(2)
            }
        }
        await #expect(throws: CancellationError.self) {
            _ = try await SharedArray<Int>(count: 3) { _ in throw CancellationError() }
        }
        await #expect(throws: SharedArrayError.tooLarge(count: .max, elementSize: 8)) {
            _ = try await SharedArray<Int>(unsafeUninitializedCount: .max) { _ in }
        }
    }

    @Test("large arrays travel beside a value without being copied, small ones inside it")
    func payload() throws {
        let value = Named(
            name: "weights", values: SharedArray((0..<20_000).map(Double.init)), others: SharedArray([1, 2, 3]))
        let payload = try Payload(encoding: value)
        #expect(payload.attachments.map(\.count) == [160_000])
        #expect(payload.bytes.count < 300)
        let back = try payload.decode(Named.self)
        #expect(back == value)
        let same = back.values.withUnsafeBufferPointer { mine in
            value.values.withUnsafeBufferPointer { $0.baseAddress == mine.baseAddress }
        }
        #expect(same)
    }

    @Test("outside of Apus's payloads the bytes are encoded")
    func plainCoding() throws {
        let value = SharedArray((0..<20_000).map(Float.init))
        let bytes = try BinaryEncoder().encode(value)
        #expect(bytes.count > 80_000)
        #expect(try BinaryDecoder().decode(SharedArray<Float>.self, from: bytes) == value)
    }

    @Test("bytes that are not such an array are refused")
    func badBytes() throws {
        let value = SharedArray((0..<20_000).map(Float.init))
        let payload = try Payload(encoding: value)
        // Another type, a missing attachment, one of another size, one that lies between elements.
        #expect(throws: CodingError.self) { try payload.decode(SharedArray<Int32>.self) }
        #expect(throws: CodingError.missingReference(index: 0)) {
            try Payload(bytes: payload.bytes, references: []).decode(SharedArray<Float>.self)
        }
        let source = payload.attachments[0]
        for (skipped, count) in [(0, 79_996), (1, 80_000)] {
            let other = SharedBytes(start: source.start + skipped, count: count, place: .heap) {}
            #expect(throws: CodingError.self) {
                try Payload(bytes: payload.bytes, references: [], attachments: [other]).decode(SharedArray<Float>.self)
            }
        }
        var seed = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            var bytes = payload.bytes
            bytes[seed.below(bytes.count)] = UInt8(seed.below(256))
            let damaged = Payload(bytes: bytes, references: [], attachments: payload.attachments)
            if let array = try? damaged.decode(SharedArray<Float>.self) { #expect(array.count == 20_000) }
        }
    }

    @Test("arrays are inputs and results of tasks", arguments: [EmbeddedIsolation.shared, .encoded])
    func tasks(isolation: EmbeddedIsolation) async throws {
        try await withCluster(.embedded(cpus: 2, isolation: isolation)) { cluster in
            let made = try cluster.submit(MakeShared(count: 100_000))
            let sum = try cluster.submit(SumShared(values: made))
            #expect(try await sum.value == 4_999_950_000)
            let put = try await cluster.put(try await made.value)
            #expect(try await put.value.count == 100_000)
        }
    }

    @Test("memory is let go of once, with the last copy; abandoned where the closure throws")
    func lifetime() async throws {
        let memory = CountingMemory()
        var array: SharedArray<Int>? = try await SharedArray(unsafeUninitializedCount: 10, in: memory) { buffer in
            buffer.initialize(repeating: 3)
        }
        var copy = array
        array = nil
        #expect(memory.state.withLock { $0.released } == 0 && copy?.last == 3)
        // What lies in the store travels by name, however small.
        let payload = try Payload(encoding: try #require(copy))
        #expect(payload.attachments.map(\.place) == [.store(ObjectID(owner: 5, number: 1))])
        copy = nil
        #expect(memory.state.withLock { $0.released } == 0)
        withExtendedLifetime(payload) {}
        await #expect(throws: CancellationError.self) {
            _ = try await SharedArray<Int>(unsafeUninitializedCount: 10, in: memory) { _ in throw CancellationError() }
        }
        #expect(memory.state.withLock { $0.allocated == 2 && $0.sealed == 1 && $0.abandoned == 1 })
    }
}
