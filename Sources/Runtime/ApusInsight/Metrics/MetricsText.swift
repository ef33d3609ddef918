import ApusCore

/// Writes metrics as text.
///
/// - Source: "Exposition formats", Prometheus, text format 0.0.4.
package struct MetricsText {
    package enum Kind: String { case counter, gauge }

    /// A series: its labels in the order in which they are written, and its value.
    package typealias Sample<Value> = (labels: [(String, String)], value: Value)

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    package private(set) var text = ""

    package init() {}

    /// Names that stand for a metric or one of its series already.
    private var names: Set<String> = []

    /// Whether a metric can have a name.
    package func hasRoom(for name: String, isHistogram: Bool = false) -> Bool {
        names.isDisjoint(with: Self.names(name, isHistogram))
    }

    private static func names(_ name: String, _ isHistogram: Bool) -> [String] {
        isHistogram ? [name, "\(name)_bucket", "\(name)_sum", "\(name)_count"] : [name]
    }

    private mutating func begin(_ name: String, _ type: String, _ help: String?) {
        names.formUnion(Self.names(name, type == "histogram"))
        if let help { text += "# HELP \(name) \(Self.escape(help, quotes: false))\n" }
        text += "# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(Self.escape($1, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// All samples of one metric.
    package mutating func metric(_ name: String, _ kind: Kind, _ help: String?, _ samples: [Sample<Double>]) {
        guard !samples.isEmpty else { return }
        begin(name, kind.rawValue, help)
        for (labels, value) in samples { line(name, labels, Self.number(value)) }
    }

    package mutating func metric(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        metric(name, kind, help, [([], value)])
    }

    /// All samples of one metric of a program.
    package mutating func metric(_ name: String, _ kind: Kind, _ samples: [Sample<MetricSample.Value>]) {
        begin(name, kind.rawValue, nil)
        for (labels, value) in samples {
            if case .whole(let count) = value {
                line(name, labels, "\(count)")
            } else {
                line(name, labels, Self.number(value.number))
            }
        }
    }

    /// All samples of one histogram: for each a line a bucket, which counts what is below its bound, the sum and the count.
    package mutating func histogram(_ name: String, _ bounds: [Double], _ samples: [Sample<MetricSample.Value>]) {
        begin(name, "histogram", nil)
        for (labels, value) in samples {
            guard case .histogram(let sum, let buckets) = value else { continue }
            var count: UInt64 = 0
            for (bound, bucket) in zip(bounds + [.infinity], buckets) {
                count = count.addingSaturated(bucket)
                line("\(name)_bucket", labels + [("le", Self.number(bound))], "\(count)")
            }
            line("\(name)_sum", labels, Self.number(sum))
            line("\(name)_count", labels, "\(count)")
        }
    }

    private static func escape(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

extension ClusterReport {
    /// The report's figures for Prometheus, and those of the program after them.
    package func metrics(_ own: MetricTotals = MetricTotals()) -> String {
        var text = MetricsText()
        text.metric("apus_uptime_seconds", .gauge, "Seconds since the node's start.", uptime)
        text.metric(
            "apus_info", .gauge, "The cluster.",
            [([("cluster", cluster), ("version", version), ("program", program)], 1)])
        let kinds: [(EventKind, String)] = [
            (.submitted, "Tasks that were submitted."), (.succeeded, "Tasks that have a result."),
            (.failed, "Tasks that failed for good."), (.cancelled, "Tasks that were cancelled."),
            (.retried, "Attempts that failed and were followed by another one."),
            (.started, "Attempts that began in a worker."), (.ended, "Attempts that ended in a worker."),
        ]
        for (kind, help) in kinds {
            let named = counts.filter { $0[kind] > 0 }
            text.metric(
                "apus_tasks_\(kind.word)_total", .counter, help, named.map { ([("name", $0.name)], Double($0[kind])) })
        }
        for (kind, name, help) in [
            (EventKind.called, "apus_actor_calls_total", "Calls that were sent to actors in other processes."),
            (.callFailed, "apus_actor_calls_failed_total", "Calls whose reply is an error, or was not waited for."),
        ] {
            text.metric(
                name, .counter, help,
                counts.filter { $0[kind] > 0 }.map { ([("name", $0.name)], Double($0[kind])) })
        }
        let totals = TaskTotals(counts)
        text.metric(
            "apus_tasks", .gauge, "Tasks by state: pending ones are not over, running ones are with a worker.",
            [([("state", "pending")], Double(totals.pending)), ([("state", "running")], Double(totals.running))])
        text.metric(
            "apus_actors", .gauge, "Actors by state.",
            ActorLine.State.allCases.map { state in
                ([("state", state.rawValue)], Double(actors.count { $0.state == state }))
            })
        for node in nodes { node.write(into: &text) }
        own.write(into: &text)
        return text.text
    }
}

extension NodeReport {
    func write(into text: inout MetricsText) {
        func amounts(_ resources: Resources) -> [(labels: [(String, String)], value: Double)] {
            [
                ([("resource", "cpus")], resources.cpus.value), ([("resource", "gpus")], resources.gpus.value),
                ([("resource", "memory")], Double(resources.memory)),
            ] + resources.custom.sorted { $0.key < $1.key }.map { ([("resource", $0.key)], $0.value.value) }
        }
        text.metric("apus_resources_total", .gauge, "Resources that tasks can ask for.", amounts(total))
        text.metric(
            "apus_resources_available", .gauge, "Resources that are free; processors can be below zero for moments.",
            amounts(available))
        text.metric(
            "apus_workers", .gauge, "Worker processes by state.",
            WorkerLine.State.allCases.map { state in
                ([("state", state.rawValue)], Double(workers.count { $0.state == state }))
            })
        text.metric("apus_leases", .gauge, "Leases that owners hold.", Double(workers.reduce(0) { $0 + $1.leases }))
        text.metric(
            "apus_workers_memory_bytes", .gauge, "Memory of all workers.",
            Double(workers.reduce(0) { $0 + $1.memory }))
        text.metric(
            "apus_demands_unmet", .gauge, "Workers that owners could use and do not have.",
            Double(demands.reduce(0) { $0 + max(0, $1.wanted - $1.granted) }))
        let counters: [(String, String, UInt64)] = [
            ("worker_starts", "Worker processes that were started.", self.counters.workersStarted),
            ("worker_start_failures", "Worker processes that could not be started.", self.counters.workerStartsFailed),
            ("worker_crashes", "Workers that ended before the cluster did.", self.counters.workersCrashed),
            ("out_of_memory_kills", "Workers that were ended for want of memory.", self.counters.outOfMemoryKills),
            ("leases_granted", "Leases that were granted.", self.counters.leasesGranted),
            ("actors_created", "Actors that came to live.", self.counters.actorsCreated),
            ("actor_restarts", "Restarts of actors.", self.counters.actorRestarts),
            ("lines_forwarded", "Lines of output that went to the driver.", self.counters.linesForwarded),
        ]
        for (name, help, value) in counters { text.metric("apus_\(name)_total", .counter, help, Double(value)) }
        if let store {
            text.metric("apus_store_capacity_bytes", .gauge, "The object store's size.", Double(store.capacity))
            text.metric(
                "apus_store_bytes", .gauge, "Bytes of objects by where they are.",
                [([("place", "shared")], Double(store.shared)), ([("place", "spilled")], Double(store.spilled))])
            text.metric("apus_store_objects", .gauge, "Objects in the store.", Double(store.objects))
        }
    }
}
