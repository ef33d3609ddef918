import ApusCore

extension WaitReason {
    /// What runs on a worker, for messages.
    package struct Name: Sendable {
        package var text: String
        package var process: UInt64

        package init(_ text: String, process: UInt64) {
            self.text = text
            self.process = process
        }
    }

    /// The reason in words, without a full stop.
    ///
    /// - Parameter name: what runs on a worker.
    package func words(_ name: (WorkerID) -> Name) -> String {
        switch self {
        case .nothingWanted(held: 0): "its process has not asked for a worker yet"
        case .nothingWanted(let held):
            "\(held) worker\(held == 1 ? "" : "s") run tasks of its kind, and it is behind those"
        case .impossible(let refusal): "\(refusal)"
        case .resources(let shortage): shortage.words(name)
        case .keptForOthers(let demand): "what is free is kept for a request for \(demand), which has waited long"
        case .behind(let requests, let priority):
            "it waits behind \(requests) request\(requests == 1 ? "" : "s") of priority \(priority) or more"
        case .workerStarting(let count): "it waits for a worker to start (\(count) starting)"
        case .workersFail(let attempts, let reason):
            "workers do not start: the last of \(attempts) attempts failed, \(reason)"
        case .processLimit(let limit): "it waits for a worker; there are \(limit), as many as there may be"
        case .memoryPressure: "the node has too little memory left to start a worker"
        case .groupPending(let group, nil): "placement group \(group.number) is about to get its resources"
        case .groupPending(let group, let shortage?):
            "placement group \(group.number) has not got its resources yet: \(shortage.words(name))"
        case .aboutToStart: "its resources are free; it is about to start"
        }
    }
}

extension WaitReason.Shortage {
    func words(_ name: (WorkerID) -> WaitReason.Name) -> String {
        var missing: [String] = []
        if demand.cpus > .zero, available.cpus < demand.cpus {
            missing.append(Self.words("cpus", demand.cpus, available.cpus, total.cpus))
        }
        if available.gpus < demand.gpus {
            missing.append(Self.words("gpus", demand.gpus, available.gpus, total.gpus))
        }
        if available.memory < demand.memory {
            missing.append(
                "it needs \(demand.memory) bytes of memory, and \(max(0, available.memory)) of \(total.memory) are free"
            )
        }
        for (kind, amount) in demand.custom.sorted(by: { $0.key < $1.key }) {
            let free = available.custom[kind, default: .zero]
            guard free < amount else { continue }
            missing.append(Self.words(kind, amount, free, total.custom[kind, default: .zero]))
        }
        return missing.joined(separator: "; ") + inUse(name) + setAside
    }

    private static func words(_ kind: String, _ wanted: Quantity, _ free: Quantity, _ total: Quantity) -> String {
        "it needs \(wanted) \(kind), and \(max(.zero, free)) of \(total) are free"
    }

    private var setAside: String {
        guard !groups.isEmpty else { return "" }
        let numbers = groups.prefix(4).map { "\($0.number)" }.joined(separator: ", ") + (groups.count > 4 ? ", …" : "")
        return ". Set aside for placement group \(numbers)"
    }

    /// Who holds what is missing, by name, the most frequent first.
    private func inUse(_ name: (WorkerID) -> WaitReason.Name) -> String {
        var groups: [String: (processes: [UInt64], waiting: Int)] = [:]
        for holder in holders {
            let name = name(holder.worker)
            groups[name.text, default: ([], 0)].processes.append(name.process)
            groups[name.text, default: ([], 0)].waiting += holder.isBlocked ? 1 : 0
        }
        guard !groups.isEmpty else { return "" }
        let sorted = groups.sorted { ($1.value.processes.count, $0.key) < ($0.value.processes.count, $1.key) }
        let words = sorted.prefix(3).map { name, group in
            let processes = group.processes.sorted().prefix(4).map(String.init).joined(separator: ", ")
            let more = group.processes.count > 4 ? ", …" : ""
            let waiting =
                group.waiting == 0
                ? "" : group.waiting == group.processes.count ? ", waiting" : ", \(group.waiting) of them waiting"
            return "`\(name)` (worker \(processes)\(more)\(waiting))"
        }
        let rest = sorted.count > 3 ? " and \(sorted.count - 3) more" : ""
        return ". In use by " + words.joined(separator: ", ") + rest
    }
}
