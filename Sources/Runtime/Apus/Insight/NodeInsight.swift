import ApusCore
import ApusInsight
import ApusTransport
import CApusSystem
import DequeModule
import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What lets a node be looked into: its socket, its processes' events, their output, and its counters.
///
/// Nothing here may stop the node's work: what fails is a warning for the driver, and left out.
final class NodeInsight {
    let server: InsightServer?
    let name: String
    private(set) var warnings: [String] = []
    var counters = NodeCounters()
    var metrics = NodeMetrics()
    private let session: SessionFolder?
    private let capacity: Int
    private let start = ContinuousClock.now

    /// A process whose events the node can read.
    struct Recorded {
        let process: UInt64
        let pid: Int32
        let role: ProcessRole
        let actor: String?
        let reader: EventReader
    }
    private var readers: [UInt64: EventReader] = [:]
    /// Processes that ended, oldest first.
    private var ended = Deque<Recorded>()
    /// What processes counted that are no longer kept.
    private var pastCounts: [String: [UInt64]] = [:]
    private static let endedLimit = 16

    private struct Output {
        let standard: LogFile
        let errors: LogFile
        var tail = OutputTail()
    }
    private var outputs: [UInt64: Output] = [:]

    /// Questions about tasks that wait for the processes' answers.
    private struct Question {
        let visitor: UInt64
        let query: TaskQuery
        let objects: Bool
        var missing: Set<UInt64>
        var tasks: [TaskLine] = []
        var leftOut = 0
        let deadline: ContinuousClock.Instant
    }
    private var questions: [UInt64: Question] = [:]
    private var nextQuestion: UInt64 = 1
    /// How long a process may take to tell of its tasks; one that computes on its main thread does not answer.
    private static let patience = Duration.milliseconds(500)
    private static let questionLimit = 16

    init(_ configuration: NodeConfiguration) {
        let settings = configuration.insight
        capacity = settings.recordsEvents ? EventMemory.defaultCapacity : 0
        let program = Paths.split(configuration.executable).name
        var address = ClusterAddress(cluster: settings.name ?? "\(program)-\(getpid())")
        var server: InsightServer?
        var session: SessionFolder?
        do throws(InsightError) {
            let state = try StateFolder()
            let token = try ClusterToken()
            do throws(InsightError) {
                server = try InsightServer(
                    address: address, token: token, version: ApusVersion.text, metricsPort: settings.metricsPort)
            } catch {
                // Another cluster has the name, or something else the port.
                warnings.append("\(error)")
                address = ClusterAddress(cluster: "\(address.cluster.prefix(50))-\(getpid())")
                server = try InsightServer(address: address, token: token, version: ApusVersion.text)
                warnings.append(
                    "This cluster is called \(address.cluster)"
                        + (settings.metricsPort == nil ? "." : ", and serves no metrics at a port."))
            }
            session = try SessionFolder(name: address.cluster, in: state)
        } catch {
            warnings.append("This cluster cannot be fully looked into, and may keep no logs: \(error)")
        }
        self.server = server
        self.session = session
        name = address.cluster
    }

    // MARK: Processes

    /// Makes the memory for a process's events.
    func prepare(_ process: UInt64) throws(TransportError) -> (descriptor: Int32, capacity: Int) {
        let descriptor = try EventRecorder.prepare(capacity: capacity)
        do throws(TransportError) {
            readers[process] = try EventReader(descriptor: descriptor, capacity: capacity)
        } catch {
            close(descriptor)
            throw error
        }
        return (descriptor, capacity)
    }

    /// A process for which memory was made did not start.
    func abandon(_ process: UInt64) { readers[process] = nil }

    func left(_ connection: NodeConnection) {
        let process = connection.process
        outputs[process] = nil
        metrics.ended(process)
        for id in questions.keys { questions[id]?.missing.remove(process) }
        guard let reader = readers.removeValue(forKey: process) else { return }
        ended.append(
            Recorded(
                process: process, pid: connection.pid, role: connection.isDriver ? .driver : .worker,
                actor: connection.actor.map { "\($0)" }, reader: reader))
        guard ended.count > Self.endedLimit, let oldest = ended.popFirst() else { return }
        for counts in oldest.reader.counts() { Self.add(counts, to: &pastCounts) }
    }

    func currentName(_ process: UInt64) -> String? { readers[process]?.current }

    private static func add(_ counts: NameCounts, to sums: inout [String: [UInt64]]) {
        var sum = sums[counts.name] ?? Array(repeating: 0, count: counts.counts.count)
        for index in sum.indices { sum[index] &+= counts.counts[index] }
        sums[counts.name] = sum
    }

    /// Exact counts of all that happened in the cluster, by name.
    func counts() -> [NameCounts] {
        var sums = pastCounts
        for reader in readers.values { for counts in reader.counts() { Self.add(counts, to: &sums) } }
        for index in 0..<ended.count { for counts in ended[index].reader.counts() { Self.add(counts, to: &sums) } }
        return sums.filter { $0.value.contains { $0 > 0 } }.map { NameCounts(name: $0.key, counts: $0.value) }
            .sorted { $0.name < $1.name }
    }

    func events(_ node: NodeDaemon) -> ClusterEvents {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let ticks = Ticks.now
        var processes = (0..<ended.count).map { index in
            let one = ended[index]
            return ProcessEvents(
                process: one.process, pid: one.pid, role: one.role, actor: one.actor, reader: one.reader)
        }
        for (process, reader) in readers {
            guard let connection = node.connections[process] else { continue }
            let actor = connection.actor.flatMap { node.actors[$0]?.creation.subject }
            processes.append(
                ProcessEvents(
                    process: process, pid: connection.isDriver ? node.configuration.insight.driver : connection.pid,
                    role: connection.isDriver ? .driver : .worker, actor: actor, reader: reader))
        }
        return ClusterEvents(
            cluster: name, anchorTicks: ticks, anchorSeconds: Double(now.tv_sec) + Double(now.tv_nsec) / 1e9,
            nanosecondsPerTick: Ticks.length,
            processes: processes.filter { $0.count > 0 }.sorted { $0.process < $1.process })
    }

    // MARK: Output

    /// A worker printed a line: it goes to the log and to the driver.
    func printed(_ line: String, by connection: NodeConnection, isError: Bool, in node: NodeDaemon) {
        counters.linesForwarded += 1
        let process = connection.process
        let actor = connection.actor.flatMap { node.actors[$0]?.creation.subject }
        node.notify(
            node.driver,
            .output(
                WorkerOutput(process: process, name: actor ?? currentName(process), isError: isError, line: line)))
        if outputs[process] == nil {
            let path = session.map { Paths.join($0.path, "worker-\(process)") }
            outputs[process] = Output(
                standard: LogFile(path: path.map { "\($0).out" }), errors: LogFile(path: path.map { "\($0).err" }))
        }
        if isError {
            outputs[process]?.errors.append(Array(line.utf8))
            outputs[process]?.tail.append(line)
        } else {
            outputs[process]?.standard.append(Array(line.utf8))
        }
    }

    /// A worker ended before the cluster does: adds what it last said to the reason, for whoever gets the error.
    func ended(_ connection: NodeConnection, reason: String) -> String {
        if !connection.isRetiring { counters.workersCrashed += 1 }
        var reason = "worker \(connection.process) (pid \(connection.pid)): \(reason)"
        if connection.peakMemory > 0 { reason += "; it used at most \(connection.peakMemory >> 20) MiB" }
        guard let output = outputs[connection.process], !output.tail.isEmpty else { return reason }
        let file = output.errors.path.map { " (all of it: \($0))" } ?? ""
        return "\(reason). It last wrote to its error output\(file):\n\(output.tail.text)"
    }

    // MARK: Visitors

    /// Whether a visitor waits for the answers of processes.
    var isAsking: Bool { !questions.isEmpty }

    func serve(_ node: NodeDaemon) {
        for (visitor, request) in server?.takeRequests() ?? [] {
            switch request {
            case .metrics: server?.answer(visitor, .text(metricsText(node)))
            case .events: server?.answer(visitor, .events(events(node)))
            case .report(nil, let objects): server?.answer(visitor, .report(report(node, objects: objects)))
            case .report(let query?, let objects): ask(visitor, query, objects: objects, node)
            }
        }
    }

    func metricsText(_ node: NodeDaemon) -> String { report(node, objects: false).metrics(metrics.totals) }

    private func ask(_ visitor: UInt64, _ query: TaskQuery, objects: Bool, _ node: NodeDaemon) {
        var query = query
        query.limit = max(1, min(query.limit, 100_000))
        let number = nextQuestion
        nextQuestion += 1
        let asked = node.connections.values.filter { $0.isDriver || $0.isReady }
        questions[number] = Question(
            visitor: visitor, query: query, objects: objects, missing: Set(asked.map(\.process)),
            deadline: ContinuousClock.now + Self.patience)
        for connection in asked { node.notify(connection, .report(request: number, query)) }
        if questions.count > Self.questionLimit, let oldest = questions.keys.min() { conclude(oldest, node) }
    }

    func told(_ number: UInt64, by process: UInt64, _ answer: ProcessTasks) {
        guard var question = questions[number], question.missing.remove(process) != nil else { return }
        let room = max(0, question.query.limit - question.tasks.count)
        question.tasks += answer.tasks.prefix(room)
        question.leftOut += answer.leftOut + max(0, answer.tasks.count - room)
        questions[number] = question
    }

    /// Answers the visitors whose processes have all told, or had their time.
    func answer(in node: NodeDaemon) {
        let now = ContinuousClock.now
        for (number, question) in questions where question.missing.isEmpty || now >= question.deadline {
            conclude(number, node)
        }
    }

    private func conclude(_ number: UInt64, _ node: NodeDaemon) {
        guard var question = questions.removeValue(forKey: number) else { return }
        if question.query.states.contains(where: \.isOver) { addFinished(&question, events(node)) }
        for index in question.tasks.indices where question.tasks[index].state == .queued {
            let task = question.tasks[index]
            question.tasks[index].reason = node.reason(of: task.owner, task.resources ?? Resources(cpus: 1))
        }
        var report = report(node, objects: question.objects)
        report.tasks = question.tasks.sorted { ($0.owner, $0.number) < ($1.owner, $1.number) }
        report.tasksLeftOut = question.leftOut
        report.silent = question.missing.sorted()
        server?.answer(question.visitor, .report(report))
    }

    /// Tasks that are over are known from the recorded events, as far as those reach back; the newest are given.
    private func addFinished(_ question: inout Question, _ events: ClusterEvents) {
        for task in TaskHistory(events).tasks.reversed() {
            guard let outcome = task.outcome, let state = TaskLine.State(rawValue: outcome.rawValue),
                question.query.takes(state, task.name)
            else { continue }
            guard question.tasks.count < question.query.limit else {
                question.leftOut += 1
                continue
            }
            let last = task.attempts.last
            var line = TaskLine(
                owner: task.owner, number: task.number, name: task.name, state: state, worker: last?.worker,
                attempts: task.attempts.count)
            if let started = last?.started, let ended = last?.ended { line.seconds = ended - started }
            question.tasks.append(line)
        }
    }

    private func report(_ node: NodeDaemon, objects: Bool) -> ClusterReport {
        var report = ClusterReport(
            cluster: name, version: ApusVersion.text, program: node.configuration.executable,
            driver: node.configuration.insight.driver, uptime: (ContinuousClock.now - start) / .seconds(1),
            metricsPort: server?.metricsPort)
        report.nodes = [node.report(counters)]
        report.actors = node.actorLines()
        report.counts = counts()
        if objects { report.objects = node.objects.lines }
        return report
    }

    // MARK: The end

    /// Keeps the events for `apus timeline` after the end.
    func finish(_ node: NodeDaemon) {
        guard let session, capacity > 0 else { return }
        let events = events(node)
        guard !events.processes.isEmpty else { return }
        do {
            let file = try AtomicFile(Paths.join(session.path, SessionFolder.eventsName))
            try file.write(try BinaryEncoder().encode(events))
            try file.commit(durably: false)
        } catch {
            node.notify(node.driver, .warning("The events of this cluster are not kept: \(error)"))
        }
    }
}
