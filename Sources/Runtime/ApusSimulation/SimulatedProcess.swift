import ApusCore
import ApusScheduling

/// A driver or worker: drives the shipped cores as a real process would, with simulated messages.
final class SimulatedProcess {
    struct Cell {
        var value: Value?
        var runs: [(run: Int, wait: Int)] = []
        var tasks: [SimulatedTask] = []
        /// Borrowers that asked.
        var remotes: [ProcessID] = []
        var askedOf: ProcessID?

        var isAwaited: Bool { !runs.isEmpty || !tasks.isEmpty || !remotes.isEmpty }
    }

    let id: ProcessID
    unowned let world: World
    var directory: ObjectDirectory
    var lineage = Lineage(budget: 1 << 20)
    var queues: TaskQueues<SimulatedTask>
    var cells: [ObjectID: Cell] = [:]
    /// Awaited objects of others, in order.
    var awaited: [ObjectID] = []
    var tasks: [ObjectID: SimulatedTask] = [:]
    var tasksByNumber: [UInt64: SimulatedTask] = [:]
    var lastObject: UInt64 = 0
    var lastNumber: UInt64 = 0

    // As owner.
    var slots: [Int: ClassSlot] = [:]
    var classOfSlot: [Int] = []
    var leaseSlots: [LeaseID: LeaseSlot] = [:]
    var leaseOfSlot: [LeaseSlot: (lease: LeaseID, worker: ProcessID)] = [:]
    var actors: [UInt64: SimulatedActor] = [:]
    var actorOfLease: [LeaseID: UInt64] = [:]
    var lastActor: UInt64 = 0
    var groups: [GroupID: Int] = [:]
    var met: Set<ProcessID> = []
    var dead: Set<ProcessID> = []
    /// Losses that are known before everything that the dead worker sent has arrived.
    var lossesToCome: [ProcessID: [(LeaseID, LeaseLoss)]] = [:]
    /// Where actors go whose workers died, as far as not all is read that those sent.
    var movesToCome: [ProcessID: (actor: UInt64, lease: LeaseID, worker: ProcessID)] = [:]

    // As worker.
    var leases: [LeaseID: WorkerLease] = [:]
    var runs: [Int: Run] = [:]
    var lastRun = 0
    var actorCalls: [LeaseID: Int] = [:]
    var isStopping = false
    /// Begins nothing more.
    var isSpent = false
    var revoked: Set<LeaseID> = []

    var isTickDue = false

    init(id: ProcessID, world: World) {
        self.id = id
        self.world = world
        directory = ObjectDirectory(id: id)
        var configuration = TaskQueues<SimulatedTask>.Configuration()
        configuration.leaseLimit = 8
        queues = TaskQueues(configuration)
    }

    func meet(_ other: ProcessID) {
        met.insert(other)
        direct(.joined(other))
    }

    // MARK: Objects

    func direct(_ event: DirectoryEvent) {
        var effects: [DirectoryEffect] = []
        directory.handle(event, into: &effects)
        perform(effects)
    }

    func perform(_ effects: [DirectoryEffect]) {
        for effect in effects {
            switch effect {
            case .send(let message, let peer): world.send(.directory(message), from: id, to: peer)
            case .ask(let request):
                var record: Record?
                if case .record(let object) = request { record = self.record(of: object) }
                world.send(.registry(request, record: record), from: id, to: .daemon)
            case .free(let object):
                world.freed(object, by: id)
                lineageHandle(.freed(object))
                dropCell(object)
            case .forget(let object): dropCell(object)
            case .adopted: break  // Done with the record that came with the reply.
            case .lost(let object): world.report("\(object) was lost to \(id), which uses it")
            case .rejected(let reason): world.report("\(id): \(reason)")
            }
        }
    }

    private func record(of object: ObjectID) -> Record {
        var record = Record()
        if let task = tasks[object], task.inputs.isEmpty, task.passed.isEmpty { record.task = (task.seed, task.depth) }
        if let value = cells[object]?.value, value.contained.isEmpty { record.digest = value.digest }
        return record
    }

    private func dropCell(_ object: ObjectID) {
        guard let cell = cells.removeValue(forKey: object) else { return }
        for inner in cell.value?.contained ?? [] { direct(.release(inner)) }
    }

    func newObject() -> ObjectID {
        lastObject += 1
        let object = ObjectID(owner: id.number, number: lastObject)
        direct(.create(object))
        return object
    }

    /// The value of an object, of which each contained reference is used once for it.
    func complete(_ object: ObjectID, _ value: Value) {
        if let digest = value.digest { world.computed(object, digest) }
        guard directory.uses(object), cells[object]?.value == nil else {
            for inner in value.contained { direct(.release(inner)) }
            return
        }
        var cell = cells[object] ?? Cell()
        cell.value = value
        let (runs, tasks, remotes) = (cell.runs, cell.tasks, cell.remotes)
        cell.runs = []
        cell.tasks = []
        cell.remotes = []
        cell.askedOf = nil
        cells[object] = cell
        awaited.removeAll { $0 == object }
        for remote in remotes { sendValue(object, to: remote) }
        for (run, wait) in runs { wake(run, wait) }
        for task in tasks {
            task.missing -= 1
            if task.missing == 0 { enqueue(task) }
        }
    }

    func sendValue(_ object: ObjectID, to peer: ProcessID) {
        guard let value = cells[object]?.value, !dead.contains(peer) else { return }
        let contained = value.contained.map { pass($0, to: peer) }
        world.send(
            .value(object, digest: value.digest, error: value.error, contained: contained), from: id, to: peer)
    }

    func pass(_ object: ObjectID, to peer: ProcessID) -> PassedReference {
        var effects: [DirectoryEffect] = []
        var passage = directory.send(object, to: peer, into: &effects)
        perform(effects)
        if world.defect == .ignoresForwardHolds, passage == .forwarded, world.chance(300) { passage = .counted(0) }
        return PassedReference(object: object, passage: passage)
    }

    func accept(_ references: [PassedReference], from sender: ProcessID) -> [ObjectID] {
        for reference in references { direct(.received(reference.object, from: sender, reference.passage)) }
        return references.map(\.object)
    }

    /// Asks the owners of what is awaited here.
    func askForValues() {
        for object in awaited where !directory.owns(object) {
            guard let owner = directory.owner(of: object), cells[object]?.askedOf != owner else { continue }
            cells[object]?.askedOf = owner
            world.send(.fetch(object), from: id, to: owner)
        }
    }

    func awaitValue(_ object: ObjectID, _ body: (inout Cell) -> Void) {
        body(&cells[object, default: Cell()])
        if !awaited.contains(object) { awaited.append(object) }
        askForValues()
    }

    // MARK: Lineage

    func lineageHandle(_ event: LineageEvent) {
        var effects: [LineageEffect] = []
        lineage.handle(event, into: &effects)
        for effect in effects {
            switch effect {
            case .retain(let object): direct(.retain(object))
            case .release(let object): direct(.release(object))
            // The simulation keeps its tasks.
            case .forgotten: break
            case .unrecoverable(let object, let reason): complete(object, .failure("lost: \(reason)"))
            case .rerun(let number):
                guard let task = tasksByNumber[number] else { continue }
                task.isCancelled = false
                // Inputs that were freed live again until the task has ended.
                for object in task.inputs + task.passed {
                    direct(directory.uses(object) ? .retain(object) : .create(object))
                }
                begin(task)
            }
        }
    }

    /// A fault: the value of one of this process's objects vanishes.
    func loseValue(choice: Int) -> Bool {
        // A task that is queued or runs pins its inputs.
        let pinned = Set(tasks.values.filter { $0.state == .queued }.flatMap(\.inputs))
        let candidates = cells.filter {
            directory.owns($0.key) && $0.value.value?.digest != nil && !pinned.contains($0.key)
        }.map(\.key)
            .sorted { ($0.owner, $0.number) < ($1.owner, $1.number) }
        guard !candidates.isEmpty else { return false }
        let object = candidates[choice % candidates.count]
        let contained = cells[object]?.value?.contained ?? []
        cells[object]?.value = nil
        lineageHandle(.lost([object]))
        for inner in contained { direct(.release(inner)) }
        settle()
        return true
    }

    // MARK: Tasks

    func submit(
        seed: UInt64, depth: Int, classIndex: Int, inputs: [ObjectID], passed: [ObjectID], retries: Int
    ) -> ObjectID {
        let output = newObject()
        lastNumber += 1
        let task = SimulatedTask(
            output: output, number: lastNumber, seed: seed, depth: depth, classIndex: classIndex, inputs: inputs,
            passed: passed)
        tasks[output] = task
        tasksByNumber[lastNumber] = task
        world.submitted()
        for object in inputs + passed { direct(.retain(object)) }
        lineageHandle(
            .submitted(task: lastNumber, inputs: inputs + passed, outputs: [output], retries: retries, bytes: 100))
        begin(task)
        return output
    }

    /// Waits for inputs; each object is used once for the task.
    func begin(_ task: SimulatedTask) {
        task.attempt += 1
        task.state = .waiting
        task.missing = 0
        for input in task.inputs where cells[input]?.value == nil {
            task.missing += 1
            awaitValue(input) { $0.tasks.append(task) }
        }
        if task.missing == 0 { enqueue(task) }
    }

    private func enqueue(_ task: SimulatedTask) {
        guard task.state == .waiting else { return }
        guard !task.isCancelled else { return end(task, .failure("cancelled")) }
        // Another input may have been lost while this one was awaited.
        for input in task.inputs where cells[input]?.value == nil {
            task.missing += 1
            awaitValue(input) { $0.tasks.append(task) }
        }
        guard task.missing == 0 else { return }
        task.state = .queued
        if let input = task.inputs.first(where: { cells[$0]?.value?.digest == nil }) {
            return end(task, .failure("input \(input) has no value"))
        }
        let slot = slot(of: task.classIndex)
        if let lease = queues.submit(task, to: slot) { dispatch(task, to: lease) }
    }

    func slot(of classIndex: Int) -> ClassSlot {
        if let slot = slots[classIndex] { return slot }
        let slot = queues.addClass()
        slots[classIndex] = slot
        classOfSlot.append(classIndex)
        return slot
    }

    func dispatch(_ task: SimulatedTask, to slot: LeaseSlot) {
        guard let (lease, worker) = leaseOfSlot[slot] else { return world.report("\(id) sends to an unknown lease") }
        let values = task.inputs.map { cells[$0]?.value }
        let references = (task.passed + values.flatMap { $0?.contained ?? [] }).map { pass($0, to: worker) }
        let assignment = Assignment(
            output: task.output, attempt: task.attempt, seed: task.seed, depth: task.depth,
            given: values.map { $0?.digest ?? 0 }, references: references)
        world.send(.run(lease, assignment), from: id, to: worker)
    }

    /// A task has its result, for good or for now.
    func end(_ task: SimulatedTask, _ value: Value) {
        guard task.state != .ended else { return }
        task.state = .ended
        complete(task.output, value)
        lineageHandle(.finished(task: task.number))
        for object in task.inputs + task.passed { direct(.release(object)) }
    }

    func cancel(_ object: ObjectID) {
        guard let task = tasks[object], task.state != .ended else { return }
        if task.state == .queued {
            for (slot, (lease, worker)) in leaseOfSlot
            where (0..<queues.sent(to: slot)).contains(where: { queues.sent(to: slot, at: $0) === task }) {
                world.send(.cancel(lease, object), from: id, to: worker)
            }
        }
        task.isCancelled = true
        end(task, .failure("cancelled"))
    }

    func leaseLost(_ lease: LeaseID, _ loss: LeaseLoss) {
        if let actor = actorOfLease.removeValue(forKey: lease) { return actorLost(actor) }
        guard let slot = leaseSlots.removeValue(forKey: lease) else { return }
        leaseOfSlot[slot] = nil
        let elements = queues.lost(slot)
        for (place, task) in elements.enumerated().reversed() where !task.isCancelled {
            if loss.isByGroup {
                end(task, .failure("group removed"))
            } else if place > 0 {
                queues.resubmit(task, to: self.slot(of: task.classIndex))
            } else if lineage.takeRetry(task.number) {
                task.attempt += 1
                queues.resubmit(task, to: self.slot(of: task.classIndex))
            } else {
                end(task, .failure("worker crashed"))
            }
        }
    }

    /// After every event: sends what found a lease, performs what the queues ask, keeps the clock.
    func settle() {
        while let (task, lease) = queues.nextSend() { dispatch(task, to: lease) }
        var actions: [QueueAction] = []
        queues.takeActions(into: &actions)
        for action in actions {
            switch action {
            case .want(let slot, let count):
                world.send(.want(classIndex: classOfSlot[slot.index], count: count), from: id, to: .daemon)
            case .giveBack(let slot, let lease):
                leaseOfSlot[slot] = nil
                leaseSlots[lease] = nil
                world.send(.returned(lease), from: id, to: .daemon)
            case .withdraw(_, let lease, let count):
                guard let slot = leaseSlots[lease], let worker = leaseOfSlot[slot]?.worker else { continue }
                world.send(.withdraw(lease, count: count), from: id, to: worker)
            }
        }
        askForValues()
        if !isTickDue, queues.needsTick {
            isTickDue = true
            world.after(.milliseconds(5)) { [weak self] in
                guard let self, self.world.processes[self.id] != nil else { return }
                isTickDue = false
                queues.tick(at: world.now)
                settle()
            }
        }
        if isStopping, runs.isEmpty, directory.isEmpty, actors.values.allSatisfy({ $0.isDead }), leases.isEmpty {
            world.kill(id)
        }
    }

    // MARK: The end

    var whatWaits: String {
        let open = tasks.values.filter { $0.state != .ended }.count
        guard open > 0 || !runs.isEmpty else { return "" }
        return "\(id) has \(open) tasks and \(runs.count) runs, waits for \(awaited.prefix(3))"
    }

    func checkEnd() {
        if !runs.isEmpty { world.report("\(id) still runs \(runs.count) scripts, waiting for \(awaited.prefix(4))") }
        let open = tasks.values.filter { $0.state != .ended }
        if let task = open.first { world.report("\(open.count) tasks of \(id) never ended, as \(task.output)") }
        let (owned, borrowed) = directory.counts
        if owned + borrowed > 0 {
            world.report("\(id) keeps \(owned) objects and borrows \(borrowed): \(directory.listing.prefix(3))")
        }
        if lineage.recordCount > 0 { world.report("\(id) keeps \(lineage.recordCount) records of lineage") }
        for slot in slots.values where queues.held(of: slot) > 0 || queues.wanted(of: slot) > 0 {
            world.report("\(id) keeps leases")
        }
    }
}
