import ApusCore
import ApusScheduling

/// What goes wrong in a simulation.
public struct Faults: Sendable {
    /// Processes that die, at most.
    public var kills = 3
    /// In a thousand.
    public var startFailure = 20
    /// Values that are lost from the store, at most.
    public var losses = 4
    /// Times at which memory runs out, at most.
    public var shortages = 2
    /// Workers that end because they have run as many tasks as they may, at most.
    public var spentWorkers = 2
    /// Whether drivers die too.
    public var killsDrivers = true

    public init() {}
    public static let none: Faults = {
        var faults = Faults()
        faults.kills = 0
        faults.startFailure = 0
        faults.losses = 0
        faults.shortages = 0
        faults.spentWorkers = 0
        return faults
    }()
}

/// An error that is built in on purpose, to see that it is found.
public enum Defect: String, Sendable, CaseIterable {
    /// The daemon loses one in fifty leases that are returned.
    case dropsReturns
    /// A forwarded reference is taken for one whose receiver is counted.
    case ignoresForwardHolds
    /// A worker returns tasks that it has started.
    case withdrawsStarted
    /// A worker runs what comes for a lease that was taken away.
    case forgetsRevocations
}

/// One simulated node with its processes, channels and clock. Everything follows from the seed.
final class World {
    static let actorClass = 0

    let seed: UInt64
    let faults: Faults
    let defect: Defect?
    private(set) var generator: SeededGenerator
    private(set) var now = Instant(nanoseconds: 0)
    private(set) var processes: [ProcessID: SimulatedProcess] = [:]
    /// In order of their creation.
    private(set) var order: [ProcessID] = []
    /// There from the beginning of `run`, before any process is; it needs the world itself.
    private(set) lazy var daemon = SimulatedDaemon(world: self, configuration: nodeConfiguration())
    var classes: [SchedulingClass] = []
    var traceLine: ((String) -> Void)?

    // What is found.
    private(set) var problems: [String] = []
    private(set) var events = 0
    private(set) var tasksSubmitted = 0
    private(set) var killed = 0
    private(set) var lost = 0
    private(set) var adoptions = 0
    private(set) var shortages = 0
    /// The longest that a client without a lease of a class waited for one.
    private(set) var longestWait = Duration.zero
    private var adopters: [ObjectID: Set<ProcessID>] = [:]
    private var digests: [ObjectID: UInt64] = [:]
    private var starts: [Attempts: Int] = [:]

    /// An owner's attempts at a task; a new owner counts anew.
    private struct Attempts: Hashable {
        let object: ObjectID
        let owner: ProcessID
    }

    private struct Entry {
        let at: Int64
        let number: UInt64
        let body: () -> Void
        func precedes(_ other: Entry) -> Bool { at != other.at ? at < other.at : number < other.number }
    }

    private var heap: [Entry] = []
    private var entries: UInt64 = 0
    private var lastDelivery: [UInt64: Int64] = [:]

    init(seed: UInt64, faults: Faults, defect: Defect?) {
        self.seed = seed
        self.faults = faults
        self.defect = defect
        generator = SeededGenerator(seed: seed)
    }

    // MARK: Time and chance

    /// From 0 to `limit` − 1.
    func random(_ limit: Int) -> Int { generator.below(limit) }
    /// In a thousand.
    func chance(_ perMille: Int) -> Bool { generator.below(1000) < perMille }

    func after(_ delay: Duration, _ body: @escaping () -> Void) { at(now + delay, body) }

    private func at(_ time: Instant, _ body: @escaping () -> Void) {
        entries += 1
        heap.append(Entry(at: time.nanoseconds, number: entries, body: body))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private func next() -> Entry? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    // MARK: Processes and channels

    func add(_ process: SimulatedProcess) {
        processes[process.id] = process
        order.append(process.id)
    }

    /// Tells everybody of a process, and it of everybody.
    func announce(_ id: ProcessID) {
        for other in order where other != id && processes[other] != nil {
            processes[other]?.meet(id)
            processes[id]?.meet(other)
        }
    }

    /// Order is kept between two processes; a message takes between 1 and 100 µs, sometimes much longer.
    func send(_ message: Message, from sender: ProcessID, to receiver: ProcessID) {
        let delay = chance(10) ? 5_000_000 : 1_000 + Int64(random(100_000))
        let channel = sender.number << 32 | receiver.number
        let time = max(now.nanoseconds + delay, (lastDelivery[channel] ?? 0) + 1)
        lastDelivery[channel] = time
        at(Instant(nanoseconds: time)) { [self] in
            if let traceLine { traceLine("\(now.nanoseconds) \(sender.number) → \(receiver.number): \(message)") }
            if receiver == .daemon {
                daemon.receive(message, from: sender)
            } else {
                processes[receiver]?.receive(message, from: sender)
            }
        }
    }

    func kill(_ id: ProcessID) {
        guard processes.removeValue(forKey: id) != nil else { return }
        order.removeAll { $0 == id }
        for other in order { send(.died, from: id, to: other) }
        send(.died, from: id, to: .daemon)
    }

    // MARK: What must hold

    func report(_ problem: String) { if problems.count < 20 { problems.append(problem) } }

    func submitted() { tasksSubmitted += 1 }

    /// Each attempt starts at most once; how many there are, lineage counts.
    func started(_ object: ObjectID, attempt: Int, owner: ProcessID) {
        let key = Attempts(object: object, owner: owner)
        starts[key, default: 0] += 1
        if starts[key, default: 0] > attempt { report("attempt \(attempt) of \(object) started twice") }
    }

    /// A task runs only while its lease is the worker's, and so has its resources.
    func started(under lease: LeaseID, by process: ProcessID) {
        if daemon.node.lease(lease) == nil { report("\(process) starts a task under \(lease), which is over") }
    }

    /// Nobody waits longer for a first lease than the longest task takes, a slice, starts of processes and failed ones.
    func waited(_ duration: Duration) {
        longestWait = max(longestWait, duration)
        if duration > .milliseconds(500) { report("a process waited \(duration) for a lease") }
    }

    /// Whoever computes an object's value, and how often, it is the same.
    func computed(_ object: ObjectID, _ digest: UInt64) {
        if let known = digests[object], known != digest { report("\(object) has two different values") }
        digests[object] = digest
    }

    func freed(_ object: ObjectID, by owner: ProcessID) {
        for id in order where id != owner {
            if (processes[id]?.directory.localUses(object) ?? 0) > 0 {
                report("\(object) was freed by \(owner) while \(id) uses it")
            }
        }
    }

    func adopted(_ object: ObjectID, by process: ProcessID) {
        adoptions += 1
        let living = adopters[object, default: []].filter { processes[$0] != nil }
        if !living.isEmpty { report("\(object) has two owners, \(living) and \(process)") }
        adopters[object, default: []].insert(process)
    }

    // MARK: A run

    func run(eventLimit: Int) {
        let first = daemon.node.configuration.environment
        let other = WorkerEnvironment(variables: ["VARIANT": "1"])
        classes = [
            SchedulingClass(demand: Resources(), environment: first),
            SchedulingClass(demand: Resources(cpus: 1), environment: first),
            SchedulingClass(demand: Resources(cpus: 0.3), environment: first),
            SchedulingClass(demand: Resources(cpus: 2), environment: first),
            SchedulingClass(demand: Resources(cpus: 1), environment: other),
            SchedulingClass(demand: Resources(cpus: 1), environment: first, priority: 1),
            // A job of its own in each program.
            SchedulingClass(
                demand: Resources(cpus: 1), environment: first, job: JobShare(job: JobID(1 << 40), weight: 3)),
            SchedulingClass(demand: Resources(cpus: 0.5), environment: first, isRetriable: false),
            // A resource that is not lent while a task waits: only for tasks that never do.
            SchedulingClass(demand: Resources(cpus: 0.5, custom: ["slot": 1]), environment: first),
        ]
        let drivers = (1...(1 + random(2))).map { ProcessID(UInt64($0)) }
        for driver in drivers {
            let process = SimulatedProcess(id: driver, world: self)
            add(process)
            daemon.join(driver: driver, weight: 1 + random(3))
        }
        for driver in drivers {
            let programSeed = generator.next()
            after(.microseconds(random(1000))) { [self] in processes[driver]?.runProgram(seed: programSeed) }
        }
        scheduleFaults()
        scheduleNodeFaults()
        simulate(limit: eventLimit)
        if problems.isEmpty { finish(drivers: drivers, limit: eventLimit) }
    }

    private func nodeConfiguration() -> NodeScheduler.Configuration {
        var configuration = NodeScheduler.Configuration(
            resources: Resources(cpus: Quantity(4 + random(3)), custom: ["slot": 1]),
            environment: WorkerEnvironment())
        configuration.workerLimit = 4 + random(6)
        configuration.warmWorkers = random(3)
        configuration.idleTimeout = .milliseconds(200)
        configuration.slice = .milliseconds(20)
        configuration.aging = .milliseconds(500)
        configuration.startAttempts = 50
        return configuration
    }

    private func scheduleFaults() {
        for _ in 0..<(faults.kills == 0 ? 0 : random(faults.kills + 1)) {
            after(.microseconds(random(1 << (8 + random(12))))) { [self] in
                let candidates = order.filter { faults.killsDrivers && order.count > 3 || $0.number >= 1000 }
                guard !candidates.isEmpty else { return }
                killed += 1
                kill(candidates[random(candidates.count)])
            }
        }
        for _ in 0..<(faults.losses == 0 ? 0 : random(faults.losses + 1)) {
            after(.microseconds(random(1 << (8 + random(12))))) { [self] in
                guard !order.isEmpty, let process = processes[order[random(order.count)]] else { return }
                if process.loseValue(choice: random(1 << 16)) { lost += 1 }
            }
        }
    }

    private func scheduleNodeFaults() {
        for _ in 0..<(faults.shortages == 0 ? 0 : random(faults.shortages + 1)) {
            after(.microseconds(random(1 << (8 + random(12))))) { [self] in
                shortages += 1
                daemon.runOutOfMemory()
            }
        }
        for _ in 0..<(faults.spentWorkers == 0 ? 0 : random(faults.spentWorkers + 1)) {
            after(.microseconds(random(1 << (8 + random(12))))) { [self] in
                let workers = order.filter { $0.number >= 1000 }
                guard !workers.isEmpty else { return }
                processes[workers[random(workers.count)]]?.becomeSpent()
            }
        }
    }

    private func simulate(limit: Int) {
        while let entry = next() {
            now = Instant(nanoseconds: entry.at)
            entry.body()
            events += 1
            guard problems.isEmpty else { return }
            guard events < limit else {
                let waiting = order.compactMap { processes[$0]?.whatWaits }.filter { !$0.isEmpty }
                return report("no end after \(events) events: " + waiting.joined(separator: "; "))
            }
        }
    }

    /// Nothing happens any more: nothing may be left.
    private func finish(drivers: [ProcessID], limit: Int) {
        if let problem = daemon.node.firstInconsistency { report("node: \(problem)") }
        for id in order { processes[id]?.checkEnd() }
        if daemon.registry.count > 0 { report("the registry keeps \(daemon.registry.count) objects") }
        for driver in drivers { kill(driver) }
        simulate(limit: limit + 20_000)
        guard problems.isEmpty else { return }
        if let problem = daemon.node.firstInconsistency { report("node: \(problem)") }
        if !daemon.node.isAtRest { report("the node keeps leases, requests or resources: \(daemon.node.available)") }
    }
}
