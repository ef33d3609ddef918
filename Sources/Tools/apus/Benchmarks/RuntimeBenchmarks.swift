import Apus
import Distributed

/// A task that returns two bytes, as the specification's `small`.
struct SmallTask: RemoteTask {
    func run() async throws -> UInt16 { 0 }
}

/// Puts a hundred integers.
struct PutTask: RemoteTask {
    func run() async throws -> Unit {
        guard let cluster = Cluster.current else { return Unit() }
        for _ in 0..<100 { _ = try await cluster.put(0) }
        return Unit()
    }
}

distributed actor BenchmarkActor {
    typealias ActorSystem = ApusActorSystem

    distributed func small() -> UInt16 { 0 }
    distributed func small(argument: Int) -> UInt16 { 0 }
    distributed func small(reference: ObjectRef<Int>) -> UInt16 { 0 }
    distributed func smallAsynchronously() async -> UInt16 { 0 }
    distributed func smallAsynchronously(argument: Int) async -> UInt16 { 0 }

    /// Submits many small tasks and gets them.
    distributed func submitSmall(_ count: Int) async throws {
        guard let cluster = Cluster.current else { return }
        _ = try await cluster.get((0..<count).map { _ in try cluster.submit(SmallTask()) })
    }
}

/// Calls actors in turn, many times, without awaiting each.
struct CallInTurn: RemoteTask {
    let actors: [BenchmarkActor]
    var count: Int
    var asynchronously = false
    func run() async throws -> Unit {
        guard let cluster = Cluster.current, !actors.isEmpty else { return Unit() }
        let calls = try (0..<count).map { n in
            try cluster.submit(to: actors[n % actors.count]) { [asynchronously] actor in
                asynchronously ? try await actor.smallAsynchronously() : try await actor.small()
            }
        }
        _ = try await cluster.get(calls)
        return Unit()
    }
}

/// Puts a number once and passes its reference in many calls.
struct CallWithReference: RemoteTask {
    let actor: BenchmarkActor
    var count: Int
    func run() async throws -> Unit {
        guard let cluster = Cluster.current else { return Unit() }
        let reference = try await cluster.put(0)
        let calls = try (0..<count).map { _ in
            try cluster.submit(to: actor) { try await $0.small(reference: reference) }
        }
        _ = try await cluster.get(calls)
        return Unit()
    }
}

struct NewBenchmarkActor: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> BenchmarkActor { BenchmarkActor(actorSystem: system) }
}

/// The single-node microbenchmarks of the runtime specification, by its names.
struct RuntimeBenchmarks {
    let cluster: Cluster
    let harness: BenchmarkHarness

    typealias Measurement = BenchmarkHarness.Measurement

    static let names =
        [
            "single client get calls", "single client put calls", "multi client put calls", "tasks and get batch",
            "get object containing 10k refs", "single client wait 1k refs", "single client tasks sync",
            "single client tasks async", "multi client tasks async", "1:1 actor calls sync", "1:1 actor calls async",
            "1:1 actor calls concurrent", "1:n actor calls async", "n:n actor calls async",
            "n:n actor calls with arg async", "1:1 async-actor calls sync", "1:1 async-actor calls async",
            "1:1 async-actor calls with args async", "1:n async-actor calls async", "n:n async-actor calls async",
            "placement group create/removal", "pending tasks memory",
        ] + LargePutBenchmarks.names

    /// Creates groups of one bundle, waits for each, and removes all.
    private func groups(_ count: Int) async throws {
        var groups: [PlacementGroup] = []
        for _ in 0..<count {
            groups.append(try await cluster.createGroup([Resources(custom: ["custom": 0.001])]))
        }
        for group in groups { _ = try await cluster.get(cluster.ready(group), timeout: .seconds(30)) }
        for group in groups { try await cluster.remove(group) }
    }

    func measure(_ name: String) async throws -> [Measurement] {
        switch name {
        case "single client get calls":
            let reference = try await cluster.put(0)
            return [try await harness.measure(name, multiplier: 1) { _ = try await cluster.get(reference) }]
        case "single client put calls":
            return [try await harness.measure(name, multiplier: 1) { _ = try await cluster.put(0) }]
        case "multi client put calls":
            return [
                try await harness.measure(name, multiplier: 1000) {
                    _ = try await cluster.get((0..<10).map { _ in try cluster.submit(PutTask()) })
                }
            ]
        case "tasks and get batch":
            return [try await harness.measure(name, multiplier: 1) { try await batch(1000) }]
        case "get object containing 10k refs":
            var references: [ObjectRef<Int>] = []
            for n in 0..<10_000 { references.append(try await cluster.put(n)) }
            let outer = try await cluster.put(references)
            return [try await harness.measure(name, multiplier: 1) { _ = try await cluster.get(outer) }]
        case "single client wait 1k refs":
            return [
                try await harness.measure(name, multiplier: 1) {
                    var pending = try (0..<1000).map { _ in try cluster.submit(SmallTask()) }
                    while !pending.isEmpty { pending = try await cluster.wait(for: consume pending, count: 1).pending }
                }
            ]
        case "single client tasks sync":
            return [
                try await harness.measure(name, multiplier: 1) { _ = try await cluster.submit(SmallTask()).value }
            ]
        case "single client tasks async":
            return [try await harness.measure(name, multiplier: 1000) { try await batch(1000) }]
        case "multi client tasks async":
            let actors = try await actors(4)
            return [
                try await harness.measure(name, multiplier: 40_000) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for actor in actors { group.addTask { try await actor.submitSmall(10_000) } }
                        try await group.waitForAll()
                    }
                }
            ]
        case "1:1 actor calls sync":
            let actor = try await actors(1)[0]
            return [try await harness.measure(name, multiplier: 1) { _ = try await actor.small() }]
        case "1:1 actor calls async":
            return [try await calls(name, on: try await actors(1)[0])]
        case "1:1 actor calls concurrent":
            let actor = try await cluster.create(NewBenchmarkActor(), .init(concurrency: 16))
            return [try await calls(name, on: actor)]
        case "1:n actor calls async": return [try await toMany(name, asynchronously: false)]
        case "n:n actor calls async": return [try await manyToMany(name, asynchronously: false)]
        case "n:n actor calls with arg async":
            let actors = try await actors(halfOfProcessors)
            return [
                try await harness.measure(name, multiplier: 1000 * Double(actors.count)) {
                    _ = try await cluster.get(
                        actors.map { try cluster.submit(CallWithReference(actor: $0, count: 1000)) })
                }
            ]
        case "1:1 async-actor calls sync":
            let actor = try await actors(1)[0]
            return [try await harness.measure(name, multiplier: 1) { _ = try await actor.smallAsynchronously() }]
        case "1:1 async-actor calls async":
            let actor = try await actors(1)[0]
            return [
                try await harness.measure(name, multiplier: 1000) {
                    let calls = try (0..<1000).map { _ in
                        try cluster.submit(to: actor) { try await $0.smallAsynchronously() }
                    }
                    _ = try await cluster.get(calls)
                }
            ]
        case "1:1 async-actor calls with args async":
            let actor = try await actors(1)[0]
            return [
                try await harness.measure(name, multiplier: 1000) {
                    let calls = try (0..<1000).map { n in
                        try cluster.submit(to: actor) { try await $0.smallAsynchronously(argument: n) }
                    }
                    _ = try await cluster.get(calls)
                }
            ]
        case "1:n async-actor calls async": return [try await toMany(name, asynchronously: true)]
        case "n:n async-actor calls async": return [try await manyToMany(name, asynchronously: true)]
        case "placement group create/removal":
            return [try await harness.measure(name, multiplier: 100) { try await groups(100) }]
        case "pending tasks memory":
            return try await memory()
        default:
            return try await LargePutBenchmarks(cluster: cluster, harness: harness).measure(name)
        }
    }

    private func actors(_ count: Int) async throws -> [BenchmarkActor] {
        var actors: [BenchmarkActor] = []
        for _ in 0..<count { actors.append(try await cluster.create(NewBenchmarkActor())) }
        return actors
    }

    private var halfOfProcessors: Int { max(1, BenchmarkHarness.processors / 2) }

    /// One client, 5,000 calls of each of as many actors as half the processors.
    private func toMany(_ name: String, asynchronously: Bool) async throws -> Measurement {
        let actors = try await actors(halfOfProcessors)
        let count = 5000 * actors.count
        return try await harness.measure(name, multiplier: Double(count)) {
            let calls = try (0..<count).map { n in
                try cluster.submit(to: actors[n % actors.count]) { actor in
                    asynchronously ? try await actor.smallAsynchronously() : try await actor.small()
                }
            }
            _ = try await cluster.get(calls)
        }
    }

    /// Four tasks, each 5,000 calls in turn of as many actors as half the processors.
    private func manyToMany(_ name: String, asynchronously: Bool) async throws -> Measurement {
        let actors = try await actors(halfOfProcessors)
        return try await harness.measure(name, multiplier: 20_000) {
            _ = try await cluster.get(
                (0..<4).map { _ in
                    try cluster.submit(CallInTurn(actors: actors, count: 5000, asynchronously: asynchronously))
                })
        }
    }

    private func batch(_ count: Int) async throws {
        var references: [ObjectRef<UInt16>] = []
        references.reserveCapacity(count)
        for _ in 0..<count { references.append(try cluster.submit(SmallTask())) }
        _ = try await cluster.get(references)
    }

    private func calls(_ name: String, on actor: BenchmarkActor) async throws -> Measurement {
        try await harness.measure(name, multiplier: 1000) {
            let calls = try (0..<1000).map { _ in try cluster.submit(to: actor) { try await $0.small() } }
            _ = try await cluster.get(calls)
        }
    }

    /// A million tasks that wait for one input: what they take, and how fast they are submitted and then run.
    private func memory() async throws -> [Measurement] {
        let count = 1_000_000
        let clock = ContinuousClock()
        let gate = try cluster.submit(Gate())
        let before = BenchmarkHarness.residentMemory
        var references: [ObjectRef<UInt16>] = []
        references.reserveCapacity(count)
        let start = clock.now
        for _ in 0..<count { references.append(try cluster.submit(GatedTask(gate: gate))) }
        let submitted = clock.now
        let after = BenchmarkHarness.residentMemory
        _ = try await cluster.create(NewBenchmarkActor(), .init(name: "gate"))
        _ = try await cluster.get(references)
        let done = clock.now
        func one(_ name: String, _ value: Double, _ unit: String) -> Measurement {
            Measurement(name: name, value: value, unit: unit, samples: [value])
        }
        return [
            one("1M pending tasks, memory", Double(after - before), "bytes"),
            one("1M pending tasks, submitted", Double(count) / ((submitted - start) / .seconds(1)), "1/s"),
            one("1M pending tasks, run", Double(count) / ((done - submitted) / .seconds(1)), "1/s"),
        ]
    }
}

/// Ends when the actor `gate` exists.
struct Gate: RemoteTask {
    func run() async throws -> Unit {
        while let cluster = Cluster.current {
            if (try? await cluster.actor(BenchmarkActor.self, named: "gate")) != nil { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        return Unit()
    }
}

struct GatedTask: RemoteTask {
    @Input var gate: Unit
    func run() async throws -> UInt16 { 0 }
}
