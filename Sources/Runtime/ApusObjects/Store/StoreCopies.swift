import ApusCore

/// Readers for whom no room can be made: they copy what they want from the spill file into memory of their own.
///
/// With the memory full of what is read in place, or of what no disk takes, waiting would be in vain. A pin on an object that
/// is not in memory keeps its copy on file where it is.
extension StoreCore {
    /// Tells the readers whose time has come, and for whom no room can be made, to copy.
    mutating func offerCopies(_ now: Instant, _ effects: inout [StoreEffect]) {
        guard let patience = configuration.copyPatience else { return }
        earliestCopies = Instant(nanoseconds: .max)
        var place = 0
        while place < groups.count {
            if groups[place].isAdmitted {
                place += 1
                continue
            }
            if groups[place].copiesAt <= now {
                if groups[place].unsealed == 0, isBlocked(groups[place]), offerCopies(at: place, now, &effects) {
                    continue
                }
                groups[place].copiesAt = now + patience
            }
            earliestCopies = min(earliestCopies, groups[place].copiesAt)
            place += 1
        }
    }

    /// Tells one reader to copy what it wants that is not in memory.
    ///
    /// - Returns: false, and nothing is changed, where some of it is neither in memory nor on file.
    mutating func offerCopies(at place: Int, _ now: Instant, _ effects: inout [StoreEffect]) -> Bool {
        guard configuration.copyPatience != nil else { return false }
        let group = groups[place]
        var located: [StoreLocation] = []
        var copies: [StoredCopy] = []
        for slot in group.slots {
            let record = self[slot]
            if let extent = record.resident {
                located.append(StoreLocation(object: record.id, offset: extent.offset, size: record.size))
            } else if let copy = record.onFile {
                copies.append(
                    StoredCopy(
                        object: record.id, fileOffset: copy.extent.offset, size: record.size, checksum: copy.checksum))
            } else {
                return false
            }
        }
        groups.remove(at: place)
        count(group.ticket.client, waiting: -1)
        for slot in group.slots { self[slot].waiting -= 1 }
        pinAll(group.slots, group.ticket.client)
        counters.copied += copies.count
        effects.append(.copies(group.ticket, located: located, copies))
        needsService = true
        return true
    }

    /// Whether nothing that could be done now would make room for a reader.
    private func isBlocked(_ group: ReadGroup) -> Bool {
        var needed = 0
        var kept = 0
        for slot in group.slots {
            if isOnFile(slot) { needed += self[slot].footprint }
            if self[slot].list != .none { kept += self[slot].footprint }
        }
        return needed > reachable(keeping: kept)
    }

    mutating func copyDamaged(
        _ id: ObjectID, _ client: StoreClient, _ found: SpillTrouble?, _ now: Instant, _ effects: inout [StoreEffect]
    ) {
        guard let slot = slots[id], self[slot].change(client, pins: -1) else {
            effects.append(.rejected(client, reason: "found \(id) damaged, which it did not read"))
            return
        }
        count(client, pins: -1)
        // Where it is on its way to memory, that finds the same; where it came there, it was whole.
        guard case .file(let copy) = self[slot].state else { return unpinned(slot, now, &effects) }
        releaseFile(copy.extent, now)
        counters.lost += 1
        lose(slot, found.map { .unreadable(object: id, $0) } ?? .corrupt(object: id), now, &effects)
    }
}
