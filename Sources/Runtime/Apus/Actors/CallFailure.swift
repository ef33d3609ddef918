import ApusCore

/// What a call failed with, in a form that travels.
enum CallFailure: Codable, Sendable {
    case task(TaskError)
    case actor(ActorError)
    case coding(CodingError)
    case cancelled
    case other(RemoteFailure)

    init(_ error: any Error) {
        switch error {
        case let error as TaskError: self = .task(error)
        case let error as ActorError: self = .actor(error)
        case let error as CodingError: self = .coding(error)
        case is CancellationError: self = .cancelled
        default: self = .other(error as? RemoteFailure ?? RemoteFailure(error))
        }
    }

    var error: any Error {
        switch self {
        case .task(let error): error
        case .actor(let error): error
        case .coding(let error): error
        case .cancelled: CancellationError()
        case .other(let failure): failure
        }
    }

    /// The same without an error of the program's own, whose encoding may fail.
    var inWords: CallFailure {
        .other(RemoteFailure(typeName: "\(type(of: error))", message: "\(error)", underlying: nil))
    }
}
