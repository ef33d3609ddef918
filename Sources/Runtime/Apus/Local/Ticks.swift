import ApusCore
import CApusSystem

/// A counter of the processor's, for durations of tasks: reading a clock would take as long as a small task.
enum Ticks {
    static var now: UInt64 { apus_ticks() }

    /// Nanoseconds per tick.
    static let length: Double = {
        let clock = ContinuousClock()
        let start = (clock.now, now)
        var elapsed = Duration.zero
        while elapsed < .milliseconds(2) { elapsed = clock.now - start.0 }
        let ticks = now &- start.1
        guard ticks > 0 else { return 1 }
        return elapsed / .nanoseconds(1) / Double(ticks)
    }()
}
