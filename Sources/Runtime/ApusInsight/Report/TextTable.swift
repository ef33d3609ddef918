import ApusCore
import JSON

/// Lines of JSON objects as a table for people.
package enum TextTable {
    /// A header and a row for each object; columns that no object has are left out.
    package static func rows(_ objects: [JSONValue], _ columns: [String]) -> [String] {
        let columns = columns.filter { column in objects.contains { $0[column] != nil } }
        guard !columns.isEmpty else { return [] }
        let cells = [columns.map { $0.uppercased() }] + objects.map { object in columns.map { text(object[$0]) } }
        let widths = columns.indices.map { index in cells.map { $0[index].count }.max() ?? 0 }
        return cells.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                line += cell
                if index < row.count - 1 { line += String(repeating: " ", count: widths[index] - cell.count + 2) }
            }
            return line
        }
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "-"
        case .string(let text): text
        case .number(let number): "\((number * 1000).rounded() / 1000)"
        case .array(let values): values.map { text($0) }.joined(separator: " ")
        case let value?: value.text()
        }
    }
}

extension ClusterReport {
    /// The state in words.
    package var words: String {
        var lines = ["\(cluster): \(program) (pid \(driver)), Apus \(version), for \(Self.time(uptime))"]
        let totals = TaskTotals(counts)
        lines.append(
            "  tasks    "
                + totals.figures.filter { $0.count > 0 }.map { "\($0.count) \($0.word)" }.joined(separator: ", "))
        if lines.last?.hasSuffix("tasks    ") == true { lines[lines.count - 1] += "none yet" }
        let living = actors.filter { $0.state != .dead }
        if !living.isEmpty {
            lines.append(
                "  actors   \(living.count { $0.state == .alive }) alive, \(living.count { $0.state != .alive }) not yet"
            )
        }
        if let metricsPort { lines.append("  metrics  http://127.0.0.1:\(metricsPort)/metrics") }
        for node in nodes {
            lines.append("  node \(node.number) (pid \(node.pid))")
            lines.append("    in use   \(Self.text(node.used))")
            lines.append("    free     \(Self.text(node.available))")
            let states = WorkerLine.State.allCases.map { state in (state, node.workers.count { $0.state == state }) }
                .filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }
            lines.append("    workers  \(states.isEmpty ? "none" : states.joined(separator: ", "))")
            if let store = node.store {
                lines.append(
                    "    store    \(bytes: Int(store.shared)) of \(bytes: Int(store.capacity)), "
                        + "\(bytes: Int(store.spilled)) spilled, \(store.objects) objects"
                )
            }
            for demand in node.demands {
                let missing = max(0, demand.wanted - demand.granted)
                lines.append(
                    "    waits    process \(demand.owner) could use \(missing) more of (\(demand.resources)): \(demand.reason)"
                )
            }
        }
        return lines.joined(separator: "\n")
    }

    /// As `Resources` says it, with memory in a unit that a person reads.
    private static func text(_ resources: Resources) -> String {
        var others = resources
        others.memory = 0
        let memory = resources.memory == 0 ? nil : "\(bytes: Int(resources.memory)) of memory"
        let parts = [others.isEmpty ? nil : "\(others)", memory].compactMap { $0 }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }

    private static func time(_ seconds: Double) -> String {
        let whole = Int(seconds)
        if whole < 60 { return "\(whole) s" }
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
