import ApusCore
import ApusInsight
import ApusObjects
import ApusTransport
import CApusEntry
import CApusSystem
import Synchronization
import Threads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What `local` starts.
struct LocalConfiguration: Sendable {
    var nodes: Int
    var resources: Resources
    var warmWorkers: Int
    var workerMemory: Int64?
    var objectStore: ObjectStoreConfiguration
    var insight = InsightConfiguration()
    /// Tasks that wait for so long while nothing ends are told of.
    var stallWarning: Duration? = Watchdog.defaultLimit
}

/// A driver's node, from its start to its end.
final class LocalSession: Sendable {
    let cluster: Cluster
    private let backend: LocalBackend
    private let receiver: NodeReceiver
    private let pid: Int32

    private init(cluster: Cluster, backend: LocalBackend, receiver: NodeReceiver, pid: Int32) {
        self.cluster = cluster
        self.backend = backend
        self.receiver = receiver
        self.pid = pid
    }

    /// Starts a node and connects to it.
    ///
    /// - Throws: `ClusterError.notStarted`.
    static func start(_ configuration: LocalConfiguration) async throws(ClusterError) -> LocalSession {
        guard configuration.nodes == 1 else {
            throw .notStarted(reason: "\(configuration.nodes) nodes on one machine are not supported: use `nodes: 1`")
        }
        do {
            return try await OwnThread.run { try open(configuration) }
        } catch {
            throw error as? ClusterError ?? .notStarted(reason: "\(error)")
        }
    }

    private static func open(_ configuration: LocalConfiguration) throws -> LocalSession {
        apus_entry_link()
        let executable = try ChildProcess.executable()
        var ends: [Int32] = [0, 0]
        guard apus_socket_pair(&ends) == 0 else { throw TransportError.last("socketpair") }
        var variables = ChildProcess.environment()
        variables[ProcessMode.variable] = ProcessMode.node.rawValue
        let arguments = CommandLine.arguments
        let pid = ChildProcess.start(
            executable, arguments, variables, folder: nil, output: 1, errors: 2, kept: [ends[1]], diesWithParent: false)
        let failure = TransportError.last("starting \(executable)")
        close(ends[1])
        guard pid > 0 else {
            close(ends[0])
            throw failure
        }
        let socket = ControlSocket(descriptor: ends[0], isBlocking: true)
        var insight = configuration.insight
        insight.driver = getpid()
        let node = NodeClient(socket: socket)
        node.send(
            .configure(
                NodeConfiguration(
                    resources: configuration.resources, executable: executable, arguments: arguments,
                    warmWorkers: configuration.warmWorkers, workerMemory: configuration.workerMemory,
                    objectStore: configuration.objectStore, insight: insight)))
        let receiver = NodeReceiver(socket: socket, stallWarning: configuration.stallWarning)
        let process: UInt64
        let inbox: Inbox
        let store: StoreAccess
        let recorder: EventRecorder
        do {
            (process, _, inbox, store, recorder) = try receiver.welcome()
        } catch {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            if let error = error as? ClusterError { throw error }
            throw ClusterError.notStarted(reason: "its node did not answer (\(ChildProcess.describe(status)))")
        }
        let backend = LocalBackend(
            process: process, node: node, inbox: inbox, store: store, recorder: recorder,
            total: configuration.resources,
            threads: max(2, Machine.processors), printLine: OutputLines.forward)
        let cluster = Cluster(backend: backend)
        backend.attach(cluster)
        backend.threads.start()
        receiver.start(backend)
        ProcessMetrics.shared.tell(backend)
        return LocalSession(cluster: cluster, backend: backend, receiver: receiver, pid: pid)
    }

    func end() async {
        await backend.shutdown()
        await cluster.calls.cancelAll()
        backend.node.socket.shutdown()
        do {
            try await OwnThread.run { [self] in
                receiver.join()
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                backend.threads.stop()
            }
        } catch {
            // The body does not throw.
        }
    }
}

/// Reads what the node sends, on a thread of its own in drivers and on the main thread in workers.
final class NodeReceiver: @unchecked Sendable {
    // `thread` is set once by `start` and read once by `join`.
    private let socket: ControlSocket
    private var thread: OwnThread?
    private var early: [NodeNotice] = []
    private var backend: LocalBackend?
    private let stallWarning: Duration?

    /// - Parameter stallWarning: see `Watchdog`; nil for none.
    init(socket: ControlSocket, stallWarning: Duration? = nil) {
        self.socket = socket
        self.stallWarning = stallWarning
    }

    /// Waits for the node's first message.
    func welcome() throws -> (
        process: UInt64, total: Resources, inbox: Inbox, store: StoreAccess, recorder: EventRecorder
    ) {
        var notices = try socket.receiveFirst().map { try BinaryDecoder().decode(NodeNotice.self, from: $0) }
        let process: UInt64
        let total: Resources
        let capacity: Int
        let events: Int
        let hasSpillFile: Bool
        switch notices.removeFirst() {
        case .welcome(let number, let resources, let bytes, let room, let spills):
            (process, total, capacity, events, hasSpillFile) = (number, resources, bytes, room, spills)
        case .failed(let reason): throw ClusterError.notStarted(reason: reason)
        default: throw TransportError.malformed(reason: "the node's first message is no welcome")
        }
        early = notices
        let descriptors = try socket.takeDescriptors(hasSpillFile ? 4 : 3)
        let spillFile = hasSpillFile ? SpillReader(descriptor: descriptors[3]) : nil
        defer { for one in descriptors[..<2] { close(one) } }
        let segment = try SharedSegment(descriptor: descriptors[2], capacity: capacity)
        let memory = try SharedMapping(
            descriptor: descriptors[1], length: EventMemory.length(capacity: max(0, min(events, 1 << 24))))
        return (
            process, total, Inbox(mapping: try SharedMapping(descriptor: descriptors[0], length: Inbox.length)),
            StoreAccess(segment: segment, spillFile: spillFile),
            try EventRecorder(mapping: memory)
        )
    }

    /// Hands what came before the backend existed to it.
    func attach(_ backend: LocalBackend) throws {
        self.backend = backend
        let notices = early
        early = []
        for notice in notices { try backend.handle(notice, from: socket) }
    }

    /// Reads once.
    ///
    /// - Returns: false at the end.
    func receive() -> Bool {
        guard let backend else { return false }
        do {
            var failure: (any Error)?
            let goesOn = try socket.receive { bytes in
                guard failure == nil else { return }
                do {
                    try backend.handle(try BinaryDecoder().decode(NodeNotice.self, from: bytes), from: socket)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return goesOn
        } catch {
            return false
        }
    }

    func start(_ backend: LocalBackend) {
        do { try attach(backend) } catch { return backend.nodeEnded() }
        do throws(ThreadError) {
            thread = try OwnThread { self.run() }
        } catch {
            backend.nodeEnded()
        }
    }

    private func run() {
        guard let backend else { return }
        let poll = apus_poll_create()
        defer { close(poll) }
        _ = apus_poll_set(poll, socket.descriptor, 0, false)
        var events = [apus_poll_event()]
        let clock = MonotonicTime()
        var watchdog = stallWarning.map { Watchdog(limit: $0, at: clock.now()) }
        while true {
            let count = apus_poll_wait(poll, &events, 1, backend.owner.needsTick ? 20 : 200)
            if count > 0, !receive() { break }
            backend.owner.tick()
            watchdog?.look(at: backend, now: clock.now())
        }
        backend.nodeEnded()
    }

    func join() { thread?.join() }
}

/// Prints what workers print, a line at a time, each with its process.
enum OutputLines {
    @Sendable static func forward(_ output: WorkerOutput) {
        let name = output.name.map { "\($0), " } ?? ""
        write("(\(name)worker \(output.process)) \(output.line)\n", isError: output.isError)
    }

    static func write(_ text: String, isError: Bool) {
        var bytes = Array(text.utf8)
        var start = 0
        // One call where the descriptor takes it all, so that lines of several threads stay whole.
        while start < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.write(isError ? 2 : 1, $0.baseAddress.map { $0 + start }, $0.count - start)
            }
            if count < 0 {
                if errno == EINTR { continue }
                return
            }
            start += count
        }
    }
}
