extension StoreCore {
    /// The first of the store's invariants that does not hold, in words; nil when all do. For tests.
    ///
    /// - Complexity: O(objects · log objects).
    package var firstInconsistency: String? {
        var memory: [Extent] = []
        var onFile: [Extent] = []
        var lists: [StoreRecord.List: (count: Int, bytes: Int)] = [:]
        var waiting: [Int: Int] = [:]
        var admitted: [Int: Int] = [:]
        for group in groups {
            for slot in group.slots {
                if group.isAdmitted { admitted[slot, default: 0] += 1 } else { waiting[slot, default: 0] += 1 }
            }
        }
        for (number, client) in clients {
            let own = groups.count { $0.ticket.client == number && !$0.isAdmitted }
            if client.waiting != own { return "\(client.label) has \(own) readers that wait, not \(client.waiting)" }
            let pins = records.reduce(0) { $0 + ($1?.holding(of: number)?.pins ?? 0) }
            if client.pins != pins { return "\(client.label) has \(pins) pins, not \(client.pins)" }
        }
        if nestedClients != clients.values.count(where: \.isNested) { return "\(nestedClients) clients read on" }
        for (slot, entry) in records.enumerated() {
            guard let record = entry else { continue }
            guard slots[record.id] == slot else { return "\(record.id) is not found under its name" }
            if record.isUnused { return "\(record.id) is kept although nobody uses it" }
            if record.waiting != waiting[slot, default: 0] { return "\(record.id) counts \(record.waiting) readers" }
            if record.pins < admitted[slot, default: 0] { return "\(record.id) is read without a pin" }
            if record.holds != record.holdings.reduce(0, { $0 + $1.holds })
                || record.pins != record.holdings.reduce(0, { $0 + $1.pins })
            {
                return "\(record.id) miscounts its holdings"
            }
            if let stranger = record.holdings.first(where: { clients[$0.client] == nil }) {
                return "\(record.id) is held by client \(stranger.client), which left"
            }
            var list = StoreRecord.List.none
            switch record.state {
            case .queued:
                guard creates.contains(where: { $0.slot == slot }) else { return "\(record.id) waits in no line" }
            case .writing(let extent): memory.append(extent)
            case .memory(let extent, let copy):
                memory.append(extent)
                if let copy { onFile.append(copy.extent) }
                if record.pins == 0 { list = copy == nil ? .dirty : .clean }
            // The operation counts them.
            case .spilling, .restoring: break
            case .file(let copy): onFile.append(copy.extent)
            case .lost: break
            }
            if record.list != list { return "\(record.id) is in the list \(record.list), not \(list)" }
            lists[list, default: (0, 0)].count += 1
            lists[list, default: (0, 0)].bytes += record.footprint
        }
        for operation in operations.values {
            switch operation {
            case .spill(let items):
                memory += items.map(\.memory)
                onFile += items.map(\.file)
            case .restore(_, let extent, let copy):
                memory.append(extent)
                onFile.append(copy.extent)
            }
        }
        for (name, list) in [(StoreRecord.List.clean, clean), (.dirty, dirty)] {
            var count = 0
            var slot = list.first
            while slot >= 0 {
                count += 1
                slot = self[slot].next
            }
            if count != lists[name, default: (0, 0)].count || list.bytes != lists[name, default: (0, 0)].bytes {
                return "the \(name) list has \(count) objects of \(list.bytes) bytes"
            }
        }
        return Self.flaw(in: memory, of: arena, "memory") ?? Self.flaw(in: onFile, of: file, "file")
    }

    private static func flaw(in extents: [Extent], of arena: Arena, _ name: String) -> String? {
        let sorted = extents.sorted { $0.offset < $1.offset }
        for (first, second) in zip(sorted, sorted.dropFirst()) where first.end > second.offset {
            return "extents \(first) and \(second) of the \(name) overlap"
        }
        let sum = extents.reduce(0) { $0 + $1.count }
        return sum == arena.used && extents.count == arena.liveCount
            ? nil : "\(sum) bytes of the \(name) are in use, \(arena.used) are allocated"
    }
}
