import Experiments
import Foundation
import Synchronization

/// Shows the steps of an experiment on standard error: a line for each that ends, and below them, on a terminal, one that
/// moves with the step that reported last.
final class StepLines: Sendable {
    private let isQuiet: Bool
    private let lines = Mutex<[String: ProgressLine]>([:])

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func show(_ event: Experiment.Event) {
        guard !isQuiet else { return }
        switch event {
        case .progress(let step, let done, let total, let unit, let note):
            let line = lines.withLock { lines in
                if let line = lines[step] { return line }
                let line = ProgressLine(step, unit: unit)
                lines[step] = line
                return line
            }
            line.update(done, of: total, note: note)
        case .finished(let step, let seconds, let isReused):
            lines.withLock { $0.removeValue(forKey: step) }?.finish()
            let time = isReused ? "as before" : String(format: "%.1f s", seconds)
            FileHandle.standardError.write(
                Data("\(step.padding(toLength: max(28, step.count), withPad: " ", startingAt: 0)) \(time)\n".utf8))
        }
    }

    func finish() { lines.withLock { lines in lines.values.forEach { $0.finish() } } }
}
