/// What user code threw on the other side, in a form that travels.
public struct RemoteFailure: Error, Sendable, CustomStringConvertible {
    /// The type of the error that was thrown.
    public let typeName: String
    /// The error's own words.
    public let message: String
    /// The error itself, where it could travel: always within one process, else where it is `Codable`.
    public let underlying: (any Error)?

    public init(_ error: any Error) {
        typeName = String(reflecting: type(of: error))
        message = "\(error)"
        underlying = error
    }

    package init(typeName: String, message: String, underlying: (any Error)?) {
        self.typeName = typeName
        self.message = message
        self.underlying = underlying
    }

    public var description: String { "\(typeName): \(message)" }
}

extension RemoteFailure: Codable {
    private enum CodingKeys: String, CodingKey { case typeName, message, errorType, errorBytes }

    /// The error itself travels where it is `Codable` and its type can be found by name; else only its words do.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(typeName, forKey: .typeName)
        try container.encode(message, forKey: .message)
        if let error = underlying as? any Error & Codable, let name = try? TypeNames.name(of: type(of: error)),
            let bytes = try? BinaryEncoder().encode(error)
        {
            try container.encode(name, forKey: .errorType)
            try container.encode(bytes, forKey: .errorBytes)
        }
    }

    /// Of the types that a name could stand for, only ones that are both `Error` and `Codable` are resolved.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        typeName = try container.decode(String.self, forKey: .typeName)
        message = try container.decode(String.self, forKey: .message)
        if let name = try container.decodeIfPresent(String.self, forKey: .errorType),
            let type = try? TypeNames.type(named: name, expected: "Error") as? any (Error & Codable).Type
        {
            underlying = try? BinaryDecoder().decode(type, from: container.decode([UInt8].self, forKey: .errorBytes))
        } else {
            underlying = nil
        }
    }
}

/// How much memory there was when a worker was ended for want of it.
public struct MemoryShortage: Sendable, Codable, Hashable, CustomStringConvertible {
    /// What the worker itself used.
    public let workerBytes: Int64
    /// What all used that are counted: the workers, or the machine.
    public let usedBytes: Int64
    public let limitBytes: Int64

    package init(workerBytes: Int64, usedBytes: Int64, limitBytes: Int64) {
        self.workerBytes = workerBytes
        self.usedBytes = usedBytes
        self.limitBytes = limitBytes
    }

    public var description: String {
        "memory ran out: \(usedBytes >> 20) MiB of at most \(limitBytes >> 20) MiB were used, \(workerBytes >> 20) MiB by "
            + "its worker"
    }
}

/// Why a task, or a call of an actor's method, has no result.
public struct TaskError: Error, Sendable, Codable, CustomStringConvertible {
    public enum Cause: Sendable, Codable {
        /// The task's code threw.
        case failed(RemoteFailure)
        /// The task was cancelled, by `cancel` or because its cluster was left.
        case cancelled
        /// The task ran longer than its options allow.
        case timedOut(after: Duration)
        /// An input has no value; the task never ran.
        indirect case inputFailed(TaskError)
        /// The process that ran the task died.
        case workerCrashed(reason: String)
        /// The process that ran the task was ended because memory ran out.
        case outOfMemory(MemoryShortage)
        /// The object's value is gone, and cannot be computed again.
        case objectLost(reason: String)
        /// No worker can take the task.
        case unschedulable(reason: String)
        /// The placement group that the task was to run in ended.
        case groupRemoved(group: UInt64)
        /// The task, an input or the result could not be encoded or decoded.
        case coding(CodingError)
        /// A task with several results returned another number of them than was asked for.
        case wrongResultCount(expected: Int, found: Int)
    }

    public let cause: Cause
    /// The task's name: its type's, or the one in its options.
    public let task: String
    /// Where the task was submitted.
    public let origin: Origin
    /// How often it ran.
    public let attempts: Int

    package init(cause: Cause, task: String, origin: Origin, attempts: Int) {
        self.cause = cause
        self.task = task
        self.origin = origin
        self.attempts = attempts
    }

    /// The error at the beginning of a chain of failed inputs.
    public var root: TaskError {
        if case .inputFailed(let input) = cause { input.root } else { self }
    }

    /// What user code threw, be it in this task or in one that it depends on.
    public var failure: RemoteFailure? {
        if case .failed(let failure) = root.cause { failure } else { nil }
    }

    /// The error that user code threw, where it could travel.
    public var underlying: (any Error)? { failure?.underlying }

    public var isCancellation: Bool {
        if case .cancelled = root.cause { true } else { false }
    }

    public var description: String {
        let subject = "Task \(task), submitted at \(origin)"
        let runs = attempts > 1 ? " in the last of \(attempts) attempts" : ""
        return switch cause {
        case .failed(let failure): "\(subject), failed\(runs): \(failure)"
        case .cancelled: "\(subject), was cancelled."
        case .timedOut(let limit): "\(subject), ran longer than its timeout of \(limit)\(runs)."
        case .inputFailed(let input): "\(subject), did not run because an input has no value. \(input)"
        case .workerCrashed(let reason): "\(subject), lost its worker\(runs): \(reason)"
        case .outOfMemory(let shortage):
            "\(subject), was ended\(runs): \(shortage). Give it `memory` in its options so that fewer such tasks run at "
                + "once, or let it use less."
        case .objectLost(let reason): "\(subject), has no value any more: \(reason)"
        case .unschedulable(let reason): "\(subject), cannot run: \(reason)"
        case .groupRemoved(let group): "\(subject), was to run in placement group \(group), which was removed."
        case .coding(let error): "\(subject), could not be passed on: \(error)"
        case .wrongResultCount(let expected, let found):
            "\(subject), returned \(found) results where \(expected) were asked for."
        }
    }
}
