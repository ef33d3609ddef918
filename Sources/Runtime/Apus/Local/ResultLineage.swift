import ApusCore
import ApusTransport
import Synchronization

/// Writes a task as a message, as often as asked.
typealias TaskRecipe =
    @Sendable (inout ByteWriter, _ lease: UInt64, _ slot: UInt32, _ generation: UInt32, Peer) throws(CodingError)
    -> Void

/// How the objects that a task's result refers to are computed again, should the process that owns them end before they
/// exist: by running the task once more. What its new result has in the same place stands for the old.
///
/// It lives as long as one of the promises does.
final class ResultLineage: Sendable {
    let recipe: TaskRecipe
    /// The completed task's words, options and class.
    let name: String
    let place: Origin
    let options: TaskOptions?
    let shape: Shape
    let captured: CapturedGroup?
    private unowned let backend: LocalBackend

    private struct State {
        var runs = 0
        var isRunning = false
        var lost: [(index: Int, promise: Promise)] = []
    }

    private let state = Mutex(State())

    init(of cell: ObjectCell, recipe: @escaping TaskRecipe, backend: LocalBackend) {
        self.recipe = recipe
        name = cell.taskName
        place = cell.origin
        options = cell.options
        shape = cell.shape
        captured = cell.captured
        self.backend = backend
    }

    /// Stands for what a result promises.
    func attach(to arrival: Parcel.Arrival) {
        for (index, reference) in arrival.references.enumerated() {
            if case .promise(let promise) = reference { promise.setLineage(self, index: index) }
        }
    }

    /// A promise was broken: the task runs again, once for all that break meanwhile.
    func rebuild(_ promise: Promise, at index: Int, reason: String) {
        enum Next { case run, join, refuse }
        let limit = options?.retries ?? 3
        let next: Next = state.withLock { state in
            if state.isRunning {
                state.lost.append((index, promise))
                return .join
            }
            guard !backend.isClosing, limit < 0 || state.runs < limit else { return .refuse }
            state.lost.append((index, promise))
            state.runs += 1
            state.isRunning = true
            return .run
        }
        switch next {
        case .join: break
        case .refuse:
            promise.fail(
                .objectLost(
                    reason: "the process that owned it ended (\(reason)), and the task \(name) that began it may run "
                        + "again at most \(max(0, limit)) times"))
        case .run:
            let cell = RerunCell(self)
            if cell.add(RerunWaiter(cell)) { backend.start(cell) }
        }
    }

    /// The task has run again.
    func rebuilt(_ arrival: Parcel.Arrival) {
        attach(to: arrival)
        let lost = take()
        var used: Set<Int> = []
        for (index, promise) in lost {
            guard arrival.references.indices.contains(index) else {
                promise.fail(
                    .objectLost(
                        reason: "the task \(name) ran again and returned \(arrival.references.count) references, "
                            + "of which number \(index) was asked for: it is not the same every time"))
                continue
            }
            used.insert(index)
            switch arrival.references[index] {
            case .value(let value): promise.keep(value)
            case .failure(let error): promise.fail(error)
            case .promise(let other): other.stand(for: promise)
            // What arrived refers to no cells of this process.
            case .cell: promise.fail(.objectLost(reason: "the task \(name) ran again and returned no reference"))
            }
        }
        // The rest was delivered by the earlier run.
        for (index, reference) in arrival.references.enumerated() where !used.contains(index) {
            if case .promise(let promise) = reference { promise.cancel() }
        }
    }

    func failed(_ error: TaskError) {
        for (_, promise) in take() { promise.fail(.objectLost(reason: "it could not be computed again. \(error)")) }
    }

    private func take() -> [(index: Int, promise: Promise)] {
        state.withLock { state in
            state.isRunning = false
            defer { state.lost = [] }
            return state.lost
        }
    }

    private final class RerunWaiter: Waiter, @unchecked Sendable {
        // Immutable. The cell is alive when it calls.
        unowned let cell: RerunCell
        init(_ cell: RerunCell) { self.cell = cell }
        override func objectCompleted() { if let failure = cell.failure { cell.lineage.failed(failure.error) } }
    }
}

/// A task that is run again for the sake of what its result refers to.
private final class RerunCell: ObjectCell, @unchecked Sendable {
    // Immutable beyond what `ObjectCell` has.
    let lineage: ResultLineage

    init(_ lineage: ResultLineage) {
        self.lineage = lineage
        super.init(phase: .queued, file: #fileID, line: #line)
        shape = lineage.shape
        captured = lineage.captured
    }

    override var taskName: String { lineage.name }
    override var origin: Origin { lineage.place }
    override var options: TaskOptions? { lineage.options }

    override func writeTask(
        into writer: inout ByteWriter, lease: UInt64, slot: UInt32, generation: UInt32, to peer: Peer
    ) throws(CodingError) { try lineage.recipe(&writer, lease, slot, generation, peer) }

    override func complete(_ value: UnsafeRawBufferPointer, from peer: Peer) {
        do {
            let arrival = try Parcel.Arrival(value, from: peer)
            if finish({}) { lineage.rebuilt(arrival) }
        } catch {
            fail(.coding(error as? CodingError ?? .rejected(path: "", reason: "\(error)")))
        }
    }
}
