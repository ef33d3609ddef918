import Apus
import ApusCore
import Foundation
import Testing

/// Who goes first, and where.
@Suite("Placement", .timeLimit(.minutes(5))) struct PlacementConformance {
    // MARK: Priorities

    @Test("of tasks that wait the higher priority goes first", arguments: TestedBackend.allCases)
    func priority(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let order = try await cluster.create(NewCounter())
            let marks = try MarkFolder()
            let holders = try (0..<2).map { _ in
                try cluster.submit(HoldPlace(folder: marks.path), .init(retries: 0))
            }
            try await eventually { marks.count == 2 }
            var tasks = try (0..<40).map { _ in try cluster.submit(MarkPlace(log: order, mark: 1), .init(priority: -1))
            }
            tasks += try (0..<10).map { _ in try cluster.submit(MarkPlace(log: order, mark: 100), .init(priority: 5)) }
            // Both classes wait at the node.
            try await Task.sleep(for: .milliseconds(50))
            for holder in holders { cluster.cancel(holder) }
            _ = try await cluster.get(tasks)
            let entries = try await order.entries()
            // One of the two that run may be slow, with others behind it; the other one goes on meanwhile.
            #expect(entries.prefix(4).allSatisfy { $0 == 100 }, "\(entries)")
        }
    }

    @Test("a low priority is served in the end", arguments: TestedBackend.allCases)
    func aging(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            try await expectServed(
                .init(cpus: 2, priority: -9), among: .init(priority: 9), of: cluster,
                overtaken: backend.hasProcesses ? 100_000 : 2000)
        }
    }

    @Test("jobs of a program share in proportion to their weights", arguments: TestedBackend.allCases)
    func jobs(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            // On a loaded machine one owner may sleep while the other one submits: of three shares one is right.
            var share = 0.0
            for _ in 0..<3 where !(0.55...0.95).contains(share) { share = try await shareOfHeavy(cluster) }
            #expect(share > 0.55 && share < 0.95)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    /// What part of the tasks that ran were of a job of weight 3, while it and one of weight 1 both had work.
    func shareOfHeavy(_ cluster: Cluster) async throws -> Double {
        let order = try await cluster.create(NewCounter())
        let (heavy, light) = (cluster.job(weight: 3), cluster.job(weight: 1))
        // The light one is first. Owners of both are in processes of their own, that are as fast as each other.
        let tasks = try [(light, 1), (heavy, 100)].map { job, mark in
            try cluster.submit(SubmitMarks(log: order, mark: mark, count: 1200), .init(cpus: 0.25, job: job))
        }
        _ = try await cluster.get(tasks)
        // Without the time in which processes start and leases go over: from half way between when the light one began
        // and when one of them ended.
        let entries = try await order.entries()
        let end = try min(#require(entries.lastIndex(of: 100)), #require(entries.lastIndex(of: 1)))
        let start = try #require(entries.firstIndex(of: 1))
        let both = entries[(start + (end - start) / 2)..<end]
        return Double(both.count { $0 == 100 }) / Double(max(1, both.count))
    }

    // MARK: Strategies

    @Test("a node that does not exist is refused, unless the affinity is soft", arguments: TestedBackend.allCases)
    func affinity(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let node = try #require(cluster.nodes.first)
            let nowhere = NodeIdentifier(number: 99)
            for strategy: SchedulingStrategy in [
                .default, .spread, .node(node, soft: false), .node(node, soft: true), .node(nowhere, soft: true),
            ] {
                #expect(try await cluster.result(Constant(value: 3), .init(scheduling: strategy)) == 3)
            }
            #expect {
                try cluster.submit(Empty(), .init(scheduling: .node(nowhere, soft: false)))
            } throws: { error in
                if case .unknownNode(subject: "Empty", nowhere, _)? = error as? ClusterError { true } else { false }
            }
            await #expect(throws: ClusterError.self) {
                try await cluster.create(NewCounter(), .init(scheduling: .node(nowhere, soft: false)))
            }
        }
    }

    @Test("a process ends after the tasks that it may run", arguments: TestedBackend.allCases)
    func maxCalls(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            guard backend.hasProcesses else {
                #expect {
                    try cluster.submit(Empty(), .init(maxCalls: 1))
                } throws: { error in
                    if case .needsProcesses(_, option: "maxCalls")? = error as? ClusterError { true } else { false }
                }
                return
            }
            let tasks = try (0..<12).map { _ in
                try cluster.submit(ProcessOfTask(), .init(retries: 0, maxCalls: 3))
            }
            var calls: [Int32: Int] = [:]
            for process in try await cluster.get(tasks) { calls[process, default: 0] += 1 }
            #expect(calls.values.allSatisfy { $0 <= 3 }, "\(calls)")
            #expect(calls.count >= 4)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    // MARK: Groups

    @Test("a group sets its bundles aside, all or none, and gives them back", arguments: TestedBackend.allCases)
    func group(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for strategy: PlacementStrategy in [.pack, .spread, .strictPack] {
                let group = try await cluster.createGroup(
                    [Resources(cpus: 1), Resources(custom: ["slots": 2])], strategy)
                _ = try await cluster.ready(group).value
                try await eventually { cluster.availableResources.cpus == 1 }
                #expect(cluster.availableResources.custom["slots"] == 2)
                // The second does not fit beside it, and gets nothing.
                let second = try await cluster.createGroup([Resources(cpus: 1), Resources(cpus: 1)])
                let isReady = cluster.ready(second)
                #expect(try await cluster.wait(for: [isReady], timeout: .milliseconds(30)).ready.isEmpty)
                #expect(try await cluster.result(Constant(value: 1)) == 1)
                try await cluster.remove(group)
                _ = try await isReady.value
                try await cluster.remove(second)
                try await cluster.remove(second)
                try await eventually { cluster.availableResources == cluster.resources }
            }
        }
    }

    @Test("tasks and actors run in the bundles that they ask for", arguments: TestedBackend.allCases)
    func inside(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let group = try await cluster.createGroup([Resources(cpus: 1), Resources(custom: ["slots": 1])])
            let first = TaskOptions(scheduling: .group(group, bundle: 0))
            let slot = TaskOptions(cpus: 0, resources: ["slots": 1], scheduling: .group(group))
            // Before the group is ready, and in any bundle with room.
            #expect(try await cluster.result(Constant(value: 5), slot) == 5)
            let counter = try await cluster.create(
                NewCounter(), .init(cpus: 1, scheduling: .group(group, bundle: 0)))
            let waiting = try cluster.submit(Constant(value: 6), first)
            #expect(try await cluster.wait(for: [waiting], timeout: .milliseconds(30)).ready.isEmpty)
            // Work outside has the rest.
            #expect(try await cluster.result(Constant(value: 7)) == 7)
            try await cluster.stop(counter)
            #expect(try await waiting.value == 6)
            // A task may use the group that it is given.
            #expect(try await cluster.result(SubmitInto(group: group)) == 8)
            try await cluster.remove(group)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("a group's removal ends what is in it with a typed error", arguments: TestedBackend.allCases)
    func removal(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let group = try await cluster.createGroup([Resources(cpus: 1), Resources(cpus: 1)])
            let marks = try MarkFolder()
            let inside = TaskOptions(retries: -1, scheduling: .group(group, bundle: 0))
            let running = try cluster.submit(HoldPlace(folder: marks.path), inside)
            try await eventually { marks.count == 1 }
            let queued = try (0..<5).map { _ in try cluster.submit(Constant(value: 1), inside) }
            let actor = try await cluster.create(
                NewCounter(), .init(cpus: 1, maxRestarts: -1, scheduling: .group(group, bundle: 1)))
            #expect(try await actor.add(1) == 1)
            try await cluster.remove(group)
            for task in [running] + queued {
                let error = await taskError { _ = try await task.value }
                guard case .groupRemoved? = error?.cause else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            let late = try cluster.submit(Constant(value: 1), inside)
            #expect(await isRemoved { _ = try await late.value })
            #expect(await isRemoved { _ = try await cluster.ready(group).value })
            await #expect(throws: ActorError.self) { for _ in 0..<1000 { _ = try await actor.add(1) } }
            await #expect(throws: ActorError.self) {
                try await cluster.create(NewCounter(), .init(scheduling: .group(group)))
            }
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("what waits for a group ends with it", arguments: TestedBackend.allCases)
    func pendingRemoval(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let first = try await cluster.createGroup([Resources(cpus: 2)])
            _ = try await cluster.ready(first).value
            let second = try await cluster.createGroup([Resources(cpus: 1)])
            let isReady = cluster.ready(second)
            let task = try cluster.submit(Constant(value: 1), .init(scheduling: .group(second)))
            #expect(try await cluster.wait(for: [isReady], timeout: .milliseconds(30)).ready.isEmpty)
            try await cluster.remove(second)
            #expect(await isRemoved { _ = try await isReady.value })
            #expect(await isRemoved { _ = try await task.value })
            try await cluster.remove(first)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("a group that can never be is refused at once", arguments: TestedBackend.allCases)
    func refused(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for bundles in [[], [Resources(cpus: 1), Resources(cpus: 1.5)], [Resources(custom: ["unknown": 1])]] {
                await #expect {
                    try await cluster.createGroup(bundles)
                } throws: { error in
                    if case .infeasible? = error as? ClusterError { true } else { false }
                }
            }
            await #expect {
                try await cluster.createGroup([Resources(cpus: 1), Resources(cpus: 1)], .strictSpread)
            } throws: { error in
                if case .needsNodes(bundles: 2, nodes: 1)? = error as? ClusterError { true } else { false }
            }
            let group = try await cluster.createGroup([Resources(cpus: 1)], .strictSpread)
            #expect {
                try cluster.submit(Empty(), .init(scheduling: .group(group, bundle: 1)))
            } throws: { error in
                if case .unknownBundle(subject: "Empty", bundle: 1, bundles: 1)? = error as? ClusterError {
                    true
                } else {
                    false
                }
            }
            #expect {
                try cluster.submit(Empty(), .init(cpus: 2, scheduling: .group(group)))
            } throws: { error in
                if case .infeasible? = error as? ClusterError { true } else { false }
            }
        }
    }

    @Test("a group ends with the process that created it", arguments: TestedBackend.withProcesses)
    func creator(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let creation = try await cluster.result(CreateGroup())
            try await eventually { cluster.availableResources.cpus == 1 }
            Processes.end(creation.process)
            try await eventually { cluster.availableResources == cluster.resources }
            let late = try cluster.submit(Constant(value: 1), .init(scheduling: .group(creation.group)))
            #expect(await isRemoved { _ = try await late.value })
        }
    }

    // MARK: Cancellation

    @Test("the children of a cancelled task are cancelled, and theirs", arguments: TestedBackend.allCases)
    func recursion(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let begun = try await cluster.create(NewCounter())
            let cancelled = try await cluster.create(NewCounter())
            let task = try cluster.submit(Descend(depth: 3, begun: begun, cancelled: cancelled))
            while try await begun.add(0) < 4 { try await Task.sleep(for: .milliseconds(2)) }
            cluster.cancel(task)
            #expect(await taskError { _ = try await task.value }?.isCancellation == true)
            try await eventually { try await cancelled.add(0) == 1 }
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    private func isRemoved(_ body: () async throws -> Void) async -> Bool {
        if case .groupRemoved? = await taskError(body)?.cause { true } else { false }
    }
}

/// Holds its processor until it is cancelled, and leaves a file to say so: a call of an actor would lend it meanwhile.
struct HoldPlace: RemoteTask {
    let folder: String
    func run() async throws -> Int {
        try Data().write(to: URL(filePath: folder).appending(path: UUID().uuidString))
        try await Task.sleep(for: .seconds(600))
        return 0
    }
}

struct MarkPlace: RemoteTask {
    let log: Counter
    var mark: Int
    func run() async throws -> Int { try await log.add(mark) }
}

struct PauseAndMark: RemoteTask {
    let log: Counter
    var mark: Int
    func run() async throws -> Int {
        try await Task.sleep(for: .milliseconds(10))
        return try await log.add(mark)
    }
}

/// Submits tasks that belong to its own job.
struct SubmitMarks: RemoteTask {
    let log: Counter
    var mark: Int
    var count: Int
    func run() async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        let tasks = try (0..<count).map { _ in
            try cluster.submit(PauseAndMark(log: log, mark: mark), .init(cpus: 0.25))
        }
        return try await cluster.get(tasks).count
    }
}

struct ProcessOfTask: RemoteTask {
    func run() async throws -> Int32 { ProcessInfo.processInfo.processIdentifier }
}

struct SubmitInto: RemoteTask {
    let group: PlacementGroup
    func run() async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        _ = try await cluster.ready(group).value
        return try await cluster.submit(Constant(value: 8), .init(scheduling: .group(group, bundle: 0))).value
    }
}

struct GroupCreation: Sendable, Codable {
    let group: PlacementGroup
    let process: Int32
}

struct CreateGroup: RemoteTask {
    func run() async throws -> GroupCreation {
        guard let cluster = Cluster.current else { throw OtherFailure() }
        return GroupCreation(
            group: try await cluster.createGroup([Resources(cpus: 1)]),
            process: ProcessInfo.processInfo.processIdentifier)
    }
}

/// Each level waits for the next; the last waits for its cancellation.
struct Descend: RemoteTask {
    var depth: Int
    let begun: Counter
    let cancelled: Counter
    func run() async throws -> Int {
        _ = try await begun.add(1)
        guard depth > 0, let cluster = Cluster.current else {
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                // The call is made although this task was cancelled.
                _ = try await Task { [cancelled] in try await cancelled.add(1) }.value
                throw error
            }
            return 0
        }
        return try await cluster.submit(Descend(depth: depth - 1, begun: begun, cancelled: cancelled)).value
    }
}

/// A folder that tasks leave their marks in, in whichever process they run.
final class MarkFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "apus-marks-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var count: Int { (try? FileManager.default.contentsOfDirectory(atPath: path).count) ?? 0 }
}
