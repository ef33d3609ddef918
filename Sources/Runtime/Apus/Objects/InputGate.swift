import ApusCore
import Synchronization

/// Starts a task when all its inputs are complete, or fails it with the first input that has no value.
final class InputGate: Sendable {
    private let cell: ObjectCell
    private let backend: any Backend
    /// Inputs that are missing, and one while they are being registered.
    private let missing: Atomic<Int>

    private init(cell: ObjectCell, backend: any Backend, count: Int) {
        self.cell = cell
        self.backend = backend
        missing = Atomic(count)
    }

    private final class Member: Waiter, @unchecked Sendable {
        // Immutable.
        let gate: InputGate
        let input: ObjectCell
        init(gate: InputGate, input: ObjectCell) { (self.gate, self.input) = (gate, input) }
        override func objectCompleted() { gate.completed(input) }
        override var waitingTask: ObjectCell? { gate.cell }
    }

    /// Complexity: O(inputs).
    static func watch(_ inputs: [ObjectCell], for cell: ObjectCell, in backend: any Backend) {
        let gate = InputGate(cell: cell, backend: backend, count: inputs.count + 1)
        for input in inputs where !input.add(Member(gate: gate, input: input)) { gate.completed(input) }
        gate.countDown()
    }

    private func completed(_ input: ObjectCell) {
        if let failure = input.failure {
            // What a result's part failed with is the task's own error: the chain names each task once.
            if cell.fail(.inputFailed(failure.error)) { backend.inputFailed(cell) }
        }
        countDown()
    }

    private func countDown() {
        guard missing.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        if cell.becomeReady() { backend.start(cell) }
    }
}
