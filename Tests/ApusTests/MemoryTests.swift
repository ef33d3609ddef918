import Apus
import Synchronization
import Testing

@Suite("Memory", .serialized) struct MemoryTests {
    final class Probe: Codable, Sendable {
        static let living = Atomic(0)
        init() { Self.living.add(1, ordering: .relaxed) }
        init(from decoder: any Decoder) throws { Self.living.add(1, ordering: .relaxed) }
        func encode(to encoder: any Encoder) throws {}
        deinit { Self.living.subtract(1, ordering: .relaxed) }
        static var count: Int { living.load(ordering: .relaxed) }
    }

    struct Make: RemoteTask {
        func run() async throws -> Probe { Probe() }
    }

    struct Take: RemoteTask {
        @Input var probe: Probe
        func run() async throws -> Int { 1 }
    }

    @Test("dropping the last reference frees the value, and a finished task holds no input")
    func freed() async throws {
        try await withCluster(.embedded(cpus: 2)) { cluster in
            var put: ObjectRef<Probe>? = try await cluster.put(Probe())
            #expect(Probe.count == 1)
            var made: ObjectRef<Probe>? = try cluster.submit(Make())
            _ = try await made?.value
            #expect(Probe.count == 2)
            if let put { _ = try await cluster.submit(Take(probe: put)).value }
            put = nil
            made = nil
            // The runner lets go of its last task a moment after its result is there.
            for _ in 0..<1_000_000 where Probe.count > 0 { await Task.yield() }
            #expect(Probe.count == 0)
        }
        #expect(Probe.count == 0)
    }

    @Test("a cluster that was left is freed")
    func clusterFreed() async throws {
        weak var cluster: Cluster?
        try await withCluster(.embedded(cpus: 2)) {
            cluster = $0
            _ = try await $0.get((0..<100).map { _ in try cluster!.submit(Make()) })
        }
        #expect(cluster == nil)
    }
}
