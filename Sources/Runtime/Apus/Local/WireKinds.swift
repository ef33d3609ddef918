import ApusCore

/// The kinds of messages on channels between processes, and the words of task slots.
enum WireKind {
    // From the owner of tasks to a worker.
    static let task: UInt32 = 1
    static let defineType: UInt32 = 2
    static let cancelTask: UInt32 = 3
    static let streamCredit: UInt32 = 4
    /// The names of a task's result, which is made again. Comes before the task.
    static let resultNames: UInt32 = 5
    // From a worker to the owner.
    static let result: UInt32 = 16
    static let leaseSuspended: UInt32 = 17
    static let leaseResumed: UInt32 = 18
    static let streamItem: UInt32 = 19
    /// The task has run as long as it may; it was told to end.
    static let timedOut: UInt32 = 20
    // Between any two: objects that were referred to before they existed.
    static let exported: UInt32 = 32
    static let cancelExport: UInt32 = 33
    // From callers to actors and back.
    static let call: UInt32 = 48
    static let cancelCall: UInt32 = 49
    static let reply: UInt32 = 50
    static let defineMethod: UInt32 = 51
}

/// What a task's slot says: the generation of its use, so that a late message cannot be taken for the present one's, and
/// how far the task is. Both sides change it by compare-and-swap, so that exactly one of "starts" and "is taken back"
/// happens.
struct SlotWord: Equatable {
    enum Phase: UInt32 {
        case queued, running, withdrawn, suspended, done
    }

    var generation: UInt32
    var phase: Phase

    var word: UInt32 { generation << 3 | phase.rawValue }

    init(generation: UInt32, phase: Phase) {
        // 29 bits; a slot is used again at most some million times a second.
        self.generation = generation & 0x1FFF_FFFF
        self.phase = phase
    }

    init?(word: UInt32) {
        guard let phase = Phase(rawValue: word & 7) else { return nil }
        self.init(generation: word >> 3, phase: phase)
    }
}
