import ApusCore
import Distributed

/// Where tasks and actors run. Embedded, local processes, a cluster and other engines stand behind this protocol.
///
/// The front (`Cluster`) does what is the same everywhere: it makes the cells, waits for inputs, and answers `get`,
/// `wait` and iteration from the cells. A backend takes tasks whose inputs are complete and completes their cells; it
/// may run them in place (`ObjectCell.execute`) or elsewhere (`ObjectCell.writeTask`).
package protocol Backend: AnyObject, Sendable {
    /// All resources there are.
    var total: Resources { get }
    /// What is free now; processors can be below zero for moments.
    var available: Resources { get }
    var nodes: [NodeIdentifier] { get }
    /// Jobs made in this process have numbers above this one, which no other process gives.
    var firstJob: UInt64 { get }

    /// Checks a demand before anything is submitted with it.
    ///
    /// - Parameter context: of the code that submits it.
    /// - Throws: `ClusterError.infeasible`, `.closed`.
    func prepare(_ cell: ObjectCell, demand: Resources?, from context: RunContext?) throws(ClusterError)

    /// Takes a prepared task whose inputs are complete; its cell will be completed, whatever happens.
    func start(_ cell: ObjectCell)

    /// Ends a task: one that is queued never runs, one that runs is interrupted. Its cell is completed at once.
    ///
    /// - Parameter force: whether the process that runs it ends, where it has one.
    func cancel(_ cell: ObjectCell, force: Bool)

    /// A task that was prepared and not started has failed because an input did.
    func inputFailed(_ cell: ObjectCell)

    /// A running task waits for an object, and goes on.
    func taskBlocked(_ cell: ObjectCell)
    func taskUnblocked(_ cell: ObjectCell)

    /// Makes a value ready to be referred to: `embedded` copies it through its bytes if it isolates.
    func store<Value: Sendable & Codable>(_ value: Value) throws(CodingError) -> Value

    /// Puts a value that is large into the node's object store; nil for small ones, and where there is no store.
    func storeLarge<Value: Sendable & Codable>(_ value: Value, at origin: Origin) async throws -> StoredParcel?

    /// The same for an argument of a call.
    func storeLarge(_ payload: Payload) async throws -> StoredParcel?

    /// Where large values are made in place; nil for the process's own memory.
    var sharedMemory: (any SharedMemory)? { get }

    /// Creates an actor, or finds the one that has the name if `existing` is allowed.
    func createActor(_ birth: ActorBirth, orExisting: Bool) async throws -> ActorIdentifier
    func actor(named name: String) async throws -> (id: ActorIdentifier, type: any DistributedActor.Type)
    func reserveCall(to actor: ActorIdentifier) throws(ActorError) -> UInt64
    func releaseCall(_ place: UInt64, to actor: ActorIdentifier)
    func call(_ call: ActorCall, on actor: ActorIdentifier, place: UInt64?) throws(ActorError)
    func stopActor(_ actor: ActorIdentifier, immediately: Bool, restart: Bool, within limit: Duration) async throws

    /// Whether arguments and results of calls pass through their bytes.
    var encodesCalls: Bool { get }
    /// Where the program's own Swift tasks run best: nil for wherever they are.
    var taskExecutor: (any TaskExecutor)? { get }

    /// Asks for resources that are set aside together, and answers with the group's number.
    func createGroup(_ bundles: [Resources], _ strategy: PlacementStrategy) async throws -> UInt64
    /// Waits until a group has its resources. False where it ended before.
    func groupIsReady(_ group: UInt64) async -> Bool
    func removeGroup(_ group: UInt64) async throws

    /// What can be counted, for Prometheus.
    func metrics() async throws(ClusterError) -> String

    /// Cancels everything and returns when nothing runs any more.
    func shutdown() async
}

extension Backend {
    package var firstJob: UInt64 { 0 }
    func cancel(_ cell: ObjectCell) { cancel(cell, force: false) }
    package var sharedMemory: (any SharedMemory)? { nil }
    package func inputFailed(_ cell: ObjectCell) {}

    package func storeLarge<Value: Sendable & Codable>(
        _ value: Value, at origin: Origin
    ) async throws -> StoredParcel? { nil }
    package func storeLarge(_ payload: Payload) async throws -> StoredParcel? { nil }

    /// A method's result as it is passed on.
    func reply(_ payload: Payload) async throws -> ActorCall.Reply {
        guard let stored = try await storeLarge(payload) else { return .encoded(payload) }
        return .arrived(stored.arrival, stored.objects.backend)
    }
}
