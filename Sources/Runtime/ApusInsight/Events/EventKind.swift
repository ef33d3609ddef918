/// What an event says. The numbers are those of the shared memory and of event files.
package enum EventKind: UInt8, CaseIterable, Sendable {
    // Recorded by the process that owns the task.
    /// The task was submitted; its inputs may be missing.
    case submitted = 1
    /// All inputs are there: it waits for a worker.
    case ready = 2
    case sent = 3
    /// It was taken back from a worker before it began.
    case withdrawn = 4
    case succeeded = 5
    case failed = 6
    case cancelled = 7
    /// An attempt failed, and another one follows.
    case retried = 8
    // Recorded by the worker.
    case started = 9
    /// It waits for an object, and lends its processors.
    case waits = 10
    case goesOn = 11
    case ended = 12
    // Recorded by whoever takes in the bytes.
    case transferred = 13
    // Recorded by the process that calls an actor.
    /// The call was sent to the actor's process.
    case called = 14
    case replied = 15
    /// The reply is an error, or nobody waits for it any more.
    case callFailed = 16
    // Recorded by the actor's process.
    case callBegan = 17
    case callEnded = 18

    /// Kinds, and zero for none: the length of tables by kind.
    package static let count = 24

    /// Whether it is an event of an actor's call, and not of a task.
    package var isOfCall: Bool { rawValue >= EventKind.called.rawValue }

    /// The word in listings and metrics.
    package var word: String { "\(self)" }
}

/// An event as its reader sees it.
package struct EventRecord: Sendable, Equatable {
    package var kind: EventKind
    /// The processor's counter; see `ProcessEvents.ticks` for its relation to time.
    package var ticks: UInt64
    /// The number that the owner gave the task; 0 where the worker records.
    package var task: UInt32
    /// The process at the other side: the worker of `sent`, the owner of `started`.
    package var other: UInt32
    /// An index into the process's names.
    package var name: UInt16
    /// The place of the task among those that are on the way between two processes, the same on both sides; of a call its
    /// actor and number, see `flight(call:of:)`; the number of bytes of `transferred`.
    package var flight: UInt64

    package init(
        kind: EventKind, ticks: UInt64, task: UInt32 = 0, other: UInt32 = 0, name: UInt16 = 0, flight: UInt64 = 0
    ) {
        self.kind = kind
        self.ticks = ticks
        self.task = task
        self.other = other
        self.name = name
        self.flight = flight
    }

    /// The key of a call between two processes: its number among those of its caller to the actor, and which of the
    /// actors it is that may live in one process.
    package static func flight(call number: UInt64, of actor: UInt64) -> UInt64 {
        actor << 32 | number & 0xFFFF_FFFF
    }

    /// The key of a task on its way: a slot of the channel and the generation of its use.
    package static func flight(slot: Int, generation: UInt32) -> UInt64 { UInt64(slot) << 32 | UInt64(generation) }
}
