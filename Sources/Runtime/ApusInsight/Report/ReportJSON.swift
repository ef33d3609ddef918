import ApusCore
import JSON

extension Resources {
    package var json: JSONValue {
        var object = JSONObject()
        object["cpus"] = JSONValue(cpus.value)
        object["gpus"] = JSONValue(gpus.value)
        object["memory"] = JSONValue(memory)
        for (name, quantity) in custom.sorted(by: { $0.key < $1.key }) { object[name] = JSONValue(quantity.value) }
        return .object(object)
    }
}

extension JSONObject {
    /// Sets a member unless its value is nil.
    fileprivate mutating func set(_ key: String, _ value: JSONValue?) { if let value { self[key] = value } }
}

extension ClusterReport {
    /// The state without lists of tasks, actors and objects.
    package var json: JSONValue {
        var object = JSONObject()
        object["cluster"] = JSONValue(cluster)
        object["version"] = JSONValue(version)
        object["program"] = JSONValue(program)
        object["driver"] = JSONValue(driver)
        object["uptime"] = JSONValue(uptime)
        object.set("metricsPort", metricsPort.map { JSONValue($0) })
        object["nodes"] = .array(nodes.map(\.json))
        object["actors"] = JSONValue(actors.count { $0.state != .dead })
        object["tasks"] = .object(
            JSONObject(TaskTotals(counts).figures.map { ($0.word, JSONValue($0.count)) }))
        return .object(object)
    }
}

/// Tasks by how far they are, from exact counts.
package struct TaskTotals: Sendable {
    package let submitted: UInt64
    package let succeeded: UInt64
    package let failed: UInt64
    package let cancelled: UInt64
    package let retried: UInt64
    package let running: UInt64

    package init(_ counts: [NameCounts]) {
        func sum(_ kind: EventKind) -> UInt64 { counts.reduce(0) { $0 &+ $1[kind] } }
        submitted = sum(.submitted)
        succeeded = sum(.succeeded)
        failed = sum(.failed)
        cancelled = sum(.cancelled)
        retried = sum(.retried)
        let started = sum(.started)
        running = started - min(started, sum(.ended))
    }

    /// Tasks that are not over: running, and those that wait.
    package var pending: UInt64 { submitted - min(submitted, succeeded &+ failed &+ cancelled) }

    package var figures: [(word: String, count: UInt64)] {
        [
            ("submitted", submitted), ("pending", pending), ("running", running), ("succeeded", succeeded),
            ("failed", failed), ("cancelled", cancelled), ("retried", retried),
        ]
    }
}

extension NodeReport {
    package var json: JSONValue {
        var object = JSONObject()
        object["node"] = JSONValue(number)
        object["pid"] = JSONValue(pid)
        object["total"] = total.json
        object["available"] = available.json
        object["workers"] = .array(workers.map(\.json))
        object["demands"] = .array(demands.map(\.json))
        if let store {
            object["store"] = [
                "capacity": JSONValue(store.capacity), "shared": JSONValue(store.shared),
                "spilled": JSONValue(store.spilled), "objects": JSONValue(store.objects),
            ]
        }
        return .object(object)
    }
}

extension WorkerLine {
    package var json: JSONValue {
        var object = JSONObject()
        object["worker"] = JSONValue(process)
        object["pid"] = JSONValue(pid)
        object["state"] = JSONValue(state.rawValue)
        object.set("name", name.map { JSONValue($0) })
        object["leases"] = JSONValue(leases)
        object["memory"] = JSONValue(memory)
        return .object(object)
    }
}

extension DemandLine {
    package var json: JSONValue {
        [
            "owner": JSONValue(owner), "resources": resources.json, "wanted": JSONValue(wanted),
            "granted": JSONValue(granted), "reason": JSONValue(reason),
        ]
    }
}

extension TaskLine {
    package var json: JSONValue {
        var object = JSONObject()
        object["task"] = JSONValue(id)
        object["name"] = JSONValue(name)
        object["state"] = JSONValue(state.rawValue)
        object["owner"] = JSONValue(owner)
        object.set("worker", worker.map { JSONValue($0) })
        object.set("resources", resources?.json)
        object["attempts"] = JSONValue(attempts)
        object.set("origin", origin.map { JSONValue($0.description) })
        object.set("seconds", seconds.map { JSONValue($0) })
        object.set("reason", reason.map { JSONValue($0) })
        return .object(object)
    }
}

extension ActorLine {
    package var json: JSONValue {
        var object = JSONObject()
        object["actor"] = JSONValue(id)
        object.set("name", name.map { JSONValue($0) })
        object["type"] = JSONValue(type)
        object["state"] = JSONValue(state.rawValue)
        object.set("worker", process.map { JSONValue($0) })
        object["resources"] = resources.json
        object["restartsLeft"] = JSONValue(restartsLeft)
        object.set("reason", reason.map { JSONValue($0) })
        return .object(object)
    }
}

extension ObjectLine {
    package var json: JSONValue {
        [
            "object": JSONValue(id), "bytes": JSONValue(bytes), "state": JSONValue(state),
            "holders": .array(
                holders.map {
                    [
                        "process": JSONValue($0.process), "references": JSONValue($0.references),
                        "readers": JSONValue($0.readers),
                    ]
                }), "site": JSONValue(site),
        ]
    }

    /// The line with the holders in words.
    package var row: JSONValue {
        let words = holders.map { holder in
            holder.readers == 0 ? holder.process : "\(holder.process) (reads it)"
        }
        return [
            "object": JSONValue(id), "bytes": JSONValue(bytes), "state": JSONValue(state),
            "holders": JSONValue(words.joined(separator: ", ")), "site": JSONValue(site),
        ]
    }
}
