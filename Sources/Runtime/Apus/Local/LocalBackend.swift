import ApusCore
import ApusInsight
import ApusObjects
import ApusScheduling
import ApusTransport
import CApusSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs tasks and actors in worker processes of this machine. The same class serves the driver and the workers, which are
/// owners of what they submit themselves.
final class LocalBackend: Backend, @unchecked Sendable {
    // `front`, `owner`, `server`, `actors`, `objects` and `threads` are set by `init` before anything else sees the instance; the rest
    // has locks.
    let process: UInt64
    let node: NodeClient
    let mailroom: Mailroom
    let threads: EventThreads
    private(set) var owner: TaskOwner!
    private(set) var server: TaskServer!
    private(set) var actors: LocalActors!
    private(set) var objects: LocalObjects!
    let total: Resources
    private let free: Mutex<Resources>
    private let peers = Mutex<[UInt64: Peer]>([:])
    private let shapes = Mutex<[SchedulingClass: Shape]>([:])
    /// The node gives the first jobs the numbers of drivers.
    var firstJob: UInt64 { process << 32 }
    private let closing = Atomic(false)
    /// The node wants this process to end.
    private let retiring = Atomic(false)
    private let lostNode = Atomic(false)
    /// What happens here is recorded in memory that the node reads.
    let recorder: EventRecorder
    private let front = Mutex<Front?>(nil)
    private struct Front {
        unowned let cluster: Cluster
    }
    /// What is done with the lines that workers print; only the driver gets them.
    let printLine: @Sendable (WorkerOutput) -> Void

    init(
        process: UInt64, node: NodeClient, inbox: Inbox, store: StoreAccess, recorder: EventRecorder,
        total: Resources, threads count: Int, printLine: @escaping @Sendable (WorkerOutput) -> Void = { _ in }
    ) {
        self.process = process
        self.node = node
        self.recorder = recorder
        self.total = total
        self.printLine = printLine
        free = Mutex(total)
        mailroom = Mailroom(inbox: inbox)
        threads = EventThreads(mailroom: mailroom, count: count)
        owner = TaskOwner(backend: self)
        server = TaskServer(backend: self)
        actors = LocalActors(backend: self)
        objects = LocalObjects(store: store, process: process, node: node, backend: self)
        let standard = shape(for: SchedulingClass(demand: Resources(cpus: 1)))
        precondition(standard == .standard, "the standard class is the first")
    }

    var available: Resources { free.withLock { $0 } }
    var isClosing: Bool { closing.load(ordering: .acquiring) }
    /// Why nothing is taken any more.
    var closedError: ClusterError { lostNode.load(ordering: .acquiring) ? .nodeEnded : .closed }

    var cluster: Cluster {
        guard let cluster = front.withLock({ $0?.cluster }) else { preconditionFailure("no cluster was attached") }
        return cluster
    }

    func attach(_ cluster: Cluster) { front.withLock { $0 = Front(cluster: cluster) } }

    var userInfo: [CodingUserInfoKey: any Sendable] { [.actorSystemKey: cluster.actorSystem] }
    var encodesCalls: Bool { true }
    var taskExecutor: (any TaskExecutor)? { threads }

    // MARK: Tasks

    private func shape(for value: SchedulingClass) -> Shape {
        shapes.withLock { shapes in
            if let shape = shapes[value] { return shape }
            let shape = Shape(index: shapes.count)
            shapes[value] = shape
            node.define(shape, value)
            return shape
        }
    }

    func prepare(_ cell: ObjectCell, demand: Resources?, from context: RunContext?) throws(ClusterError) {
        guard !isClosing else { throw closedError }
        context?.cell?.add(child: cell)
        guard let demand else { return record(submitted: cell) }
        guard demand.gpus.units <= 10_000 || demand.gpus.units % 10_000 == 0 else {
            throw .fractionalDevices(subject: cell.taskName, gpus: demand.gpus)
        }
        let options = cell.options ?? .standard
        let bundle = try place(cell.scheduling, demand: demand, of: cell.taskName)
        try EnvironmentLimit.check(options.environment, of: cell.taskName)
        var environment = WorkerEnvironment(variables: options.environment)
        if let folder = options.workingDirectory {
            guard let path = Self.folder(folder) else {
                throw .missingFolder(subject: cell.taskName, path: folder)
            }
            environment.folder = path
        }
        cell.shape = shape(
            for: SchedulingClass(
                demand: demand, environment: environment, priority: options.priority, bundle: bundle,
                job: options.job?.share, isRetriable: options.retries != 0))
        record(submitted: cell)
    }

    /// A folder's whole path; nil where there is none.
    private static func folder(_ path: String) -> String? {
        guard let whole = realpath(path, nil) else { return nil }
        let path = String(cString: whole)
        Glibc.free(whole)
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
        return path
    }

    private func record(submitted cell: ObjectCell) {
        guard let name = cell.nameNumber(in: recorder) else { return }
        cell.eventName = name
        cell.eventNumber = recorder.recordSubmission(name: name)
    }

    func inputFailed(_ cell: ObjectCell) { recorder.record(.failed, cell) }

    func start(_ cell: ObjectCell) {
        guard !isClosing else {
            if cell.fail(.cancelled) { recorder.record(.cancelled, cell) }
            return
        }
        owner.start(cell)
    }

    func cancel(_ cell: ObjectCell, force: Bool) {
        var peer = owner.interrupt(cell)
        if peer == nil { cell.interrupt(.cancelled) }
        // Complete before its worker ends, so that it is not tried again.
        if cell.fail(.cancelled) { recorder.record(.cancelled, cell) }
        // It may have been sent just now; from here on it is not.
        if peer == nil { peer = owner.interrupt(cell) }
        if force, let peer {
            node.send(.killWorker(process: peer.id, reason: "its task was cancelled by force"))
        }
    }

    func taskBlocked(_ cell: ObjectCell) { (cell as? ServedCell)?.lane.blocked() }
    func taskUnblocked(_ cell: ObjectCell) { (cell as? ServedCell)?.lane.unblocked() }

    func store<Value: Sendable & Codable>(_ value: Value) throws(CodingError) -> Value { value }

    var sharedMemory: (any SharedMemory)? { objects }

    func storeLarge<Value: Sendable & Codable>(_ value: Value, at origin: Origin) async throws -> StoredParcel? {
        let outgoing = try objects.outgoing(value)
        return outgoing.isLarge ? try await objects.store(value, outgoing, site: Site(origin)) : nil
    }

    func storeLarge(_ payload: Payload) async throws -> StoredParcel? {
        payload.isLarge ? try await objects.store(payload, site: .current) : nil
    }

    // MARK: Other processes

    var allPeers: [Peer] { peers.withLock { Array($0.values) } }
    func peer(_ process: UInt64) -> Peer? { peers.withLock { $0[process] } }

    /// Takes in a message of the node. Called by one thread.
    func handle(_ notice: NodeNotice, from socket: ControlSocket) throws {
        switch notice {
        case .welcome, .failed: throw TransportError.malformed(reason: "a second welcome")
        case .store(let answer): objects.session.receive(answer)
        case .peer(let process, let side, let slot, let peerSlot):
            let descriptors = try socket.takeDescriptors(2)
            defer { for one in descriptors { close(one) } }
            let mapping = try SharedMapping(descriptor: descriptors[0], length: ChannelLayout.length)
            let inbox = Inbox(mapping: try SharedMapping(descriptor: descriptors[1], length: Inbox.length))
            let channel = Channel(
                mapping: mapping, side: side, peer: process, slot: slot, peerSlot: peerSlot, peerInbox: inbox)
            let peer = Peer(id: process, channel: channel, backend: self)
            channel.receiver = peer
            peers.withLock { $0[process] = peer }
            mailroom.add(channel)
        case .processEnded(let process, let reason, let shortage):
            guard let peer = peers.withLock({ $0.removeValue(forKey: process) }) else { return }
            mailroom.remove(peer.channel)
            peer.ended(reason: reason)
            server.ownerEnded(process)
            owner.workerEnded(peer, shortage.map { .outOfMemory($0) } ?? .workerCrashed(reason: reason))
            actors.callerEnded(process)
        case .granted(let lease, let shape, let worker):
            guard let peer = peer(worker) else { return node.giveBack(lease) }
            owner.granted(lease, shape: Shape(index: shape), worker: peer)
        case .recalled(let lease, let onceIdle): owner.recalled(lease, onceIdle: onceIdle)
        case .refused(let shape, let refusal): owner.refused(Shape(index: shape), refusal)
        case .leaseLost(let lease, let group): owner.lost(lease, .groupRemoved(group: group))
        case .leaseEnded(let lease): server.ended(lease: lease)
        case .leaseOrphaned(let lease): server.orphaned(lease: lease)
        case .retire: retiring.store(true, ordering: .releasing)
        case .host(let id, let creation):
            actors.host(id, creation, journal: creation.isCheckpointed ? try socket.takeDescriptors(2) : [])
        case .actorAt(let id, let process, let traits): actors.found(id, at: process, traits)
        case .actorRestarting(let id, let reason): actors.lost(id, reason: reason, restarts: true)
        case .actorDead(let id, let reason): actors.lost(id, reason: reason, restarts: false)
        case .stopActor(let id): actors.stopHosted(id)
        case .answer(let request, let answer): node.answered(request, answer)
        case .available(let resources): free.withLock { $0 = resources }
        case .output(let output): printLine(output)
        case .warning(let text): Warnings.print(text)
        case .report(let request, let query): node.send(.reported(request: request, tasks(query)))
        }
    }

    var isRetiring: Bool { retiring.load(ordering: .acquiring) }

    /// Whether nothing runs here, and nobody waits for what this process owns.
    var isAtRest: Bool {
        server.isIdle && owner.isIdle && allPeers.allSatisfy { $0.owesNothing && !$0.channel.isCongested }
    }

    /// Another process sent what none of ours sends: it is ended, and what it ran runs elsewhere.
    func protocolError(_ error: any Error, from peer: Peer) {
        node.send(.killWorker(process: peer.id, reason: "it sent a message that could not be read: \(error)"))
    }

    /// The node ended: nothing can run any more.
    func nodeEnded() {
        if !isClosing { lostNode.store(true, ordering: .releasing) }
        closing.store(true, ordering: .releasing)
        node.ended()
        objects.session.end()
        for cell in owner.drain() { cell.fail(.workerCrashed(reason: "the node's process ended")) }
        actors.closeAll(reason: "the node's process ended")
        for peer in allPeers { peer.ended(reason: "the node's process ended") }
    }

    // MARK: Placement groups

    func createGroup(_ bundles: [Resources], _ strategy: PlacementStrategy) async throws -> UInt64 {
        let answer = await RunContext.lending {
            await node.ask { .createGroup(request: $0, bundles: bundles, strategy) }
        }
        guard case .group(let number)? = answer else { throw closedError }
        return number
    }

    func groupIsReady(_ group: UInt64) async -> Bool {
        if case .done? = await node.ask({ .awaitGroup(request: $0, group: group) }) { true } else { false }
    }

    func removeGroup(_ group: UInt64) async throws {
        guard case .done? = await RunContext.lending({ await node.ask { .removeGroup(request: $0, group: group) } })
        else { throw closedError }
    }

    func metrics() async throws(ClusterError) -> String {
        guard case .words(let text)? = await RunContext.lending({ await node.ask { .metrics(request: $0) } })
        else { throw closedError }
        return text
    }

    // MARK: Ending

    func shutdown() async {
        closing.store(true, ordering: .releasing)
        for cell in owner.drain() { cell.fail(.cancelled) }
        actors.closeAll(reason: "its cluster was left")
        _ = await node.ask { .shutdown(request: $0) }
        for peer in allPeers { peer.ended(reason: "its cluster was left") }
    }
}
