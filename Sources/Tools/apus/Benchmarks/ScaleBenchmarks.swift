import Apus
import Distributed
import Foundation
import Synchronization
import Threads

/// How far one node goes: the single-node scale tests of the runtime specification (§8.3), each once, in worker processes
/// of this machine. Every value that comes back is checked.
struct ScaleBenchmarks {
    struct Sizes {
        var tasks = 1_000_000
        var arguments = 10_000
        var results = 3000
        var objects = 10_000
        /// Gigabytes (10⁹ bytes) of the one large object.
        var objectGigabytes = 8
        /// Gigabytes that pass through a store of so many.
        var spilledGigabytes = 20
        var storeGigabytes = 2
        var actors = 2000
        var spillFolder: String?
    }

    typealias Measurement = BenchmarkHarness.Measurement

    static let names = [
        "queued tasks", "arguments", "results", "objects", "large object", "spilling", "actors",
    ]

    let sizes: Sizes
    /// Called with how far a test is, and of how much.
    let progress: @Sendable (_ done: Int, _ total: Int) -> Void

    func measure(_ name: String) async throws -> [Measurement] {
        switch name {
        case "queued tasks": try await queuedTasks()
        case "arguments": try await arguments()
        case "results": try await results()
        case "objects": try await objects()
        case "large object": try await largeObject()
        case "spilling": try await spilling()
        case "actors": try await actors()
        default: []
        }
    }

    // MARK: Measuring

    /// A test's times and memory, under names that begin with the test's.
    private struct Record {
        let name: String
        private(set) var all: [Measurement] = []
        private var last = ContinuousClock.now

        init(_ name: String) { self.name = name }

        mutating func add(_ what: String, _ value: Double, _ unit: String) {
            all.append(Measurement(name: "\(name), \(what)", value: value, unit: unit, samples: [value]))
        }

        /// Begins a part whose time is not added.
        mutating func begin() { last = .now }

        /// The time since the last call.
        @discardableResult
        mutating func lap(_ what: String) -> Double {
            let now = ContinuousClock.now
            let seconds = (now - last) / .seconds(1)
            add(what, seconds, "s")
            last = .now
            return seconds
        }

        mutating func memory(_ watch: MemoryPeak) {
            let peak = watch.stop()
            add("driver's memory at most", Double(peak.driver), "bytes")
            add("node's and workers' memory at most", Double(peak.others), "bytes")
        }
    }

    private static func check(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        guard isRight else { throw ScaleError.wrong(what: what()) }
    }

    /// Makes sure that the machine has so much memory to give.
    private static func require(_ bytes: Int, for purpose: String) throws {
        let available = SystemMemory.available
        guard bytes <= available else {
            throw ScaleError.memory(purpose: purpose, needed: bytes, available: available)
        }
    }

    // MARK: Tasks

    private func queuedTasks() async throws -> [Measurement] {
        let count = sizes.tasks
        var record = Record("\(count) queued tasks")
        try await withCluster(.local(stallWarning: nil)) { cluster in
            let gate = try cluster.submit(Gate(), TaskOptions(cpus: cluster.resources.cpus))
            let watch = try MemoryPeak()
            let before = BenchmarkHarness.residentMemory
            var references: [ObjectRef<UInt16>] = []
            references.reserveCapacity(count)
            record.begin()
            for n in 0..<count {
                references.append(try cluster.submit(SmallTask()))
                if n & 0xFFFF == 0 { progress(n, count) }
            }
            record.lap("submitting")
            record.add("memory of one", Double(BenchmarkHarness.residentMemory - before) / Double(count), "bytes")
            _ = try await cluster.create(NewBenchmarkActor(), .init(name: "gate"))
            _ = try await gate.value
            record.begin()
            let values = try await cluster.get(references)
            let seconds = record.lap("running")
            record.add("rate", Double(count) / seconds, "1/s")
            try Self.check(values.count == count && values.allSatisfy { $0 == 0 }, "the values of the tasks")
            record.memory(watch)
        }
        return record.all
    }

    private func arguments() async throws -> [Measurement] {
        var all: [Measurement] = []
        let count = sizes.arguments
        for elements in [1, 10_000] {
            var record = Record("one task with \(count) arguments of \(elements) integers")
            try Self.require(2 * count * elements * 8 + 1 << 30, for: record.name)
            try await withCluster(.local()) { cluster in
                let watch = try MemoryPeak()
                var arguments: [ObjectRef<[Int]>] = []
                arguments.reserveCapacity(count)
                record.begin()
                for n in 0..<count {
                    arguments.append(try await cluster.put(Array(repeating: n, count: elements)))
                    progress(n, count)
                }
                record.lap("putting")
                let sum = try await cluster.submit(SumArrays(arrays: Inputs(arguments))).value
                record.lap("running")
                try Self.check(sum == elements * count * (count - 1) / 2, "the sum of the arguments")
                record.memory(watch)
            }
            all += record.all
        }
        return all
    }

    private func results() async throws -> [Measurement] {
        var all: [Measurement] = []
        let count = sizes.results
        for elements in [1, 10_000] {
            var record = Record("one task with \(count) results of \(elements) integers")
            try Self.require(3 * count * elements * 8 + 1 << 30, for: record.name)
            try await withCluster(.local()) { cluster in
                let watch = try MemoryPeak()
                record.begin()
                let parts = try cluster.submit(MakeArrays(count: count, elements: elements), results: count)
                for (n, part) in parts.enumerated() {
                    let value = try await part.value
                    try Self.check(value.count == elements && value.allSatisfy { $0 == n }, "result \(n)")
                    progress(n, count)
                }
                record.lap("running")
                record.memory(watch)
            }
            all += record.all
        }
        return all
    }

    // MARK: Objects

    private func objects() async throws -> [Measurement] {
        let count = sizes.objects
        let elements = 10_000
        var record = Record("get of \(count) objects of \(elements) integers")
        try Self.require(2 * count * elements * 8 + 1 << 30, for: record.name)
        try await withCluster(.local()) { cluster in
            let watch = try MemoryPeak()
            var lists: [ObjectRef<[Int]>] = []
            record.begin()
            for n in 0..<count {
                lists.append(try await cluster.put(Array(repeating: n, count: elements)))
                progress(n, count)
            }
            record.lap("putting lists")
            for (n, value) in try await cluster.get(lists).enumerated() {
                try Self.check(value.count == elements && value[n % elements] == n, "list \(n)")
            }
            record.lap("lists")
            lists = []
            var arrays: [ObjectRef<SharedArray<Int>>] = []
            record.begin()
            for n in 0..<count {
                let array = try await SharedArray<Int>(unsafeUninitializedCount: elements) {
                    $0.initialize(repeating: n)
                }
                arrays.append(try await cluster.put(array))
                progress(n, count)
            }
            record.lap("putting shared arrays")
            for (n, value) in try await cluster.get(arrays).enumerated() {
                try Self.check(value.count == elements && value[n % elements] == n, "array \(n)")
            }
            record.lap("shared arrays")
            record.memory(watch)
        }
        return record.all
    }

    private func largeObject() async throws -> [Measurement] {
        let gigabytes = Double(sizes.objectGigabytes)
        let count = sizes.objectGigabytes * 1_000_000_000 / 8
        var record = Record("an object of \(sizes.objectGigabytes) GB")
        // Beside the object the processes take some.
        try Self.require(count * 8 + 1 << 30, for: record.name)
        try await withCluster(.local(objectStore: count * 8 + 64 << 20)) { cluster in
            let watch = try MemoryPeak()
            record.begin()
            let array = try await SharedArray<Int>(unsafeUninitializedCount: count) { buffer in
                for n in 0..<count { buffer[n] = n }
                progress(1, 3)
            }
            record.add("written at", gigabytes / record.lap("making in place"), "GB/s")
            let reference = try await cluster.put(array)
            record.lap("putting")
            let got = try await cluster.get(reference)
            record.lap("getting")
            try Self.check(got.count == count && got.withUnsafeBufferPointer(Self.isRamp), "the object")
            record.lap("checking")
            progress(2, 3)
            let sum = try await cluster.submit(SumShared(array: reference)).value
            record.lap("a task that reads it in place")
            try Self.check(sum == count / 2 * (count - 1), "its sum")
            record.memory(watch)
        }
        // As an ordinary array it is in the driver's memory as well, once when put and once when got.
        do {
            try Self.require(2 * count * 8 + 1 << 30, for: "\(record.name) as an ordinary array")
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            return record.all
        }
        try await withCluster(.local(objectStore: count * 8 + 64 << 20)) { cluster in
            let watch = try MemoryPeak()
            var array = Array(0..<count)
            record.begin()
            let reference = try await cluster.put(array)
            record.add("put at", gigabytes / record.lap("putting an ordinary array"), "GB/s")
            array = []
            record.begin()
            let got = try await cluster.get(reference)
            record.add("got at", gigabytes / record.lap("getting it"), "GB/s")
            try Self.check(got.withUnsafeBufferPointer(Self.isRamp), "the array")
            record.memory(watch)
        }
        return record.all
    }

    private static func isRamp(_ buffer: UnsafeBufferPointer<Int>) -> Bool {
        var wrong = 0
        for n in buffer.indices { wrong |= buffer[n] ^ n }
        return wrong == 0
    }

    private func spilling() async throws -> [Measurement] {
        let size = 80_000_000
        let count = sizes.spilledGigabytes * 1_000_000_000 / size
        let gigabytes = Double(count * size) / 1e9
        var record = Record("\(sizes.spilledGigabytes) GB through a store of \(sizes.storeGigabytes) GB")
        try Self.require(sizes.storeGigabytes << 30 + 1 << 30, for: record.name)
        let store = sizes.storeGigabytes * 1_000_000_000
        try await withCluster(.local(objectStore: store, spillFolder: sizes.spillFolder)) { cluster in
            let watch = try MemoryPeak()
            var references: [ObjectRef<SharedArray<UInt64>>] = []
            record.begin()
            for n in 0..<count {
                let array = try await SharedArray<UInt64>(unsafeUninitializedCount: size / 8) {
                    Self.fill($0, seed: UInt64(n))
                }
                references.append(try await cluster.put(array))
                progress(n, 2 * count)
            }
            record.add("made at", gigabytes / record.lap("making"), "GB/s")
            let spilled = await cluster.objectStore(objects: 0)?.spilled ?? 0
            record.add("in the file at the end", Double(spilled), "bytes")
            record.begin()
            for (n, reference) in references.enumerated() {
                let isRight = try await reference.value.withUnsafeBufferPointer { Self.isFilled($0, seed: UInt64(n)) }
                try Self.check(isRight, "object \(n)")
                progress(count + n, 2 * count)
            }
            record.add("read and checked at", gigabytes / record.lap("reading"), "GB/s")
            record.memory(watch)
        }
        return record.all
    }

    private static func fill(_ buffer: UnsafeMutableBufferPointer<UInt64>, seed: UInt64) {
        for n in buffer.indices {
            buffer.initializeElement(at: n, to: (UInt64(n) &+ seed << 32) &* 0x9E37_79B9_7F4A_7C15)
        }
    }

    private static func isFilled(_ buffer: UnsafeBufferPointer<UInt64>, seed: UInt64) -> Bool {
        var wrong: UInt64 = 0
        for n in buffer.indices { wrong |= buffer[n] ^ ((UInt64(n) &+ seed << 32) &* 0x9E37_79B9_7F4A_7C15) }
        return wrong == 0
    }

    // MARK: Actors

    /// As many actors as were asked for, or as memory is enough for; says which.
    private func actors() async throws -> [Measurement] {
        var record = Record("actors")
        let reserve = 2 << 30
        try await withCluster(.local(workers: 0, objectStore: 64 << 20, stallWarning: nil)) { cluster in
            let before = SystemMemory.available
            var actors: [BenchmarkActor] = []
            var limit = "as many as were asked for"
            record.begin()
            while actors.count < sizes.actors {
                do {
                    let count = min(64, sizes.actors - actors.count)
                    let made = try await withThrowingTaskGroup(of: BenchmarkActor.self) { group in
                        for _ in 0..<count { group.addTask { try await cluster.create(NewBenchmarkActor()) } }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    actors += made
                } catch {
                    limit = "\(error)"
                    break
                }
                progress(actors.count, sizes.actors)
                if SystemMemory.available < reserve {
                    limit = "memory: less than \(reserve >> 30) GiB are left"
                    break
                }
            }
            let seconds = record.lap("creating")
            let processes = ProcessTree.all(below: getpid())
            record.add("created", Double(actors.count), "actors")
            record.add("rate", Double(actors.count) / seconds, "1/s")
            record.begin()
            for actor in actors { try Self.check(try await actor.small() == 0, "an actor's answer") }
            record.lap("calling each, one after the other")
            let own = processes.reduce(0) { $0 + SystemMemory.proportional(of: $1) }
            record.add("memory of one process", Double(own) / Double(max(1, processes.count)), "bytes")
            record.add(
                "memory that the machine has less, for each",
                Double(before - SystemMemory.available) / Double(max(1, actors.count)), "bytes")
            FileHandle.standardError.write(Data("actors: \(actors.count), \(limit)\n".utf8))
        }
        return record.all
    }
}

/// Why a scale test did not succeed.
enum ScaleError: Error, CustomStringConvertible {
    case wrong(what: String)
    case memory(purpose: String, needed: Int, available: Int)

    var description: String {
        switch self {
        case .wrong(let what): "Something came back other than it was: \(what)."
        case .memory(let purpose, let needed, let available):
            "\(purpose) takes \(needed >> 20) MiB of memory, of which \(available >> 20) MiB are available: choose a smaller "
                + "size, or end other programs."
        }
    }
}

/// What the system says of memory.
enum SystemMemory {
    /// Bytes that programs can still take.
    static var available: Int { field("MemAvailable:", of: "/proc/meminfo") ?? 0 }

    /// Bytes that a process has in memory, what it shares divided among those that have it.
    static func proportional(of process: Int32) -> Int { field("Pss:", of: "/proc/\(process)/smaps_rollup") ?? 0 }

    private static func field(_ name: String, of path: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return kibibytes << 10
    }
}

/// Looks now and then how much memory the driver and its processes have.
final class MemoryPeak: Sendable {
    private let peak = Mutex((driver: 0, others: 0))
    private let isOver = Atomic(false)

    init() throws {
        try OwnThread { [self] in
            while !isOver.load(ordering: .relaxed) {
                look()
                usleep(200_000)
            }
        }.detach()
    }

    private func look() {
        let driver = SystemMemory.proportional(of: getpid())
        let others = ProcessTree.all(below: getpid()).reduce(0) { $0 + SystemMemory.proportional(of: $1) }
        peak.withLock { $0 = (max($0.driver, driver), max($0.others, others)) }
    }

    func stop() -> (driver: Int, others: Int) {
        look()
        isOver.store(true, ordering: .relaxed)
        return peak.withLock { $0 }
    }
}

struct SumArrays: RemoteTask {
    @Inputs var arrays: [[Int]]
    func run() async throws -> Int { arrays.reduce(0) { $0 + $1.reduce(0, +) } }
}

struct MakeArrays: RemoteTask {
    var count: Int
    var elements: Int
    func run() async throws -> [[Int]] { (0..<count).map { Array(repeating: $0, count: elements) } }
}

struct SumShared: RemoteTask {
    @Input var array: SharedArray<Int>
    func run() async throws -> Int { array.withUnsafeBufferPointer { $0.reduce(0, &+) } }
}
