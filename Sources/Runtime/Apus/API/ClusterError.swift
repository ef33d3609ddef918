import ApusCore

/// Why the cluster refuses something.
public enum ClusterError: Error, Sendable, CustomStringConvertible {
    /// No node can ever meet the demand.
    case infeasible(subject: String, demand: Resources, total: Resources)
    /// More than one graphics processor, and a fraction.
    case fractionalDevices(subject: String, gpus: Quantity)
    /// The cluster was left; nothing can be submitted any more.
    case closed
    /// The cluster's node ended while the program ran; nothing can run any more.
    case nodeEnded
    /// `get` or `wait` was given up.
    case timedOut(after: Duration)
    /// `wait` for more references than given, or fewer than one.
    case invalidCount(Int, references: Int)
    /// The working directory of a task is not there.
    case missingFolder(subject: String, path: String)
    /// An option that only processes of a task's own can meet.
    case needsProcesses(subject: String, option: String)
    /// A task or actor that is to run on a node that does not exist, and on no other.
    case unknownNode(subject: String, node: NodeIdentifier, nodes: [NodeIdentifier])
    /// A task or actor that is to run in a bundle that its group does not have.
    case unknownBundle(subject: String, bundle: Int, bundles: Int)
    /// Bundles each of which is to lie on a node of its own.
    case needsNodes(bundles: Int, nodes: Int)
    /// The processes of a local cluster could not be started.
    case notStarted(reason: String)
    /// A value that is passed on in one message, and too large for it.
    case tooLarge(subject: String, bytes: Int, limit: Int)
    /// The environment variables of a task are more than the system takes: one of them, or where nil all together with the
    /// program's own and its arguments.
    case environmentTooLarge(subject: String, variable: String?, bytes: Int, limit: Int)
    /// An environment variable with a value that is not one of its own.
    case invalidEnvironment(variable: String, value: String, expected: String)

    public var description: String {
        switch self {
        case .infeasible(let subject, let demand, let total):
            "\(subject) asks for \(demand), but the cluster has only \(total). Ask for less, or start it with more."
        case .fractionalDevices(let subject, let gpus):
            "\(subject) asks for \(gpus) gpus: more than one must be a whole number."
        case .closed:
            "The cluster was left: submit inside the body of `withCluster`."
        case .nodeEnded:
            "The process that keeps the cluster's workers ended: leave `withCluster` and enter it again. What it said "
                + "last is in this program's error output."
        case .timedOut(let limit):
            "The objects did not exist after \(limit). They are still being computed: ask again, or cancel them."
        case .invalidCount(let count, let references):
            "Waiting for \(count) of \(references) references: the count must be from 1 to \(references)."
        case .missingFolder(let subject, let path):
            "\(subject) is to run in `\(path)`, which is not a folder. Create it before you submit the task."
        case .needsProcesses(let subject, let option):
            "\(subject) asks for `\(option)`, but the cluster's tasks run in the program's own process. Use `.local(…)`."
        case .unknownNode(let subject, let node, let nodes):
            "\(subject) is to run on \(node), but the cluster has only "
                + nodes.map { "\($0)" }.joined(separator: ", ") + ". A soft affinity lets it run on another."
        case .unknownBundle(let subject, let bundle, let bundles):
            "\(subject) is to run in bundle \(bundle) of a placement group that has \(bundles); the first is 0."
        case .needsNodes(let bundles, let nodes):
            "The \(bundles) bundles of a placement group are to lie on as many nodes, but the cluster has \(nodes). Use "
                + "`spread` instead of `strictSpread`."
        case .notStarted(let reason):
            "The cluster could not be started: \(reason)"
        case .tooLarge(let subject, let bytes, let limit):
            "\(subject) has \(bytes) bytes, and at most \(limit) can be passed on. Put the large part into the object store "
                + "(`cluster.put`), and pass its reference."
        case .environmentTooLarge(let subject, let variable, let bytes, let limit):
            "\(subject) is to run with "
                + (variable.map { "the environment variable \($0.prefix(80)), which has" }
                    ?? "environment variables that have, with the program's own and its arguments,")
                + " \(bytes) bytes; the system takes \(limit). Pass large values as inputs (`@Input`), or put them into a "
                + "file or the object store (`cluster.put`)."
        case .invalidEnvironment(let variable, let value, let expected):
            "\(variable) is `\(value)`; expected \(expected)."
        }
    }
}

/// Why an actor does not answer.
public enum ActorError: Error, Sendable, Codable, CustomStringConvertible {
    /// No actor has the name.
    case unknownName(String)
    /// An actor has the name already.
    case nameTaken(String)
    /// The actor is of another type than was asked for.
    case wrongType(name: String, expected: String, found: String)
    /// The actor is not one of this cluster, or was created outside of it.
    case unknownActor(ActorIdentifier)
    /// The actor's creation failed.
    case creationFailed(actor: String, RemoteFailure)
    /// The actor has ended; the call did not run.
    case dead(actor: String, reason: String)
    /// The actor crashed or was killed during the call: whether the call had its effect is unknown.
    case crashedDuringCall(actor: String, call: String, reason: String)
    /// A checkpointed actor that is to run several calls at once.
    case notSerial(actor: String)
    /// The caller's time for the call was up: whether it has its effect is unknown.
    case callTimedOut(actor: String, call: String, after: Duration)
    /// The call's options name a group that the actor does not have.
    case unknownGroup(actor: String, group: String, groups: [String])
    /// More calls wait than the actor's options allow.
    case tooManyCalls(actor: String, limit: Int)
    /// An actor that runs one call at a time was called from within that call: it would wait for itself for ever.
    case wouldDeadlock(actor: String, call: String)

    public var description: String {
        switch self {
        case .unknownName(let name):
            "No actor is named `\(name)`. Create it first, or use `getOrCreate`."
        case .nameTaken(let name):
            "An actor named `\(name)` exists already. Choose another name, or use `getOrCreate`."
        case .wrongType(let name, let expected, let found):
            "The actor `\(name)` is a \(found), not a \(expected)."
        case .unknownActor(let id):
            "\(id) is not an actor of this cluster. Create actors with `cluster.create`."
        case .creationFailed(let actor, let failure):
            "The actor \(actor) could not be created: \(failure)"
        case .dead(let actor, let reason):
            "The actor \(actor) is dead: \(reason)"
        case .crashedDuringCall(let actor, let call, let reason):
            "The actor \(actor) crashed during \(call): \(reason). The call may have had its effect; "
                + "`maxTaskRetries` repeats such calls."
        case .notSerial(let actor):
            "\(actor) is checkpointed: its calls must run one after the other to be run again in their order. Create it "
                + "with a concurrency of 1 and without groups."
        case .callTimedOut(let actor, let call, let limit):
            "The call \(call) of \(actor) was not answered after \(limit). It may still have its effect."
        case .unknownGroup(let actor, let group, let groups):
            "The actor \(actor) has no concurrency group `\(group)`; it has "
                + (groups.isEmpty ? "none." : groups.map { "`\($0)`" }.joined(separator: ", ") + ".")
        case .tooManyCalls(let actor, let limit):
            "\(limit) calls wait for the actor \(actor) already. Await some before making more."
        case .wouldDeadlock(let actor, let call):
            "The call \(call) waits for the actor \(actor), which waits for this call. "
                + "Call the method directly, or create the actor with `concurrency` above 1."
        }
    }
}

/// Thrown by an actor's method to end the actor: its state cannot be trusted any more. It restarts if its options say so.
///
/// Whatever else a method throws is the call's failure, and the actor lives on.
public struct ActorCrash: Error, Sendable, CustomStringConvertible {
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
    public var description: String { reason }
}
