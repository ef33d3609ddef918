import Apus
import ApusCore
import Distributed
import Testing

/// An array whose sum is known without making it.
private func ramp(_ count: Int) -> [Int] { Array(0..<count) }
private func rampSum(_ count: Int) -> Int { count * (count - 1) / 2 }

struct SumInput: RemoteTask {
    @Input var numbers: [Int]
    func run() async throws -> Int { numbers.reduce(0, +) }
}

/// A large argument that is no reference.
struct SumProperty: RemoteTask {
    var numbers: [Int]
    func run() async throws -> Int { numbers.reduce(0, +) }
}

struct MakeRamp: RemoteTask {
    var count: Int
    func run() async throws -> [Int] { Array(0..<count) }
}

struct Document: Codable, Sendable, Equatable {
    var title: String
    var lines: [String]
    var vectors: [[Float]]

    static func sample(_ count: Int) -> Document {
        Document(
            title: "document", lines: (0..<count).map { "line \($0)" },
            vectors: (0..<count).map { [Float($0), Float($0) / 2] })
    }
}

struct Echo<Value: Sendable & Codable>: RemoteTask {
    @Input var value: Value
    func run() async throws -> Value { value }
}

struct SumNested: RemoteTask {
    var parts: [ObjectRef<[Int]>]
    func run() async throws -> Int {
        var sum = 0
        for part in parts { sum += try await part.value.reduce(0, +) }
        return sum
    }
}

/// Puts large values and returns references to them.
struct PutRamps: RemoteTask {
    var count: Int
    var size: Int
    func run() async throws -> [ObjectRef<[Int]>] {
        guard let cluster = Cluster.current else { return [] }
        var references: [ObjectRef<[Int]>] = []
        for _ in 0..<count { references.append(try await cluster.put(Array(0..<size))) }
        return references
    }
}

struct MakeShared: RemoteTask {
    var count: Int
    func run() async throws -> SharedArray<Float> {
        try await SharedArray(count: count) { span in
            for n in 0..<count { span.append(Float(n)) }
        }
    }
}

struct SumShared: RemoteTask {
    @Input var array: SharedArray<Float>
    func run() async throws -> Double { array.reduce(0.0) { $0 + Double($1) } }
}

struct YieldRamps: StreamingTask {
    var count: Int
    var size: Int
    func run(into output: StreamOutput<[Int]>) async throws {
        for n in 0..<count { try await output.yield(Array(n..<n + size)) }
    }
}

distributed actor Keeper {
    typealias ActorSystem = ApusActorSystem
    private var kept: [Int] = []
    private var shared: SharedArray<Float>?

    distributed func keep(_ numbers: [Int]) -> Int {
        kept = numbers
        return numbers.count
    }
    distributed func give() -> [Int] { kept }
    distributed func keep(shared: SharedArray<Float>) { self.shared = shared }
    distributed func sumShared() -> Double { (shared ?? SharedArray([Float]())).reduce(0.0) { $0 + Double($1) } }
}

struct NewKeeper: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Keeper { Keeper(actorSystem: system) }
}

@Suite("Large values", .timeLimit(.minutes(5))) struct LargeValueConformance {
    private static let size = 100_000

    @Test("large arguments and results arrive as they were", arguments: TestedBackend.allCases)
    func tasks(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            #expect(try await cluster.result(SumProperty(numbers: ramp(Self.size))) == rampSum(Self.size))
            #expect(try await cluster.result(SumInput(numbers: .value(ramp(Self.size)))) == rampSum(Self.size))
            let made = try cluster.submit(MakeRamp(count: Self.size))
            #expect(try await cluster.result(SumInput(numbers: made)) == rampSum(Self.size))
            #expect(try await made.value == ramp(Self.size))
            #expect(try await cluster.get(made) == ramp(Self.size))
        }
    }

    @Test("values around the limit of inline ones arrive as they were", arguments: TestedBackend.allCases)
    func limits(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for count in [0, 1, 65_534, 65_535, 65_536, 65_537, 131_072] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let put = try await cluster.put(bytes)
                #expect(try await put.value == bytes)
                #expect(try await cluster.result(Echo(value: put)) == bytes)
                let text = String(repeating: "ä", count: count / 2)
                #expect(try await cluster.result(Echo(value: .value(text))) == text)
                #expect(try await cluster.put(text).value == text)
            }
        }
    }

    @Test("structures with much in them arrive as they were", arguments: TestedBackend.allCases)
    func structures(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let document = Document.sample(20_000)
            let put = try await cluster.put(document)
            #expect(try await cluster.result(Echo(value: put)) == document)
            #expect(try await put.value == document)
            #expect(try await cluster.result(Echo(value: .value(document))) == document)
        }
    }

    @Test("references to large objects travel inside values, both ways", arguments: TestedBackend.allCases)
    func nested(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var parts: [ObjectRef<[Int]>] = []
            for _ in 0..<5 { parts.append(try await cluster.put(ramp(Self.size))) }
            parts.append(try cluster.submit(MakeRamp(count: Self.size)))
            #expect(try await cluster.result(SumNested(parts: parts)) == 6 * rampSum(Self.size))
            let inner = try await cluster.result(PutRamps(count: 4, size: Self.size))
            for reference in inner { #expect(try await reference.value == ramp(Self.size)) }
            // On from here to another task, as references inside a reference.
            let outer = try await cluster.put(inner)
            #expect(try await cluster.result(Echo(value: outer)).count == 4)
            #expect(try await cluster.result(SumNested(parts: inner)) == 4 * rampSum(Self.size))
        }
    }

    @Test("shared arrays travel in tasks, results and calls", arguments: TestedBackend.allCases)
    func shared(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let expected = Double(Self.size) * Double(Self.size - 1) / 2
            let made = try cluster.submit(MakeShared(count: Self.size))
            #expect(try await cluster.result(SumShared(array: made)) == expected)
            #expect(try await made.value.count == Self.size)
            #expect(try await made.value[Self.size - 1] == Float(Self.size - 1))
            let own = SharedArray((0..<Self.size).map { Float($0) })
            #expect(try await cluster.result(SumShared(array: .value(own))) == expected)
            let put = try await cluster.put(own)
            #expect(try await cluster.result(SumShared(array: put)) == expected)
            #expect(try await put.value == own)
            let place = try await SharedArray<Float>(count: Self.size) { span in
                for n in 0..<Self.size { span.append(Float(n)) }
            }
            #expect(place == own)
            #expect(try await cluster.result(SumShared(array: try await cluster.put(place))) == expected)
            let keeper = try await cluster.create(NewKeeper())
            try await keeper.keep(shared: place)
            #expect(try await keeper.sumShared() == expected)
        }
    }

    @Test("large values pass through actors and streams", arguments: TestedBackend.allCases)
    func actors(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let keeper = try await cluster.create(NewKeeper())
            #expect(try await keeper.keep(ramp(Self.size)) == Self.size)
            #expect(try await keeper.give() == ramp(Self.size))
            var number = 0
            for try await reference in try cluster.submit(YieldRamps(count: 20, size: Self.size), buffer: 3) {
                #expect(try await reference.value == Array(number..<number + Self.size))
                number += 1
            }
            #expect(number == 20)
        }
    }

    @Test("several large results of one task have a reference each", arguments: TestedBackend.allCases)
    func parts(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let text = String(repeating: "abc", count: 100_000)
            let (reversed, count) = try cluster.submit(Split(text: .value(text)))
            #expect(try await reversed.value == String(text.reversed()))
            #expect(try await count.value == 300_000)
            #expect(try await cluster.result(Echo(value: reversed)).utf8.count == 300_000)
        }
    }
}

/// What the local backend alone has: a store that is smaller than the objects.
@Suite("The object store of a local cluster", .timeLimit(.minutes(5))) struct LocalStoreTests {
    @Test("objects that do not fit into memory come back from the disk")
    func spilling() async throws {
        try await withCluster(.local(cpus: 2, objectStore: 8 << 20)) { cluster in
            let size = 1 << 17
            var references: [ObjectRef<[Int]>] = []
            // 1 MiB each, four times the store.
            for n in 0..<32 { references.append(try await cluster.put(Array(n..<n + size))) }
            for (n, reference) in references.enumerated() { #expect(try await reference.value == Array(n..<n + size)) }
            let sums = try references.map { try cluster.submit(SumInput(numbers: $0)) }
            for (n, sum) in try await cluster.get(sums).enumerated() { #expect(sum == n * size + rampSum(size)) }
            let all = try await cluster.get(references)
            #expect(all.map(\.first) == (0..<32).map { Optional($0) })
        }
    }

    @Test("nothing is left in the store when the last references are gone")
    func empty() async throws {
        try await withCluster(.local(cpus: 2, objectStore: 64 << 20)) { cluster in
            do {
                let put = try await cluster.put(ramp(100_000))
                let made = try cluster.submit(MakeRamp(count: 100_000))
                let shared = try await cluster.put(try await cluster.result(MakeShared(count: 100_000)))
                let nested = try await cluster.result(PutRamps(count: 4, size: 100_000))
                #expect(try await cluster.result(SumInput(numbers: put)) == rampSum(100_000))
                #expect(try await cluster.result(SumNested(parts: nested + [made])) == 5 * rampSum(100_000))
                #expect(try await cluster.result(SumShared(array: shared)) > 0)
                #expect(try await cluster.result(SumProperty(numbers: ramp(100_000))) == rampSum(100_000))
                let status = try #require(await cluster.objectStore())
                #expect(status.count >= 7 && status.used >= 7 * 800_000 / 2)
                #expect(status.objects.contains { $0.site.contains("LargeValueConformance.swift") })
                // A reference that is not used any more is let go of before the end of its scope.
                withExtendedLifetime((put, made, shared, nested)) {}
            }
            try await eventually {
                let status = await cluster.objectStore()
                return status?.count == 0 && status?.used == 0 && status?.spilled == 0
            }
        }
    }

    @Test("what was spilled is read while everything in memory is in use, by the program and in a task")
    func crowded() async throws {
        try await withCluster(.local(cpus: 1, objectStore: 8 << 20)) { cluster in
            let size = 250_000
            let spilled = try await cluster.put(Array(0..<size))
            // What is read in place cannot be spilled: none of it makes room.
            var pinned: [SharedArray<Int>] = []
            for _ in 0..<4 {
                pinned.append(try await SharedArray(count: size) { $0.append(repeating: 1, count: size) })
            }
            let status = try #require(await cluster.objectStore())
            #expect(status.objects.contains { $0.state == "spilled" })
            #expect(try await spilled.value == Array(0..<size))
            #expect(try await cluster.result(SumInput(numbers: spilled)) == rampSum(size))
            #expect(pinned.allSatisfy { $0.allSatisfy { $0 == 1 } })
        }
    }

    @Test("a full store makes creators wait, and goes on when something is let go of")
    func full() async throws {
        let configuration = ClusterConfiguration.local(cpus: 1, objectStore: 8 << 20)
        try await withCluster(configuration) { cluster in
            // Arrays that are read in place cannot be spilled.
            var pinned: [SharedArray<Int>] = []
            for _ in 0..<7 {
                pinned.append(try await SharedArray(count: 1 << 17) { $0.append(repeating: 1, count: 1 << 17) })
            }
            let waiting = Task { try await cluster.put(ramp(1 << 18)) }
            try await eventually { await cluster.objectStore()?.count == 8 }
            pinned.removeLast(3)
            #expect(try await waiting.value.value.count == 1 << 18)
        }
    }

    @Test("a value larger than the store fails with a typed error, wherever it is made")
    func tooLarge() async throws {
        try await withCluster(.local(cpus: 2, objectStore: 8 << 20)) { cluster in
            await #expect(throws: ObjectStoreError.self) { try await cluster.put(ramp(2 << 20)) }
            let made = try cluster.submit(MakeRamp(count: 2 << 20))
            let error = await taskError { _ = try await made.value }
            #expect((error?.underlying as? ObjectStoreError)?.kind == .tooLarge)
            // The cluster goes on.
            #expect(try await cluster.result(MakeRamp(count: 100_000)).count == 100_000)
        }
    }

    @Test("a store that is larger than the machine is refused with what would fit")
    func impossible() async throws {
        do {
            try await withCluster(.local(cpus: 1, objectStore: 1 << 50)) { _ in }
            Issue.record("a store of a pebibyte was made")
        } catch ClusterError.notStarted(let reason) {
            #expect(reason.contains("at most"))
        }
    }
}
