import ApusCore
import Distributed

/// How an actor is made, as a value: like a task, it can be sent to where the actor is to live, and used again to
/// restart it.
///
/// ```swift
/// distributed actor Counter {
///     typealias ActorSystem = ApusActorSystem
///     private var count: Int
///     init(from start: Int, actorSystem: ApusActorSystem) {
///         self.actorSystem = actorSystem
///         count = start
///     }
///     distributed func add(_ n: Int) -> Int { count += n; return count }
/// }
/// struct NewCounter: ActorBlueprint {
///     var start = 0
///     func make(in system: ApusActorSystem) async throws -> Counter { Counter(from: start, actorSystem: system) }
/// }
/// let counter = try await cluster.create(NewCounter(), .init(name: "visits"))
/// ```
public protocol ActorBlueprint: Sendable, Codable {
    associatedtype Body: DistributedActor where Body.ActorSystem == ApusActorSystem

    /// Makes one actor, where it will live. What it throws is the creation's failure and is not tried again.
    func make(in system: ApusActorSystem) async throws -> Body
}

/// What a backend needs to create an actor.
package struct ActorBirth: Sendable {
    package let options: ActorOptions
    package let type: any DistributedActor.Type
    package let origin: Origin
    /// The blueprint itself, for another process.
    let travel: Travel?
    /// The actor whose method creates it; nil for tasks and the program itself.
    var creator: ActorIdentifier? = RunContext.current?.actors.last
    package let make: @Sendable (ApusActorSystem) async throws -> any DistributedActor

    struct Travel: Sendable {
        let type: any ActorBlueprint.Type
        let encode: @Sendable () throws(CodingError) -> [UInt8]
    }

    package var typeName: String { "\(type)" }
    package var name: String { options.name ?? typeName }
}
