import ApusCore
import ApusInsight
import ApusObjects
import ApusScheduling
import ApusTransport
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The process that keeps one machine's resources, workers and connections.
///
/// One thread, which waits for descriptors and acts on what comes. It decides nothing itself: `NodeScheduler` says who gets
/// resources and processes, `ActorRegistry` which actors there are, `NodeObjects` what is in the store.
final class NodeDaemon {
    private let poll: Int32
    private var nextProcess: UInt64 = 1
    var connections: [UInt64: NodeConnection] = [:]
    /// Of each worker that was started.
    var processes: [WorkerID: UInt64] = [:]
    private(set) var driver: UInt64 = 0
    let configuration: NodeConfiguration
    private var isEnding = false
    private var endAnswers: [(UInt64, UInt64)] = []

    var scheduler: NodeScheduler
    /// What the scheduler has not been told yet.
    var events: [NodeEvent] = []
    var isDeciding = false
    var lastTick: Instant
    private var lastAvailable: Resources
    var actors = ActorRegistry()
    var groups = Groups()
    let insight: NodeInsight
    let objects: NodeObjects

    private let clock = MonotonicTime()
    var now: Instant { clock.now() }
    var memory: MemoryWatch
    var memoryReport: MemoryReport?

    enum Source: UInt64 { case socket, process, output, errors, insight, store }

    /// - Parameter descriptor: the connection to the driver, whose first message is the configuration.
    init(
        driver descriptor: Int32, configuration: NodeConfiguration, objects: NodeObjects
    ) throws(TransportError) {
        poll = apus_poll_create()
        guard poll >= 0 else { throw .last("epoll_create1") }
        _ = apus_descriptor_limit_raise()
        self.configuration = configuration
        lastTick = clock.now()
        memory = MemoryWatch(workerLimit: configuration.workerMemory, now: lastTick)
        self.objects = objects
        var settings = NodeScheduler.Configuration(resources: configuration.resources)
        settings.warmWorkers = configuration.warmWorkers
        settings.workerLimit = max(settings.workerLimit, 2 * configuration.warmWorkers)
        settings.startAttempts = 5
        settings.startPause = .milliseconds(20)
        scheduler = NodeScheduler(settings)
        lastAvailable = configuration.resources
        insight = NodeInsight(configuration)
        driver = takeNumber()
        let memory = try ProcessMemories(driver, insight)
        let connection = NodeConnection(
            process: driver, socket: ControlSocket(descriptor: descriptor, isBlocking: false), isDriver: true,
            inbox: memory.inbox, now: now)
        add(connection, memory)
        if let event = insight.server?.requestsEvent { watch(event, .insight, 0) }
        for warning in insight.warnings { notify(driver, .warning(warning)) }
        if let readiness = objects.readiness { watch(readiness, .store, 0) }
        decide(.driverJoined(ProcessID(driver), job: JobID(driver), weight: 1))
    }

    func takeNumber() -> UInt64 {
        defer { nextProcess += 1 }
        return nextProcess
    }

    func connection(of worker: WorkerID) -> NodeConnection? { processes[worker].flatMap { connections[$0] } }

    /// Runs until the driver ends.
    func run() {
        decide(.tick)
        var events = Array(repeating: apus_poll_event(), count: 64)
        while !isEnding {
            let count = apus_poll_wait(poll, &events, 64, patience())
            guard count >= 0 else { break }
            for event in events.prefix(Int(count)) { handle(event) }
            tick()
            watchMemory()
            tell(objects.collect(at: now))
            if scheduler.available != lastAvailable {
                lastAvailable = scheduler.available
                notify(driver, .available(lastAvailable))
            }
            if insight.isAsking { insight.answer(in: self) }
        }
        end()
    }

    /// How long nothing need be done unless a message comes, in milliseconds.
    private func patience() -> Int32 {
        var wait = scheduler.hasLeases ? MemoryWatch.interval : .seconds(1)
        if insight.isAsking { wait = min(wait, .milliseconds(20)) }
        if let interval = scheduler.tickInterval { wait = min(wait, lastTick + interval - now) }
        if let due = objects.nextDeadline { wait = min(wait, due - now) }
        // Rounded up, so that it has come.
        return Int32(clamping: max(0, Int64(wait / .milliseconds(1))) + 1)
    }

    // MARK: Messages

    func watch(_ descriptor: Int32, _ source: Source, _ process: UInt64, output: Bool = false) {
        _ = apus_poll_set(poll, descriptor, process << 3 | source.rawValue, output)
    }

    func unwatch(_ descriptor: Int32) { _ = apus_poll_remove(poll, descriptor) }

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
    func tell(_ answers: NodeObjects.Answers) {
        for (client, notice) in answers { notify(UInt64(client), notice) }
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

    /// Reads all that a process sent that has ended.
    func drain(_ connection: NodeConnection) {
        // To the end of the stream; a child of the process may have kept it open, so that there is none.
        for _ in 0..<1024 {
            let goesOn = try? connection.socket.receive { bytes in
                if let request = try? BinaryDecoder().decode(NodeRequest.self, from: bytes) {
                    handle(request, from: connection)
                }
            }
            guard goesOn == true else { return }
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
        unwatch(connection.socket.descriptor)
        if connection.isDriver {
            isEnding = true
        } else {
            kill(connection)
        }
    }

    private func handle(_ request: NodeRequest, from connection: NodeConnection) {
        switch request {
        case .configure: break
        case .ready:
            guard let worker = connection.worker, !connection.isReady else { return }
            connection.isReady = true
            decide(.workerReady(worker, client: ProcessID(connection.process)))
        case .want(let shape, let value, let count): want(connection, shape, value, count)
        case .giveBack(let lease): giveBack(lease, connection)
        case .blocked(let lease): served(lease, by: connection) { .blocked($0) }
        case .unblocked(let lease): served(lease, by: connection) { .unblocked($0) }
        case .orphanEnded(let lease): served(lease, by: connection) { .revoked($0) }
        case .spent: if let worker = connection.worker { decide(.workerSpent(worker)) }
        case .objects(let number, let limit):
            notify(connection, .answer(request: number, .objects(objects.status(limit: limit))))
        case .giveUp(let id, let reason):
            tell(objects.giveUp(id, of: StoreClient(connection.process), reason: reason))
        case .recover(let number, let id):
            tell(objects.wait(for: id, client: StoreClient(connection.process), request: number))
        case .store(let request): tell(objects.handle(request, of: StoreClient(connection.process), at: now))
        case .createGroup(let number, let bundles, let strategy):
            createGroup(bundles, strategy, connection.process, number)
        case .awaitGroup(let number, let group): awaitGroup(group, connection.process, number)
        case .removeGroup(let number, let group):
            decide(.removeGroup(GroupID(group)))
            notify(connection, .answer(request: number, .done))
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
        case .metricsAppeared: metricsAppeared(connection)
        case .metrics(let number):
            notify(connection, .answer(request: number, .words(insight.metricsText(self))))
        case .createActor, .findActor, .connectActor, .actorCreated, .actorEnded, .stopActor, .killActor:
            handle(actor: request, from: connection)
        }
    }

    private func metricsAppeared(_ connection: NodeConnection) {
        do throws(TransportError) {
            let descriptors = try connection.socket.takeDescriptors(1)
            defer { for one in descriptors { close(one) } }
            try insight.metrics.appeared(
                connection.process, label: connection.isDriver ? "driver" : "\(connection.process)",
                descriptor: descriptors[0])
        } catch {
            notify(driver, .warning("The metrics of process \(connection.process) are not shown: \(error)"))
        }
    }

    // MARK: The end

    /// Ends all workers and waits for them.
    private func end() {
        for connection in connections.values where !connection.isDriver { kill(connection) }
        for connection in connections.values where !connection.isDriver { Self.end(connection.pid) }
        insight.finish(self)
        for (process, number) in endAnswers { notify(process, .answer(request: number, .done)) }
    }
}
