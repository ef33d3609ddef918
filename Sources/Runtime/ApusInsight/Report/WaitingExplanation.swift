import ApusCore

/// Says in words why work of one class is not running on a node. Pure.
package struct WaitingExplanation: Sendable {
    /// What holds resources: a task's worker or an actor.
    package struct Holder: Sendable {
        package var name: String
        package var process: UInt64
        package var resources: Resources
        /// Its task waits for an object, and has lent its processors.
        package var isSuspended: Bool
        package init(name: String, process: UInt64, resources: Resources, isSuspended: Bool) {
            self.name = name
            self.process = process
            self.resources = resources
            self.isSuspended = isSuspended
        }
    }

    package var demand: Resources
    package var total: Resources
    package var available: Resources
    package var holders: [Holder]
    /// Workers that are being started.
    package var starting: Int
    /// Whether resources were set aside for it already.
    package var isAdmitted: Bool
    /// Requests of others that wait too.
    package var others: Int

    package init(
        demand: Resources, total: Resources, available: Resources, holders: [Holder], starting: Int, isAdmitted: Bool,
        others: Int
    ) {
        self.demand = demand
        self.total = total
        self.available = available
        self.holders = holders
        self.starting = starting
        self.isAdmitted = isAdmitted
        self.others = others
    }

    package var words: String {
        if isAdmitted {
            return starting > 0
                ? "its resources are set aside; it waits for a worker to start (\(starting) starting)"
                : "its resources are set aside; it waits for a worker"
        }
        guard total.covers(demand) else { return "it asks for \(demand), and the node has only \(total)" }
        let missing = missing()
        if missing.isEmpty {
            return others > 0
                ? "its resources are free; it waits behind \(others) other request\(others == 1 ? "" : "s") that came before or ask for more"
                : "its resources are free; it is about to start"
        }
        return missing.map(\.words).joined(separator: "; ") + held(missing)
    }

    private struct Missing {
        var words: String
        var isHeld: @Sendable (Resources) -> Bool
    }

    private func missing() -> [Missing] {
        var missing: [Missing] = []
        // A demand without processors fits even while processors are overdrawn.
        if demand.cpus > .zero, available.cpus < demand.cpus {
            missing.append(
                Missing(words: Self.words("cpus", demand.cpus, available.cpus, total.cpus)) { $0.cpus > .zero })
        }
        if available.gpus < demand.gpus {
            missing.append(
                Missing(words: Self.words("gpus", demand.gpus, available.gpus, total.gpus)) { $0.gpus > .zero })
        }
        if available.memory < demand.memory {
            missing.append(
                Missing(
                    words:
                        "it needs \(demand.memory) bytes of memory, and \(max(0, available.memory)) of \(total.memory) are free"
                ) { $0.memory > 0 })
        }
        for (name, amount) in demand.custom.sorted(by: { $0.key < $1.key }) {
            let free = available.custom[name, default: .zero]
            guard free < amount else { continue }
            missing.append(
                Missing(words: Self.words(name, amount, free, total.custom[name, default: .zero])) {
                    $0.custom[name, default: .zero] > .zero
                })
        }
        return missing
    }

    private static func words(_ name: String, _ wanted: Quantity, _ free: Quantity, _ total: Quantity) -> String {
        "it needs \(wanted) \(name), and \(max(.zero, free)) of \(total) are free"
    }

    /// Who holds what is missing, by name, the most frequent first.
    private func held(_ missing: [Missing]) -> String {
        let relevant = holders.filter { holder in missing.contains { $0.isHeld(holder.resources) } }
        guard !relevant.isEmpty else { return "" }
        let groups = Dictionary(grouping: relevant, by: \.name).sorted {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }
        let words = groups.prefix(3).map { name, holders in
            let processes = holders.map(\.process).sorted().prefix(4).map(String.init).joined(separator: ", ")
            let more = holders.count > 4 ? ", …" : ""
            let waiting = holders.count { $0.isSuspended }
            let suspended = waiting == 0 ? "" : waiting == holders.count ? ", waiting" : ", \(waiting) of them waiting"
            return "`\(name)` (worker \(processes)\(more)\(suspended))"
        }
        let rest = groups.count > 3 ? " and \(groups.count - 3) more" : ""
        return ". In use by " + words.joined(separator: ", ") + rest
    }
}
