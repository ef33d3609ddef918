import Apus
import ApusCore
import Distributed
import Testing

/// What tasks and actors in a placement group submit, where the group captures it.
@Suite("Children in placement groups", .timeLimit(.minutes(5))) struct CapturedGroupConformance {
    /// A group of all processors, so that what is outside of it waits.
    private func wholeGroup(in cluster: Cluster) async throws -> PlacementGroup {
        let group = try await cluster.createGroup([Resources(cpus: 1), Resources(cpus: 1)])
        _ = try await cluster.ready(group).value
        try await eventually { cluster.availableResources.cpus == 0 }
        return group
    }

    @Test("children, and theirs, run in the group only if it captures them", arguments: TestedBackend.allCases)
    func tasks(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let group = try await wholeGroup(in: cluster)
            let capturing = TaskOptions(scheduling: .group(group, bundle: 0, capturesChildren: true))
            #expect(try await cluster.result(Nested(depth: 4), capturing) == 4)
            #expect(try await cluster.result(Fibonacci(n: 6), capturing) == 8)
            let outside = try cluster.submit(Nested(depth: 1), .init(scheduling: .group(group, bundle: 0)))
            #expect(try await cluster.wait(for: [outside], timeout: .milliseconds(100)).ready.isEmpty)
            // A strategy of the child's own leads out of the group.
            let spread = try cluster.submit(SubmitSpread(), capturing)
            #expect(try await cluster.wait(for: [spread], timeout: .milliseconds(100)).ready.isEmpty)
            try await cluster.remove(group)
            // They end with the group, unless its processors let their children end before.
            for task in [outside, spread] { _ = try? await task.value }
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test(
        "children with resources take a bundle that has them, and those that fit none are refused",
        arguments: TestedBackend.allCases)
    func resources(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let group = try await cluster.createGroup([Resources(cpus: 2), Resources(custom: ["slots": 4])])
            let capturing = TaskOptions(scheduling: .group(group, bundle: 0, capturesChildren: true))
            #expect(
                try await cluster.result(SubmitWith(cpus: 0, resources: ["slots": 4]), capturing) == "1")
            let refused = try await cluster.result(SubmitWith(cpus: 1, resources: ["slots": 1]), capturing)
            #expect(refused == "infeasible")
            try await cluster.remove(group)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("streams and results that are made again are captured too", arguments: TestedBackend.allCases)
    func streams(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let group = try await wholeGroup(in: cluster)
            let capturing = TaskOptions(scheduling: .group(group, bundle: 1, capturesChildren: true))
            var found: [Int] = []
            for try await reference in try cluster.submit(StreamChildren(count: 3), buffer: 2, capturing) {
                found.append(try await reference.value)
            }
            #expect(found == [0, 1, 2])
            try await cluster.remove(group)
        }
    }

    @Test("what actors submit and create is captured, and ends with the group", arguments: TestedBackend.allCases)
    func actors(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let group = try await wholeGroup(in: cluster)
            let capturing = SchedulingStrategy.group(group, bundle: 0, capturesChildren: true)
            let parent = try await cluster.create(NewSubmitter(), .init(cpus: 0, scheduling: capturing))
            #expect(try await parent.double(21) == 42)
            #expect(try await parent.createCounter(named: "inside", isDetached: false) == 1)
            #expect(try await parent.createCounter(named: "detached", isDetached: true) == 1)
            // An actor that a task of the group creates captures as well.
            #expect(
                try await cluster.result(
                    CreateSubmitter(), .init(scheduling: .group(group, capturesChildren: true))) == 42)
            let inside = try await cluster.actor(Counter.self, named: "inside")
            let detached = try await cluster.actor(Counter.self, named: "detached")
            try await cluster.remove(group)
            await #expect(throws: ActorError.self) { for _ in 0..<1000 { _ = try await inside.add(1) } }
            #expect(try await detached.add(1) == 2)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }
}

struct SubmitSpread: RemoteTask {
    func run() async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        return try await cluster.submit(Constant(value: 1), .init(scheduling: .spread)).value
    }
}

/// The result of a child with a demand, or why there is none.
struct SubmitWith: RemoteTask {
    var cpus: Double
    var resources: [String: Double]
    func run() async throws -> String {
        guard let cluster = Cluster.current else { return "" }
        do {
            let options = TaskOptions(cpus: Quantity(cpus), resources: resources.mapValues { Quantity($0) })
            return "\(try await cluster.submit(Constant(value: 1), options).value)"
        } catch ClusterError.infeasible {
            return "infeasible"
        }
    }
}

struct StreamChildren: StreamingTask {
    var count: Int
    func run(into output: StreamOutput<Int>) async throws {
        guard let cluster = Cluster.current else { return }
        for n in 0..<count { try await output.yield(try await cluster.submit(Constant(value: n)).value) }
    }
}

distributed actor Submitter {
    typealias ActorSystem = ApusActorSystem

    distributed func double(_ n: Int) async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        return try await cluster.submit(Add(left: .value(n), right: .value(n))).value
    }

    distributed func createCounter(named name: String, isDetached: Bool) async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        let counter = try await cluster.create(
            NewCounter(), .init(name: name, cpus: isDetached ? 0 : 1, isDetached: isDetached))
        return try await counter.add(1)
    }
}

struct NewSubmitter: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Submitter { Submitter(actorSystem: system) }
}

struct CreateSubmitter: RemoteTask {
    func run() async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        return try await cluster.create(NewSubmitter()).double(21)
    }
}
