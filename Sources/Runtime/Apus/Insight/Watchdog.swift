import ApusCore
import ApusInsight

/// Sees whether tasks wait while nothing ends, and says why.
///
/// Looked at now and then by the thread that reads the node's messages. It warns once a stall, and again at ever longer
/// intervals while the stall lasts.
package struct Watchdog {
    static let defaultLimit = Duration.seconds(10)

    private let limit: Duration
    private var progress: UInt64?
    private var since: Instant
    private var next: Instant
    /// How long after `since` the next warning is due.
    private var due: Duration

    /// - Parameter limit: after how long without progress it warns.
    package init(limit: Duration, at now: Instant) {
        self.limit = limit
        since = now
        next = now
        due = limit
    }

    /// What a driver's tasks have come to, in numbers.
    package struct Standing: Equatable, Sendable {
        /// Changes whenever a task is sent or ends.
        package var progress: UInt64
        package var queued: Int
        package var suspended: Int

        package init(progress: UInt64, queued: Int, suspended: Int) {
            self.progress = progress
            self.queued = queued
            self.suspended = suspended
        }
    }

    /// Whether it is time to look; seldom enough to cost nothing.
    package func isDue(at now: Instant) -> Bool { now >= next }

    /// Looks at how things stand. Pure.
    ///
    /// - Returns: how long nothing has made progress, where the user is to be told now.
    package mutating func look(_ standing: Standing, at now: Instant) -> Duration? {
        next = now + min(limit / 4, .seconds(1))
        guard standing.progress == progress, standing.queued > 0 || standing.suspended > 0 else {
            progress = standing.progress
            since = now
            due = limit
            return nil
        }
        guard now - since >= due else { return nil }
        due = (now - since) * 4
        return now - since
    }

    mutating func look(at backend: LocalBackend, now: Instant) {
        guard isDue(at: now), !backend.isClosing else { return }
        let standing = backend.owner.standing
        if let time = look(standing, at: now) { Self.warn(standing, after: time, backend) }
    }

    private static func warn(_ standing: Standing, after time: Duration, _ backend: LocalBackend) {
        let classes = backend.owner.queuedClasses(limit: 3)
        let seconds = Int(time / .seconds(1))
        Task { [weak backend] in
            var text = "For \(seconds) s no task has ended, and \(standing.queued) wait."
            for (shape, name, count) in classes {
                guard let backend else { return }
                let answer = await backend.node.ask { .why(request: $0, shape: shape.index) }
                guard case .words(let reason)? = answer else { return }
                text += "\n  \(count) like `\(name)`: \(reason)."
            }
            if standing.suspended > 0 {
                text +=
                    "\n  \(standing.suspended) that began wait for objects of other tasks (`apus list tasks --state suspended`)."
            }
            Warnings.print(text)
        }
    }
}

/// Words for the user of the program, on its error output.
enum Warnings {
    static func print(_ text: String) { OutputLines.write("apus: \(text)\n", isError: true) }
}
