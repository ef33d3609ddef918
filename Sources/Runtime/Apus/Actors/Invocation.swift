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
            arguments.append(.plain(Parcel.memory(of: argument.value)))
        } else {
            arguments.append(.encoded(try Payload(encoding: argument.value, userInfo: system.userInfo)))
        }
    }

    public mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}
    public mutating func recordReturnType<R: Codable & Sendable>(_ type: R.Type) throws {}
    public mutating func doneRecording() throws {}
}

/// Hands a call's arguments to the method.
public struct ApusInvocationDecoder: DistributedTargetInvocationDecoder {
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
        case .plain(let bytes): return try Parcel.load(Argument.self, from: bytes)
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
        if system.encodesCalls { try encode(value) } else { reply = .value(value) }
    }

    /// Takes the memory of a plain type's value.
    func take(plain bytes: UnsafeRawBufferPointer) { reply = .plain(Array(bytes)) }

    /// Takes a result whose type is known only now.
    ///
    /// - Throws: `CodingError` where it cannot be passed on.
    func encode<Success>(_ value: Success) throws {
        if PlainTypes.contain(Success.self) {
            reply = .plain(Parcel.memory(of: value))
        } else if let value = value as? any Encodable {
            reply = .encoded(try Payload(encoding: value, userInfo: system.userInfo))
        } else {
            throw CodingError.unnamableType("\(Success.self)")
        }
    }

    public func onReturnVoid() async throws { reply = .void }
    public func onThrow<Failure: Error>(error: Failure) async throws { reply = .failed(error) }
}
