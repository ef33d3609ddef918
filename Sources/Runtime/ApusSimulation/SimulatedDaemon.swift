import ApusCore
import ApusScheduling

/// The node's daemon: the scheduler, the registry and the worker processes.
final class SimulatedDaemon {
    private unowned let world: World
    private(set) var node: NodeScheduler
    private(set) var registry = AdoptionRegistry()
    private var records: [ObjectID: Record] = [:]
    private var processes: [WorkerID: ProcessID] = [:]
    private var workers: [ProcessID: WorkerID] = [:]
    private var classIndex: [SchedulingClass: Int] = [:]
    private var effects: [NodeEffect] = []
    private var isTickDue = false
    private struct Wait: Hashable {
        let client: ProcessID
        let value: SchedulingClass
    }
    /// Since when clients without a lease wait for one.
    private var waits: [Wait: Instant] = [:]
    private var events = 0

    init(world: World, configuration: NodeScheduler.Configuration) {
        self.world = world
        node = NodeScheduler(configuration)
    }

    func handle(_ event: NodeEvent) {
        effects.removeAll(keepingCapacity: true)
        node.handle(event, at: world.now, into: &effects)
        events += 1
        if events & 7 == 0, let problem = node.firstInconsistency { world.report("node: \(problem)") }
        noteWaits()
        for effect in effects { perform(effect) }
        scheduleTick()
    }

    /// How long clients that have no lease of a class wait for their first one.
    private func noteWaits() {
        var open: [Wait: Instant] = [:]
        for request in node.openRequests where request.held == 0 && request.value.bundle == nil {
            let wait = Wait(client: request.client, value: request.value)
            open[wait] = waits[wait] ?? world.now
        }
        for (_, since) in waits { world.waited(world.now - since) }
        waits = open
    }

    /// Memory runs out; whom the scheduler ends is checked against what it leaves.
    func runOutOfMemory() {
        let report = MemoryReport(
            used: 1 << 30, limit: 1 << 30 - 1, goal: Int64(1 << 30 - world.random(1 << 29)),
            workers: workers.values.sorted().map { ($0, Int64(world.random(1 << 28))) })
        let before = Dictionary(uniqueKeysWithValues: report.workers.map { ($0.worker, importance(of: $0.worker)) })
        let ending = processes.keys.filter { node.isEnding($0) }
        handle(.memory(report))
        let killed = effects.compactMap { effect -> WorkerID? in
            if case .killForMemory(let worker, _) = effect { worker } else { nil }
        }
        // Until the next look nothing is granted.
        world.after(.milliseconds(2)) { [self] in
            handle(.memory(MemoryReport(used: 0, limit: report.limit, goal: report.goal, workers: [])))
        }
        guard let worst = killed.compactMap({ before[$0] }).max() else { return }
        for (worker, bytes) in report.workers where !killed.contains(worker) && !ending.contains(worker) {
            // What has next to nothing gives nothing back.
            guard let spared = before[worker], spared > 0 || bytes >= 32 << 20 else { continue }
            if spared < worst { world.report("\(worker) was spared, and a more important one ended") }
        }
    }

    /// What would be lost with a worker: nothing, work that is done again, or work that is not.
    private func importance(of worker: WorkerID) -> Int {
        let leases = node.leases(on: worker)
        if leases.isEmpty { return 0 }
        let isRetriable = leases.allSatisfy { $0.value.isRetriable }
        let isActor = leases.contains { $0.isDedicated }
        return isRetriable ? isActor ? 2 : 1 : isActor ? 4 : 3
    }

    private func scheduleTick() {
        guard !isTickDue, let interval = node.tickInterval else { return }
        isTickDue = true
        world.after(interval) { [self] in
            isTickDue = false
            handle(.tick)
        }
    }

    func join(driver: ProcessID, weight: Int) {
        registry.joined(driver)
        world.announce(driver)
        handle(.driverJoined(driver, job: JobID(driver.number), weight: weight))
    }

    private func index(of value: SchedulingClass) -> Int {
        if let index = classIndex[value] { return index }
        let index = world.classes.firstIndex(of: value) ?? 0
        classIndex[value] = index
        return index
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .startWorker(let worker, _):
            let fails = world.chance(world.faults.startFailure)
            world.after(.microseconds(200 + world.random(20_000))) { [self] in
                if fails {
                    handle(.workerFailedToStart(worker, reason: "simulated"))
                } else {
                    start(worker)
                }
            }
        case .stopWorker(let worker, let reason):
            guard let process = processes[worker] else { return }
            if reason == .doesNotYield { world.kill(process) } else { world.send(.stop, from: .daemon, to: process) }
        case .killForMemory(let worker, _): if let process = processes[worker] { world.kill(process) }
        case .grant(let lease, let client, let value, let worker):
            guard let process = processes[worker] else {
                return world.report("\(lease) is on a worker that is not there")
            }
            world.send(.grant(lease, classIndex: index(of: value), worker: process), from: .daemon, to: client)
        case .dedicated(let lease, let client, let request, let worker):
            guard let process = processes[worker] else {
                return world.report("\(lease) is on a worker that is not there")
            }
            world.send(.dedicated(lease, request: request, worker: process), from: .daemon, to: client)
        case .recallOnceIdle(let lease, let client):
            world.send(.recall(lease, onceIdle: true), from: .daemon, to: client)
        case .recall(let lease, let client):
            world.send(.recall(lease, onceIdle: false), from: .daemon, to: client)
        case .revoke(let lease, let worker):
            if let process = processes[worker] { world.send(.revoke(lease), from: .daemon, to: process) }
        case .leaseLost(let lease, let client, let loss):
            world.send(.leaseLost(lease, loss), from: .daemon, to: client)
        case .refuse(let client, let value, let reason):
            world.send(.refuse(classIndex: index(of: value), "\(reason)"), from: .daemon, to: client)
        case .refuseDedicated(let client, let request, _):
            world.send(.refuseDedicated(request: request), from: .daemon, to: client)
        case .warn: break
        case .groupReady(let group):
            world.send(.groupReady(group), from: .daemon, to: ProcessID(group.number >> 16))
        case .groupRefused(let group, _):
            world.send(.groupRefused(group), from: .daemon, to: ProcessID(group.number >> 16))
        }
    }

    private func start(_ worker: WorkerID) {
        let id = ProcessID(1000 + worker.number)
        processes[worker] = id
        workers[id] = worker
        registry.joined(id)
        world.add(SimulatedProcess(id: id, world: world))
        world.announce(id)
        handle(.workerReady(worker, client: id))
    }

    func receive(_ message: Message, from sender: ProcessID) {
        switch message {
        case .want(let index, let count): handle(.want(sender, world.classes[index], count: count))
        case .returned(let lease):
            if world.defect == .dropsReturns, world.chance(20) { return }
            handle(.returned(lease))
        case .blocked(let lease): handle(.blocked(lease))
        case .unblocked(let lease): handle(.unblocked(lease))
        case .revoked(let lease): handle(.revoked(lease))
        case .spent: if let worker = workers[sender] { handle(.workerSpent(worker)) }
        case .dedicate(let request):
            handle(.dedicate(sender, request: request, world.classes[World.actorClass]))
        case .cancelDedicated(let request): handle(.cancelDedicated(sender, request: request))
        case .createGroup(let group):
            handle(.createGroup(group, client: sender, bundles: [Resources(cpus: 1)], .pack))
        case .removeGroup(let group): handle(.removeGroup(group))
        case .registry(let request, let record):
            if let record, case .record(let object) = request { records[object] = record }
            var effects: [AdoptionRegistry.Effect] = []
            registry.handle(request, from: sender, into: &effects)
            perform(effects)
        case .died:
            if let worker = workers.removeValue(forKey: sender) {
                processes[worker] = nil
                // Half of the actors keep what they hold, the others ask for it again.
                let goesOn = world.chance(50)
                handle(.workerExited(worker, dedication: goesOn ? .goesOn(isRetriable: true) : .ends))
            } else {
                handle(.clientLeft(sender))
            }
            var effects: [AdoptionRegistry.Effect] = []
            registry.died(sender, into: &effects)
            perform(effects)
        default: world.report("the daemon cannot handle \(message)")
        }
    }

    private func perform(_ effects: [AdoptionRegistry.Effect]) {
        for effect in effects {
            switch effect {
            case .reply(let reply, let process):
                var record: Record?
                if case .adopt(let object, _) = reply {
                    record = records[object]
                    world.adopted(object, by: process)
                }
                world.send(.reply(reply, record: record), from: .daemon, to: process)
            case .discard(let object): records[object] = nil
            }
        }
    }
}

extension ProcessID {
    static var daemon: ProcessID { ProcessID(0) }
}
