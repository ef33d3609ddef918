import Apus
import ApusCore
import Foundation
import Testing

/// What a task asks of the process that runs it, and what the process does to the task.
@Suite("Processes of tasks", .timeLimit(.minutes(5))) struct TaskProcessConformance {
    @Test("a task gets its environment and its folder", arguments: TestedBackend.allCases)
    func environment(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path
            let options = TaskOptions(environment: ["APUS_TEST": "swift"], workingDirectory: folder)
            guard backend.hasProcesses else {
                #expect {
                    try cluster.submit(Surroundings(), options)
                } throws: { error in
                    if case .needsProcesses(subject: "Surroundings", "environment")? = error as? ClusterError {
                        true
                    } else {
                        false
                    }
                }
                return
            }
            #expect(try await cluster.result(Surroundings(), options) == ["swift", folder])
            // Others do not see it, before and after.
            #expect(try await cluster.result(Surroundings())[0] == "")
            #expect(try await cluster.result(Surroundings(), .init(environment: ["APUS_TEST": "2"]))[0] == "2")
            #expect {
                try cluster.submit(Surroundings(), .init(workingDirectory: "/nowhere/at/all"))
            } throws: { error in
                if case .missingFolder(subject: "Surroundings", path: "/nowhere/at/all")? = error as? ClusterError {
                    true
                } else {
                    false
                }
            }
        }
    }

    @Test("a task without options runs again when its worker is killed", arguments: TestedBackend.withProcesses)
    func standardRetries(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let attempts = try await cluster.create(NewCounter())
            #expect(try await cluster.submit(EndProcess(counter: attempts, until: 2)).value == 2)
        }
    }

    @Test("a task that does not obey is cancelled by force", arguments: TestedBackend.withProcesses)
    func force(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counters = try await Bereave.counters(in: cluster)
            let stubborn = try cluster.submit(Orphan(counters: counters, obeys: false), .init(retries: -1))
            while try await counters.begun.add(0) < 1 { try await Task.sleep(for: .milliseconds(2)) }
            cluster.cancel(stubborn, force: true)
            #expect(await taskError { _ = try await stubborn.value }?.isCancellation == true)
            try await eventually { cluster.availableResources == cluster.resources }
            // It was not tried again.
            #expect(try await counters.begun.add(0) == 1)
        }
    }

    @Test("a task that uses too much memory fails with figures")
    func memory() async throws {
        try await withCluster(.local(cpus: 2, workerMemory: 300 << 20)) { cluster in
            let counter = try await cluster.create(NewCounter())
            let hungry = try cluster.submit(Hungry(bytes: 600 << 20, attempts: counter), .init(retries: 0))
            let error = try #require(await taskError { _ = try await hungry.value })
            guard case .outOfMemory(let shortage) = error.cause else {
                Issue.record("\(error)")
                return
            }
            #expect(shortage.limitBytes == 300 << 20)
            #expect(shortage.usedBytes > shortage.limitBytes)
            #expect(shortage.workerBytes > 200 << 20)
            #expect("\(error)".contains("300 MiB"))
            // Others go on.
            #expect(try await cluster.result(Constant(value: 4)) == 4)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("of tasks that together use too much, the newest that can be tried again gives way")
    func memoryVictim() async throws {
        try await withCluster(.local(cpus: 2, workerMemory: 300 << 20)) { cluster in
            let first = try await cluster.create(NewCounter())
            let second = try await cluster.create(NewCounter())
            let old = try cluster.submit(Hungry(bytes: 200 << 20, attempts: first), .init(retries: 0))
            while try await first.add(0) < 1000 { try await Task.sleep(for: .milliseconds(5)) }
            let new = try cluster.submit(Hungry(bytes: 140 << 20, attempts: second))
            // The new one is ended, and ends by itself in its next attempt, which is not counted as one.
            #expect(try await new.value >= 2)
            #expect(!old.isReady)
            #expect(try await first.add(0) == 1001)
            cluster.cancel(old)
        }
    }
}

struct Surroundings: RemoteTask {
    func run() async throws -> [String] {
        [
            ProcessInfo.processInfo.environment["APUS_TEST"] ?? "", FileManager.default.currentDirectoryPath,
        ]
    }
}

/// Uses memory and keeps it until it is cancelled; a later attempt ends at once. Counts one when it begins,
/// and a thousand when it has the memory.
struct Hungry: RemoteTask {
    var bytes: Int
    let attempts: Counter
    func run() async throws -> Int {
        let attempt = try await attempts.add(1) % 1000
        guard attempt < 2 else { return attempt }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
        defer { memory.deallocate() }
        for offset in stride(from: 0, to: bytes, by: 4096) {
            memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
        _ = try await attempts.add(1000)
        try await Task.sleep(for: .seconds(600))
        return attempt
    }
}
