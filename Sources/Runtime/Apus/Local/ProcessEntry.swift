import ApusCore
import ApusInsight
import ApusTransport
import CApusEntry
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Called before `main` in a process that Apus started: never returns in a worker or a node. See decision 0140.
@_cdecl("apus_process_enter")
func enterProcess(_ mode: UnsafePointer<CChar>) {
    guard let mode = ProcessMode(rawValue: String(cString: mode)) else { return }
    // Programs that a task starts are not workers.
    unsetenv(ProcessMode.variable)
    switch mode {
    case .node: NodeProcess.run()
    case .worker: WorkerProcess.run()
    }
}

enum NodeProcess {
    static func run() -> Never {
        // Workers do not inherit it.
        _ = fcntl(ProcessMode.descriptor, F_SETFD, FD_CLOEXEC)
        let socket = ControlSocket(
            descriptor: fcntl(ProcessMode.descriptor, F_DUPFD_CLOEXEC, 3), isBlocking: true)
        do {
            // The driver sends nothing more before it was welcomed.
            guard let first = try socket.receiveFirst().first,
                case .configure(let configuration) = try BinaryDecoder().decode(NodeRequest.self, from: first)
            else { apus_exit(1) }
            let objects: NodeObjects
            do {
                objects = try NodeObjects(configuration.objectStore)
            } catch {
                let failure = try BinaryEncoder().encode(NodeNotice.failed(reason: "\(error)"))
                _ = try socket.send(ControlFrame(bytes: failure))
                apus_exit(1)
            }
            let daemon = try NodeDaemon(
                driver: ProcessMode.descriptor, configuration: configuration, objects: objects)
            daemon.run()
            apus_exit(0)
        } catch {
            apus_exit(1)
        }
    }
}

enum WorkerProcess {
    static func run() -> Never {
        apus_print_lines()
        _ = fcntl(ProcessMode.descriptor, F_SETFD, FD_CLOEXEC)
        let socket = ControlSocket(descriptor: ProcessMode.descriptor, isBlocking: true)
        let node = NodeClient(socket: socket)
        let receiver = NodeReceiver(socket: socket)
        do {
            let (process, total, inbox, store, recorder) = try receiver.welcome()
            let backend = LocalBackend(
                process: process, node: node, inbox: inbox, store: store, recorder: recorder, total: total,
                threads: max(2, Machine.processors))
            let cluster = Cluster(backend: backend)
            backend.attach(cluster)
            backend.threads.start()
            try receiver.attach(backend)
            ApusMetrics.install()
            ProcessMetrics.shared.tell(backend)
            node.send(.ready)
            serve(receiver, socket, backend)
        } catch {
            apus_exit(1)
        }
    }

    /// The main thread's loop: the node's messages, and what the program's tasks give to the main actor.
    private static func serve(_ receiver: NodeReceiver, _ socket: ControlSocket, _ backend: LocalBackend) -> Never {
        let poll = apus_poll_create()
        _ = apus_poll_set(poll, socket.descriptor, 0, false)
        _ = apus_poll_set(poll, apus_main_queue_descriptor(), 1, false)
        var events = Array(repeating: apus_poll_event(), count: 2)
        while true {
            let isBusy = backend.owner.needsTick || backend.isRetiring
            let count = apus_poll_wait(poll, &events, 2, isBusy ? 20 : -1)
            for event in events.prefix(Int(max(0, count))) {
                if event.tag == 1 {
                    apus_main_queue_run()
                } else if !receiver.receive() {
                    apus_exit(0)
                }
            }
            backend.owner.tick()
            // What is in the rings is read after this process's end.
            if backend.isRetiring, backend.isAtRest { apus_exit(0) }
        }
    }
}
