/// A point in time on a clock that never goes back; nanoseconds since an arbitrary start.
///
/// Cores that decide get time as a value of this type with each event; none reads a clock.
public struct Instant: Hashable, Comparable, Sendable, Codable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates at the end of time.
    public static func + (instant: Instant, duration: Duration) -> Instant {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        let (at, overflow3) = instant.nanoseconds.addingReportingOverflow(sum)
        guard !overflow, !overflow2, !overflow3 else { return Instant(nanoseconds: seconds < 0 ? .min : .max) }
        return Instant(nanoseconds: at)
    }

    public static func - (left: Instant, right: Instant) -> Duration {
        .nanoseconds(left.nanoseconds) - .nanoseconds(right.nanoseconds)
    }
}
