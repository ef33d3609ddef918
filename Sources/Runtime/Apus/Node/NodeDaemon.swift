import ApusCore
import ApusInsight
import ApusObjects
import ApusTransport
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The process that keeps one machine's resources, workers and connections.
///
/// One thread, which waits for descriptors and acts on what comes; it decides nothing that the pure parts could.
final class NodeDaemon {
    private let poll: Int32
    private var nextProcess: UInt64 = 1
    var connections: [UInt64: NodeConnection] = [:]
    var driver: UInt64 = 0
    private(set) var configuration: NodeConfiguration
    private var isEnding = false
    private var endAnswers: [(UInt64, UInt64)] = []

    // Leases
    enum Request {
        case lease(client: UInt64, shape: Int)
        case actor(ActorIdentifier)
    }
    struct Lease {
        let owner: UInt64
        /// The owner's class, and the node's.
        let shape: Int
        let demand: Shape
        let worker: UInt64
        let grantedAt: Instant
        var isBlocked = false
        var recall = Recall.none
        /// When the worker is ended that still runs a task of an owner that ended.
        var orphanedUntil: Instant?
        enum Recall { case none, onceIdle, now }
    }
    var dispatcher: Dispatcher<Request>
    private(set) var leases: [UInt64: Lease] = [:]
    /// The classes that have a request in the dispatcher.
    private var waitingLeases: Set<WaitingClass> = []
    private struct WaitingClass: Hashable {
        let client: UInt64
        let shape: Int
    }
    private var nextLease: UInt64 = 1
    private var idle: [WorkerEnvironment: [UInt64]] = [:]
    /// What was admitted and waits for a worker.
    private(set) var admitted: [WorkerEnvironment: [(request: Request, demand: Shape)]] = [:]
    private(set) var starting: [WorkerEnvironment: Int] = [:]
    /// Workers that ended before they were ready, since the last that became so.
    private var failedStarts: [WorkerEnvironment: Int] = [:]
    /// After so many in a row no more are started for those that wait.
    private static let startAttempts = 10
    private var lastAvailable: Resources
    var actors = ActorRegistry()
    let insight: NodeInsight
    let objects: NodeObjects

    private let clock: MonotonicTime
    var now: Instant { clock.now() }
    var memory: MemoryWatch

    private enum Source: UInt64 { case socket, process, output, errors, insight, store }

    /// - Parameter descriptor: the connection to the driver, whose first message is the configuration.
    init(
        driver descriptor: Int32, configuration: NodeConfiguration, objects: NodeObjects
    ) throws(TransportError) {
        poll = apus_poll_create()
        guard poll >= 0 else { throw .last("epoll_create1") }
        _ = apus_descriptor_limit_raise()
        self.configuration = configuration
        let clock = MonotonicTime()
        self.clock = clock
        memory = MemoryWatch(workerLimit: configuration.workerMemory, now: clock.now())
        self.objects = objects
        dispatcher = Dispatcher(total: configuration.resources)
        lastAvailable = configuration.resources
        insight = NodeInsight(configuration)
        let connection = try add(ControlSocket(descriptor: descriptor, isBlocking: false), isDriver: true)
        driver = connection.process
        if let event = insight.server?.requestsEvent { watch(event, .insight, 0) }
        for warning in insight.warnings { notify(driver, .warning(warning)) }
        if let readiness = objects.readiness { watch(readiness, .store, 0) }
    }

    /// Runs until the driver ends.
    func run() {
        for _ in 0..<configuration.warmWorkers { startWorker(WorkerEnvironment()) }
        var events = Array(repeating: apus_poll_event(), count: 64)
        while !isEnding {
            let pause: Int32 = leases.isEmpty && actors.isEmpty ? 1000 : 250
            var wait = dispatcher.queued > 0 ? 5 : insight.isAsking ? 20 : pause
            if let due = objects.nextDeadline {
                // Rounded up, so that it has come.
                wait = Int32(clamping: min(Int64(wait), max(0, Int64((due - now) / .milliseconds(1)) + 1)))
            }
            let count = apus_poll_wait(poll, &events, 64, wait)
            guard count >= 0 else { break }
            for event in events.prefix(Int(count)) { handle(event) }
            endOrphans()
            watchMemory()
            tell(objects.collect(at: now))
            schedule()
            if insight.isAsking { insight.answer(in: self) }
        }
        end()
    }

    // MARK: Connections

    private func add(_ socket: ControlSocket, isDriver: Bool) throws(TransportError) -> NodeConnection {
        let process = nextProcess
        nextProcess += 1
        let inbox = try SharedMapping.create(label: "apus-inbox", length: Inbox.length)
        let connection = NodeConnection(process: process, socket: socket, isDriver: isDriver, inbox: inbox, now: now)
        connections[process] = connection
        watch(socket.descriptor, .socket, process)
        let (events, capacity) = try insight.joined(connection)
        notify(
            connection,
            .welcome(
                process: process, total: configuration.resources, storeCapacity: objects.capacity, events: capacity),
            [ChildProcess.copy(inbox), events, ChildProcess.copy(objects.descriptor)])
        tell(objects.join(StoreClient(process), label: isDriver ? "the driver" : "worker \(process)", at: now))
        return connection
    }

    private func watch(_ descriptor: Int32, _ source: Source, _ process: UInt64, output: Bool = false) {
        _ = apus_poll_set(poll, descriptor, process << 3 | source.rawValue, output)
    }

    func notify(_ process: UInt64, _ notice: NodeNotice) {
        if let connection = connections[process] { notify(connection, notice) }
    }

    func notify(_ connection: NodeConnection, _ notice: NodeNotice, _ descriptors: [Int32] = []) {
        do {
            let bytes = try BinaryEncoder().encode(notice)
            if try !connection.socket.send(ControlFrame(bytes: bytes, descriptors: descriptors)) {
                watch(connection.socket.descriptor, .socket, connection.process, output: true)
            }
        } catch {
            // Its end comes through its descriptors.
        }
    }

    /// Tells processes what the object store answers.
    private func tell(_ answers: NodeObjects.Answers) {
        for (client, answer) in answers { notify(UInt64(client), .store(answer)) }
    }

    private func handle(_ event: apus_poll_event) {
        let process = event.tag >> 3
        if event.tag & 7 == Source.insight.rawValue { return insight.serve(self) }
        guard let source = Source(rawValue: event.tag & 7), let connection = connections[process] else { return }
        switch source {
        case .socket:
            if event.writable, (try? connection.socket.flush()) == true {
                watch(connection.socket.descriptor, .socket, process)
            }
            if event.readable || event.ended { receive(from: connection) }
        case .process: reap(connection)
        case .output, .errors: read(from: connection, isError: source == .errors)
        case .insight, .store: break
        }
    }

    private func receive(from connection: NodeConnection) {
        do {
            let goesOn = try connection.socket.receive { bytes in
                do {
                    handle(try BinaryDecoder().decode(NodeRequest.self, from: bytes), from: connection)
                } catch {
                    connection.endReason = "it sent its node a message that could not be read: \(error)"
                    kill(connection)
                }
            }
            if !goesOn { disconnected(connection) }
        } catch {
            disconnected(connection)
        }
    }

    private func disconnected(_ connection: NodeConnection) {
        _ = apus_poll_remove(poll, connection.socket.descriptor)
        if connection.isDriver {
            isEnding = true
        } else {
            kill(connection)
        }
    }

    func kill(_ connection: NodeConnection) {
        if connection.pid > 0 { Glibc.kill(connection.pid, SIGKILL) }
    }

    /// Connects two processes, unless they are.
    func connect(_ first: UInt64, _ second: UInt64) -> Bool {
        guard let one = connections[first], let other = connections[second], first != second else { return false }
        if one.slots[second] != nil { return true }
        guard let oneSlot = one.takeSlot(for: second) else { return false }
        guard let otherSlot = other.takeSlot(for: first) else {
            one.freeSlot(of: second)
            return false
        }
        guard let memory = try? SharedMapping.create(label: "apus-channel", length: ChannelLayout.length) else {
            one.freeSlot(of: second)
            other.freeSlot(of: first)
            return false
        }
        notify(
            one, .peer(process: second, side: 0, slot: oneSlot, peerSlot: otherSlot),
            [ChildProcess.copy(memory), ChildProcess.copy(other.inbox)])
        notify(
            other, .peer(process: first, side: 1, slot: otherSlot, peerSlot: oneSlot),
            [memory, ChildProcess.copy(one.inbox)])
        return true
    }

    // MARK: Workers

    func startWorker(_ environment: WorkerEnvironment) {
        do throws(TransportError) {
            try start(environment)
            insight.counters.workersStarted += 1
            starting[environment, default: 0] += 1
        } catch {
            workerFailed(environment, reason: "\(error)")
        }
    }

    private func start(_ environment: WorkerEnvironment) throws(TransportError) {
        var ends: [Int32] = [0, 0]
        guard apus_socket_pair(&ends) == 0 else { throw .last("socketpair") }
        var pipes: [Int32] = []
        func closeAll() { for one in ends + pipes { close(one) } }
        for _ in 0..<2 {
            var pair: [Int32] = [0, 0]
            guard apus_pipe(&pair) == 0 else {
                let error = TransportError.last("pipe")
                closeAll()
                throw error
            }
            pipes += pair
        }
        var variables = ChildProcess.environment()
        variables.merge(environment.variables) { $1 }
        variables[ProcessMode.variable] = ProcessMode.worker.rawValue
        let pid = ChildProcess.start(
            configuration.executable, configuration.arguments, variables, folder: environment.folder, output: pipes[1],
            errors: pipes[3], kept: [ends[1]], diesWithParent: true)
        let failure = TransportError.last("starting \(configuration.executable)")
        close(ends[1])
        close(pipes[1])
        close(pipes[3])
        guard pid > 0 else {
            for one in [ends[0], pipes[0], pipes[2]] { close(one) }
            throw failure
        }
        let connection: NodeConnection
        do throws(TransportError) {
            connection = try add(ControlSocket(descriptor: ends[0], isBlocking: false), isDriver: false)
        } catch {
            Glibc.kill(pid, SIGKILL)
            throw error
        }
        connection.pid = pid
        connection.environment = environment
        connection.pidDescriptor = apus_process_descriptor(pid)
        watch(connection.pidDescriptor, .process, connection.process)
        for (descriptor, source) in [(pipes[0], Source.output), (pipes[2], Source.errors)] {
            connection.outputs[descriptor] = LineBuffer(isError: source == .errors)
            watch(descriptor, source, connection.process)
        }
    }

    /// A worker ended before it was ready, be it by chance or because none can run.
    private func startAgain(_ environment: WorkerEnvironment, reason: String) {
        let failed = failedStarts[environment, default: 0] + 1
        failedStarts[environment] = failed
        if failed >= Self.startAttempts {
            failedStarts[environment] = nil
            workerFailed(environment, reason: "\(failed) ended at their start, the last because \(reason)")
        } else if starting[environment, default: 0] < admitted[environment]?.count ?? 0 {
            startWorker(environment)
        }
    }

    /// No worker could be started: whoever waits for one cannot go on.
    private func workerFailed(_ environment: WorkerEnvironment, reason: String) {
        insight.counters.workerStartsFailed += 1
        let waiting = admitted.removeValue(forKey: environment) ?? []
        for (request, demand) in waiting {
            dispatcher.finish(demand)
            switch request {
            case .lease(let client, let shape):
                connections[client]?.classes[shape]?.wanted = 0
                connections[client]?.classes[shape]?.granted -= 1
                notify(client, .refused(shape: shape, reason: "no worker could be started: \(reason)"))
            case .actor(let id): actorLost(id, reason: "no worker could be started: \(reason)", isFinal: true)
            }
        }
    }

    private func read(from connection: NodeConnection, isError: Bool) {
        for (descriptor, var buffer) in connection.outputs where buffer.isError == isError {
            let isOpen = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { space in
                let count = Glibc.read(descriptor, space.baseAddress, space.count)
                if count > 0 {
                    buffer.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<count])) { line in
                        insight.printed(line, by: connection, isError: isError, in: self)
                    }
                    return true
                }
                return count < 0 && (errno == EAGAIN || errno == EINTR)
            }
            if isOpen {
                connection.outputs[descriptor] = buffer
            } else {
                buffer.end { insight.printed($0, by: connection, isError: isError, in: self) }
                connection.outputs[descriptor] = nil
                _ = apus_poll_remove(poll, descriptor)
                close(descriptor)
            }
        }
    }

    private func reap(_ connection: NodeConnection) {
        var status: Int32 = 0
        guard apus_process_reap_peak(connection.pid, &status, &connection.peakMemory) != 0 else { return }
        // What it said last belongs before its end.
        for _ in 0..<16 where !connection.outputs.isEmpty {
            read(from: connection, isError: false)
            read(from: connection, isError: true)
        }
        let reason = insight.ended(connection, reason: connection.endReason ?? ChildProcess.describe(status))
        if !connection.isReady {
            starting[connection.environment, default: 1] -= 1
            remove(connection, reason: reason)
            startAgain(connection.environment, reason: reason)
        } else {
            remove(connection, reason: reason)
        }
    }

    private func remove(_ connection: NodeConnection, reason: String) {
        connections[connection.process] = nil
        insight.left(connection)
        _ = apus_poll_remove(poll, connection.pidDescriptor)
        _ = apus_poll_remove(poll, connection.socket.descriptor)
        close(connection.pidDescriptor)
        close(connection.inbox)
        for descriptor in connection.outputs.keys {
            _ = apus_poll_remove(poll, descriptor)
            close(descriptor)
        }
        idle[connection.environment]?.removeAll { $0 == connection.process }
        for (peer, _) in connection.slots {
            connections[peer]?.freeSlot(of: connection.process)
            notify(peer, .processEnded(process: connection.process, reason: reason, shortage: connection.shortage))
        }
        for (id, lease) in leases {
            if lease.worker == connection.process {
                leases[id] = nil
                ended(lease)
            } else if lease.owner == connection.process {
                // The worker cancels what runs there; until it has ended, the lease holds what it held.
                leases[id]?.orphanedUntil = now + Self.orphanGrace
                notify(lease.worker, .leaseOrphaned(lease: id))
            }
        }
        tell(objects.leave(StoreClient(connection.process), at: now))
        if let actor = connection.actor { actorLost(actor, reason: reason) }
        endActors(createdBy: connection.process, reason: reason)
        actors.forget(subscriber: connection.process)
    }

    /// How long a task whose owner ended may take to obey its cancellation.
    private static let orphanGrace = Duration.seconds(1)

    /// Ends workers whose tasks nobody wants and that do not end.
    private func endOrphans() {
        let now = now
        for lease in leases.values {
            guard let limit = lease.orphanedUntil, limit <= now, let worker = connections[lease.worker],
                worker.endReason == nil
            else { continue }
            worker.endReason = "it ran a task whose owner ended, and the task did not obey its cancellation"
            kill(worker)
        }
    }

    /// Gives back what a lease held.
    private func ended(_ lease: Lease) {
        if lease.isBlocked { dispatcher.unblock(lease.demand) }
        dispatcher.finish(lease.demand)
        guard let owner = connections[lease.owner] else { return }
        owner.classes[lease.shape]?.granted -= 1
        request(owner, lease.shape)
    }

    /// Puts a class that wants more leases into the queue. One request of a class waits at a time: the next one follows
    /// when it is granted, so that a class that wants a thousand leases does not stand in the queue a thousand times.
    private func request(_ connection: NodeConnection, _ shape: Int) {
        guard let state = connection.classes[shape], state.queued == 0, state.granted < state.wanted else { return }
        dispatcher.enqueue(.lease(client: connection.process, shape: shape), shape: state.shape)
        connection.classes[shape]?.queued = 1
        waitingLeases.insert(WaitingClass(client: connection.process, shape: shape))
    }

    /// A worker's lease ended: it can take another one.
    private func release(worker: UInt64, lease: UInt64) {
        guard let connection = connections[worker] else { return }
        notify(connection, .leaseEnded(lease: lease))
        guard connection.actor == nil else { return }
        hand(out: worker, connection.environment)
    }

    /// Gives a worker that is free to whoever waits for one.
    private func hand(out worker: UInt64, _ environment: WorkerEnvironment) {
        while var waiting = admitted[environment],
            let index = waiting.firstIndex(where: { canServe(worker, $0.request) })
        {
            let (request, demand) = waiting.remove(at: index)
            admitted[environment] = waiting.isEmpty ? nil : waiting
            if use(worker, for: request, demand) { return }
        }
        idle[environment, default: []].append(worker)
    }

    // MARK: Leases

    private func handle(_ request: NodeRequest, from connection: NodeConnection) {
        switch request {
        case .configure: break
        case .ready:
            connection.isReady = true
            failedStarts[connection.environment] = nil
            starting[connection.environment, default: 1] -= 1
            hand(out: connection.process, connection.environment)
        case .want(let shape, let demand, let count): want(connection, shape, demand, count)
        case .giveBack(let id):
            guard let lease = leases[id], lease.owner == connection.process else { return }
            leases[id] = nil
            ended(lease)
            release(worker: lease.worker, lease: id)
        case .blocked(let id):
            guard var lease = leases[id], lease.worker == connection.process, !lease.isBlocked else { return }
            lease.isBlocked = true
            leases[id] = lease
            dispatcher.block(lease.demand)
        case .unblocked(let id):
            guard var lease = leases[id], lease.worker == connection.process, lease.isBlocked else { return }
            lease.isBlocked = false
            leases[id] = lease
            dispatcher.unblock(lease.demand)
        case .orphanEnded(let id):
            guard let lease = leases[id], lease.worker == connection.process, lease.orphanedUntil != nil else { return }
            leases[id] = nil
            ended(lease)
            release(worker: lease.worker, lease: id)
        case .objects(let number, let limit):
            notify(connection, .answer(request: number, .objects(objects.status(limit: limit))))
        case .store(let request): tell(objects.handle(request, of: StoreClient(connection.process), at: now))
        case .killWorker(let process, let reason):
            guard let worker = connections[process], !worker.isDriver else { return }
            worker.endReason = reason
            kill(worker)
        case .shutdown(let number):
            endAnswers.append((connection.process, number))
            isEnding = true
        case .reported(let number, let tasks): insight.told(number, by: connection.process, tasks)
        case .why(let number, let shape):
            notify(connection, .answer(request: number, .words(reason(of: connection, shape))))
        case .createActor, .findActor, .connectActor, .actorCreated, .actorEnded, .stopActor, .killActor:
            handle(actor: request, from: connection)
        }
    }

    private func want(_ connection: NodeConnection, _ shape: Int, _ demand: LeaseDemand?, _ count: Int) {
        if connection.classes[shape] == nil {
            guard let demand else { return }
            guard let class_ = dispatcher.shape(for: demand.resources) else {
                let reason = "it asks for \(demand.resources), but the cluster has only \(dispatcher.total)"
                notify(connection, .refused(shape: shape, reason: reason))
                return
            }
            connection.classes[shape] = NodeConnection.WantedClass(demand: demand, shape: class_)
        }
        connection.classes[shape]?.wanted = max(0, count)
        request(connection, shape)
    }

    private func schedule() {
        while let (request, demand) = dispatcher.admit() {
            guard case .lease(let client, let shape) = request else {
                place(request, demand, WorkerEnvironment())
                continue
            }
            waitingLeases.remove(WaitingClass(client: client, shape: shape))
            guard let connection = connections[client], var state = connection.classes[shape] else {
                dispatcher.finish(demand)
                continue
            }
            state.queued = 0
            guard state.granted < state.wanted else {
                connection.classes[shape] = state
                dispatcher.finish(demand)
                continue
            }
            state.granted += 1
            connection.classes[shape] = state
            self.request(connection, shape)
            place(request, demand, state.demand.environment)
        }
        if dispatcher.queued > 0 { recall() }
        if dispatcher.available != lastAvailable {
            lastAvailable = dispatcher.available
            notify(driver, .available(lastAvailable))
        }
    }

    /// Finds a new home for an actor that kept its resources.
    func rehost(_ id: ActorIdentifier, _ demand: Shape) { place(.actor(id), demand, WorkerEnvironment()) }

    /// Finds a worker for what was admitted, or starts one.
    private func place(_ request: Request, _ demand: Shape, _ environment: WorkerEnvironment) {
        while let index = idle[environment]?.lastIndex(where: { canServe($0, request) }),
            let worker = idle[environment]?.remove(at: index)
        {
            if use(worker, for: request, demand) { return }
        }
        admitted[environment, default: []].append((request, demand))
        if starting[environment, default: 0] < admitted[environment]?.count ?? 0 { startWorker(environment) }
    }

    /// A worker that has tasks of its own to give, from one that ended, does not run them itself: it would wait for a
    /// connection to itself.
    private func canServe(_ worker: UInt64, _ request: Request) -> Bool {
        if case .lease(worker, _) = request { false } else { true }
    }

    /// False where the worker is of no use.
    private func use(_ worker: UInt64, for request: Request, _ demand: Shape) -> Bool {
        guard let connection = connections[worker] else { return false }
        switch request {
        case .actor(let id):
            if !host(id, on: connection) {
                // The actor is wanted no more: the worker is as free as before.
                dispatcher.finish(demand)
                idle[connection.environment, default: []].append(worker)
            }
            return true
        case .lease(let client, let shape):
            guard let owner = connections[client] else {
                dispatcher.finish(demand)
                idle[connection.environment, default: []].append(worker)
                return true
            }
            guard connect(client, worker) else {
                // One of the two has too many connections, or memory has run out.
                owner.classes[shape]?.granted -= 1
                owner.classes[shape]?.wanted = 0
                dispatcher.finish(demand)
                idle[connection.environment, default: []].append(worker)
                notify(client, .refused(shape: shape, reason: "no more connections between processes can be made"))
                return true
            }
            let id = nextLease
            nextLease += 1
            leases[id] = Lease(owner: client, shape: shape, demand: demand, worker: worker, grantedAt: now)
            insight.counters.leasesGranted += 1
            notify(owner, .granted(lease: id, shape: shape, worker: worker))
            return true
        }
    }

    /// Leases that are idle are called back at once when others wait, those that are busy after a while.
    private func recall() {
        let now = now
        for (id, lease) in leases where lease.recall != .now && !lease.isBlocked && lease.orphanedUntil == nil {
            // A class that only waits for more of its own keeps what it has.
            guard isWanted(by: lease.owner, other: lease.shape) else { continue }
            let isOld = now - lease.grantedAt > .milliseconds(20)
            guard lease.recall == .none || isOld else { continue }
            leases[id]?.recall = isOld ? .now : .onceIdle
            notify(lease.owner, .recalled(lease: id, onceIdle: !isOld))
        }
    }

    /// Whether another class waits than this one.
    private func isWanted(by owner: UInt64, other shape: Int) -> Bool {
        if dispatcher.queued > waitingLeases.count { return true }
        return waitingLeases.contains { $0 != WaitingClass(client: owner, shape: shape) }
    }

    // MARK: The end

    /// Ends all workers and waits for them.
    private func end() {
        for connection in connections.values where !connection.isDriver { kill(connection) }
        for connection in connections.values where !connection.isDriver {
            var status: Int32 = 0
            while apus_process_reap(connection.pid, &status) == 0 { usleep(500) }
        }
        insight.finish(self)
        for (process, number) in endAnswers { notify(process, .answer(request: number, .done)) }
    }
}
