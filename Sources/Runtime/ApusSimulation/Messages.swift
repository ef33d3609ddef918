import ApusCore
import ApusScheduling

/// A reference as it travels.
struct PassedReference {
    let object: ObjectID
    let passage: ReferencePassage
}

/// A task as it is sent to a worker.
struct Assignment {
    let output: ObjectID
    let attempt: Int
    let seed: UInt64
    let depth: Int
    /// Digests of the values that it was given.
    let given: [UInt64]
    let references: [PassedReference]
}

/// What simulated processes say to each other; 0 is the node's daemon.
enum Message {
    // A client to the daemon.
    case want(classIndex: Int, count: Int)
    case returned(LeaseID)
    case blocked(LeaseID)
    case unblocked(LeaseID)
    case revoked(LeaseID)
    /// The worker begins nothing more.
    case spent
    case dedicate(request: UInt64)
    case cancelDedicated(request: UInt64)
    case createGroup(GroupID)
    case removeGroup(GroupID)
    case ready(WorkerID)
    /// With what the control store keeps of the object.
    case registry(RegistryRequest, record: Record?)

    // The daemon to a client.
    case grant(LeaseID, classIndex: Int, worker: ProcessID)
    case dedicated(LeaseID, request: UInt64, worker: ProcessID)
    case recall(LeaseID, onceIdle: Bool)
    case revoke(LeaseID)
    case leaseLost(LeaseID, LeaseLoss)
    case refuse(classIndex: Int, String)
    case refuseDedicated(request: UInt64)
    case groupReady(GroupID)
    case groupRefused(GroupID)
    case stop
    case reply(RegistryReply, record: Record?)
    case joined(ProcessID)

    // Owners and workers.
    case run(LeaseID, Assignment)
    case withdraw(LeaseID, count: Int)
    case withdrawn(LeaseID, count: Int)
    /// The task is cancelled; where it has not begun it is `dropped`.
    case cancel(LeaseID, ObjectID)
    case dropped(LeaseID, ObjectID)
    case finished(LeaseID, ObjectID, digest: UInt64?, error: String, contained: [PassedReference], nanoseconds: Int)
    case workerBlocked(LeaseID)
    case workerUnblocked(LeaseID)
    case call(LeaseID, sequence: Int, ObjectID, seed: UInt64)
    case answered(LeaseID, sequence: Int, ObjectID, digest: UInt64)

    // Owners and borrowers.
    case directory(DirectoryMessage)
    case fetch(ObjectID)
    case value(ObjectID, digest: UInt64?, error: String, contained: [PassedReference])
    /// The sender is dead; the last on each of its channels.
    case died
}

/// What the control store keeps of an object that other processes know of.
struct Record {
    /// The task, where it needs nothing that could be lost with its owner.
    var task: (seed: UInt64, depth: Int)?
    /// The value, where it exists and refers to nothing.
    var digest: UInt64?
}
