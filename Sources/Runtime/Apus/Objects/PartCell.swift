import ApusCore

/// One of several results of a task.
final class PartCell<Value: Sendable & Codable>: ValueCell<Value>, @unchecked Sendable {
    // Immutable beyond what `ValueCell` has.
    private let task: ObjectCell

    init(of task: ObjectCell, file: StaticString, line: Int) {
        self.task = task
        super.init(phase: .waiting, file: file, line: line)
    }

    override var producer: ObjectCell { task }
    override var taskName: String { task.taskName }
}

/// Passes a task's outcome on once.
final class PartsWaiter<Whole: Sendable & Codable>: Waiter, @unchecked Sendable {
    // Immutable. The cell is complete, and so alive, when it calls; it must not be kept alive by its own waiter.
    private unowned let cell: ValueCell<Whole>
    private let pass: @Sendable (Result<Whole, TaskError>) -> Void

    private init(cell: ValueCell<Whole>, pass: @escaping @Sendable (Result<Whole, TaskError>) -> Void) {
        self.cell = cell
        self.pass = pass
    }

    override func objectCompleted() {
        if cell.parcel != nil, cell.failure == nil {
            // Read from the store, which may take a while; the parts wait meanwhile.
            Task { [cell, pass] in
                do {
                    pass(.success(try await cell.load()))
                } catch {
                    pass(.failure(error as? TaskError ?? cell.error(.failed(RemoteFailure(error)))))
                }
            }
            return
        }
        do throws(TaskError) { pass(.success(try cell.result())) } catch { pass(.failure(error)) }
    }

    /// Must be called before the task starts.
    static func split(_ cell: ValueCell<Whole>, pass: @escaping @Sendable (Result<Whole, TaskError>) -> Void) {
        _ = cell.add(PartsWaiter(cell: cell, pass: pass))
    }
}
