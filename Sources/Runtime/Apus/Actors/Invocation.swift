import ApusCore
import Distributed

/// Collects a call's arguments.
public struct ApusInvocationEncoder: DistributedTargetInvocationEncoder {
    public typealias SerializationRequirement = Codable & Sendable

    let system: ApusActorSystem
    var arguments: [ActorCall.Argument] = []
    var substitutions: [any Any.Type] = []

    public mutating func recordGenericSubstitution<T>(_ type: T.Type) throws { substitutions.append(type) }

    public mutating func recordArgument<Value: Codable & Sendable>(_ argument: RemoteCallArgument<Value>) throws {
        if !system.encodesCalls {
            arguments.append(.shared(argument.value))
        } else if PlainTypes.contain(Value.self) {
            arguments.append(.plain(PlainBytes(of: argument.value)))
        } else {
            arguments.append(.encoded(try Payload(encoding: argument.value, userInfo: system.userInfo)))
        }
    }

    /// Whether an argument is too large for a message.
    var hasLarge: Bool {
        arguments.contains { if case .encoded(let payload) = $0 { payload.isLarge } else { false } }
    }

    public mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}
    public mutating func recordReturnType<R: Codable & Sendable>(_ type: R.Type) throws {}
    public mutating func doneRecording() throws {}
}

/// Hands a call's arguments to the method.
public struct ApusInvocationDecoder: DistributedTargetInvocationDecoder, Sendable {
    public typealias SerializationRequirement = Codable & Sendable

    let call: ActorCall
    let system: ApusActorSystem
    var next = 0

    public mutating func decodeGenericSubstitutions() throws -> [any Any.Type] { call.substitutions }

    public mutating func decodeNextArgument<Argument: Codable & Sendable>() throws -> Argument {
        guard next < call.arguments.count else { throw CodingError.endOfList(path: "\(call.name)") }
        defer { next += 1 }
        switch call.arguments[next] {
        case .encoded(let payload):
            return try payload.decode(Argument.self, userInfo: system.userInfo)
        case .plain(let bytes): return try bytes.load(Argument.self)
        case .arrived(let arrival, let backend):
            return try arrival.decode(Argument.self, in: backend, from: call.read)
        case .shared(let value):
            guard let value = value as? Argument else {
                throw CodingError.typeMismatch(
                    path: "\(call.name), argument \(next)", expected: "\(Argument.self)", found: "\(type(of: value))")
            }
            return value
        }
    }

    public mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
    public mutating func decodeReturnType() throws -> (any Any.Type)? { nil }
}

/// Takes a method's result.
public final class ApusResultHandler: DistributedTargetInvocationResultHandler {
    public typealias SerializationRequirement = Codable & Sendable

    let system: ApusActorSystem
    // Written once by the method's Swift task, and read by it after the method returned.
    private(set) var reply: ActorCall.Reply?

    init(system: ApusActorSystem) { self.system = system }

    public func onReturn<Success: Codable & Sendable>(value: Success) async throws {
        reply = system.encodesCalls ? try .encoded(value, in: system) : .value(value)
    }

    public func onReturnVoid() async throws { reply = .void }
    public func onThrow<Failure: Error>(error: Failure) async throws { reply = .failed(error) }
}

extension ActorCall.Reply {
    /// A result as it travels, of a type that may be known only now.
    ///
    /// - Throws: `CodingError` where it cannot be passed on.
    static func encoded<Success>(_ value: Success, in system: ApusActorSystem) throws(CodingError) -> Self {
        if PlainTypes.contain(Success.self) { return .plain(PlainBytes(of: value)) }
        guard let value = value as? any Encodable else { throw .unnamableType("\(Success.self)") }
        return .encoded(try Payload(encoding: value, userInfo: system.userInfo))
    }
}
