import Apus
import ApusCore
import Testing

@Suite("Lifetimes", .timeLimit(.minutes(5))) struct LifetimeConformance {
    @Test("leaving the cluster cancels and awaits what is left", arguments: TestedBackend.allCases)
    func leaving(backend: TestedBackend) async throws {
        var left: [ObjectRef<Int>] = []
        var dependent: ObjectRef<Int>?
        var call: ObjectRef<Int>?
        try await backend.run { cluster async throws in
            left = try (0..<50).map { try cluster.submit(Sleep(time: .seconds(600), result: $0)) }
            dependent = try cluster.submit(Sum(parts: Inputs(left)))
            let counter = try await cluster.create(NewCounter())
            call = try cluster.submit(to: counter) { try await $0.slowly(.seconds(600)) }
        }
        for reference in left { #expect(await taskError { _ = try await reference.value }?.isCancellation == true) }
        let dependentRef = try #require(dependent)
        let callRef = try #require(call)
        #expect(dependentRef.isReady)
        #expect(callRef.isReady)
    }

    @Test("a body's error is thrown after the cluster's end", arguments: TestedBackend.allCases)
    func throwing(backend: TestedBackend) async throws {
        var reference: ObjectRef<Int>?
        await #expect(throws: TestFailure(code: 1)) {
            try await withCluster(backend.configuration) { cluster in
                reference = try cluster.submit(Sleep(time: .seconds(600)))
                throw TestFailure(code: 1)
            }
        }
        #expect(reference?.isReady == true)
    }

    @Test("a cluster that was left takes nothing", arguments: TestedBackend.allCases)
    func closed(backend: TestedBackend) async throws {
        var escaped: Cluster?
        try await backend.run { escaped = $0 }
        let cluster = try #require(escaped)
        #expect(throws: ClusterError.self) { try cluster.submit(Empty()) }
        await #expect(throws: (any Error).self) { try await cluster.create(NewOther()) }
    }

    @Test("many tasks of all kinds end, and give all resources back", arguments: TestedBackend.allCases)
    func mixed(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var references: [ObjectRef<Int>] = []
            for n in 0..<2000 {
                switch n % 5 {
                case 0: references.append(try cluster.submit(Constant(value: n)))
                case 1: references.append(try cluster.submit(Constant(value: n), .init(cpus: 0.25)))
                case 2: references.append(try cluster.submit(Add(left: references[n - 1], right: 1)))
                case 3: references.append(try cluster.submit(Nested(depth: 3)))
                default: references.append(try cluster.submit(Constant(value: n), .init(cpus: 0, gpus: 0.5)))
                }
            }
            #expect(try await cluster.get(references).count == 2000)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("the innermost cluster is the current one, inside tasks too", arguments: TestedBackend.allCases)
    func current(backend: TestedBackend) async throws {
        #expect(Cluster.current == nil)
        try await backend.run { cluster async throws in
            #expect(Cluster.current === cluster)
            #expect(try await cluster.result(HasCluster()))
        }
    }

    struct HasCluster: RemoteTask {
        func run() async throws -> Bool { Cluster.current != nil }
    }
}
