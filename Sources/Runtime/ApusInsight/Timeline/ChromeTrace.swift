import JSON

/// Writes a cluster's events in the trace format of Chrome, which Perfetto and `chrome://tracing` show.
///
/// Each process is a group. A worker's rows hold what ran there, each task a span, its waits spans inside it; an arrow
/// leads from where the task was submitted to where it begins. Queueing and transfer are asynchronous spans of the
/// owner's group, since those of several tasks overlap. Calls of actors are shown alike, in the rows of the actor's process.
///
/// - Source: "Trace Event Format", Google, 2016: events of types X, b/e, s/f and M.
package struct ChromeTrace {
    private var bytes: [UInt8] = []
    private var isFirst = true
    private let start: Double
    /// When it was asked what happens: what has no end goes on then.
    private let end: Double
    /// What viewers take for a process's number: the system's, where no two of them are the same.
    private var numbers: [UInt64: UInt64] = [:]

    private enum Row {
        static let submissions = 0
        /// The first of a worker's rows; further ones where runs overlap.
        static let runs = 1
    }

    /// The trace as JSON text.
    package static func text(_ events: ClusterEvents) -> [UInt8] {
        let history = TaskHistory(events)
        let tasks = history.tasks + history.calls
        let start = tasks.lazy.flatMap(Self.times).min() ?? 0
        // Times are from the moment of the look.
        let end = max(tasks.lazy.flatMap(Self.times).max() ?? start, 0)
        var trace = ChromeTrace(start: start, end: end)
        trace.write(events, tasks)
        return trace.bytes
    }

    private init(start: Double, end: Double) {
        self.start = start
        self.end = end
    }

    private static func times(_ task: TaskRecord) -> [Double] {
        [task.submitted, task.ready, task.done].compactMap { $0 }
            + task.attempts.flatMap { attempt in
                [attempt.sent, attempt.started, attempt.ended, attempt.retried].compactMap { $0 }
                    + attempt.waits.flatMap { [$0.lowerBound, $0.upperBound] }
            }
    }

    private mutating func write(_ events: ClusterEvents, _ tasks: [TaskRecord]) {
        bytes.append(contentsOf: #"{"displayTimeUnit":"ms","traceEvents":["#.utf8)
        let pids = Set(events.processes.map(\.pid))
        if pids.count == events.processes.count, !pids.contains(0) {
            for process in events.processes { numbers[process.process] = UInt64(process.pid.magnitude) }
        }
        for (index, process) in events.processes.enumerated() { describe(process, order: index) }
        submissions(tasks)
        var tracks: [UInt64: [Double]] = [:]
        let runs = tasks.enumerated().flatMap { index, task in
            task.attempts.indices.filter { task.attempts[$0].started != nil }.map { (index, $0) }
        }.sorted { (tasks[$0.0].attempts[$0.1].started ?? 0) < (tasks[$1.0].attempts[$1.1].started ?? 0) }
        for (index, number) in runs { run(tasks[index], number, id: index, &tracks) }
        waiting(tasks)
        let hosts = Set(tasks.lazy.filter(\.isCall).flatMap { $0.attempts.map(\.worker) })
        for (process, rows) in tracks {
            let what = hosts.contains(process) ? "calls" : "tasks"
            for row in rows.indices {
                metadata("thread_name", process, Row.runs + row, row == 0 ? what : "\(what), row \(row + 1)")
            }
        }
        bytes.append(contentsOf: #"],"otherData":{"cluster":"#.utf8)
        JSONValue(events.cluster).write(to: &bytes)
        let lost = events.processes.reduce(0) { $0 + $1.lost }
        bytes.append(contentsOf: ",\"events lost\":\(lost)}}\n".utf8)
    }

    private mutating func describe(_ process: ProcessEvents, order: Int) {
        let actor = process.actor.map { ", \($0)" } ?? ""
        // Viewers write the number behind the name.
        let pid = numbers.isEmpty ? " (pid \(process.pid))" : ""
        metadata("process_name", process.process, 0, "\(process.role.rawValue) \(process.process)\(actor)\(pid)")
        begin("M", "process_sort_index", process.process, 0, nil)
        bytes.append(contentsOf: ",\"args\":{\"sort_index\":\(order)}}".utf8)
    }

    /// A short span for each submission, for the arrows to start at.
    private mutating func submissions(_ tasks: [TaskRecord]) {
        var next: [UInt64: Double] = [:]
        let submitted = tasks.enumerated().filter { $0.element.submitted != nil }
            .sorted { ($0.element.submitted ?? 0) > ($1.element.submitted ?? 0) }
        for (index, task) in submitted {
            guard let time = task.submitted else { continue }
            let end = min(time + 1e-6, next[task.owner] ?? .infinity)
            next[task.owner] = time
            begin("X", "\(task.isCall ? "call" : "submit") \(task.name)", task.owner, Row.submissions, time)
            bytes.append(contentsOf: ",\"dur\":\(length(from: time, to: end)),\"cat\":\"submit\"}".utf8)
            begin("s", "task", task.owner, Row.submissions, time)
            bytes.append(contentsOf: ",\"cat\":\"flow\",\"id\":\(index)}".utf8)
        }
        for owner in next.keys { metadata("thread_name", owner, Row.submissions, "submissions") }
    }

    private mutating func run(
        _ task: TaskRecord, _ number: Int, id: Int, _ tracks: inout [UInt64: [Double]]
    ) {
        let attempt = task.attempts[number]
        guard let started = attempt.started else { return }
        // One without an end runs still, or its worker died.
        let ended = max(started, attempt.ended ?? attempt.retried ?? task.done ?? end)
        var row = 0
        if let rows = tracks[attempt.worker] {
            row = rows.firstIndex { $0 <= started } ?? rows.count
        }
        if row == tracks[attempt.worker]?.count ?? 0 {
            tracks[attempt.worker, default: []].append(ended)
        } else {
            tracks[attempt.worker]?[row] = ended
        }
        begin("X", task.name, attempt.worker, Row.runs + row, started)
        let isLast = number + 1 == task.attempts.count
        let outcome =
            attempt.ended == nil
            ? isLast && task.done == nil ? "runs" : "no end"
            : isLast ? task.outcome?.rawValue ?? "ended" : "retried"
        bytes.append(
            contentsOf:
                ",\"dur\":\(length(from: started, to: ended)),\"cat\":\"\(task.isCall ? "call" : "run")\",\"args\":{\"owner\":\(task.owner),\"\(task.isCall ? "call" : "task")\":\(task.number),\"attempt\":\(number + 1),\"outcome\":\"\(outcome)\"}}"
                .utf8)
        for wait in attempt.waits where wait.lowerBound < ended {
            begin("X", "waits", attempt.worker, Row.runs + row, wait.lowerBound)
            // One that began and did not end lasts as long as the run.
            let end = wait.lowerBound == wait.upperBound ? ended : min(wait.upperBound, ended)
            bytes.append(contentsOf: ",\"dur\":\(length(from: wait.lowerBound, to: end)),\"cat\":\"wait\"}".utf8)
        }
        if number == 0, let submitted = task.submitted, submitted <= started {
            begin("f", "task", attempt.worker, Row.runs + row, started)
            bytes.append(contentsOf: ",\"cat\":\"flow\",\"bp\":\"e\",\"id\":\(id)}".utf8)
        }
    }

    /// A time in which a task did not run.
    private struct Phase {
        let name: String
        let task: Int
        let from: Double
        let to: Double
    }

    /// Spans of one phase that one process has at once: viewers give each a row. What is beyond is counted only.
    private static let rowLimit = 16
    /// Values that a count of waiting tasks has at most.
    private static let countLimit = 4000

    private mutating func waiting(_ tasks: [TaskRecord]) {
        var phases: [Phase] = []
        for (index, task) in tasks.enumerated() { self.phases(of: task, index, &phases) }
        phases.sort { $0.from < $1.from }
        var rows: [UInt64: [String: [Double]]] = [:]
        var changes: [UInt64: [(time: Double, change: Int)]] = [:]
        for phase in phases {
            let task = tasks[phase.task]
            if phase.name == "queued" {
                changes[task.owner, default: []] += [(phase.from, 1), (phase.to, -1)]
            }
            var ends = rows[task.owner]?[phase.name] ?? []
            if let free = ends.firstIndex(where: { $0 <= phase.from }) {
                ends[free] = phase.to
            } else if ends.count < Self.rowLimit {
                ends.append(phase.to)
            } else {
                continue
            }
            rows[task.owner, default: [:]][phase.name] = ends
            span(phase, task)
        }
        for (owner, changes) in changes { count(changes, of: owner) }
    }

    /// How many tasks of a process wait for a worker, as a curve.
    private mutating func count(_ changes: [(time: Double, change: Int)], of owner: UInt64) {
        var number = 0
        var next = -Double.infinity
        let step = (end - start) / Double(Self.countLimit)
        let sorted = changes.sorted { ($0.time, $0.change) < ($1.time, $1.change) }
        for (index, (time, change)) in sorted.enumerated() {
            number += change
            guard time >= next || index == sorted.count - 1 else { continue }
            next = time + step
            begin("C", "tasks that wait for a worker", owner, Row.submissions, time)
            bytes.append(contentsOf: ",\"args\":{\"queued\":\(max(0, number))}}".utf8)
        }
    }

    private func phases(of task: TaskRecord, _ id: Int, _ phases: inout [Phase]) {
        func add(_ name: String, _ from: Double, _ to: Double) {
            phases.append(Phase(name: name, task: id, from: from, to: max(from, to)))
        }
        let first = task.attempts.first
        if task.isCall, let sent = first?.sent {
            add("call waits", sent, first?.started ?? task.done ?? end)
            if let ended = first?.ended, let done = task.done { add("result", ended, done) }
            return
        }
        if let submitted = task.submitted, let ready = task.ready, ready - submitted > 2e-6 {
            add("inputs", submitted, ready)
        }
        if let ready = task.ready { add("queued", ready, first?.sent ?? task.done ?? end) }
        for (attempt, next) in zip(task.attempts, task.attempts.dropFirst()) {
            if let retried = attempt.retried, let sent = next.sent { add("queued", retried, sent) }
        }
        for attempt in task.attempts {
            guard let sent = attempt.sent, let started = attempt.started else { continue }
            add("transfer", sent, started)
        }
        if let last = task.attempts.last?.ended, let done = task.done { add("result", last, done) }
    }

    private mutating func span(_ phase: Phase, _ task: TaskRecord) {
        for (type, time) in [("b", phase.from), ("e", phase.to)] {
            begin(type, phase.name, task.owner, Row.submissions, time)
            bytes.append(contentsOf: ",\"cat\":".utf8)
            JSONValue(task.name).write(to: &bytes)
            bytes.append(contentsOf: ",\"id\":\"\(phase.task)\"".utf8)
            if type == "b" {
                bytes.append(contentsOf: ",\"args\":{\"task\":\"\(task.owner)-\(task.number)\",\"name\":".utf8)
                JSONValue(task.name).write(to: &bytes)
                bytes.append(UInt8(ascii: "}"))
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private mutating func metadata(_ kind: String, _ process: UInt64, _ row: Int, _ name: String) {
        begin("M", kind, process, row, nil)
        bytes.append(contentsOf: ",\"args\":{\"name\":".utf8)
        JSONValue(name).write(to: &bytes)
        bytes.append(contentsOf: "}}".utf8)
    }

    private mutating func begin(_ type: String, _ name: String, _ process: UInt64, _ row: Int, _ time: Double?) {
        bytes.append(contentsOf: (isFirst ? "\n" : ",\n").utf8)
        isFirst = false
        bytes.append(contentsOf: "{\"ph\":\"\(type)\",\"name\":".utf8)
        JSONValue(name).write(to: &bytes)
        bytes.append(contentsOf: ",\"pid\":\(numbers[process] ?? process),\"tid\":\(row)".utf8)
        if let time { bytes.append(contentsOf: ",\"ts\":\(Self.micro(max(0, nanoseconds(time))))".utf8) }
    }

    private func nanoseconds(_ time: Double) -> Int64 { Int64(((time - start) * 1e9).rounded()) }

    /// The length of a span, between its rounded ends: so that spans which touch do not overlap.
    private func length(from start: Double, to end: Double) -> String {
        Self.micro(max(0, nanoseconds(end) - nanoseconds(start)))
    }

    /// Microseconds with three digits behind the point, as the format's viewers read them.
    private static func micro(_ nanoseconds: Int64) -> String {
        let rest = nanoseconds % 1000
        let digits = rest < 10 ? "00\(rest)" : rest < 100 ? "0\(rest)" : "\(rest)"
        return "\(nanoseconds / 1000).\(digits)"
    }
}
