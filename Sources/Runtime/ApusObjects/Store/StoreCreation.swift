import ApusCore

extension StoreCore {
    mutating func create(
        _ id: ObjectID, _ size: Int, _ client: StoreClient, _ deadline: Instant, _ site: String,
        _ effects: inout [StoreEffect]
    ) {
        func fail(_ error: StoreError) { effects.append(.createFailed(id, client: client, error)) }
        guard clients[client] != nil else { return fail(.clientLeft) }
        guard size >= 0 else {
            effects.append(.rejected(client, reason: "asked for an object of \(size) bytes"))
            return
        }
        let footprint = arena.footprint(size)
        guard footprint <= arena.capacity else {
            return fail(.tooLarge(object: id, size: size, capacity: arena.capacity))
        }
        guard creates.count + groups.count < configuration.waitingLimit else {
            return fail(.busy(waiting: creates.count + groups.count))
        }
        var record = StoreRecord(id: id, size: size, footprint: footprint, site: site, creator: client)
        let slot: Int
        if let known = slots[id] {
            switch self[known].state {
            case .lost:
                // Computed again: whoever held the lost object holds the new one.
                record.holdings = self[known].holdings
                record.holds = self[known].holds
                // Of readers that found its copy damaged, or are about to.
                record.pins = self[known].pins
                self[known] = record
                slot = known
            case .queued, .writing: return fail(.beingCreated(object: id, by: label(of: self[known].creator)))
            default: return fail(.exists(object: id))
            }
        } else {
            slot = add(record)
        }
        _ = self[slot].change(client, holds: 1)
        creates.append(CreateRequest(slot: slot, order: nextOrder(), deadline: deadline))
        earliestDeadline = min(earliestDeadline, deadline)
        counters.created += 1
        hasNewcomer = true
    }

    mutating func seal(
        _ id: ObjectID, _ client: StoreClient, _ heir: StoreClient?, isPinned: Bool = false, _ now: Instant,
        _ effects: inout [StoreEffect]
    ) {
        guard let slot = slots[id], case .writing(let extent) = self[slot].state, self[slot].creator == client else {
            effects.append(.rejected(client, reason: "sealed \(id), which it was not writing"))
            return
        }
        self[slot].state = .memory(extent, copy: nil)
        if let heir { pass(slot, from: client, to: heir) }
        if isPinned {
            _ = self[slot].change(client, pins: 1)
            count(client, pins: 1)
        }
        relist(slot)
        if self[slot].waiting > 0 {
            needsAdmission = true
            for place in groups.indices where groups[place].slots.contains(slot) { groups[place].unsealed -= 1 }
        }
        needsService = true
        retire(slot, now, &effects)
    }

    mutating func abort(_ id: ObjectID, _ client: StoreClient, _ now: Instant, _ effects: inout [StoreEffect]) {
        guard let slot = slots[id], !self[slot].isSealed, self[slot].creator == client else {
            effects.append(.rejected(client, reason: "aborted \(id), which it was not creating"))
            return
        }
        abandon(slot, .abandoned(object: id, by: label(of: client)), now, &effects)
    }

    /// Ends an unsealed creation: takes the creator's hold and the room, and tells those who wait or hold.
    mutating func abandon(_ slot: Int, _ error: StoreError, _ now: Instant, _ effects: inout [StoreEffect]) {
        switch self[slot].state {
        case .writing(let extent): releaseMemory(extent, now)
        case .queued: creates.removeAll { $0.slot == slot }
        default: preconditionFailure("\(self[slot].id) is sealed")
        }
        // The head of the line may have gone.
        needsService = true
        _ = self[slot].change(self[slot].creator, holds: -1)
        lose(slot, error, now, &effects)
    }

    /// The object has no bytes any more. Its readers fail, its holders are told; without any it is removed.
    mutating func lose(_ slot: Int, _ error: StoreError, _ now: Instant, _ effects: inout [StoreEffect]) {
        unlist(slot)
        self[slot].state = .lost(error)
        // While the readers' shares go, the record must stay.
        self[slot].waiting += 1
        while self[slot].waiting > 1 || self[slot].pins > 0,
            let place = groups.firstIndex(where: { $0.slots.contains(slot) })
        {
            effects.append(.readFailed(groups[place].ticket, error))
            dropGroup(at: place, now, &effects)
        }
        self[slot].waiting -= 1
        // Others only copy it from the file, and find out.
        let holders = self[slot].holdings.filter { $0.holds > 0 }.map(\.client)
        if !holders.isEmpty { effects.append(.lost(self[slot].id, error, holders: holders)) }
        retire(slot, now, &effects)
    }

    mutating func hold(_ ids: [ObjectID], _ client: StoreClient, _ effects: inout [StoreEffect]) {
        guard clients[client] != nil else {
            effects.append(.rejected(client, reason: "held objects without having joined"))
            return
        }
        for id in ids {
            if let slot = slots[id] {
                _ = self[slot].change(client, holds: 1)
            } else {
                effects.append(.lost(id, .unknown(object: id), holders: [client]))
            }
        }
    }

    mutating func release(
        _ ids: [ObjectID], _ client: StoreClient, _ now: Instant, _ effects: inout [StoreEffect]
    ) {
        for id in ids {
            // A creator's hold of an unsealed object goes by abort.
            guard let slot = slots[id], let holding = self[slot].holding(of: client),
                holding.holds > (!self[slot].isSealed && self[slot].creator == client ? 1 : 0)
            else {
                effects.append(.rejected(client, reason: "released \(id), which it did not hold"))
                continue
            }
            _ = self[slot].change(client, holds: -1)
            retire(slot, now, &effects)
        }
    }

    mutating func transfer(
        _ ids: [ObjectID], _ client: StoreClient, _ heir: StoreClient, _ now: Instant, _ effects: inout [StoreEffect]
    ) {
        for id in ids {
            guard let slot = slots[id], self[slot].isSealed, (self[slot].holding(of: client)?.holds ?? 0) > 0 else {
                effects.append(.rejected(client, reason: "passed on \(id), which it did not hold"))
                continue
            }
            pass(slot, from: client, to: heir)
            retire(slot, now, &effects)
        }
    }

    /// An heir that has left inherits nothing.
    private mutating func pass(_ slot: Int, from client: StoreClient, to heir: StoreClient) {
        _ = self[slot].change(client, holds: -1)
        if clients[heir] != nil { _ = self[slot].change(heir, holds: 1) }
    }

    func label(of client: StoreClient) -> String { clients[client]?.label ?? "client \(client)" }
}
