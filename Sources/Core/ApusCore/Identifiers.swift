/// Names an object: a task's result, a value that was put, an element of a stream. Unique within a cluster.
public struct ObjectID: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The process that owns the object.
    public let owner: UInt64
    /// Counts the owner's objects.
    public let number: UInt64

    package init(owner: UInt64, number: UInt64) {
        self.owner = owner
        self.number = number
    }

    public var description: String { "object-\(String(owner, radix: 16))-\(number)" }
}

/// Names an actor. Unique within a cluster, and never used again.
public struct ActorIdentifier: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The process that created the actor.
    public let owner: UInt64
    /// Counts the creator's actors.
    public let number: UInt64

    package init(owner: UInt64, number: UInt64) {
        self.owner = owner
        self.number = number
    }

    public var description: String { "actor-\(String(owner, radix: 16))-\(number)" }
}

/// Where in the program something was submitted.
public struct Origin: Hashable, Sendable, Codable, CustomStringConvertible {
    /// `Module/File.swift`.
    public let file: String
    public let line: Int

    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    public var description: String { "\(file):\(line)" }
}
