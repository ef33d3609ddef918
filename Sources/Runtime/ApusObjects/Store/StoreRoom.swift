import ApusCore

/// Who gets room next, and how it is made.
extension StoreCore {
    private enum Outcome {
        /// Has its room.
        case served
        /// Room is being made for it: nobody else may take it.
        case awaited
        /// Nothing that could be done now would make enough room.
        case blocked
    }

    /// Lets waiting requests go on as far as they can.
    mutating func serve(_ now: Instant, _ effects: inout [StoreEffect]) {
        guard needsService || hasNewcomer else { return }
        let isForAll = needsService
        needsService = false
        hasNewcomer = false
        if isForAll {
            // Ends: each round serves one request, or is the last.
            var outcome = Outcome.served
            while outcome == .served {
                if needsAdmission {
                    needsAdmission = false
                    admitResident(&effects)
                }
                outcome = serveOne(now, &effects)
            }
            isMakingRoom = outcome == .awaited
            if groups.isEmpty, creates.isEmpty { earliestDeadline = Instant(nanoseconds: .max) }
        } else if !isMakingRoom {
            // The others could not go on before, and have no more room now.
            isMakingRoom = serveNewcomer(now, &effects) == .awaited
        }
    }

    private mutating func serveNewcomer(_ now: Instant, _ effects: inout [StoreEffect]) -> Outcome {
        if let request = creates.last, request.order == orders {
            return creates.count == 1 ? advance(request, now, &effects) : .blocked
        }
        guard let group = groups.last, needsRoom(group) else { return .blocked }
        return advance(readerAt: groups.count - 1, now, &effects)
    }

    /// Readers that need no room: all of theirs is in memory or on its way there.
    private mutating func admitResident(_ effects: inout [StoreEffect]) {
        var place = 0
        while place < groups.count {
            let group = groups[place]
            if !group.isAdmitted, group.unsealed == 0, !group.slots.contains(where: { isOnFile($0) }) {
                let before = groups.count
                admit(at: place, &effects)
                if groups.count < before { continue }
            }
            place += 1
        }
    }

    func isOnFile(_ slot: Int) -> Bool {
        if case .file = self[slot].state { true } else { false }
    }

    /// Serves the first request that can be served, unless room is being made for one before it.
    private mutating func serveOne(_ now: Instant, _ effects: inout [StoreEffect]) -> Outcome {
        // Readers that read something already may be what the others wait for.
        if nestedClients > 0 {
            for place in groups.indices where isNested(groups[place]) {
                let outcome = advance(readerAt: place, now, &effects)
                if outcome != .blocked { return outcome }
            }
        }
        var creator = creates.first
        var place = 0
        while true {
            while place < groups.count, isNested(groups[place]) || !needsRoom(groups[place]) { place += 1 }
            let outcome: Outcome
            if let request = creator, place == groups.count || request.order < groups[place].order {
                creator = nil
                outcome = advance(request, now, &effects)
            } else if place < groups.count {
                outcome = advance(readerAt: place, now, &effects)
                if outcome == .blocked { place += 1 }
            } else {
                return .blocked
            }
            if outcome != .blocked { return outcome }
        }
    }

    private func needsRoom(_ group: ReadGroup) -> Bool { !group.isAdmitted && group.unsealed == 0 }

    private func isNested(_ group: ReadGroup) -> Bool {
        nestedClients > 0 && needsRoom(group) && (clients[group.ticket.client]?.pins ?? 0) > 0
    }

    private mutating func advance(
        _ request: CreateRequest, _ now: Instant, _ effects: inout [StoreEffect]
    ) -> Outcome {
        let record = self[request.slot]
        while true {
            if let extent = allocateMemory(record.size) {
                creates.removeFirst()
                self[request.slot].state = .writing(extent)
                effects.append(
                    .allocated(
                        StoreLocation(object: record.id, offset: extent.offset, size: record.size),
                        client: record.creator))
                return .served
            }
            if let outcome = makeRoom(record.footprint, for: request.order, keeping: 0, now, &effects) {
                return outcome
            }
        }
    }

    private mutating func advance(
        readerAt place: Int, _ now: Instant, _ effects: inout [StoreEffect]
    ) -> Outcome {
        let group = groups[place]
        for slot in group.slots { self[slot].claim = group.order }
        while true {
            var needed = 0
            var kept = 0
            for slot in group.slots {
                if isOnFile(slot) { needed += self[slot].footprint }
                if self[slot].list != .none { kept += self[slot].footprint }
            }
            if needed <= arena.free, restoreAll(group, &effects) {
                admit(at: place, &effects)
                return .served
            }
            if let outcome = makeRoom(needed, for: group.order, keeping: kept, now, &effects) { return outcome }
        }
    }

    /// Starts to read back all members that are on file, or none of them where there is not room for all.
    private mutating func restoreAll(_ group: ReadGroup, _ effects: inout [StoreEffect]) -> Bool {
        var extents: [(slot: Int, extent: Extent)] = []
        // The largest first: whole pages pack without gaps, and what is smaller fits behind them.
        for slot in group.slots.filter({ isOnFile($0) }).sorted(by: { self[$0].footprint > self[$1].footprint }) {
            guard let extent = arena.allocate(self[slot].size) else {
                for (_, extent) in extents { arena.release(extent) }
                return false
            }
            extents.append((slot, extent))
        }
        for (slot, extent) in extents {
            guard case .file(let copy) = self[slot].state else { continue }
            coldMemory.allocated(extent)
            lastOperation += 1
            operations[lastOperation] = .restore(slot: slot, memory: extent, copy: copy)
            self[slot].state = .restoring(copy, extent, lastOperation)
            // More than this reader may wait for it.
            if self[slot].waiting > 1 { needsAdmission = true }
            effects.append(
                .startRestore(
                    lastOperation,
                    RestoreItem(
                        object: self[slot].id, memory: Extent(offset: extent.offset, count: self[slot].size),
                        fileOffset: copy.extent.offset, checksum: copy.checksum)))
        }
        return true
    }

    /// Makes some room, or starts to: nil when memory was freed, so that it is worth to try again.
    ///
    /// - Parameters:
    ///   - needed: bytes that are to be free.
    ///   - order: the request; objects that it claims are not evicted.
    ///   - kept: bytes of evictable objects that it claims.
    private mutating func makeRoom(
        _ needed: Int, for order: UInt64, keeping kept: Int, _ now: Instant, _ effects: inout [StoreEffect]
    ) -> Outcome? {
        let reachable = reachable(keeping: kept)
        guard needed <= reachable else {
            // So that the error of a request that waits in vain can say why.
            if canSpill, needed <= reachable + max(0, dirty.bytes - file.free) {
                trouble = .limitReached(limit: file.capacity)
            }
            return .blocked
        }
        if evictClean(except: order, now) { return nil }
        if spill(atLeast: needed - arena.free, except: order, &effects) { return .awaited }
        // The request's own objects may lie in the way: they are moved by way of the file.
        if evictClean(except: nil, now) { return nil }
        return spill(atLeast: 1, except: nil, &effects) ? .awaited : .blocked
    }

    /// Bytes that are free, or would be after all was evicted and spilled that can be, except so many of a request's own.
    func reachable(keeping kept: Int) -> Int {
        arena.free + clean.bytes + spillingBytes - kept + (canSpill ? min(dirty.bytes, file.free) : 0)
    }

    /// Takes the memory of the least recently used object that has a copy on file.
    private mutating func evictClean(except order: UInt64?, _ now: Instant) -> Bool {
        var slot = clean.first
        while slot >= 0, self[slot].claim == order { slot = self[slot].next }
        guard slot >= 0, case .memory(let extent, let copy?) = self[slot].state else { return false }
        unlist(slot)
        self[slot].state = .file(copy)
        releaseMemory(extent, now)
        counters.evicted += 1
        return true
    }

    /// Fails the requests whose time is up.
    mutating func expire(_ now: Instant, _ effects: inout [StoreEffect]) {
        var holders: [StoreHolder]?
        func full(_ core: borrowing StoreCore, _ needed: Int) -> StoreError {
            let largest = holders ?? core.largestHolders(3)
            holders = largest
            return .full(
                needed: needed, capacity: core.arena.capacity, free: core.arena.free,
                largestFree: core.arena.largestFree, holders: largest, spill: core.trouble)
        }
        while let request = creates.first(where: { $0.deadline <= now }) {
            let record = self[request.slot]
            let error = full(self, record.footprint)
            effects.append(.createFailed(record.id, client: record.creator, error))
            abandon(request.slot, error, now, &effects)
        }
        while let place = groups.firstIndex(where: { !$0.isAdmitted && $0.deadline <= now }) {
            let group = groups[place]
            if let slot = group.slots.first(where: { !self[$0].isSealed }) {
                let error = StoreError.notSealed(object: self[slot].id, by: label(of: self[slot].creator))
                effects.append(.readFailed(group.ticket, error))
            } else if offerCopies(at: place, now, &effects) {
                continue
            } else {
                let needed = group.slots.reduce(0) { $0 + self[$1].footprint }
                effects.append(.readFailed(group.ticket, full(self, needed)))
            }
            dropGroup(at: place, now, &effects)
        }
        earliestDeadline = Instant(nanoseconds: .max)
        for request in creates { earliestDeadline = min(earliestDeadline, request.deadline) }
        for group in groups where !group.isAdmitted { earliestDeadline = min(earliestDeadline, group.deadline) }
    }
}
