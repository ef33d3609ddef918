import ApusCore
import ApusScheduling
import Testing

let environment = WorkerEnvironment()

/// A node of whom every process starts at once, unless told otherwise.
struct NodeBench {
    var node: NodeScheduler
    var now = Instant(nanoseconds: 0)
    var startsWorkers = true
    var effects: [NodeEffect] = []
    /// Leases held, by client.
    var held: [ProcessID: [LeaseID]] = [:]
    var workerOf: [LeaseID: WorkerID] = [:]
    var waitingStarts: [WorkerID] = []

    init(_ resources: Resources, _ adjust: (inout NodeScheduler.Configuration) -> Void = { _ in }) {
        var configuration = NodeScheduler.Configuration(resources: resources, environment: environment)
        adjust(&configuration)
        node = NodeScheduler(configuration)
    }

    @discardableResult
    mutating func send(_ event: NodeEvent) -> [NodeEffect] {
        var fresh = node.handle(event, at: now)
        var all: [NodeEffect] = []
        while !fresh.isEmpty {
            all += fresh
            var next: [NodeEffect] = []
            for effect in fresh {
                switch effect {
                case .startWorker(let id, _):
                    if startsWorkers {
                        next += node.handle(.workerReady(id, client: ProcessID(1000 + id.number)), at: now)
                    } else {
                        waitingStarts.append(id)
                    }
                case .stopWorker(let id, _), .killForMemory(let id, _):
                    next += node.handle(.workerExited(id), at: now)
                case .grant(let lease, let client, _, let worker):
                    held[client, default: []].append(lease)
                    workerOf[lease] = worker
                case .dedicated(let lease, let client, _, let worker):
                    held[client, default: []].append(lease)
                    workerOf[lease] = worker
                case .leaseLost(let lease, let client, _): held[client]?.removeAll { $0 == lease }
                case .revoke(let lease, _):
                    for client in held.keys { held[client]?.removeAll { $0 == lease } }
                    next += node.handle(.revoked(lease), at: now)
                default: break
                }
            }
            fresh = next
        }
        #expect(node.firstInconsistency == nil)
        effects += all
        return all
    }

    mutating func join(_ clients: Int..., job: UInt64? = nil, weight: Int = 1) {
        for client in clients {
            send(.driverJoined(ProcessID(UInt64(client)), job: JobID(job ?? UInt64(client)), weight: weight))
        }
    }

    @discardableResult
    mutating func want(_ client: UInt64, _ count: Int, _ value: SchedulingClass) -> [NodeEffect] {
        send(.want(ProcessID(client), value, count: count))
    }

    @discardableResult
    mutating func giveBack(_ client: UInt64) -> [NodeEffect] {
        guard let lease = held[ProcessID(client)]?.first else { return [] }
        held[ProcessID(client)]?.removeFirst()
        return send(.returned(lease))
    }

    mutating func tick(after duration: Duration) -> [NodeEffect] {
        now = now + duration
        return send(.tick)
    }

    func count(_ client: UInt64) -> Int { held[ProcessID(client)]?.count ?? 0 }
}

func work(
    cpus: Quantity = 1, gpus: Quantity = 0, custom: [String: Quantity] = [:], priority: Int = 0,
    in bundle: BundleReference? = nil, retriable: Bool = true, environment: WorkerEnvironment = environment
) -> SchedulingClass {
    SchedulingClass(
        demand: Resources(cpus: cpus, gpus: gpus, custom: custom), environment: environment, priority: priority,
        bundle: bundle, isRetriable: retriable)
}

extension [NodeEffect] {
    var recalls: [LeaseID] { compactMap { if case .recall(let lease, _) = $0 { lease } else { nil } } }
    var refusals: [Refusal] {
        compactMap {
            switch $0 {
            case .refuse(_, _, let reason), .refuseDedicated(_, _, let reason), .groupRefused(_, let reason): reason
            default: nil
            }
        }
    }
    var starts: Int { count { if case .startWorker = $0 { true } else { false } } }
    var killed: [UInt64] { compactMap { if case .killForMemory(let id, _) = $0 { id.number } else { nil } } }
    var ready: [GroupID] { compactMap { if case .groupReady(let id) = $0 { id } else { nil } } }
}

@Suite("Node scheduler") struct NodeSchedulerTests {
    @Test("leases are granted up to the resources, and one that returns is granted again")
    func grants() {
        var bench = NodeBench(Resources(cpus: 2))
        bench.join(1)
        bench.want(1, 5, work())
        #expect(bench.count(1) == 2)
        bench.giveBack(1)
        #expect(bench.count(1) == 2)
        bench.want(1, 0, work())
        while bench.count(1) > 0 { bench.giveBack(1) }
        #expect(bench.node.isAtRest)
        #expect(bench.effects.starts == 2)
    }

    @Test("fractions of resources add up exactly")
    func fractions() {
        var bench = NodeBench(Resources(cpus: 1, custom: ["licence": 0.3]))
        bench.join(1)
        bench.want(1, 100, work(cpus: 0.1, custom: ["licence": 0.1]))
        #expect(bench.count(1) == 3)
        bench.want(1, 0, work(cpus: 0.1, custom: ["licence": 0.1]))
        while bench.count(1) > 0 { bench.giveBack(1) }
        #expect(bench.node.available == Resources(cpus: 1, custom: ["licence": 0.3]))
    }

    @Test("jobs share in proportion to their weights")
    func fairness() {
        var bench = NodeBench(Resources(cpus: 6))
        bench.join(1, weight: 2)
        bench.join(2)
        bench.want(1, 6, work())
        bench.want(2, 6, work())
        for _ in 0..<20 {
            _ = bench.tick(after: .milliseconds(120))
            let due = bench.effects.recalls
            bench.effects = []
            for lease in due {
                for client in [UInt64(1), 2] { bench.held[ProcessID(client)]?.removeAll { $0 == lease } }
                bench.send(.returned(lease))
            }
        }
        #expect([bench.count(1), bench.count(2)] == [4, 2])
        #expect(bench.tick(after: .milliseconds(120)).recalls.isEmpty)
    }

    @Test("parts of a job share in proportion to theirs, whoever asks")
    func nestedJobs() {
        var bench = NodeBench(Resources(cpus: 4))
        bench.join(1)
        var heavy = work()
        heavy.job = JobShare(job: JobID(100), weight: 3)
        var light = work()
        light.job = JobShare(job: JobID(101), weight: 1)
        bench.want(1, 4, light)
        bench.want(1, 4, heavy)
        for _ in 0..<20 {
            _ = bench.tick(after: .milliseconds(120))
            let due = bench.effects.recalls
            bench.effects = []
            for lease in due {
                bench.held[ProcessID(1)]?.removeAll { $0 == lease }
                bench.send(.returned(lease))
            }
        }
        let held = bench.held[ProcessID(1)]!.compactMap { bench.node.lease($0)?.value }
        #expect([held.count { $0 == heavy }, held.count { $0 == light }] == [3, 1])
        bench.want(1, 0, heavy)
        bench.want(1, 0, light)
        while bench.count(1) > 0 { bench.giveBack(1) }
        #expect(bench.node.isAtRest)
    }

    @Test("the higher priority goes first, and the lower one in the end too")
    func priority() {
        var bench = NodeBench(Resources(cpus: 1))
        bench.join(1, 2, 3)
        bench.want(1, 1, work())
        bench.want(2, 1, work())
        bench.want(3, 1, work(priority: 1))
        bench.want(1, 0, work())
        bench.giveBack(1)
        #expect(bench.count(3) == 1 && bench.count(2) == 0)
        // What is wanted at high priority without end waits for what has waited longer than it is worth.
        var turns = 0
        while bench.count(2) == 0, turns < 100 {
            turns += 1
            _ = bench.tick(after: .seconds(1))
            bench.giveBack(3)
        }
        #expect(turns >= 5 && turns <= 12)
    }

    @Test("a large demand is not starved by small ones")
    func patience() {
        var bench = NodeBench(Resources(cpus: 4))
        bench.join(1, job: 1)
        bench.join(2, job: 1)
        bench.want(1, 4, work())
        bench.want(2, 1, work(cpus: 4))
        var returns = 0
        while bench.count(2) == 0, returns < 100 {
            returns += 1
            bench.giveBack(1)
        }
        #expect(bench.count(2) == 1)
        #expect(returns >= 16 && returns <= 21)
    }

    @Test("leases that are not used are recalled at once when others wait, used ones after their slice")
    func recalls() {
        var bench = NodeBench(Resources(cpus: 2))
        bench.join(1, 2)
        bench.want(1, 2, work())
        bench.want(1, 1, work())
        #expect(bench.want(2, 1, work()).recalls.count == 1)
        bench.giveBack(1)
        #expect(bench.count(2) == 1)
        #expect(bench.want(1, 2, work()).recalls.isEmpty)
        #expect(bench.tick(after: .seconds(1)).recalls.isEmpty)

        var other = NodeBench(Resources(cpus: 1))
        other.join(1, 2)
        other.want(1, 1, work())
        #expect(other.want(2, 1, work()).recalls.isEmpty)
        #expect(other.tick(after: .milliseconds(50)).recalls.isEmpty)
        #expect(other.tick(after: .milliseconds(60)).recalls.count == 1)
    }

    @Test("a task that waits lends its processors and takes them back at once")
    func blocking() {
        var bench = NodeBench(Resources(cpus: 1))
        bench.join(1, 2)
        bench.want(1, 1, work())
        bench.want(2, 1, work())
        let lease = bench.held[ProcessID(1)]![0]
        bench.send(.blocked(lease))
        #expect(bench.count(2) == 1)
        bench.send(.unblocked(lease))
        #expect(bench.node.available.cpus == Quantity(0) - Quantity(1))
        bench.want(2, 0, work())
        bench.giveBack(2)
        bench.want(1, 0, work())
        bench.giveBack(1)
        #expect(bench.node.isAtRest)
    }

    @Test("nested tasks to any depth go on with a bounded number of processes")
    func coresidence() {
        var bench = NodeBench(Resources(cpus: 2)) { $0.workerLimit = 3 }
        bench.join(1)
        bench.want(1, 1, work())
        var client: UInt64 = 1
        for _ in 0..<50 {
            let lease = bench.held[ProcessID(client)]!.last!
            bench.send(.blocked(lease))
            client = 1000 + bench.workerOf[lease]!.number
            let before = bench.count(client)
            bench.want(client, before + 1, work())
            #expect(bench.count(client) == before + 1)
        }
        #expect(bench.node.workerCount <= 3)
    }

    @Test("workers of another environment make room, and without any way a worker is started above the limit")
    func environments() {
        let other = WorkerEnvironment(variables: ["A": "1"])
        var bench = NodeBench(Resources(cpus: 4)) { $0.workerLimit = 1 }
        bench.join(1)
        bench.want(1, 1, work())
        bench.want(1, 0, work())
        bench.giveBack(1)
        bench.want(1, 1, work(environment: other))
        #expect(bench.count(1) == 1)
        #expect(bench.effects.contains(.stopWorker(WorkerID(1), .makesRoom)))
        bench.want(1, 1, work())
        #expect(bench.count(1) == 1)
        #expect(bench.node.why(ProcessID(1), work(), at: bench.now) == .processLimit(limit: 1))
        _ = bench.tick(after: .milliseconds(60))
        #expect(bench.count(1) == 2)
    }

    @Test("a worker's end loses its leases and gives its resources back")
    func exit() {
        var bench = NodeBench(Resources(cpus: 2))
        bench.join(1)
        bench.want(1, 2, work())
        let effects = bench.send(.workerExited(WorkerID(1)))
        #expect(effects.contains { if case .leaseLost(_, ProcessID(1), .workerExited) = $0 { true } else { false } })
        #expect(bench.count(1) == 2)
        #expect(bench.node.workerCount == 2)
    }

    @Test("what a client that left had runs no longer before its resources are used")
    func leaving() {
        var bench = NodeBench(Resources(cpus: 1)) { $0.revokePatience = .milliseconds(500) }
        bench.join(1, 2)
        bench.want(1, 1, work())
        bench.want(2, 1, work())
        let lease = bench.held[ProcessID(1)]![0]
        let effects = bench.node.handle(.clientLeft(ProcessID(1)), at: bench.now)
        #expect(effects == [.revoke(lease, on: WorkerID(1))])
        #expect(bench.count(2) == 0)
        let late = bench.tick(after: .milliseconds(600))
        #expect(late.contains(.stopWorker(WorkerID(1), .doesNotYield)))
        #expect(bench.count(2) == 1)
    }

    @Test("an actor gets a fresh worker of its own, which ends with it")
    func dedicated() {
        var bench = NodeBench(Resources(cpus: 2))
        bench.join(1)
        bench.want(1, 1, work())
        bench.want(1, 0, work())
        bench.giveBack(1)
        let effects = bench.send(.dedicate(ProcessID(1), request: 7, work()))
        #expect(effects.contains(.dedicated(LeaseID(2), to: ProcessID(1), request: 7, on: WorkerID(2))))
        #expect(bench.node.available.cpus == 1)
        #expect(bench.giveBack(1).contains(.stopWorker(WorkerID(2), .dedicationEnded)))
        #expect(bench.node.available.cpus == 2)
        #expect(bench.node.workerCount == 1)
    }

    @Test("warm workers are started ahead and kept, others end when they were idle for long")
    func warm() {
        var bench = NodeBench(Resources(cpus: 4)) { $0.warmWorkers = 2 }
        _ = bench.send(.tick)
        #expect(bench.node.workerCount == 2)
        bench.join(1)
        bench.want(1, 4, work())
        bench.want(1, 0, work())
        while bench.count(1) > 0 { bench.giveBack(1) }
        let most = bench.node.workerCount
        #expect(most >= 4)
        #expect(bench.tick(after: .seconds(59)).isEmpty)
        _ = bench.tick(after: .seconds(2))
        #expect(bench.node.workerCount == 2)
    }

    @Test("what can never run is refused with the reason, or waits for nodes that may join")
    func infeasible() {
        var bench = NodeBench(Resources(cpus: 2))
        bench.join(1)
        let effects = bench.want(1, 1, work(gpus: 1))
        let total = Resources(cpus: 2)
        #expect(effects.refusals == [.infeasible(demand: Resources(cpus: 1, gpus: 1), total: total)])
        var open = NodeBench(Resources(cpus: 2)) { $0.nodesMayJoin = true }
        open.join(1)
        let warned = open.want(1, 1, work(gpus: 1))
        #expect(warned.refusals.isEmpty)
        #expect(warned.contains { if case .warn = $0 { true } else { false } })
    }

    @Test("workers that do not start are tried again with pauses, then their requests are refused")
    func startFailures() {
        var bench = NodeBench(Resources(cpus: 4))
        bench.startsWorkers = false
        bench.join(1)
        bench.want(1, 1, work())
        var failures = 0
        var refusals: [Refusal] = []
        while refusals.isEmpty, failures < 20 {
            for worker in bench.waitingStarts {
                failures += 1
                refusals += bench.send(.workerFailedToStart(worker, reason: "no such file")).refusals
            }
            bench.waitingStarts = bench.waitingStarts.filter { _ in false }
            if case .workersFail(_, let reason) = bench.node.why(ProcessID(1), work(), at: bench.now) {
                #expect(reason == "no such file")
            }
            _ = bench.tick(after: .milliseconds(50))
        }
        #expect(refusals == [.workersFail(attempts: 3, reason: "no such file")])
        #expect(failures == 3)
    }

    @Test("a group gets all of its bundles or none, and its removal ends what runs in it")
    func groups() {
        var bench = NodeBench(Resources(cpus: 4))
        bench.join(1)
        let group = GroupID(1)
        let bundles = [Resources(cpus: 1), Resources(cpus: 2)]
        bench.want(1, 2, work())
        #expect(bench.send(.createGroup(group, client: ProcessID(1), bundles: bundles, .pack)).ready.isEmpty)
        bench.want(1, 1, work())
        #expect(bench.giveBack(1).ready == [group])
        #expect(bench.node.available.cpus == 0)
        bench.want(1, 2, work(in: BundleReference(group: group, bundle: 1)))
        #expect(bench.count(1) == 3)
        bench.want(1, 1, work(cpus: 1, priority: 1, in: BundleReference(group: group)))
        #expect(bench.count(1) == 4)
        let infeasible = bench.want(1, 1, work(cpus: 3, in: BundleReference(group: group)))
        #expect(infeasible.refusals.count == 1)
        let effects = bench.send(.removeGroup(group))
        #expect(effects.count { if case .leaseLost(_, _, .groupRemoved) = $0 { true } else { false } } == 3)
        #expect(effects.refusals.count == 2)
        #expect(bench.node.available.cpus == 3)
    }

    @Test("bundles that must lie on several nodes are refused by one")
    func strictSpread() {
        var bench = NodeBench(Resources(cpus: 4))
        let two = [Resources(cpus: 1), Resources(cpus: 1)]
        #expect(
            bench.send(.createGroup(GroupID(1), client: nil, bundles: two, .strictSpread)).refusals == [.needsNodes(2)])
        #expect(bench.send(.createGroup(GroupID(2), client: nil, bundles: two, .spread)).ready == [GroupID(2)])
    }

    @Test("under memory pressure idle workers go first, then the newest that can be tried again")
    func memory() {
        var bench = NodeBench(Resources(cpus: 4))
        bench.join(1)
        bench.want(1, 1, work(retriable: false))
        bench.want(1, 2, work())
        bench.want(1, 1, work(cpus: 0.5))
        bench.want(1, 0, work(cpus: 0.5))
        bench.send(.returned(bench.held[ProcessID(1)]!.last!))
        let bytes = (1...4).map { (worker: WorkerID(UInt64($0)), bytes: Int64(100) << 20) }
        func report(_ used: Int64) -> NodeEvent {
            .memory(MemoryReport(used: used << 20, limit: 950 << 20, goal: 900 << 20, workers: bytes))
        }
        #expect(bench.send(report(940)).killed.isEmpty)
        #expect(bench.node.handle(report(960), at: bench.now).killed == [4])
        #expect(bench.node.handle(report(1190), at: bench.now).killed == [3, 2])
        #expect(bench.node.handle(report(1300), at: bench.now).killed == [1])
    }

    @Test("why something does not run names who has what it lacks")
    func why() {
        var bench = NodeBench(Resources(cpus: 2, gpus: 1))
        bench.join(1, 2)
        bench.want(1, 2, work(gpus: 0.5))
        bench.want(2, 1, work(gpus: 0.5))
        let reason = bench.node.why(ProcessID(2), work(gpus: 0.5), at: bench.now)
        guard case .resources(let shortage) = reason else {
            Issue.record("\(reason)")
            return
        }
        #expect(shortage.holders.map(\.client) == [ProcessID(1), ProcessID(1)])
        #expect(
            reason.words { WaitReason.Name("Sleep", process: $0.number + 2) }
                == "it needs 1 cpus, and 0 of 2 are free; it needs 0.5 gpus, and 0 of 1 are free. "
                + "In use by `Sleep` (worker 3, 4)")
        #expect(bench.node.why(ProcessID(2), work(), at: bench.now) == .nothingWanted(held: 0))
    }

    @Test("only what holds something that is missing is named, and each missing resource is told")
    func words() {
        var bench = NodeBench(Resources(cpus: 3, gpus: 1, memory: 100, custom: ["slots": 4]))
        bench.join(1, 2)
        bench.want(1, 1, work(custom: ["slots": 3]))
        bench.want(1, 1, work(cpus: 0, gpus: 1))
        bench.send(.blocked(bench.held[ProcessID(1)]![0]))
        bench.want(2, 1, work(custom: ["slots": 2]))
        let slots = bench.node.why(ProcessID(2), work(custom: ["slots": 2]), at: bench.now)
        #expect(
            slots.words { WaitReason.Name("Hold", process: $0.number) }
                == "it needs 2 slots, and 1 of 4 are free. In use by `Hold` (worker 1, waiting)")
        let refused = bench.node.why(ProcessID(2), work(cpus: 4), at: bench.now)
        #expect(refused.words { _ in WaitReason.Name("", process: 0) }.contains("there is only 3 cpus"))
    }

    @Test("a dedicated lease that goes on keeps its resources and gets another fresh worker")
    func rehousing() {
        var bench = NodeBench(Resources(cpus: 1, gpus: 1))
        bench.join(1, 2)
        bench.send(.dedicate(ProcessID(1), request: 7, work(gpus: 1)))
        let lease = bench.held[ProcessID(1)]![0]
        bench.want(2, 1, work(gpus: 0.5))
        let effects = bench.send(.workerExited(bench.workerOf[lease]!, dedication: .goesOn(isRetriable: false)))
        #expect(bench.count(2) == 0)
        #expect(effects.contains { if case .dedicated(lease, to: ProcessID(1), 7, _) = $0 { true } else { false } })
        bench.send(.workerExited(bench.workerOf[lease]!))
        #expect(bench.count(2) == 1)
    }

    @Test("without any worker a dedicated lease that goes on is lost in the end")
    func rehousingFails() {
        var bench = NodeBench(Resources(cpus: 1))
        bench.join(1)
        bench.send(.dedicate(ProcessID(1), request: 7, work()))
        let lease = bench.held[ProcessID(1)]![0]
        bench.startsWorkers = false
        bench.send(.workerExited(bench.workerOf[lease]!, dedication: .goesOn(isRetriable: true)))
        var turns = 0
        while bench.count(1) > 0, turns < 50 {
            turns += 1
            let starting = bench.waitingStarts
            bench.waitingStarts = []
            for worker in starting { bench.send(.workerFailedToStart(worker, reason: "no such file")) }
            _ = bench.tick(after: .milliseconds(100))
        }
        #expect(bench.count(1) == 0)
        #expect(bench.node.isAtRest)
    }

    @Test("a worker that asked to end gets nothing more, and ends with its leases")
    func spent() {
        var bench = NodeBench(Resources(cpus: 1))
        bench.join(1)
        bench.want(1, 2, work())
        let lease = bench.held[ProcessID(1)]![0]
        let worker = bench.workerOf[lease]!
        #expect(bench.send(.workerSpent(worker)).recalls == [lease])
        #expect(bench.giveBack(1).contains(.stopWorker(worker, .spent)))
        #expect(bench.count(1) == 1)
        #expect(bench.workerOf[bench.held[ProcessID(1)]![0]] != worker)
    }

    @Test("a holder is asked at once for what it may not use, and keeps what it uses until its slice is over")
    func asking() {
        var bench = NodeBench(Resources(cpus: 1))
        bench.join(1, job: 1)
        bench.want(1, 4, work())
        let lease = bench.held[ProcessID(1)]![0]
        let effects = bench.want(1, 1, work(cpus: 0.5))
        #expect(effects.contains(.recallOnceIdle(lease, from: ProcessID(1))))
        #expect(effects.recalls.isEmpty)
        // What was given back goes to whoever waits, though the holder wants it again.
        bench.giveBack(1)
        #expect(bench.node.lease(bench.held[ProcessID(1)]![0])?.value == work(cpus: 0.5))
    }
}
