import ApusCore
import ApusInsight
import ApusObjects
import ApusScheduling

/// What a node is to be, told by the driver that starts it.
struct NodeConfiguration: Codable, Sendable {
    var resources: Resources
    /// The program that workers run.
    var executable: String
    var arguments: [String]
    /// Workers that are kept ready.
    var warmWorkers: Int
    /// Bytes that workers may use together.
    var workerMemory: Int64?
    var objectStore = ObjectStoreConfiguration()
    var insight = InsightConfiguration()
}

/// How a node can be looked into.
struct InsightConfiguration: Codable, Sendable {
    /// The cluster's name; made from the program's where nil.
    var name: String?
    var metricsPort: Int?
    var recordsEvents = true
    /// The driver's process.
    var driver: Int32 = 0
}

/// A line of a worker's output.
struct WorkerOutput: Codable, Sendable {
    var process: UInt64
    /// The task that began there last, or the actor that lives there.
    var name: String?
    var isError: Bool
    var line: String
}

/// How an actor is to be created, for the node and for the process that will host it.
struct ActorCreation: Codable, Sendable {
    var name: String?
    /// For messages.
    var typeName: String
    /// The mangled name of the blueprint's type.
    var blueprintType: String
    /// The mangled name of the actor's type.
    var bodyType: String
    var blueprint: [UInt8]
    var resources: Resources
    var maxRestarts: Int
    var maxTaskRetries: Int
    var concurrency: Int
    var maxPendingCalls: Int
    var groups: [ConcurrencyGroup]
    var threads: Int
    var isDetached: Bool
    /// Its calls are noted in a journal that the node keeps.
    var isCheckpointed: Bool
    var origin: Origin
    var priority: Int
    var bundle: BundleReference?
    /// The placement group that what it submits and creates inherits.
    var childGroup: PlacementGroup?

    var subject: String { name ?? typeName }
}

/// What callers need to know of an actor.
struct ActorTraits: Codable, Sendable {
    /// For messages.
    var name: String
    /// Further attempts of calls that its end interrupted.
    var retries: Int
    /// Calls of one process that may be unanswered.
    var callLimit: Int
    /// Calls that its end interrupted are sent again with their numbers, and have their effect once.
    var isCheckpointed: Bool

    init(_ creation: ActorCreation) {
        name = creation.subject
        retries = creation.maxTaskRetries
        isCheckpointed = creation.isCheckpointed
        let (limit, overflow) = creation.maxPendingCalls.addingReportingOverflow(creation.concurrency)
        callLimit = overflow ? .max : limit
    }
}

/// A message from a driver or worker to its node.
enum NodeRequest: Codable, Sendable {
    /// The driver's first.
    case configure(NodeConfiguration)
    /// A worker's first: it can take tasks.
    case ready
    /// How many leases of a class the sender could use. The class comes with the first.
    case want(shape: Int, SchedulingClass?, count: Int)
    case giveBack(lease: UInt64)
    case blocked(lease: UInt64)
    case unblocked(lease: UInt64)
    /// From a worker: what ran on a lease whose owner ended has ended too.
    case orphanEnded(lease: UInt64)
    /// From a worker: it wants to end.
    case spent
    case createActor(request: UInt64, creation: ActorCreation, orExisting: Bool)
    case findActor(request: UInt64, name: String)
    /// The sender wants to call an actor, and to be told where it lives from now on.
    case connectActor(actor: ActorIdentifier)
    case actorCreated(actor: ActorIdentifier, failure: RemoteFailure?)
    /// An actor ended in its process: by a crash that its options may undo, or for good.
    case actorEnded(actor: ActorIdentifier, reason: String, mayRestart: Bool)
    case stopActor(request: UInt64, actor: ActorIdentifier, immediately: Bool, restart: Bool)
    /// An actor's time to stop is up.
    case killActor(actor: ActorIdentifier, reason: String)
    case createGroup(request: UInt64, bundles: [Resources], PlacementStrategy)
    /// Answered when the group has its resources, or has ended.
    case awaitGroup(request: UInt64, group: UInt64)
    case removeGroup(request: UInt64, group: UInt64)
    case killWorker(process: UInt64, reason: String)
    case shutdown(request: UInt64)
    /// The answer to `report`.
    case reported(request: UInt64, ProcessTasks)
    /// Why is work of a class not running? Answered in words.
    case why(request: UInt64, shape: Int)
    case store(StoreRequest)
    /// The sender cannot make an object again that was lost.
    case giveUp(ObjectID, reason: String?)
    /// The sender could not read an object, and waits until somebody has made it again.
    case recover(request: UInt64, ObjectID)
    /// What the object store holds.
    case objects(request: UInt64, limit: Int)
    /// The sender made its first metric. The descriptor of their memory comes along.
    case metricsAppeared
    /// All metrics as text.
    case metrics(request: UInt64)
}

/// A message from a node to a driver or worker.
enum NodeNotice: Codable, Sendable {
    /// The first: who the receiver is. The descriptors of its inbox, of the memory for its events, which has room for so
    /// many, of the object store, and of its spill file where it has one come along.
    case welcome(process: UInt64, total: Resources, storeCapacity: Int, events: Int, hasSpillFile: Bool)
    /// To the driver, instead of a welcome: why there is no node.
    case failed(reason: String)
    case store(StoreAnswer)
    /// A connection to another process. The descriptors of the channel and the other's inbox come along.
    case peer(process: UInt64, side: Int, slot: Int, peerSlot: Int)
    case processEnded(process: UInt64, reason: String, shortage: MemoryShortage?)
    case granted(lease: UInt64, shape: Int, worker: UInt64)
    /// Others wait: the lease is to be given back once it is idle, or after the tasks that run.
    case recalled(lease: UInt64, onceIdle: Bool)
    /// No lease of a class will come.
    case refused(shape: Int, Refusal)
    /// A lease is gone with its placement group; nothing of its class can run any more.
    case leaseLost(lease: UInt64, group: UInt64)
    /// To a worker: the lease's owner gave it back.
    case leaseEnded(lease: UInt64)
    /// To a worker: the lease's owner ended, and the worker is free once what runs there has been cancelled.
    case leaseOrphaned(lease: UInt64)
    /// To a worker: end once nothing depends on it.
    case retire
    /// To a worker: become the home of an actor. The two descriptors of a checkpointed one's journal come along.
    case host(actor: ActorIdentifier, creation: ActorCreation)
    case actorAt(actor: ActorIdentifier, process: UInt64, traits: ActorTraits)
    case actorRestarting(actor: ActorIdentifier, reason: String)
    case actorDead(actor: ActorIdentifier, reason: String)
    /// To an actor's home: end it after the calls that wait.
    case stopActor(actor: ActorIdentifier)
    case answer(request: UInt64, NodeAnswer)
    case available(Resources)
    case output(WorkerOutput)
    /// Tell of the tasks that you own.
    case report(request: UInt64, TaskQuery)
    /// A matter that the driver's user should know.
    case warning(String)
}

enum NodeAnswer: Codable, Sendable {
    case done
    case words(String)
    case objects(ObjectStoreStatus)
    case group(UInt64)
    case groupGone
    /// The object can be read again, unless there is a reason why it never will be.
    case recovered(failure: String?)
    case actor(ActorIdentifier, bodyType: String, typeName: String)
    case actorFailed(ActorFailure)
}

/// The errors of actors in a form that travels.
enum ActorFailure: Codable, Sendable {
    case unknownName(String)
    case nameTaken(String)
    case creationFailed(actor: String, RemoteFailure)
    case unknownActor(ActorIdentifier)
    case dead(actor: String, reason: String)
    case infeasible(subject: String, demand: Resources, total: Resources)

    var error: any Error {
        switch self {
        case .unknownName(let name): ActorError.unknownName(name)
        case .nameTaken(let name): ActorError.nameTaken(name)
        case .creationFailed(let actor, let failure): ActorError.creationFailed(actor: actor, failure)
        case .unknownActor(let id): ActorError.unknownActor(id)
        case .dead(let actor, let reason): ActorError.dead(actor: actor, reason: reason)
        case .infeasible(let subject, let demand, let total):
            ClusterError.infeasible(subject: subject, demand: demand, total: total)
        }
    }
}
