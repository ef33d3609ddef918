import ApusCore

extension StoreCore {
    mutating func pin(
        _ ids: [ObjectID], _ ticket: ReadTicket, _ deadline: Instant, _ now: Instant, _ effects: inout [StoreEffect]
    ) {
        func fail(_ error: StoreError) { effects.append(.readFailed(ticket, error)) }
        guard clients[ticket.client] != nil else { return fail(.clientLeft) }
        let order = nextOrder()
        var members: [Int] = []
        members.reserveCapacity(ids.count)
        var bytes = 0
        var unsealed = 0
        var absent = 0
        for id in ids {
            guard let slot = slots[id] else { return fail(.unknown(object: id)) }
            if case .lost(let error) = self[slot].state { return fail(error) }
            guard self[slot].claim != order else {
                effects.append(.rejected(ticket.client, reason: "asked for \(id) twice in one request"))
                return fail(.exists(object: id))
            }
            self[slot].claim = order
            if !self[slot].isSealed { unsealed += 1 }
            if self[slot].resident == nil { absent += 1 }
            bytes += self[slot].footprint
            members.append(slot)
        }
        guard bytes <= arena.capacity else {
            return fail(.workingSetTooLarge(bytes: bytes, capacity: arena.capacity))
        }
        if absent == 0 {
            pinAll(members, ticket.client)
            deliver(ticket, members, &effects)
            return
        }
        guard creates.count + groups.count < configuration.waitingLimit else {
            return fail(.busy(waiting: creates.count + groups.count))
        }
        for slot in members { self[slot].waiting += 1 }
        let copiesAt = configuration.copyPatience.map { now + $0 } ?? Instant(nanoseconds: .max)
        groups.append(
            ReadGroup(
                ticket: ticket, slots: members, order: order, deadline: deadline, copiesAt: copiesAt, unsealed: unsealed
            ))
        count(ticket.client, waiting: 1)
        if unsealed == 0, !members.contains(where: { isOnFile($0) }) {
            // All of it is on its way to memory already.
            admit(at: groups.count - 1, &effects)
            return
        }
        earliestDeadline = min(earliestDeadline, deadline)
        earliestCopies = min(earliestCopies, copiesAt)
        hasNewcomer = true
    }

    mutating func unpin(_ ids: [ObjectID], _ client: StoreClient, _ now: Instant, _ effects: inout [StoreEffect]) {
        for id in ids {
            guard let slot = slots[id], self[slot].change(client, pins: -1) else {
                effects.append(.rejected(client, reason: "unpinned \(id), which it had not pinned"))
                continue
            }
            count(client, pins: -1)
            unpinned(slot, now, &effects)
        }
    }

    mutating func unpinned(_ slot: Int, _ now: Instant, _ effects: inout [StoreEffect]) {
        guard self[slot].pins == 0 else { return }
        relist(slot)
        needsService = true
        retire(slot, now, &effects)
    }

    mutating func pinAll(_ members: [Int], _ client: StoreClient) {
        for slot in members {
            _ = self[slot].change(client, pins: 1)
            if self[slot].pins == 1 { unlist(slot) }
        }
        count(client, pins: members.count)
    }

    private mutating func deliver(_ ticket: ReadTicket, _ members: [Int], _ effects: inout [StoreEffect]) {
        let locations = members.map { slot in
            guard let extent = self[slot].resident else { preconditionFailure("\(self[slot].id) is not in memory") }
            return StoreLocation(object: self[slot].id, offset: extent.offset, size: self[slot].size)
        }
        effects.append(.located(ticket, locations))
    }

    /// A reader has all its room: its objects stay. It is answered now, or when the last of them is read back.
    mutating func admit(at place: Int, _ effects: inout [StoreEffect]) {
        let group = groups[place]
        count(group.ticket.client, waiting: -1)
        for slot in group.slots { self[slot].waiting -= 1 }
        pinAll(group.slots, group.ticket.client)
        let restoring = group.slots.count { self[$0].resident == nil }
        if restoring == 0 {
            groups.remove(at: place)
            deliver(group.ticket, group.slots, &effects)
        } else {
            groups[place].isAdmitted = true
            groups[place].restoring = restoring
        }
    }

    /// Takes a reader away, with what it kept.
    mutating func dropGroup(at place: Int, _ now: Instant, _ effects: inout [StoreEffect]) {
        let group = groups.remove(at: place)
        if group.isAdmitted {
            count(group.ticket.client, pins: -group.slots.count)
        } else {
            count(group.ticket.client, waiting: -1)
        }
        for slot in group.slots {
            if group.isAdmitted {
                _ = self[slot].change(group.ticket.client, pins: -1)
                unpinned(slot, now, &effects)
            } else {
                self[slot].waiting -= 1
                retire(slot, now, &effects)
            }
        }
        needsService = true
    }

    mutating func restoreFinished(_ operation: SpillOperation, _ now: Instant, _ effects: inout [StoreEffect]) {
        guard case .restore(let slot, let memory, let copy)? = operations.removeValue(forKey: operation) else { return }
        counters.restored += 1
        guard slot >= 0 else {
            releaseMemory(memory, now)
            releaseFile(copy.extent, now)
            return
        }
        counters.restoredBytes += self[slot].size
        self[slot].state = .memory(memory, copy: copy)
        relist(slot)
        var place = 0
        while place < groups.count {
            if groups[place].isAdmitted, groups[place].slots.contains(slot) {
                groups[place].restoring -= 1
                if groups[place].restoring == 0 {
                    let group = groups.remove(at: place)
                    deliver(group.ticket, group.slots, &effects)
                    continue
                }
            }
            place += 1
        }
        needsService = true
    }

    mutating func restoreLost(
        _ operation: SpillOperation, _ now: Instant, _ effects: inout [StoreEffect], error: (ObjectID) -> StoreError
    ) {
        guard case .restore(let slot, let memory, let copy)? = operations.removeValue(forKey: operation) else { return }
        releaseMemory(memory, now)
        releaseFile(copy.extent, now)
        guard slot >= 0 else { return }
        counters.lost += 1
        lose(slot, error(self[slot].id), now, &effects)
    }
}
