import Synchronization

/// Tells the time to drivers, which pass it on to the cores that decide.
public protocol TimeSource: Sendable {
    func now() -> Instant
}

/// The machine's monotonic clock.
public struct MonotonicTime: TimeSource {
    private static let start = ContinuousClock.now

    public init() {}

    public func now() -> Instant { Instant(nanoseconds: 0) + (ContinuousClock.now - Self.start) }
}

/// A clock that stands still until it is moved: for simulation and tests.
public final class ManualTime: TimeSource {
    private let time: Mutex<Instant>

    public init(_ start: Instant = Instant(nanoseconds: 0)) { time = Mutex(start) }

    public func now() -> Instant { time.withLock { $0 } }

    public func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}
