import ApusCore
import Synchronization

/// Which call it is, also when it is sent again: its caller's process and its number there.
struct CallIdentity: Hashable, Codable, Sendable {
    var caller: UInt64
    var number: UInt64
}

/// Keeps a checkpointed actor's last checkpoint and the calls since, where a crash of the actor does not reach them.
protocol ActorJournal: AnyObject, Sendable {
    func load() throws -> JournalContents
    /// Notes a call before it runs.
    func append(_ call: ActorCall, _ identity: CallIdentity) throws
    /// The call that was noted last made the actor crash: it does not run again by itself.
    func strikeLast() throws
    /// A new checkpoint: the calls before it are not needed any more, but for replies that may not have arrived.
    func replace(checkpoint: [UInt8], replies: [CallIdentity: ActorCall.Reply]) throws
}

struct JournalContents: Sendable {
    struct Entry: Sendable {
        let call: ActorCall
        let identity: CallIdentity
        var isStruck = false
    }

    var checkpoint: [UInt8]?
    var replies: [CallIdentity: ActorCall.Reply] = [:]
    var entries: [Entry] = []
}

/// A journal in this process, for actors whose crash does not end it.
final class MemoryJournal: ActorJournal {
    private let contents = Mutex(JournalContents())

    func load() -> JournalContents { contents.withLock { $0 } }
    func append(_ call: ActorCall, _ identity: CallIdentity) {
        contents.withLock { $0.entries.append(JournalContents.Entry(call: call.copy(), identity: identity)) }
    }
    func strikeLast() {
        contents.withLock { if !$0.entries.isEmpty { $0.entries[$0.entries.count - 1].isStruck = true } }
    }
    func replace(checkpoint: [UInt8], replies: [CallIdentity: ActorCall.Reply]) {
        contents.withLock { $0 = JournalContents(checkpoint: checkpoint, replies: replies) }
    }
}

/// What a checkpointed actor's home knows of its calls: which were noted, and what was answered.
final class CallLedger: Sendable {
    private struct State {
        /// Counts instances: what one that was lost still does is not noted.
        var generation = 0
        /// Noted since the last checkpoint.
        var noted: Set<CallIdentity> = []
        var replies: [CallIdentity: ActorCall.Reply] = [:]
        var strikes: [CallIdentity: Int] = [:]
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())
    private let journal: any ActorJournal
    private let readOnly: Set<String>
    private let interval: Int
    /// Further attempts of calls that make the actor crash.
    private let retries: Int
    private let name: String
    /// Whether a caller may still ask for a reply.
    private let isOpen: @Sendable (CallIdentity) -> Bool

    init(
        _ type: any CheckpointedActor.Type, journal: any ActorJournal, retries: Int, name: String,
        isOpen: @escaping @Sendable (CallIdentity) -> Bool
    ) {
        self.journal = journal
        self.retries = retries
        self.name = name
        self.isOpen = isOpen
        readOnly = type.readOnlyMethods
        interval = max(1, type.callsPerCheckpoint)
    }

    func isReadOnly(_ call: ActorCall) -> Bool {
        guard !readOnly.isEmpty else { return false }
        // `Module.Actor.method(_:)`
        let name = call.name
        return readOnly.contains { name.hasSuffix(".\($0)") }
    }

    /// Brings a fresh instance to the state of the one that was lost.
    ///
    /// - Parameter run: runs a call; what it answers is given to the call's caller should it ask again.
    func recover(
        _ instance: any CheckpointedActor, generation: Int, run: (ActorCall) async -> ActorCall.Reply
    ) async throws {
        state.withLock { $0.generation = generation }
        let contents = try journal.load()
        if let checkpoint = contents.checkpoint { try await instance.restore(fromBytes: checkpoint) }
        state.withLock { state in
            state.replies.merge(contents.replies) { $1 }
            state.noted = []
            state.strikes = [:]
        }
        for entry in contents.entries {
            if entry.isStruck {
                state.withLock { $0.strikes[entry.identity, default: 0] += 1 }
                continue
            }
            let reply = await run(entry.call)
            if case .failed(let error) = reply, let crash = error as? ActorCrash { throw crash }
            state.withLock { state in
                state.noted.insert(entry.identity)
                state.replies[entry.identity] = reply
            }
        }
    }

    enum Beginning {
        /// The call was noted and is to run.
        case run
        /// It has run before.
        case answered(ActorCall.Reply)
        /// The instance that would run it is lost.
        case lost
    }

    /// Notes a call that is about to run. Called for one call at a time.
    func begin(_ call: ActorCall, generation: Int) throws -> Beginning {
        let identity: CallIdentity = state.withLock { state in
            if let identity = call.identity { return identity }
            // A call from the actor's own process.
            state.nextNumber += 1
            let identity = CallIdentity(caller: 0, number: state.nextNumber)
            call.identity = identity
            return identity
        }
        return try state.withLock { state in
            guard state.generation == generation else { return .lost }
            if let reply = state.replies[identity] { return .answered(reply) }
            if let strikes = state.strikes[identity], retries >= 0, strikes > retries {
                return .answered(
                    .failed(
                        ActorError.crashedDuringCall(
                            actor: name, call: call.name, reason: "the call itself makes the actor crash")))
            }
            try journal.append(call, identity)
            state.noted.insert(identity)
            return .run
        }
    }

    func end(_ call: ActorCall, _ reply: ActorCall.Reply, generation: Int) {
        guard let identity = call.identity else { return }
        state.withLock { state in if state.generation == generation { state.replies[identity] = reply } }
    }

    /// The call that runs makes the actor crash.
    func crashed(_ call: ActorCall, generation: Int) {
        state.withLock { state in
            guard state.generation == generation else { return }
            // Without the strike the call runs once more after the restart, and is struck then.
            try? journal.strikeLast()
        }
    }

    /// Takes a checkpoint where enough calls were noted. Called between two calls.
    func checkpointIfDue(_ instance: any CheckpointedActor, generation: Int) async {
        let isDue = state.withLock { $0.generation == generation && $0.noted.count >= interval }
        guard isDue else { return }
        do {
            guard let bytes = try await instance.takeCheckpoint() else { return }
            try state.withLock { state in
                guard state.generation == generation else { return }
                state.replies = state.replies.filter { isOpen($0.key) }
                try journal.replace(checkpoint: bytes, replies: state.replies)
                state.noted = []
                state.strikes = [:]
            }
        } catch {
            // The one before and the calls since still say everything; the next call tries again.
        }
    }
}
