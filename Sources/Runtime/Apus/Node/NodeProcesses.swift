import ApusCore
import ApusObjects
import ApusScheduling
import ApusTransport
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The node's processes: their start, their connections, their output and their end.
extension NodeDaemon {
    // MARK: Start

    func startWorker(_ worker: WorkerID, _ environment: WorkerEnvironment) {
        do throws(TransportError) {
            try start(worker, environment)
            insight.counters.workersStarted += 1
        } catch {
            insight.counters.workerStartsFailed += 1
            decide(.workerFailedToStart(worker, reason: "\(error)"))
        }
    }

    /// Descriptors that are closed together where something fails before they have an owner.
    private struct Ends {
        private var open: [Int32] = []

        mutating func pair(_ name: String, _ make: (UnsafeMutablePointer<Int32>) -> Int32) throws(TransportError) -> (
            Int32, Int32
        ) {
            var pair: [Int32] = [0, 0]
            guard make(&pair) == 0 else { throw .last(name) }
            open += pair
            return (pair[0], pair[1])
        }

        mutating func closeAll() {
            for one in open { close(one) }
            open = []
        }
    }

    /// All that can fail comes before the process is known to anybody.
    private func start(_ worker: WorkerID, _ environment: WorkerEnvironment) throws(TransportError) {
        let process = takeNumber()
        let memory = try ProcessMemories(process, insight)
        var ends = Ends()
        do throws(TransportError) {
            let (socket, theirs) = try ends.pair("socketpair") { apus_socket_pair($0) }
            let (output, theirOutput) = try ends.pair("pipe") { apus_pipe($0) }
            let (errors, theirErrors) = try ends.pair("pipe") { apus_pipe($0) }
            var variables = ChildProcess.environment()
            variables.merge(environment.variables) { $1 }
            variables[ProcessMode.variable] = ProcessMode.worker.rawValue
            let pid = ChildProcess.start(
                configuration.executable, configuration.arguments, variables, folder: environment.folder,
                output: theirOutput, errors: theirErrors, kept: [theirs], diesWithParent: true)
            guard pid > 0 else { throw .last("starting \(configuration.executable)") }
            let pidDescriptor = apus_process_descriptor(pid)
            guard pidDescriptor >= 0 else {
                let failure = TransportError.last("pidfd_open")
                Self.end(pid)
                throw failure
            }
            for one in [theirs, theirOutput, theirErrors] { close(one) }
            let connection = NodeConnection(
                process: process, socket: ControlSocket(descriptor: socket, isBlocking: false), isDriver: false,
                inbox: memory.inbox, now: now)
            connection.worker = worker
            connection.pid = pid
            connection.pidDescriptor = pidDescriptor
            processes[worker] = process
            watch(pidDescriptor, .process, process)
            for (descriptor, source) in [(output, Source.output), (errors, Source.errors)] {
                connection.outputs[descriptor] = LineBuffer(isError: source == .errors)
                watch(descriptor, source, process)
            }
            add(connection, memory)
        } catch {
            ends.closeAll()
            memory.abandon(insight)
            throw error
        }
    }

    /// What a process shares with others, made before it starts.
    struct ProcessMemories {
        let process: UInt64
        let inbox: Int32
        let events: (descriptor: Int32, capacity: Int)

        init(_ process: UInt64, _ insight: NodeInsight) throws(TransportError) {
            self.process = process
            let inbox = try SharedMapping.create(label: "apus-inbox", length: Inbox.length)
            do throws(TransportError) { events = try insight.prepare(process) } catch {
                close(inbox)
                throw error
            }
            self.inbox = inbox
        }

        /// There will be no such process.
        func abandon(_ insight: NodeInsight) {
            close(inbox)
            close(events.descriptor)
            insight.abandon(process)
        }
    }

    func add(_ connection: NodeConnection, _ memory: ProcessMemories) {
        let process = connection.process
        connections[process] = connection
        watch(connection.socket.descriptor, .socket, process)
        notify(
            connection,
            .welcome(
                process: process, total: configuration.resources, storeCapacity: objects.capacity,
                events: memory.events.capacity, hasSpillFile: objects.spillDescriptor != nil),
            [ChildProcess.copy(memory.inbox), memory.events.descriptor, ChildProcess.copy(objects.descriptor)]
                + (objects.spillDescriptor.map { [ChildProcess.copy($0)] } ?? []))
        let label = connection.isDriver ? "the driver" : "worker \(process)"
        tell(objects.join(StoreClient(process), label: label, at: now))
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

    // MARK: Output

    func read(from connection: NodeConnection, isError: Bool) {
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
                unwatch(descriptor)
                close(descriptor)
            }
        }
    }

    // MARK: End

    func kill(_ connection: NodeConnection) {
        if connection.pid > 0 { Glibc.kill(connection.pid, SIGKILL) }
    }

    /// Kills a process and waits for its end.
    static func end(_ pid: Int32) {
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    func reap(_ connection: NodeConnection) {
        var status: Int32 = 0
        guard apus_process_reap_peak(connection.pid, &status, &connection.peakMemory) != 0 else { return }
        // What it said last belongs before its end: what it lent to others is theirs.
        drain(connection)
        for _ in 0..<16 where !connection.outputs.isEmpty {
            read(from: connection, isError: false)
            read(from: connection, isError: true)
        }
        let reason = insight.ended(connection, reason: connection.endReason ?? ChildProcess.describe(status))
        remove(connection, reason: reason)
    }

    private func remove(_ connection: NodeConnection, reason: String) {
        let process = connection.process
        connections[process] = nil
        insight.left(connection)
        unwatch(connection.pidDescriptor)
        unwatch(connection.socket.descriptor)
        close(connection.pidDescriptor)
        close(connection.inbox)
        for descriptor in connection.outputs.keys {
            unwatch(descriptor)
            close(descriptor)
        }
        for (peer, _) in connection.slots {
            connections[peer]?.freeSlot(of: process)
            notify(peer, .processEnded(process: process, reason: reason, shortage: connection.shortage))
        }
        tell(objects.leave(StoreClient(process), at: now))
        let fate = connection.actor.map { actorLost($0, reason: reason) } ?? .ends
        if let worker = connection.worker {
            processes[worker] = nil
            if connection.isReady {
                decide(.workerExited(worker, dedication: fate))
            } else {
                insight.counters.workerStartsFailed += 1
                decide(.workerFailedToStart(worker, reason: reason))
            }
        }
        endActors(createdBy: process, reason: reason)
        actors.forget(subscriber: process)
    }
}
