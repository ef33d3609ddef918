import ApusCore
import ApusObjects
import ApusTransport
import Synchronization

import struct ApusScheduling.Lineage
import enum ApusScheduling.LineageEffect
import enum ApusScheduling.LineageEvent
import enum ApusScheduling.LossReason

/// How the results in the object store were made that this process's tasks have there. One that is lost is made again by
/// running its task again, and before it those whose results it needs and that are gone.
///
/// `Lineage` decides what runs. A task is kept in its encoded form, without the values of its inputs where these are
/// results themselves: they may go while the chain of tasks stays.
final class StoredLineage: Sendable {
    private unowned let backend: LocalBackend

    /// A result that is in use.
    private struct Output {
        weak var parcel: StoredParcel?
        let objects: [ObjectID]
        /// Those of its objects that have no bytes at present.
        var lost: Set<ObjectID> = []
    }

    private struct State {
        var core = Lineage()
        var lastTask: UInt64 = 0
        var tasks: [UInt64: StoredTask] = [:]
        var outputs: [UInt64: Output] = [:]
        /// Which task's result has an object of the store.
        var producers: [ObjectID: UInt64] = [:]
        var running: [UInt64: RebuildCell] = [:]
        /// Results that could not be made again and are needed to make others.
        var kept: [ObjectID: StoredParcel] = [:]
    }

    private let state = Mutex(State())

    /// What is done once the lock is free.
    private struct Actions {
        var starts: [RebuildCell] = []
        var givenUp: [(object: ObjectID, reason: String?)] = []
        /// Whatever may end with what was looked at: a parcel's end comes back here for the lock.
        var released: [AnyObject] = []
    }

    init(backend: LocalBackend) { self.backend = backend }

    /// A result as the lineage names it: each task has one.
    static func output(of task: UInt64) -> ObjectID { ObjectID(owner: 0, number: task) }

    // MARK: Results

    /// A task's result that came by name, with how to make it again.
    func parcel(_ arrival: Parcel.Arrival, of cell: ObjectCell) -> StoredParcel {
        guard let task = try? cell.storedTask(in: backend) else { return StoredParcel(arrival, in: backend.objects) }
        let objects = arrival.objects.map(\.id)
        var actions = Actions()
        let parcel = state.withLock { state in
            state.lastTask += 1
            let number = state.lastTask
            let parcel = StoredParcel(arrival, in: backend.objects, ticket: LineageTicket(task: number, of: self))
            state.tasks[number] = task
            state.outputs[number] = Output(parcel: parcel, objects: objects)
            for object in objects { state.producers[object] = number }
            let inputs = task.references.compactMap { if case .made(let input) = $0 { input } else { nil } }
            handle(
                .submitted(
                    task: number, inputs: inputs, outputs: [Self.output(of: number)], retries: task.retriesLeft,
                    bytes: task.size), &state, &actions)
            handle(.finished(task: number), &state, &actions)
            return parcel
        }
        perform(actions)
        return parcel
    }

    /// Nobody uses a result any more.
    fileprivate func freed(_ task: UInt64) {
        var actions = Actions()
        state.withLock { state in free(task, &state, &actions) }
        perform(actions)
    }

    private func free(_ task: UInt64, _ state: inout State, _ actions: inout Actions) {
        guard let output = state.outputs.removeValue(forKey: task) else { return }
        for object in output.objects where state.producers[object] == task { state.producers[object] = nil }
        handle(.freed(Self.output(of: task)), &state, &actions)
    }

    // MARK: Losses

    /// An object that this process holds has lost its bytes.
    func lost(_ object: ObjectID) {
        var actions = Actions()
        state.withLock { state in
            guard let task = state.producers[object] else {
                let wasPut = object.owner == backend.process
                actions.givenUp.append((object, wasPut ? "\(LossReason.wasPut)" : nil))
                return
            }
            // Those that are let go of just now are gone; the others stay while it is decided what runs.
            for (task, output) in state.outputs {
                if let parcel = output.parcel { actions.released.append(parcel) } else { free(task, &state, &actions) }
            }
            guard state.outputs[task] != nil else { return actions.givenUp.append((object, nil)) }
            state.outputs[task]?.lost.insert(object)
            handle(.lost([Self.output(of: task)]), &state, &actions)
        }
        perform(actions)
    }

    /// The names under which a task is to make its result again.
    fileprivate func names(for task: UInt64) -> ResultNames? {
        let found: (parcel: StoredParcel, lost: Set<ObjectID>)? = state.withLock { state in
            guard let output = state.outputs[task], let parcel = output.parcel else { return nil }
            return (parcel, output.lost)
        }
        // The parcel may have been let go of meanwhile: its end needs the lock.
        guard let found, !found.lost.isEmpty else { return nil }
        return ResultNames(of: found.parcel.arrival, lost: found.lost)
    }

    /// A task has run again.
    ///
    /// - Parameter named: the names that it was given.
    fileprivate func rebuilt(_ cell: RebuildCell, _ arrival: Parcel.Arrival, named: Set<ObjectID>) {
        conclude(cell) { output, actions in
            output.lost.subtract(arrival.objects.map(\.id))
            for object in output.lost.intersection(named) {
                actions.givenUp.append(
                    (
                        object,
                        "its task \(cell.taskName) ran again and returned something else: it is not the same every time"
                    ))
            }
            output.lost.subtract(named)
        }
    }

    fileprivate func failed(_ cell: RebuildCell, _ error: TaskError) {
        conclude(cell) { output, actions in
            for object in output.lost {
                actions.givenUp.append((object, "it could not be computed again. \(error)"))
            }
            output.lost = []
        }
    }

    private func conclude(_ cell: RebuildCell, _ change: (inout Output, inout Actions) -> Void) {
        var actions = Actions()
        state.withLock { state in
            if let cell = state.running.removeValue(forKey: cell.number) { actions.released.append(cell) }
            handle(.finished(task: cell.number), &state, &actions)
            guard var output = state.outputs[cell.number] else { return }
            if let parcel = output.parcel { actions.released.append(parcel) }
            change(&output, &actions)
            state.outputs[cell.number] = output
            // More of it was lost while it ran.
            if !output.lost.isEmpty { handle(.lost([Self.output(of: cell.number)]), &state, &actions) }
        }
        perform(actions)
    }

    // MARK: What the lineage decides

    private func handle(_ event: LineageEvent, _ state: inout State, _ actions: inout Actions) {
        var effects: [LineageEffect] = []
        state.core.handle(event, into: &effects)
        for effect in effects {
            switch effect {
            case .rerun(let number):
                guard let task = state.tasks[number] else { continue }
                let inputs = task.references.map { input($0, state, &actions) }
                let cell = RebuildCell(task, number: number, inputs: inputs, lineage: self)
                state.running[number] = cell
                actions.starts.append(cell)
            case .unrecoverable(let object, let reason):
                let text = words(reason, state)
                for lost in state.outputs[object.number]?.lost ?? [] { actions.givenUp.append((lost, text)) }
            case .retain(let object): state.kept[object] = state.outputs[object.number]?.parcel
            case .release(let object):
                if let parcel = state.kept.removeValue(forKey: object) { actions.released.append(parcel) }
            case .forgotten(let number):
                if let task = state.tasks.removeValue(forKey: number) { actions.released.append(task) }
            }
        }
    }

    private func input(_ reference: StoredTask.Reference, _ state: State, _ actions: inout Actions) -> ObjectCell {
        switch reference {
        case .kept(let cell): return cell
        case .made(let object):
            if let cell = state.running[object.number] { return cell }
            let name = state.tasks[object.number]?.name ?? "put"
            let origin = state.tasks[object.number]?.origin ?? Origin(file: "\(#fileID)", line: #line)
            let cell = RelayCell(task: name, origin: origin)
            if let parcel = state.kept[object] ?? state.outputs[object.number]?.parcel {
                cell.complete(parcel.arrival, in: backend)
                actions.released.append(parcel)
            } else {
                cell.fail(.objectLost(reason: "it is needed to make another one again"))
            }
            return cell
        }
    }

    private func words(_ reason: LossReason, _ state: State) -> String {
        func task(_ number: UInt64) -> String {
            state.tasks[number].map { "\($0.name), submitted at \($0.origin)," } ?? "that made it"
        }
        switch reason {
        case .retriesExhausted(let number):
            return "its task \(task(number)) may not run again, since its retries are used up"
        case .inputLost(let input, let inner):
            return "an input, the result of \(task(input.number)) is lost too, and \(words(inner, state))"
        case .wasPut, .fromActor, .lineageEvicted: return "\(reason)"
        }
    }

    private func perform(_ actions: Actions) {
        for (object, reason) in actions.givenUp { backend.node.send(.giveUp(object, reason: reason)) }
        for cell in actions.starts { cell.start(in: backend) }
    }
}

/// Stands for the uses of a result in this process.
final class LineageTicket: Sendable {
    let task: UInt64
    private let lineage: StoredLineage

    fileprivate init(task: UInt64, of lineage: StoredLineage) {
        self.task = task
        self.lineage = lineage
    }

    deinit { lineage.freed(task) }
}

/// A task that has run, in the form in which it can be sent again.
final class StoredTask: Sendable {
    enum Reference: Sendable {
        case kept(ObjectCell)
        /// The result of another task in the lineage, which need not exist.
        case made(ObjectID)
    }

    let type: any RemoteTask.Type
    private let bytes: [UInt8]
    private let attachments: [SharedBytes]
    let references: [Reference]
    let name: String
    let origin: Origin
    let options: TaskOptions?
    let shape: Shape
    let captured: CapturedGroup?
    /// How often it may run again; −1 for no limit.
    let retriesLeft: Int

    init(_ type: any RemoteTask.Type, _ payload: Payload, of cell: ObjectCell) {
        self.type = type
        bytes = payload.bytes
        attachments = payload.attachments
        references = payload.references.map { reference in
            guard reference.isComplete, let ticket = reference.parcel?.ticket else { return .kept(reference) }
            return .made(StoredLineage.output(of: ticket.task))
        }
        name = cell.taskName
        origin = cell.origin
        options = cell.options
        shape = cell.shape
        captured = cell.captured
        let retries = (cell.options ?? .standard).retries
        retriesLeft = retries < 0 ? -1 : max(0, retries - max(0, cell.attempts - 1))
    }

    /// Bytes that keeping it takes, about.
    var size: Int {
        256 + bytes.count + attachments.reduce(0) { $0 + ($1.place == .heap ? $1.count : 0) } + references.count * 24
    }

    func payload(_ inputs: [ObjectCell]) -> Payload {
        Payload(bytes: bytes, references: inputs, attachments: attachments)
    }
}

/// A task that is run again because its result was lost.
final class RebuildCell: ObjectCell, @unchecked Sendable {
    // `kept` is written once before the cell is complete; the rest is immutable or has locks.
    let number: UInt64
    private let task: StoredTask
    private let lineage: StoredLineage
    private let inputs: Mutex<[ObjectCell]>
    private let named = Mutex<Set<ObjectID>>([])
    private var kept: Parcel.Arrival?

    init(_ task: StoredTask, number: UInt64, inputs: [ObjectCell], lineage: StoredLineage) {
        self.task = task
        self.number = number
        self.lineage = lineage
        self.inputs = Mutex(inputs)
        super.init(phase: .waiting, file: #fileID, line: #line)
        shape = task.shape
        captured = task.captured
    }

    override var taskName: String { task.name }
    override var origin: Origin { task.origin }
    override var options: TaskOptions? { task.options }
    override var arrival: Parcel.Arrival? { kept }

    private final class FailureWaiter: Waiter, @unchecked Sendable {
        // Immutable. The cell is alive when it calls.
        unowned let cell: RebuildCell
        init(_ cell: RebuildCell) { self.cell = cell }
        override func objectCompleted() { if let failure = cell.failure { cell.lineage.failed(cell, failure.error) } }
    }

    func start(in backend: LocalBackend) {
        guard add(FailureWaiter(self)) else { return }
        InputGate.watch(inputs.withLock { $0 }, for: self, in: backend)
    }

    override func releaseTask() {
        let inputs = inputs.withLock { inputs in
            defer { inputs = [] }
            return inputs
        }
        withExtendedLifetime(inputs) {}
    }

    override func writeTask(
        into writer: inout ByteWriter, lease: UInt64, slot: UInt32, generation: UInt32, to peer: Peer
    ) throws(CodingError) {
        if let names = lineage.names(for: number) {
            named.withLock { $0 = Set(names.all) }
            try peer.send(names, slot: slot, generation: generation)
        }
        try IncomingTask.writeHead(
            into: &writer, lease: lease, slot: slot, generation: generation, type: try peer.number(of: task.type),
            timeout: task.options?.timeout, maxCalls: task.options?.maxCalls, childGroup: childGroup)
        try Parcel.write(task.payload(inputs.withLock { $0 }), into: &writer, to: peer)
    }

    override func complete(_ value: UnsafeRawBufferPointer, from peer: Peer) {
        do {
            let arrival = try Parcel.Arrival(value, from: peer)
            if finish({ kept = arrival }) { lineage.rebuilt(self, arrival, named: named.withLock { $0 }) }
        } catch {
            fail(.coding(error as? CodingError ?? .rejected(path: "", reason: "\(error)")))
        }
    }
}
