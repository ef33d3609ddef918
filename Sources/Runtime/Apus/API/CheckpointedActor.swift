import ApusCore
import Distributed

/// An actor whose state survives crashes.
///
/// Every call is noted outside the actor's process before it runs. After a crash the actor is made anew, gets its last
/// checkpoint back, and the calls since are run again in the order in which they ran before, whoever made them: each call
/// has its effect on the state exactly once, and callers whose replies were lost get them. It restarts as often as
/// `ActorOptions.maxRestarts` says.
///
/// ```swift
/// distributed actor Tally: CheckpointedActor {
///     typealias ActorSystem = ApusActorSystem
///     static let readOnlyMethods: Set<String> = ["total()"]
///     private var sum = 0
///     distributed func add(_ n: Int) { sum += n }
///     distributed func total() -> Int { sum }
///     func checkpoint() -> Int { sum }
///     func restore(from checkpoint: Int) { sum = checkpoint }
/// }
/// ```
/// Calls run one after the other, and must depend on the state and their arguments alone; what they do to other actors or
/// to files is done again when they run again. Arguments must not refer to objects that do not exist yet.
/// - Source: Moritz et al. 2018, "Ray: A Distributed Framework for Emerging AI Applications", on the recovery of actors.
public protocol CheckpointedActor: DistributedActor where ActorSystem == ApusActorSystem {
    associatedtype Checkpoint: Sendable & Codable

    /// Calls from one checkpoint to the next: as many at most run again after a crash. 100 by default.
    static var callsPerCheckpoint: Int { get }
    /// Methods that change nothing, written as in `total()`: they are neither noted nor run again.
    static var readOnlyMethods: Set<String> { get }

    /// The whole state. Called between two calls. Where it throws, the checkpoint before stays, and the next call tries
    /// again.
    func checkpoint() async throws -> Checkpoint
    /// Takes a state back, in an actor that was just made. What it throws ends the actor.
    func restore(from checkpoint: Checkpoint) async throws
}

extension CheckpointedActor {
    public static var callsPerCheckpoint: Int { 100 }
    public static var readOnlyMethods: Set<String> { [] }

    nonisolated func takeCheckpoint() async throws -> [UInt8]? {
        guard let state = try await whenLocal({ try await $0.checkpoint() }) else { return nil }
        var encoder = BinaryEncoder()
        encoder.userInfo[.actorSystemKey] = actorSystem
        return try encoder.encode(state)
    }

    nonisolated func restore(fromBytes bytes: [UInt8]) async throws {
        var decoder = BinaryDecoder()
        decoder.userInfo[.actorSystemKey] = actorSystem
        let state = try decoder.decode(Checkpoint.self, from: bytes)
        _ = try await whenLocal { try await $0.restore(from: state) }
    }
}
