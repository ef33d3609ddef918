import ApusCore
import Distributed
import Synchronization

/// The system of Apus's distributed actors.
///
/// Actors are created by `Cluster.create`, which makes them where they will live and returns a handle. All calls through
/// handles pass through the actor's mailbox, wherever it lives: they run one after the other (or as many at once as the
/// actor's options allow), those of one caller in their order.
public final class ApusActorSystem: DistributedActorSystem, Sendable {
    public typealias ActorID = ActorIdentifier
    public typealias SerializationRequirement = Codable & Sendable
    public typealias InvocationEncoder = ApusInvocationEncoder
    public typealias InvocationDecoder = ApusInvocationDecoder
    public typealias ResultHandler = ApusResultHandler

    /// The identity of the actor that is being created by the code that sees it.
    @TaskLocal static var birth: ActorIdentifier?

    let backend: any Backend
    let encodesCalls: Bool
    /// For actors made outside `Cluster.create`, which nobody else can call.
    private let unowned = Atomic<UInt64>(0)

    init(backend: any Backend) {
        self.backend = backend
        encodesCalls = backend.encodesCalls
    }

    var userInfo: [CodingUserInfoKey: any Sendable] { [.actorSystemKey: self] }

    /// Always a handle: also where the actor lives here, calls go through its mailbox.
    public func resolve<Body: DistributedActor>(id: ActorIdentifier, as type: Body.Type) throws -> Body?
    where Body.ID == ActorIdentifier { nil }

    public func assignID<Body: DistributedActor>(_ type: Body.Type) -> ActorIdentifier
    where Body.ID == ActorIdentifier {
        Self.birth
            ?? ActorIdentifier(
                owner: .max, number: unowned.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    public func actorReady<Body: DistributedActor>(_ actor: Body) where Body.ID == ActorIdentifier {}
    public func resignID(_ id: ActorIdentifier) {}
    public func makeInvocationEncoder() -> ApusInvocationEncoder { ApusInvocationEncoder(system: self) }

    public func remoteCall<Body: DistributedActor, Failure: Error, Success: Codable & Sendable>(
        on actor: Body, target: RemoteCallTarget, invocation: inout ApusInvocationEncoder, throwing: Failure.Type,
        returning: Success.Type
    ) async throws -> Success where Body.ID == ActorIdentifier {
        if invocation.hasLarge { try await storeLarge(&invocation) }
        let (call, context) = try start(target, invocation, on: actor.id)
        switch try await call.reply(to: context) {
        case .value(let value):
            guard let value = value as? Success else {
                throw CodingError.typeMismatch(path: "\(target)", expected: "\(returning)", found: "\(type(of: value))")
            }
            return value
        case .encoded(let payload): return try payload.decode(Success.self, userInfo: userInfo)
        case .plain(let bytes): return try bytes.load(Success.self)
        case .arrived(let arrival, let backend):
            if arrival.isStored { return try await StoredParcel(arrival, in: backend.objects).load(Success.self) }
            return try arrival.decode(Success.self, in: backend)
        case .void: throw CodingError.typeMismatch(path: "\(target)", expected: "\(returning)", found: "nothing")
        case .failed(let error): throw error
        }
    }

    public func remoteCallVoid<Body: DistributedActor, Failure: Error>(
        on actor: Body, target: RemoteCallTarget, invocation: inout ApusInvocationEncoder, throwing: Failure.Type
    ) async throws where Body.ID == ActorIdentifier {
        if invocation.hasLarge { try await storeLarge(&invocation) }
        let (call, context) = try start(target, invocation, on: actor.id)
        if case .failed(let error) = try await call.reply(to: context) { throw error }
    }

    /// Large arguments travel by their names in the node's object store.
    private func storeLarge(_ invocation: inout ApusInvocationEncoder) async throws {
        for place in invocation.arguments.indices {
            guard case .encoded(let payload) = invocation.arguments[place], payload.isLarge else { continue }
            if let stored = try await backend.storeLarge(payload) {
                invocation.arguments[place] = .arrived(stored.arrival, stored.objects.backend)
            }
        }
    }

    /// Puts a call into the actor's mailbox; what awaits its reply does so in the context returned.
    private func start(
        _ target: RemoteCallTarget, _ invocation: ApusInvocationEncoder, on actor: ActorIdentifier
    ) throws -> (ActorCall, RunContext?) {
        let context = RunContext.current
        let call = ActorCall(
            method: target.identifier, arguments: invocation.arguments, substitutions: invocation.substitutions,
            callers: context?.actors ?? [], options: CallOptions.current)
        try backend.call(call, on: actor, place: context?.place?.takePlace(for: actor))
        return (call, context)
    }
}
