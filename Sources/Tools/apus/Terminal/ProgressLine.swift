import Foundation
import Glibc
import Synchronization

/// Shows how far a long command is, on standard error: one line redrawn with rate and time left on a terminal, a plain
/// line every ten seconds elsewhere. Nothing is shown with `--quiet`.
///
/// ```swift
/// let progress = ProgressLine("curate", unit: "pages")
/// …run { done, total in progress.update(done, of: total) }
/// progress.finish()
/// ```
final class ProgressLine: Sendable {
    private struct State {
        var started = ContinuousClock.now
        var lastShown: ContinuousClock.Instant?
        var width = 0
        var isFinished = false
    }

    private let label: String
    private let unit: String
    private let isTerminal: Bool
    private let isQuiet: Bool
    private let state = Mutex(State())

    init(_ label: String, unit: String, isQuiet: Bool = false) {
        self.label = label
        self.unit = unit
        self.isQuiet = isQuiet
        isTerminal = isatty(STDERR_FILENO) == 1
    }

    /// Notes progress; the line is redrawn at most ten times a second. `note` stands behind the figures.
    func update(_ done: Int, of total: Int? = nil, note: String = "") {
        guard !isQuiet else { return }
        let line: String? = state.withLock { state in
            let now = ContinuousClock.now
            let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
            if state.isFinished { return nil }
            if let last = state.lastShown, now - last < pause { return nil }
            if state.lastShown == nil, !isTerminal {
                // The first plain line waits, so that short commands stay silent in logs.
                state.lastShown = now
                return nil
            }
            state.lastShown = now
            let text = Self.line(label, done, total, unit, elapsed: now - state.started, note: note)
            defer { state.width = text.count }
            guard isTerminal else { return text + "\n" }
            return "\r" + text + String(repeating: " ", count: max(0, state.width - text.count))
        }
        if let line { write(line) }
    }

    /// Removes the line from a terminal, so that what follows starts on a clean one.
    func finish() {
        guard !isQuiet, isTerminal else { return }
        let width = state.withLock { state in
            state.isFinished = true
            return state.width
        }
        if width > 0 { write("\r" + String(repeating: " ", count: width) + "\r") }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    private static func line(
        _ label: String, _ done: Int, _ total: Int?, _ unit: String, elapsed: Duration, note: String
    ) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        let rate = seconds > 0 ? Double(done) / seconds : 0
        var text = "\(label): \(done)"
        if let total { text += " of \(total)" }
        text += " \(unit)"
        if let total, total > 0 { text += " (\(min(100, done * 100 / total)) %)" }
        text += ", \(rate < 10 ? String(format: "%.1f", rate) : String(Int(rate)))/s"
        if let total, rate > 0, done < total { text += ", \(clock(Double(total - done) / rate)) left" }
        return note.isEmpty ? text : text + ", " + note
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 1e9))
        return whole < 60
            ? "\(whole) s"
            : whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
