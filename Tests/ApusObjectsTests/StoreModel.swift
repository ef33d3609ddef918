import ApusCore
import ApusObjects

/// What the simulation's model makes of each effect, and what must hold after it.
extension StoreSimulation {
    mutating func send(_ event: StoreEvent) throws {
        effects.removeAll(keepingCapacity: true)
        if let sabotage, sabotages < 40, try spoils(event, sabotage) {
            sabotages += 1
        } else {
            core.handle(event, at: now, into: &effects)
        }
        if trace { print(event, "->", effects) }
        for effect in effects { try take(effect) }
    }

    /// Handles an event wrongly; false where there is nothing to do wrong.
    mutating func spoils(_ event: StoreEvent, _ sabotage: Sabotage) throws -> Bool {
        switch (sabotage, event) {
        case (.lostRelease, .release), (.lostSpill, .spillFinished): return true
        case (.earlyUnpin, .create):
            guard let (client, id) = reading.last else { return false }
            core.handle(.unpin([id], client: client), at: now, into: &effects)
            core.handle(event, at: now, into: &effects)
            return true
        case (.earlyRelease, .hold(let ids, let client)):
            core.handle(event, at: now, into: &effects)
            core.handle(.release(ids, client: client), at: now, into: &effects)
            return true
        default:
            core.handle(event, at: now, into: &effects)
            for place in effects.indices {
                switch (sabotage, effects[place]) {
                case (.fileOffset, .startSpill(let operation, let items)):
                    let moved = items.map {
                        SpillItem(object: $0.object, memory: $0.memory, fileOffset: max(0, $0.fileOffset - 4096))
                    }
                    effects[place] = .startSpill(operation, moved)
                case (.memoryOffset, .allocated(let location, let client)) where location.offset > 0:
                    effects[place] = .allocated(
                        StoreLocation(object: location.object, offset: location.offset - 64, size: location.size),
                        client: client)
                case (.overtaking, .allocated(_, let client)):
                    guard let other = line.last, line.count > 1 else { continue }
                    effects[place] = .allocated(
                        StoreLocation(object: other, offset: 0, size: objects[other]?.size ?? 0), client: client)
                case (.earlyReturn, .allocated(let location, _)):
                    effects.append(.returnMemory(Extent(offset: 0, count: location.offset & ~4095)))
                default: continue
                }
            }
            return true
        }
    }

    mutating func take(_ effect: StoreEffect) throws {
        switch effect {
        case .allocated(let location, let client):
            let id = location.object
            guard let object = objects[id], object.phase == .queued, object.creator == client,
                object.size == location.size
            else { throw Violation("\(id) was not asked for") }
            guard line.first == id else { throw Violation("\(id) overtook \(line.first.map { "\($0)" } ?? "nobody")") }
            line.removeFirst()
            objects[id]?.phase = .writing
            objects[id]?.location = location.offset
            // A careless creator writes at once, all of it.
            for line in lines(location.offset, location.size) { memory[line] = 0xFFFF_FFFF }
        case .createFailed(let id, let client, let error):
            guard let object = objects[id], object.phase == .queued, object.creator == client else {
                throw Violation("\(id) failed, which nobody awaits: \(error)")
            }
            line.removeAll { $0 == id }
            dropHold(id, client)
            switch error {
            case .tooLarge:
                if object.size <= memory.count * 64 { throw Violation("\(object.size) bytes are not too large") }
            case .full, .busy: break
            default: throw Violation("\(id): \(error)")
            }
            note("create failed")
            objects[id]?.phase = .lost
            // At its deadline the object is freed; refused at once it never was, unless it was lost before.
            if case .full = error { break }
            if objects[id]?.holds.isEmpty == true { objects[id] = nil }
        case .located(let ticket, let locations):
            guard let wanted = tickets.removeValue(forKey: ticket), wanted.objects == locations.map(\.object) else {
                throw Violation("ticket \(ticket.number) was answered with \(locations)")
            }
            try take(locations, of: ticket)
        case .copies(let ticket, let located, let copies): try take(copies, located, of: ticket)
        case .readFailed(let ticket, let error):
            guard let wanted = tickets.removeValue(forKey: ticket) else {
                throw Violation("ticket \(ticket.number) failed, which nobody awaits")
            }
            note("read failed")
            switch error {
            case .full, .notSealed:
                let isLost = wanted.objects.contains { objects[$0]?.phase == .lost }
                if wanted.deadline > now, !isLost { throw Violation("ticket \(ticket.number) failed early: \(error)") }
            case .workingSetTooLarge, .busy: break
            case .abandoned, .corrupt, .unreadable:
                if !wanted.objects.contains(where: { objects[$0]?.phase == .lost }) {
                    throw Violation("ticket \(ticket.number) failed without a loss: \(error)")
                }
            default: throw Violation("ticket \(ticket.number): \(error)")
            }
        case .startSpill(let operation, let items):
            for item in items where objects[item.object]?.phase != .sealed {
                throw Violation("\(item.object) is spilled unsealed")
            }
            work.append(.spill(operation, items))
        case .startRestore(let operation, let item): work.append(.restore(operation, item))
        case .returnMemory(let extent):
            for line in extent.offset / 64..<extent.end / 64 { memory[line] = 0 }
            note("memory returned")
            try checkReaders(of: Set(reading.map(\.object)))
        case .returnFile(let extent):
            for line in extent.offset / 64..<extent.end / 64 { file[line] = 0 }
            try checkCopies()
        case .freed(let id):
            guard let object = objects[id] else { break }
            let isAwaited = tickets.values.contains { $0.objects.contains(id) }
            guard object.holds.isEmpty, object.pins.isEmpty, !isAwaited else {
                throw Violation("\(id) was freed although it is used")
            }
            objects[id] = nil
        case .lost(let id, let error, let holders):
            guard objects[id]?.phase == .lost || line.contains(id) else { throw Violation("\(id) was lost: \(error)") }
            guard let object = objects[id], Set(holders) == Set(object.holds.keys) else {
                throw Violation("\(id) was lost by \(holders), not \(objects[id]?.holds.keys.sorted() ?? [])")
            }
        case .rejected(let client, let reason): throw Violation("client \(client) \(reason)")
        }
    }

    private mutating func take(_ locations: [StoreLocation], of ticket: ReadTicket) throws {
        for location in locations {
            guard let object = objects[location.object], object.phase == .sealed else {
                throw Violation("\(location.object) was located unsealed")
            }
            if let known = object.location, known != location.offset {
                throw Violation("\(location.object) moved while it was read")
            }
            objects[location.object]?.location = location.offset
            objects[location.object]?.pins[ticket.client, default: 0] += 1
            reading.append((ticket.client, location.object))
        }
        try checkReaders(of: Set(locations.map(\.object)))
    }

    private mutating func take(_ copies: [StoredCopy], _ located: [StoreLocation], of ticket: ReadTicket) throws {
        guard let wanted = tickets.removeValue(forKey: ticket),
            (copies.map(\.object) + located.map(\.object)).sorted(by: { $0.number < $1.number })
                == wanted.objects.sorted(by: { $0.number < $1.number })
        else { throw Violation("ticket \(ticket.number) is to copy \(copies)") }
        guard now >= wanted.since + .seconds(1) || now >= wanted.deadline else {
            throw Violation("ticket \(ticket.number) is to copy before it has waited")
        }
        try take(located, of: ticket)
        for copy in copies {
            guard let object = objects[copy.object], object.phase == .sealed, object.size == copy.size else {
                throw Violation("\(copy.object) is to be copied unsealed")
            }
            guard sum(file, lines(copy.fileOffset, copy.size)) == copy.checksum else {
                throw Violation("\(copy.object) is not in the file where it is to be copied")
            }
            objects[copy.object]?.pins[ticket.client, default: 0] += 1
            copying.append((ticket.client, copy))
            note("copied")
        }
    }

    /// What is being copied stays as it is, unless it was lost meanwhile: then the sum shows that.
    func checkCopies() throws {
        for (_, copy) in copying where objects[copy.object]?.phase == .sealed {
            if sum(file, lines(copy.fileOffset, copy.size)) != copy.checksum {
                throw Violation("\(copy.object) was overwritten while it was copied")
            }
        }
    }

    /// Every reader finds the bytes that were written.
    func checkReaders(of ids: Set<ObjectID>) throws {
        for id in ids {
            guard let object = objects[id], let location = object.location else { throw Violation("\(id) is nowhere") }
            if memory[lines(location, object.size)].contains(where: { $0 != object.stamp }) {
                throw Violation("\(id) was overwritten while it was read")
            }
        }
    }

    /// Nothing that is unused is still there.
    mutating func checkFreed() throws {
        for (id, object) in objects where object.holds.isEmpty && object.pins.isEmpty && object.phase != .queued {
            if object.phase != .writing, !tickets.values.contains(where: { $0.objects.contains(id) }) {
                throw Violation("\(id) is unused and was not freed")
            }
        }
        try checkReaders(of: Set(reading.map(\.object)))
    }

    mutating func note(_ what: String) { seen[what, default: 0] += 1 }
}
