import Apus
import ApusCore
import ApusInsight
import Distributed
import Foundation
import Testing

struct Hold: RemoteTask {
    var path: String
    /// Runs until the file is there.
    func run() async throws -> Int {
        while !FileManager.default.fileExists(atPath: path) { try await Task.sleep(for: .milliseconds(5)) }
        return 1
    }
}

struct Total: RemoteTask {
    @Inputs var parts: [Int]
    func run() async throws -> Int { parts.reduce(0, +) }
}

struct Give: RemoteTask {
    var value: Int
    func run() async throws -> Int { value }
}

struct Bytes: RemoteTask {
    var count: Int
    func run() async throws -> [UInt8] { Array(repeating: 4, count: count) }
}

struct Deep: RemoteTask {
    var depth: Int
    func run() async throws -> Int {
        guard depth > 0, let cluster = Cluster.current else { return 0 }
        return try await cluster.submit(Deep(depth: depth - 1)).value + 1
    }
}

struct Say: RemoteTask {
    var word: String
    var count: Int
    var isError = false
    func run() async throws -> Int {
        for n in 0..<count {
            let line = "\(word) \(n) " + String(repeating: word, count: n % 50)
            if isError { FileHandle.standardError.write(Data("\(line)\n".utf8)) } else { print(line) }
        }
        return count
    }
}

struct LastWords: RemoteTask {
    func run() async throws -> Int {
        for n in 0..<30 { FileHandle.standardError.write(Data("step \(n)\n".utf8)) }
        kill(getpid(), SIGKILL)
        return 0
    }
}

struct Throwing: RemoteTask {
    struct Failure: Error {}
    func run() async throws -> Int { throw Failure() }
}

distributed actor Keeper {
    typealias ActorSystem = ApusActorSystem
    distributed func touch() -> Int { 1 }
    distributed func fail() throws { throw Throwing.Failure() }
}

/// Calls an actor from a worker.
struct Touch: RemoteTask {
    let keeper: Keeper
    var times: Int
    func run() async throws -> Int {
        var sum = 0
        for _ in 0..<times { sum += try await keeper.touch() }
        return sum
    }
}

struct NewKeeper: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Keeper { Keeper(actorSystem: system) }
}

/// A state folder for all clusters of this test process.
enum TestState {
    static let path: String = {
        let path = NSTemporaryDirectory() + "apus-state-\(getpid())"
        setenv("APUS_STATE", path, 1)
        atexit { try? FileManager.default.removeItem(atPath: TestState.path) }
        return path
    }()
}

@Suite("A running cluster, looked into", .timeLimit(.minutes(5))) struct ClusterTests {
    private let name = "test-\(UUID().uuidString)"

    private func run(
        metricsPort: Int? = nil, recordsEvents: Bool = true, objectStore: Int? = nil,
        _ body: (Cluster) async throws -> Void
    ) async throws {
        _ = TestState.path
        try await withCluster(
            .local(
                cpus: 2, resources: ["slots": 3], objectStore: objectStore, name: name, metricsPort: metricsPort,
                recordsEvents: recordsEvents,
                stallWarning: nil), body)
    }

    private func report(_ query: TaskQuery? = nil) throws -> ClusterReport {
        let client = try InsightClient.connect(to: name)
        guard case .report(let report) = try client.ask(.report(tasks: query, objects: false)) else {
            throw InsightError.malformed(cluster: name, reason: "no report")
        }
        return report
    }

    private func objects() throws -> ClusterReport {
        guard case .report(let report) = try InsightClient.connect(to: name).ask(.report(tasks: nil, objects: true))
        else { throw InsightError.malformed(cluster: name, reason: "no report") }
        return report
    }

    private func events() throws -> ClusterEvents {
        guard case .events(let events) = try InsightClient.connect(to: name).ask(.events) else {
            throw InsightError.malformed(cluster: name, reason: "no events")
        }
        return events
    }

    /// Waits for a condition with a deadline.
    private func eventually(_ condition: () throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try !condition() {
            guard ContinuousClock.now < deadline else {
                Issue.record("the condition did not come")
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test("objects are listed with who holds and reads them and where they were made, on the disk too")
    func objectList() async throws {
        try await run(objectStore: 8 << 20) { cluster async throws in
            let put = try await cluster.put([UInt8](repeating: 1, count: 100_000))
            let made = try cluster.submit(Bytes(count: 300_000))
            _ = try await made.value
            let pinned = try await SharedArray<UInt8>(unsafeUninitializedCount: 200_000) { $0.initialize(repeating: 3) }
            try await eventually { try self.objects().objects?.count == 3 }
            let report = try self.objects()
            let objects = try #require(report.objects)
            // The largest first.
            #expect(objects.map(\.bytes) == [300_000, 200_000, 100_000])
            #expect(objects.map(\.state) == ["memory", "memory", "memory"])
            #expect(objects[0].site == "Bytes")
            #expect(objects[1].site.contains("SharedArray"))
            #expect(objects[2].site.contains("ClusterTests.swift:"))
            for object in objects { #expect(object.holders.contains { $0.process == "the driver" }) }
            #expect(objects[1].holders.first { $0.process == "the driver" }?.readers == 1)
            #expect(objects[2].holders.map(\.references) == [1])
            #expect(
                report.nodes[0].store.map { $0.objects == 3 && $0.shared >= 600_000 && $0.capacity == 8 << 20 } == true)
            // Others push out what is not read.
            var ballast: [ObjectRef<[UInt8]>] = []
            for _ in 0..<20 { ballast.append(try await cluster.put([UInt8](repeating: 2, count: 1 << 20))) }
            let later = try #require(try self.objects().objects)
            #expect(later.first { $0.site == "Bytes" }?.state == "spilled")
            #expect(later.first { $0.site.contains("SharedArray") }?.state == "memory")
            #expect(try self.objects().nodes[0].store.map { $0.spilled > 0 } == true)
            withExtendedLifetime((put, made, pinned, ballast)) {}
        }
    }

    @Test("tasks are listed with their states, workers and reasons")
    func tasks() async throws {
        let gate = TestState.path + "/gate-\(UUID().uuidString)"
        try await run { cluster async throws in
            let held = try (0..<4).map { _ in try cluster.submit(Hold(path: gate)) }
            let total = try cluster.submit(Total(parts: Inputs(held)))
            let wide = try cluster.submit(Give(value: 5), .init(cpus: 2, resources: ["slots": 2], name: "wide"))
            let next = try cluster.submit(Total(parts: Inputs([total])), .init(name: "after all"))
            try await eventually { try self.report(TaskQuery(states: [.running])).tasks?.count == 2 }
            let report = try self.report(TaskQuery())
            let tasks = try #require(report.tasks)
            #expect(report.silent.isEmpty)
            #expect(tasks.count { $0.name == "Hold" && $0.state == .running && $0.worker != nil } == 2)
            #expect(tasks.count { $0.name == "Hold" && ($0.state == .queued || $0.state == .sent) } == 2)
            let waiting = tasks.filter { $0.state == .waiting }
            #expect(Set(waiting.map(\.name)) == ["Total", "after all"])
            #expect(waiting.first { $0.name == "Total" }?.reason?.contains("its input `Hold`") == true)
            #expect(waiting.first { $0.name == "after all" }?.reason?.contains("its input `Total`") == true)
            #expect(tasks.first { $0.name == "wide" }?.resources?.custom["slots"] == 2)
            #expect(tasks.allSatisfy { $0.origin?.file.hasSuffix("ClusterTests.swift") == true })
            #expect(Set(tasks.map(\.id)).count == tasks.count)
            // Filters and limits.
            #expect(try self.report(TaskQuery(states: [.waiting], name: "after")).tasks?.map(\.name) == ["after all"])
            let few = try self.report(TaskQuery(limit: 3))
            #expect(few.tasks?.count == 3 && few.tasksLeftOut == tasks.count - 3)
            // What waits is told with who holds it.
            try await eventually {
                try self.report().nodes[0].demands.contains { $0.reason.contains("In use by `Hold`") }
            }
            _ = FileManager.default.createFile(atPath: gate, contents: nil)
            #expect(try await next.value == 4)
            #expect(try await wide.value == 5)
            let over = try self.report(TaskQuery(states: [.succeeded]))
            #expect(over.tasks?.count == 7)
            #expect(over.tasks?.first { $0.name == "Hold" }?.seconds != nil)
        }
    }

    @Test("nodes, workers and actors are told")
    func status() async throws {
        try await run { cluster async throws in
            let keeper = try await cluster.create(NewKeeper(), .init(name: "keeper", resources: ["slots": 2]))
            _ = try await keeper.touch()
            try await eventually { try self.report().nodes[0].workers.contains { $0.state == .idle } }
            let report = try self.report()
            #expect(report.cluster == name && report.driver == getpid())
            #expect(report.nodes[0].total.cpus == 2)
            #expect(report.nodes[0].available.custom["slots"] == 1)
            #expect(report.actors.map(\.name) == ["keeper"])
            #expect(report.actors[0].state == .alive)
            let home = report.nodes[0].workers.first { $0.process == report.actors[0].process }
            #expect(home?.state == .actor && home?.name == "keeper")
            for worker in report.nodes[0].workers where worker.state != .starting {
                #expect(worker.memory > 0 && kill(worker.pid, 0) == 0)
            }
            await #expect(throws: (any Error).self) {
                _ = try await cluster.create(NewKeeper(), .init(name: "keeper"))
            }
            try await cluster.stop(keeper)
            try await eventually { try self.report().actors[0].state == .dead }
        }
        #expect(throws: InsightError.self) { try report() }
    }

    @Test("all events of all processes join to whole tasks, and to a trace that viewers take")
    func timeline() async throws {
        try await run { cluster async throws in
            let parts = try (0..<100).map { try cluster.submit(Give(value: $0)) }
            #expect(try await cluster.submit(Total(parts: Inputs(parts))).value == 4950)
            #expect(try await cluster.submit(Deep(depth: 3)).value == 3)
            await #expect(throws: TaskError.self) { try await cluster.submit(Throwing()).value }
            // The last event of a worker may come after its result.
            try await eventually {
                TaskHistory(try events()).tasks.allSatisfy { $0.attempts.allSatisfy { $0.ended != nil } }
            }
            check(try events())
        }
        // The node left the events behind.
        check(try EventSource.load(name))
    }

    @Test("all calls of actors are recorded, with who made them, also when they fail")
    func calls() async throws {
        try await run { cluster async throws in
            let keeper = try await cluster.create(NewKeeper())
            for _ in 0..<30 { _ = try await keeper.touch() }
            let many = try (0..<100).map { _ in try cluster.submit(to: keeper) { try await $0.touch() } }
            #expect(try await cluster.get(many).count == 100)
            await #expect(throws: TaskError.self) { try await keeper.fail() }
            #expect(try await cluster.submit(Touch(keeper: keeper, times: 10)).value == 10)
            let history = TaskHistory(try events())
            #expect(history.tasks.count == 1 && history.calls.count == 141)
            #expect(history.calls.count { $0.owner == 1 } == 131)
            #expect(history.calls.count { $0.name == "Keeper.touch" } == 140)
            for call in history.calls {
                guard let attempt = call.attempts.first, let sent = attempt.sent, let began = attempt.started,
                    let ended = attempt.ended, let done = call.done
                else {
                    Issue.record("\(call) lacks a part")
                    continue
                }
                #expect(sent <= began && began <= ended && ended <= done && call.submitted == sent)
                #expect(call.outcome == (call.name == "Keeper.fail" ? .failed : .succeeded))
            }
            // An actor runs its calls one after the other.
            let runs = history.calls.compactMap { call -> ClosedRange<Double>? in
                guard let began = call.attempts[0].started, let ended = call.attempts[0].ended else { return nil }
                return began...ended
            }.sorted { $0.lowerBound < $1.lowerBound }
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
            let checker = try TraceChecker(ChromeTrace.text(try events()))
            #expect(checker.problems == [])
            #expect(checker.flowEnds.count == 142)
            #expect(try await cluster.metrics().contains("apus_actor_calls_total{name=\"Keeper.touch\"} 140"))
        }
    }

    private func check(_ events: ClusterEvents) {
        let tasks = TaskHistory(events).tasks
        #expect(events.processes.allSatisfy { $0.lost == 0 })
        #expect(tasks.count { $0.name == "Give" } == 100)
        #expect(tasks.count { $0.name == "Deep" } == 4)
        #expect(tasks.count == 106)
        for task in tasks {
            #expect(task.outcome == (task.name == "Throwing" ? .failed : .succeeded))
            guard let attempt = task.attempts.last, let submitted = task.submitted, let ready = task.ready,
                let sent = attempt.sent, let started = attempt.started, let ended = attempt.ended,
                let done = task.done
            else {
                Issue.record("\(task) lacks a part")
                continue
            }
            #expect(submitted <= ready && ready <= sent && sent <= started && started <= ended && started <= done)
            #expect(task.attempts.count == 1)
            #expect(attempt.waits.allSatisfy { $0.lowerBound >= started && $0.upperBound <= ended })
        }
        #expect(tasks.count { !($0.attempts.last?.waits.isEmpty ?? true) } == 3)
        do {
            let checker = try TraceChecker(ChromeTrace.text(events))
            #expect(checker.problems == [])
            #expect(checker.flowEnds.count == 106)
            #expect(checker.processNames.values.contains { $0 == "driver 1" })
            #expect(checker.processNames.values.contains { $0.hasPrefix("worker ") })
        } catch {
            Issue.record(error)
        }
    }

    @Test("a crash's error has the signal, the memory and the last lines; the dead worker's events and logs stay")
    func crash() async throws {
        try await run { cluster async throws in
            let error = await #expect(throws: TaskError.self) {
                try await cluster.submit(LastWords(), .init(retries: 0)).value
            }
            guard case .workerCrashed(let reason)? = error?.cause else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("killed by signal 9"))
            #expect(reason.contains("pid ") && reason.contains(" MiB"))
            #expect(reason.contains("step 29") && reason.contains("step 18") && !reason.contains("step 17\n"))
            let run = TaskHistory(try events()).tasks.first { $0.name == "LastWords" }
            #expect(run?.attempts.first?.started != nil && run?.attempts.first?.ended == nil)
            #expect(run?.outcome == .failed)
        }
        var reader = LogReader(
            folder: try SessionFolder.find(name, in: StateFolder()).path, worker: nil, errorsOnly: true)
        var lines: [String] = []
        try reader.read { lines.append($0) }
        #expect(lines.count == 30)
        #expect(lines.last?.hasSuffix(", errors) step 29") == true)
    }

    @Test("a group that waits says for what, and so do tasks in it")
    func pendingGroup() async throws {
        try await run { cluster async throws in
            let first = try await cluster.createGroup([Resources(cpus: 2)])
            _ = try await cluster.ready(first).value
            let second = try await cluster.createGroup([Resources(cpus: 1)])
            let task = try cluster.submit(Give(value: 1), .init(scheduling: .group(second)))
            try await eventually {
                let reasons = try report().nodes[0].demands.map(\.reason)
                return reasons.contains {
                    $0.contains("placement group 2 has not got its resources yet: it needs 1 cpus")
                        && $0.contains("Set aside for placement group 1")
                }
            }
            try await cluster.remove(first)
            #expect(try await task.value == 1)
        }
    }

    @Test("what many workers print at once is kept whole, line by line")
    func output() async throws {
        try await run { cluster async throws in
            let words = ["alpha", "beta", "gamma", "delta"]
            let tasks = try words.enumerated().map {
                try cluster.submit(Say(word: $1, count: 300, isError: $0 % 2 == 1), .init(cpus: 0.5))
            }
            #expect(try await cluster.get(tasks).reduce(0, +) == 1200)
            try await eventually { try report().nodes[0].counters.linesForwarded == 1200 }
        }
        var reader = LogReader(
            folder: try SessionFolder.find(name, in: StateFolder()).path, worker: nil, errorsOnly: false)
        var counts: [String: Int] = [:]
        try reader.read { line in
            let words = line.split(separator: ") ", maxSplits: 1).last.map { $0.split(separator: " ") } ?? []
            guard words.count >= 2, let number = Int(words[1]), number == counts[String(words[0]), default: 0] else {
                Issue.record("a damaged line: \(line)")
                return
            }
            counts[String(words[0])] = number + 1
        }
        #expect(counts == ["alpha": 300, "beta": 300, "gamma": 300, "delta": 300])
    }

    @Test("metrics count exactly, at the port and through the socket, with events switched off")
    func metrics() async throws {
        try await run(metricsPort: 0, recordsEvents: false) { cluster async throws in
            _ = try await cluster.get((0..<500).map { try cluster.submit(Give(value: $0)) })
            for _ in 0..<3 { _ = try? await cluster.submit(Throwing(), .init(retries: 1)).value }
            let port = try #require(try report().metricsPort)
            let answer = try exchange(port, Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            let body = answer.components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n")
            guard case .text(let text) = try InsightClient.connect(to: name).ask(.metrics) else {
                Issue.record("no text")
                return
            }
            for text in [text, body] {
                let parsed = try MetricsParser(text)
                #expect(parsed.value("apus_tasks_submitted_total", ["name": "Give"]) == 500)
                #expect(parsed.value("apus_tasks_succeeded_total", ["name": "Give"]) == 500)
                #expect(parsed.value("apus_tasks_started_total", ["name": "Give"]) == 500)
                #expect(parsed.value("apus_tasks_failed_total", ["name": "Throwing"]) == 3)
                #expect(parsed.value("apus_tasks_retried_total", ["name": "Throwing"]) == 3)
                #expect(parsed.value("apus_tasks", ["state": "pending"]) == 0)
                #expect(parsed.value("apus_resources_total", ["resource": "slots"]) == 3)
                #expect((parsed.value("apus_worker_starts_total") ?? 0) >= 2)
            }
            #expect(TaskHistory(try events()).tasks.isEmpty)
        }
    }

    @Test("a name that is taken is given with another ending, and the cluster runs")
    func taken() async throws {
        try await run { _ async throws in
            try await run { cluster async throws in
                #expect(try await cluster.submit(Give(value: 1)).value == 1)
                #expect(try ClusterAddress.running().count { $0.cluster.hasPrefix(name) } == 2)
            }
        }
    }
}

@Suite("Watchdog") struct WatchdogTests {
    private func standing(_ progress: UInt64, queued: Int = 1) -> Watchdog.Standing {
        Watchdog.Standing(progress: progress, queued: queued, suspended: 0)
    }

    @Test("warns once when tasks wait and nothing ends, then at longer intervals, and anew after progress")
    func stall() {
        func at(_ seconds: Int) -> Instant { Instant(nanoseconds: Int64(seconds) * 1_000_000_000) }
        var dog = Watchdog(limit: .seconds(10), at: at(0))
        var warnings: [Int] = []
        for second in 0...200 where dog.look(standing(1), at: at(second)) != nil { warnings.append(second) }
        #expect(warnings == [10, 40, 160])
        #expect(dog.look(standing(2), at: at(201)) == nil)
        for second in 202...210 { #expect(dog.look(standing(2), at: at(second)) == nil) }
        #expect(dog.look(standing(2), at: at(211)) == .seconds(10))
    }

    @Test("is silent while nothing waits")
    func idle() {
        var dog = Watchdog(limit: .seconds(1), at: Instant(nanoseconds: 0))
        for second in 0...100 {
            #expect(dog.look(standing(5, queued: 0), at: Instant(nanoseconds: Int64(second) * 1_000_000_000)) == nil)
        }
    }
}
