import Apus
import Synchronization
import Threads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Puts arrays that it makes itself.
struct PutArrays: RemoteTask {
    var count: Int
    var elements: Int
    func run() async throws -> Unit {
        guard let cluster = Cluster.current else { return Unit() }
        for _ in 0..<count { _ = try await cluster.put([Int64](repeating: 0, count: elements)) }
        return Unit()
    }
}

/// Gigabytes a second of large values that are put, beside `memcpy` of as many bytes to memory that was written before.
struct LargePutBenchmarks {
    let cluster: Cluster
    let harness: BenchmarkHarness

    static let names = [
        "single client put gigabytes", "multi client put gigabytes", "single client shared array gigabytes",
    ]

    typealias Measurement = BenchmarkHarness.Measurement

    func measure(_ name: String) async throws -> [Measurement] {
        switch name {
        case "single client put gigabytes": try await putOne(name, mebibytes: 800)
        case "multi client put gigabytes": try await putMany(name, tasks: 10, puts: 10, mebibytes: 80)
        case "single client shared array gigabytes": try await makeInPlace(name, mebibytes: 800)
        default: []
        }
    }

    private static func elements(_ mebibytes: Int) -> Int { mebibytes << 20 / MemoryLayout<Int64>.stride }
    private static func gigabytes(_ mebibytes: Int) -> Double { Double(mebibytes << 20) / 1e9 }

    private func putOne(_ name: String, mebibytes: Int) async throws -> [Measurement] {
        let array = [Int64](repeating: 0, count: Self.elements(mebibytes))
        let copy = HeapCopy(bytes: mebibytes << 20, threads: BenchmarkHarness.processors)
        return try await harness.measure(
            name, amount: Self.gigabytes(mebibytes), unit: "GB/s",
            beside: [
                ("memcpy, one thread", { copy.run(array) }),
                ("memcpy, \(copy.threads) threads", { try copy.runParallel(array) }),
            ]
        ) { _ = try await cluster.put(array) }
    }

    private func putMany(_ name: String, tasks: Int, puts: Int, mebibytes: Int) async throws -> [Measurement] {
        let elements = Self.elements(mebibytes)
        let threads = min(tasks, BenchmarkHarness.processors)
        let targets = (0..<threads).map { _ in HeapCopy(bytes: mebibytes << 20, threads: 1) }
        return try await harness.measure(
            name, amount: Self.gigabytes(mebibytes) * Double(tasks * puts), unit: "GB/s",
            beside: [
                (
                    "arrays made and copied by memcpy, \(threads) threads",
                    {
                        let left = Atomic(tasks * puts)
                        try withThreads(threads) { number in
                            while left.subtract(1, ordering: .relaxed).oldValue > 0 {
                                targets[number].run([Int64](repeating: 0, count: elements))
                            }
                        }
                    }
                )
            ]
        ) {
            _ = try await cluster.get(
                (0..<tasks).map { _ in try cluster.submit(PutArrays(count: puts, elements: elements)) })
        }
    }

    private func makeInPlace(_ name: String, mebibytes: Int) async throws -> [Measurement] {
        let elements = Self.elements(mebibytes)
        let copy = HeapCopy(bytes: mebibytes << 20, threads: 1)
        let source = [Int64](repeating: 0, count: elements)
        return try await harness.measure(
            name, amount: Self.gigabytes(mebibytes), unit: "GB/s",
            beside: [
                ("memcpy, one thread", { copy.run(source) }),
                ("filling memory of the process", { copy.fill() }),
            ]
        ) {
            let array = try await SharedArray<Int64>(unsafeUninitializedCount: elements) { buffer in
                HeapCopy.fill(UnsafeMutableRawBufferPointer(buffer))
            }
            _ = try await cluster.put(array)
        }
    }
}

/// Copies within this process's heap, to pages that it wrote before.
private final class HeapCopy: @unchecked Sendable {
    // The target is written by one call at a time, each part of it by one thread.
    private let target: UnsafeMutableRawBufferPointer
    let threads: Int

    init(bytes: Int, threads: Int) {
        target = .allocate(byteCount: bytes, alignment: 4096)
        self.threads = threads
        fill()
    }

    deinit { target.deallocate() }

    func fill() { Self.fill(target) }

    static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        buffer.withMemoryRebound(to: Int64.self) { $0.update(repeating: 1) }
    }

    func run(_ source: [Int64]) { source.withUnsafeBytes { target.copyMemory(from: $0) } }

    func runParallel(_ source: [Int64]) throws {
        let part = (target.count / threads + 4095) & ~4095
        try withThreads(threads) { number in
            source.withUnsafeBytes { source in
                let range = min(number * part, source.count)..<min((number + 1) * part, source.count)
                UnsafeMutableRawBufferPointer(rebasing: self.target[range]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[range]))
            }
        }
    }
}

/// Runs a body on so many threads, the calling one among them, each with its number.
private func withThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let others = try (1..<max(1, count)).map { number in try OwnThread { body(number) } }
    body(0)
    for thread in others { thread.join() }
}
