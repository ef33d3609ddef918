import ApusInsight
import Foundation
import JSON
import Testing

/// A checker of traces: the rules of the format that viewers rely on.
struct TraceChecker {
    struct Span: Equatable {
        var name: String
        var process: Int
        var row: Int
        var start: Double
        var end: Double
    }

    var spans: [Span] = []
    var flowStarts: [String: (process: Int, time: Double)] = [:]
    var flowEnds: [String: (process: Int, time: Double)] = [:]
    var problems: [String] = []
    var processNames: [Int: String] = [:]
    var phases: [String: Int] = [:]
    /// Of tasks that wait for a worker.
    var counts: [Int] = []

    init(_ bytes: [UInt8]) throws {
        guard let events = try JSONValue(parsing: bytes)["traceEvents"]?.arrayValue else {
            problems.append("no traceEvents")
            return
        }
        var open: [String: [(String, Double)]] = [:]
        for event in events {
            guard let type = event["ph"]?.stringValue, let name = event["name"]?.stringValue,
                let process = event["pid"]?.intValue, let row = event["tid"]?.intValue
            else {
                problems.append("an event lacks ph, name, pid or tid")
                continue
            }
            phases[type, default: 0] += 1
            if type == "M" {
                if name == "process_name" { processNames[process] = event["args"]?["name"]?.stringValue }
                continue
            }
            guard let time = event["ts"]?.doubleValue, time >= 0 else {
                problems.append("\(type) \(name) has no time")
                continue
            }
            switch type {
            case "X":
                guard let length = event["dur"]?.doubleValue, length >= 0 else {
                    problems.append("\(name) has no length")
                    continue
                }
                spans.append(Span(name: name, process: process, row: row, start: time, end: time + length))
            case "b":
                open["\(event["cat"]?.stringValue ?? "") \(event["id"]?.stringValue ?? "")", default: []].append(
                    (name, time))
            case "e":
                let key = "\(event["cat"]?.stringValue ?? "") \(event["id"]?.stringValue ?? "")"
                guard let last = open[key]?.popLast(), last.0 == name, last.1 <= time else {
                    problems.append("\(name) ends without its begin")
                    continue
                }
            case "s": flowStarts["\(event["id"]?.intValue ?? -1)"] = (process, time)
            case "f": flowEnds["\(event["id"]?.intValue ?? -1)"] = (process, time)
            case "C":
                guard let count = event["args"]?["queued"]?.intValue, count >= 0 else {
                    problems.append("\(name) has no count")
                    continue
                }
                counts.append(count)
            default: problems.append("type \(type)")
            }
        }
        for (key, left) in open where !left.isEmpty { problems.append("\(key) does not end") }
        nest()
        for (id, end) in flowEnds {
            guard let start = flowStarts[id] else {
                problems.append("arrow \(id) has no start")
                continue
            }
            if start.time > end.time + 0.002 { problems.append("arrow \(id) goes back in time") }
            if !spans.contains(where: {
                $0.process == end.process && $0.start <= end.time + 0.002 && end.time <= $0.end + 0.002
            }) {
                problems.append("arrow \(id) ends at no span")
            }
        }
    }

    /// The spans of a row lie side by side or inside one another.
    private mutating func nest() {
        let rows = Dictionary(grouping: spans) { "\($0.process) \($0.row)" }
        for (row, spans) in rows {
            var stack: [Span] = []
            for span in spans.sorted(by: { ($0.start, -$0.end) < ($1.start, -$1.end) }) {
                while let top = stack.last, top.end <= span.start + 0.0005 { stack.removeLast() }
                if let top = stack.last, span.end > top.end + 0.002 {
                    problems.append("\(row): \(span) overlaps \(top)")
                }
                stack.append(span)
            }
        }
    }
}

@Suite("Timelines") struct TraceTests {
    /// One tick is a nanosecond.
    private func events(_ processes: [ProcessEvents]) -> ClusterEvents {
        ClusterEvents(
            cluster: "test", anchorTicks: 0, anchorSeconds: 0, nanosecondsPerTick: 1, processes: processes)
    }

    private func process(_ number: UInt64, _ role: ProcessRole, _ events: [EventRecord]) -> ProcessEvents {
        ProcessEvents(
            process: number, pid: Int32(number), role: role, names: ["?", "Task \"a\"\n"], lost: 0, events: events)
    }

    private func event(
        _ kind: EventKind, _ time: UInt64, task: UInt32 = 0, other: UInt32 = 0, flight: UInt64 = 0
    ) -> EventRecord {
        EventRecord(kind: kind, ticks: time * 1000, task: task, other: other, name: 1, flight: flight)
    }

    /// A task that is sent, waits once, is lost with its worker, and succeeds in another one.
    private var sample: ClusterEvents {
        events([
            process(
                1, .driver,
                [
                    event(.submitted, 10, task: 1), event(.ready, 20, task: 1),
                    event(.sent, 30, task: 1, other: 2, flight: 5),
                    event(.retried, 70, task: 1), event(.ready, 71, task: 1),
                    event(.sent, 80, task: 1, other: 3, flight: 5),
                    event(.succeeded, 120, task: 1),
                ]),
            process(2, .worker, [event(.started, 40, other: 1, flight: 5), event(.waits, 45, other: 1, flight: 5)]),
            process(
                3, .worker,
                [
                    event(.started, 90, other: 1, flight: 5), event(.waits, 95, other: 1, flight: 5),
                    event(.goesOn, 100, other: 1, flight: 5), event(.ended, 110, other: 1, flight: 5),
                ]),
        ])
    }

    @Test("events of all processes become one task with its attempts")
    func history() throws {
        let tasks = TaskHistory(sample).tasks
        try #require(tasks.count == 1)
        #expect(tasks[0].submitted == 10e-6 && tasks[0].done == 120e-6 && tasks[0].outcome == .succeeded)
        #expect(tasks[0].attempts.map(\.worker) == [2, 3])
        #expect(tasks[0].attempts.map(\.started) == [40e-6, 90e-6])
        #expect(tasks[0].attempts[1].ended == 110e-6)
        #expect(tasks[0].attempts[1].waits.count == 1)
        #expect(abs(tasks[0].attempts[1].waits[0].upperBound - 100e-6) < 1e-12)
    }

    /// Calls of two callers to one actor, with the same numbers; the last one runs, and one waits.
    private var calls: ClusterEvents {
        events([
            process(
                1, .driver,
                [
                    event(.submitted, 5, task: 1), event(.called, 10, other: 3, flight: 7),
                    event(.called, 11, other: 3, flight: 8), event(.replied, 50, other: 3, flight: 7),
                    event(.callFailed, 60, other: 3, flight: 8), event(.called, 61, other: 3, flight: 9),
                ]),
            process(2, .worker, [event(.called, 12, other: 3, flight: 7), event(.called, 13, other: 3, flight: 8)]),
            process(
                3, .worker,
                [
                    event(.callBegan, 20, other: 1, flight: 7), event(.callEnded, 30, other: 1, flight: 7),
                    event(.callBegan, 31, other: 1, flight: 8), event(.callEnded, 41, other: 1, flight: 8),
                    event(.callBegan, 42, other: 2, flight: 7),
                ]),
        ])
    }

    @Test("events of callers and actors become calls, each with its caller")
    func callHistory() throws {
        let history = TaskHistory(calls)
        #expect(history.tasks.count == 1 && history.tasks[0].attempts.isEmpty)
        #expect(history.calls.map(\.owner) == [1, 1, 1, 2, 2] && history.calls.map(\.number) == [7, 8, 9, 7, 8])
        #expect(history.calls.allSatisfy { $0.isCall && $0.attempts.map(\.worker) == [3] })
        #expect(history.calls.map(\.submitted) == [10e-6, 11e-6, 61e-6, 12e-6, 13e-6])
        #expect(history.calls.map { $0.attempts[0].started } == [20e-6, 31e-6, nil, 42e-6, nil])
        #expect(history.calls.map { $0.attempts[0].ended } == [30e-6, 41e-6, nil, nil, nil])
        #expect(history.calls.map(\.outcome) == [.succeeded, .failed, nil, nil, nil])
    }

    @Test("the trace shows what ran in an actor's process, how long calls waited, and who made them")
    func callTrace() throws {
        let checker = try TraceChecker(ChromeTrace.text(calls))
        #expect(checker.problems == [])
        let runs = checker.spans.filter { $0.process == 3 }
        #expect(runs.count == 3 && runs.allSatisfy { $0.row == 1 })
        // From 42 to the last event, at 61; the first of all is at 5.
        #expect(runs.contains { abs($0.start - 37) < 0.01 && abs($0.end - 56) < 0.01 })
        // One submission and five calls, of which three have begun.
        #expect(checker.flowStarts.count == 6 && checker.flowEnds.count == 3)
        // Five waits and two results.
        #expect(checker.phases["b"] == 7 && checker.phases["e"] == 7)
        #expect(checker.counts.isEmpty)
    }

    @Test("the trace has one row a worker, spans for queueing, transfer and run, and an arrow")
    func trace() throws {
        let checker = try TraceChecker(ChromeTrace.text(sample))
        #expect(checker.problems == [])
        #expect(checker.processNames.keys.sorted() == [1, 2, 3])
        let runs = checker.spans.filter { $0.row == 1 && $0.name != "waits" }
        #expect(runs.map(\.process).sorted() == [2, 3])
        #expect(runs.first { $0.process == 3 }.map { abs($0.start - 80) < 0.01 && abs($0.end - 100) < 0.01 } == true)
        #expect(runs.allSatisfy { $0.name == "Task \"a\"\n" })
        #expect(checker.flowStarts.count == 1 && checker.flowEnds.count == 1)
        // The first attempt ended with its worker, when its owner heard of it; what it waited for did then.
        #expect(runs.first { $0.process == 2 }.map { abs($0.end - 60) < 0.01 } == true)
        let waits = checker.spans.filter { $0.name == "waits" }
        #expect(waits.first { $0.process == 2 }.map { abs($0.start - 35) < 0.01 && abs($0.end - 60) < 0.01 } == true)
        // Inputs, queued twice, two transfers and the result.
        #expect(checker.phases["b"] == 6 && checker.phases["e"] == 6)
    }

    @Test("what runs when the trace is asked for lasts until then")
    func running() throws {
        var events = events([
            process(
                1, .driver,
                [
                    event(.submitted, 10, task: 1), event(.ready, 10, task: 1),
                    event(.sent, 20, task: 1, other: 2, flight: 5),
                ]),
            process(2, .worker, [event(.started, 30, other: 1, flight: 5), event(.waits, 40, other: 1, flight: 5)]),
        ])
        events.anchorTicks = 500_000
        let checker = try TraceChecker(ChromeTrace.text(events))
        #expect(checker.problems == [])
        let run = try #require(checker.spans.first { $0.process == 2 && $0.name != "waits" })
        #expect(abs(run.end - 490) < 0.01)
        #expect(checker.spans.contains { $0.name == "waits" && abs($0.start - 30) < 0.01 && abs($0.end - 490) < 0.01 })
    }

    @Test("of very many tasks that wait at once some are drawn, and all are counted")
    func crowd() throws {
        let number = 5000
        let submissions = (1...number).flatMap { task in
            [event(.submitted, UInt64(task), task: UInt32(task)), event(.ready, UInt64(task), task: UInt32(task))]
        }
        let cancelled = (1...number).map { event(.cancelled, UInt64(10_000 + $0), task: UInt32($0)) }
        let checker = try TraceChecker(ChromeTrace.text(events([process(1, .driver, submissions + cancelled)])))
        #expect(checker.problems == [])
        #expect(try #require(checker.phases["b"]) < 100)
        #expect(checker.counts.count > 1000 && checker.counts.count <= 4001)
        #expect(try #require(checker.counts.max()) > number - 10)
        #expect(checker.counts.last == 0)
    }

    @Test("a number that is used again begins another task; what was withdrawn was not an attempt")
    func again() {
        let tasks = TaskHistory(
            events([
                process(
                    1, .driver,
                    [
                        event(.submitted, 1, task: 1), event(.ready, 1, task: 1),
                        event(.sent, 2, task: 1, other: 2, flight: 1),
                        event(.withdrawn, 3, task: 1), event(.sent, 4, task: 1, other: 2, flight: 2),
                        event(.cancelled, 9, task: 1), event(.submitted, 10, task: 1), event(.ready, 10, task: 1),
                    ])
            ])
        ).tasks
        #expect(tasks.count == 2)
        #expect(tasks.first?.attempts.count == 1)
        #expect(tasks.first?.outcome == .cancelled)
        #expect(tasks.last?.outcome == nil)
    }

    @Test("any part of the events gives a trace that viewers take")
    func fuzz() throws {
        var numbers = SeededNumbers()
        for _ in 0..<300 {
            let processes = (1...3).map { number in
                process(
                    UInt64(number), number == 1 ? .driver : .worker,
                    (0..<Int(numbers.below(60))).map { _ in
                        event(
                            EventKind.allCases[Int(numbers.below(UInt64(EventKind.allCases.count)))],
                            numbers.below(1000),
                            task: UInt32(numbers.below(6)), other: UInt32(numbers.below(4)), flight: numbers.below(8))
                    })
            }
            let checker = try TraceChecker(ChromeTrace.text(events(processes)))
            #expect(checker.problems == [], numbers.replay)
            if !checker.problems.isEmpty { break }
        }
    }
}
