import ApusCore
import ApusObjects
import Testing

/// A store's core with a clock, for programs of a few lines.
private struct Bench {
    var core: StoreCore
    var now = Instant(nanoseconds: 0)
    private var tickets: UInt64 = 0

    init(pages: Int, filePages: Int = 1000, batchPages: Int = 1, clients: Int = 4) {
        var configuration = StoreCore.Configuration(capacity: pages * 65_536, spillCapacity: filePages * 65_536)
        configuration.spillBatch = batchPages * 65_536
        core = StoreCore(configuration)
        for client in 1...clients { send(.join(StoreClient(client), label: "worker \(client)")) }
    }

    @discardableResult
    mutating func send(_ event: StoreEvent) -> [StoreEffect] {
        var effects: [StoreEffect] = []
        core.handle(event, at: now, into: &effects)
        return effects
    }

    mutating func tick(after duration: Duration) -> [StoreEffect] {
        now = now + duration
        return send(.tick)
    }

    @discardableResult
    mutating func create(
        _ number: UInt64, pages: Int = 1, client: StoreClient = 1, within: Duration = .seconds(10)
    ) -> [StoreEffect] {
        send(
            .create(
                id(number), size: pages * 65_536, client: client, deadline: now + within,
                site: "Program.swift:\(number)"))
    }

    @discardableResult
    mutating func put(_ number: UInt64, pages: Int = 1, client: StoreClient = 1) -> [StoreEffect] {
        create(number, pages: pages, client: client)
        return send(.seal(id(number), client: client, heir: nil))
    }

    mutating func pin(_ numbers: UInt64..., client: StoreClient = 1, within: Duration = .seconds(10)) -> [StoreEffect] {
        tickets += 1
        return send(
            .pin(numbers.map(id), ticket: ReadTicket(client: client, number: tickets), deadline: now + within))
    }
}

private func id(_ number: UInt64) -> ObjectID { ObjectID(owner: 1, number: number) }

extension [StoreEffect] {
    fileprivate var spills: [(operation: SpillOperation, objects: [UInt64])] {
        compactMap {
            if case .startSpill(let operation, let items) = $0 { (operation, items.map(\.object.number)) } else { nil }
        }
    }
    fileprivate var restores: [(operation: SpillOperation, object: UInt64)] {
        compactMap {
            if case .startRestore(let operation, let item) = $0 { (operation, item.object.number) } else { nil }
        }
    }
    fileprivate var allocated: [UInt64] {
        compactMap { if case .allocated(let location, _) = $0 { location.object.number } else { nil } }
    }
    fileprivate var located: [[UInt64]] {
        compactMap { if case .located(_, let locations) = $0 { locations.map(\.object.number) } else { nil } }
    }
    fileprivate var errors: [StoreError] {
        compactMap {
            switch $0 {
            case .createFailed(_, _, let error), .readFailed(_, let error): error
            default: nil
            }
        }
    }
    fileprivate var freed: [UInt64] {
        compactMap { if case .freed(let id) = $0 { id.number } else { nil } }
    }
    fileprivate var rejections: Int { count { if case .rejected = $0 { true } else { false } } }
}

@Suite("Store core") struct StoreCoreTests {
    @Test("an object larger than the store fails at once and says so")
    func tooLarge() {
        var bench = Bench(pages: 4)
        let errors = bench.create(1, pages: 5).errors
        #expect(errors == [.tooLarge(object: id(1), size: 5 * 65_536, capacity: 4 * 65_536)])
        #expect(errors.first?.description.contains("320 KiB, more than the whole object store (256 KiB)") == true)
        #expect(bench.core.entries.isEmpty)
    }

    @Test("creators in a full store are served in order as room comes, the small one behind the large one too")
    func order() {
        var bench = Bench(pages: 4, filePages: 0)
        bench.put(1, pages: 4)
        #expect(bench.create(2, pages: 3, client: 2).isEmpty)
        #expect(bench.create(3, pages: 1, client: 3).isEmpty)
        #expect(bench.send(.release([id(1)], client: 1)).allocated == [2, 3])
    }

    @Test("a creator that waits in vain is told who keeps what, and the next one goes on")
    func fullStore() {
        var bench = Bench(pages: 4, filePages: 0)
        bench.put(1, pages: 2, client: 2)
        bench.put(2, pages: 1, client: 3)
        _ = bench.pin(2, client: 3)
        #expect(bench.create(3, pages: 2, client: 1, within: .seconds(3)).isEmpty)
        #expect(bench.create(4, pages: 1, client: 4).isEmpty)
        #expect(bench.core.nextDeadline == Instant(nanoseconds: 3_000_000_000))
        let effects = bench.tick(after: .seconds(3))
        guard case .full(131_072, 262_144, 65_536, _, let holders, .disabled)? = effects.errors.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(holders.map(\.label) == ["worker 2", "worker 3"])
        #expect(holders.map(\.bytes) == [131_072, 65_536] && holders.map(\.pinnedBytes) == [0, 65_536])
        #expect("\(effects.errors[0])".contains("worker 2: 128 KiB in 1 objects"))
        #expect("\(effects.errors[0])".contains("spilling is turned off"))
        #expect(effects.allocated == [4])
    }

    @Test("the least recently used objects go first, in one batch; what is read stays")
    func spilling() {
        var bench = Bench(pages: 4, batchPages: 2)
        for number in 1...4 { bench.put(UInt64(number)) }
        // 1 is read just now, 2 was read last.
        _ = bench.pin(1)
        _ = bench.pin(2)
        bench.send(.unpin([id(2)], client: 1))
        let spills = bench.create(5).spills
        #expect(spills.map(\.objects) == [[3, 4]])
        let effects = bench.send(.spillFinished(spills[0].operation, checksums: [30, 40]))
        #expect(effects.allocated == [5] && effects.spills.isEmpty)
        // The batch left a copy of 4: its memory is taken at once.
        #expect(bench.create(6).allocated == [6])
        #expect(bench.core.counters.spilled == 2 && bench.core.counters.evicted == 2)
    }

    @Test("a spilled object is read back where there is room, and its copy saves writing it again")
    func restoring() {
        var bench = Bench(pages: 2)
        bench.put(1)
        bench.put(2)
        let spill = bench.create(3).spills
        #expect(spill.map(\.objects) == [[1]])
        bench.send(.spillFinished(spill[0].operation, checksums: [11]))
        bench.send(.seal(id(3), client: 1, heir: nil))
        let second = bench.pin(1).spills
        #expect(second.map(\.objects) == [[2]])
        let restore = bench.send(.spillFinished(second[0].operation, checksums: [22])).restores
        #expect(restore.map(\.object) == [1])
        #expect(bench.send(.restoreFinished(restore[0].operation)).located == [[1]])
        bench.send(.unpin([id(1)], client: 1))
        #expect(bench.create(4).allocated == [4])
    }

    @Test("a corrupt copy fails the readers, names the object lost to its holders, and can be created anew")
    func corruption() {
        var bench = Bench(pages: 1)
        bench.put(1)
        bench.send(.hold([id(1)], client: 2))
        let spill = bench.create(2).spills
        bench.send(.spillFinished(spill[0].operation, checksums: [11]))
        bench.send(.abort(id(2), client: 1))
        let restore = bench.pin(1, client: 3).restores
        let effects = bench.send(.restoreCorrupt(restore[0].operation))
        #expect(effects.errors == [.corrupt(object: id(1))])
        guard case .lost(id(1), .corrupt, let holders)? = effects.last else {
            Issue.record("\(effects)")
            return
        }
        #expect(holders.sorted() == [1, 2])
        #expect(bench.pin(1, client: 3).errors == [.corrupt(object: id(1))])
        #expect(!bench.core.contains(id(1)) && bench.core.usage.used == 0 && bench.core.usage.file == 0)
        // Lineage computes it again: the old holders hold it, and the new creator.
        #expect(bench.create(1, client: 4).allocated == [1])
        #expect(bench.send(.seal(id(1), client: 4, heir: nil)).isEmpty)
        #expect(bench.pin(1, client: 3).located == [[1]])
        bench.send(.unpin([id(1)], client: 3))
        #expect(bench.send(.release([id(1)], client: 1)).freed.isEmpty)
        #expect(bench.send(.release([id(1)], client: 2)).freed.isEmpty)
        #expect(bench.send(.release([id(1)], client: 4)).freed == [1])
    }

    @Test("a full disk is asked again after 1, 2, 4 … seconds, at most every 60, and named in the error")
    func diskFull() {
        var bench = Bench(pages: 1)
        bench.put(1)
        var effects = bench.create(2, within: .seconds(1000))
        var pauses: [Int64] = []
        for _ in 0..<9 {
            let operation = effects.spills[0].operation
            let failedAt = bench.now
            effects = bench.send(.spillFailed(operation, .diskFull(folder: "/spill", free: 5)))
            #expect(effects.isEmpty)
            while effects.spills.isEmpty {
                guard let due = bench.core.nextDeadline else {
                    Issue.record("spilling is never tried again")
                    return
                }
                effects = bench.tick(after: due - bench.now)
            }
            pauses.append((bench.now - failedAt).components.seconds)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        bench.send(.spillFailed(effects.spills[0].operation, .diskFull(folder: "/spill", free: 5)))
        effects = bench.tick(after: .seconds(1000))
        #expect("\(effects.errors.first.map { "\($0)" } ?? "")".contains("the disk of /spill is full (5 bytes left)"))
    }

    @Test("a reader whose objects fit overtakes one whose objects do not, and creators that wait")
    func readersProgress() {
        var bench = Bench(pages: 4)
        bench.put(1, pages: 3)
        let first = bench.create(2, pages: 2).spills
        bench.send(.spillFinished(first[0].operation, checksums: [1]))
        bench.send(.seal(id(2), client: 1, heir: nil))
        #expect(bench.pin(2, client: 1).located == [[2]])
        bench.put(3, pages: 1)
        // 2 pages are in use: neither 3 pages for a reader nor for a creator can be made.
        #expect(bench.pin(1, client: 2).isEmpty)
        #expect(bench.create(4, pages: 3, client: 3).isEmpty)
        // One that reads already asks for one page more.
        let second = bench.create(5, pages: 1, client: 4)
        #expect(second.isEmpty)
        #expect(bench.pin(3, client: 1).located == [[3]])
        #expect(bench.core.usage.waitingReaders == 1 && bench.core.usage.waitingCreators == 2)
        bench.send(.unpin([id(3)], client: 1))
        // Now the others come, in order of arrival.
        let spill = bench.send(.unpin([id(2)], client: 1)).spills
        #expect(spill.map(\.objects) == [[3, 2]])
        let restore = bench.send(.spillFinished(spill[0].operation, checksums: [2, 3]))
        #expect(restore.restores.map(\.object) == [1] && restore.allocated.isEmpty)
        #expect(bench.send(.restoreFinished(restore.restores[0].operation)).located == [[1]])
        #expect(bench.send(.unpin([id(1)], client: 2)).allocated == [4, 5])
    }

    @Test("a reader of several objects gets all of them or none, so that two never block each other")
    func wholeWorkingSets() {
        var bench = Bench(pages: 2)
        // 1 and 2 on file, 3 and 4 in memory.
        for number in 1...4 {
            let spills = bench.create(UInt64(number)).spills
            for spill in spills {
                bench.send(.spillFinished(spill.operation, checksums: spill.objects.map { _ in 0 }))
            }
            bench.send(.seal(id(UInt64(number)), client: 1, heir: nil))
        }
        // Each has one in memory and wants one from the file: nobody may keep a half.
        var effects = bench.pin(3, 1, client: 2)
        effects += bench.pin(4, 2, client: 3)
        var answers = 0
        for _ in 0..<20 where answers < 2 {
            var next: [StoreEffect] = []
            for spill in effects.spills {
                next += bench.send(.spillFinished(spill.operation, checksums: spill.objects.map { _ in 0 }))
            }
            for restore in effects.restores { next += bench.send(.restoreFinished(restore.operation)) }
            for set in effects.located {
                answers += 1
                let client: StoreClient = set == [3, 1] ? 2 : 3
                next += bench.send(.unpin(set.map(id), client: client))
            }
            effects = next
        }
        #expect(answers == 2)
    }

    @Test("a worker's death frees what it wrote, held and read, and its readers are told")
    func death() {
        var bench = Bench(pages: 4)
        bench.put(1, client: 2)
        bench.create(2, client: 2)
        bench.put(3, client: 1)
        bench.send(.hold([id(3)], client: 2))
        _ = bench.pin(3, client: 2)
        #expect(bench.pin(2, client: 1).isEmpty)
        let effects = bench.send(.leave(2))
        #expect(effects.freed.sorted() == [1, 2])
        #expect(effects.errors == [.abandoned(object: id(2), by: "worker 2")])
        #expect(bench.core.usage.used == 65_536)
        #expect(bench.send(.release([id(3)], client: 1)).freed == [3])
    }

    @Test("a hold passes on without a gap, and to nobody who has left")
    func transfer() {
        var bench = Bench(pages: 4)
        bench.create(1, client: 2)
        #expect(bench.send(.seal(id(1), client: 2, heir: 1)).isEmpty)
        #expect(bench.send(.leave(2)).isEmpty)
        #expect(bench.send(.transfer([id(1)], client: 1, heir: 3)).isEmpty)
        #expect(bench.send(.release([id(1)], client: 1)).rejections == 1)
        #expect(bench.send(.transfer([id(1)], client: 3, heir: 2)).freed == [1])
    }

    @Test("what a client may not do is refused, and changes nothing")
    func rejections() {
        var bench = Bench(pages: 4)
        bench.create(1)
        let refused: [StoreEvent] = [
            .seal(id(1), client: 2, heir: nil), .abort(id(1), client: 2), .release([id(1)], client: 1),
            .release([id(1)], client: 2), .unpin([id(1)], client: 1), .transfer([id(1)], client: 1, heir: 2),
            .seal(id(9), client: 1, heir: nil), .hold([id(1)], client: 9), .join(1, label: "again"),
            .create(id(5), size: -1, client: 1, deadline: bench.now, site: ""),
        ]
        for event in refused {
            let effects = bench.send(event)
            #expect(effects.count == 1 && effects.rejections == 1, "\(event): \(effects)")
            #expect(bench.core.firstInconsistency == nil)
        }
        #expect(bench.create(1, client: 2).errors == [.beingCreated(object: id(1), by: "worker 1")])
        bench.send(.seal(id(1), client: 1, heir: nil))
        #expect(bench.create(1, client: 2).errors == [.exists(object: id(1))])
        #expect(bench.send(.seal(id(1), client: 1, heir: nil)).rejections == 1)
        #expect(bench.pin(7).errors == [.unknown(object: id(7))])
        #expect(bench.core.entries.map { $0.holders.map(\.label) } == [["worker 1"]])
        #expect(bench.core.entries.map { $0.holders.map(\.holds) } == [[1]])
    }

    @Test("the list names every object with its state, holders and place in the program")
    func listing() {
        var bench = Bench(pages: 2)
        bench.put(1)
        bench.put(2)
        _ = bench.pin(2, client: 2)
        let spill = bench.create(3, client: 3).spills
        bench.send(.spillFinished(spill[0].operation, checksums: [0]))
        bench.create(4, client: 4)
        let entries = bench.core.entries.sorted { $0.object.number < $1.object.number }
        #expect(entries.map(\.state) == [.spilled, .memory, .writing, .queued])
        #expect(entries.map(\.site) == (1...4).map { "Program.swift:\($0)" })
        #expect(entries.allSatisfy { $0.size == 65_536 })
        #expect(entries[1].holders.map(\.label) == ["worker 1", "worker 2"])
        #expect(entries[1].holders.map(\.holds) == [1, 0] && entries[1].holders.map(\.pins) == [0, 1])
    }

    @Test("a reader of unfinished objects waits for them, and is told by its deadline who has not finished")
    func unsealed() {
        var bench = Bench(pages: 4)
        bench.create(1)
        bench.put(2)
        #expect(bench.pin(1, 2, client: 2, within: .seconds(5)).isEmpty)
        #expect(bench.pin(1, client: 3, within: .seconds(1)).isEmpty)
        #expect(bench.tick(after: .seconds(1)).errors == [.notSealed(object: id(1), by: "worker 1")])
        #expect(bench.send(.seal(id(1), client: 1, heir: nil)).located == [[1, 2]])
    }

    /// A store of two pages, both read in place by client 2, with objects 1 and 2 in its file alone.
    private func crowded() -> Bench {
        var bench = Bench(pages: 2)
        for number: UInt64 in 1...4 {
            for (operation, objects) in bench.create(number).spills {
                bench.send(.spillFinished(operation, checksums: objects.map { $0 * 11 }))
            }
            bench.send(.seal(id(number), client: 1, heir: nil))
        }
        #expect(bench.pin(3, 4, client: 2).located == [[3, 4]])
        return bench
    }

    @Test("a reader for whom no room can be made is told after a second to copy from the file")
    func copies() {
        var bench = crowded()
        #expect(bench.pin(1, client: 3, within: .seconds(60)).isEmpty)
        #expect(bench.tick(after: .milliseconds(999)).isEmpty)
        #expect(bench.core.nextDeadline == bench.now + .milliseconds(1))
        let effects = bench.tick(after: .milliseconds(1))
        guard case .copies(let ticket, let located, let copies)? = effects.first, effects.count == 1 else {
            Issue.record("\(effects)")
            return
        }
        #expect(ticket.client == 3 && located.isEmpty)
        #expect(copies.map(\.object) == [id(1)] && copies.map(\.checksum) == [11] && copies.map(\.size) == [65_536])
        // The copy stays although nobody holds the object any more, until it was read.
        #expect(bench.send(.release([id(1)], client: 1)).isEmpty && bench.core.usage.file == 2 * 65_536)
        #expect(bench.core.firstInconsistency == nil)
        let end = bench.send(.unpin([id(1)], client: 3))
        guard case .freed(id(1))? = end.first else {
            Issue.record("\(end)")
            return
        }
        #expect(bench.core.usage.file == 65_536 && bench.core.counters.copied == 1)
    }

    @Test("a reader of several objects is told where each is, and one whose room can be made is not told to copy")
    func someCopies() {
        var bench = crowded()
        #expect(bench.pin(1, 3, client: 3, within: .seconds(60)).isEmpty)
        // What is pinned goes in time: there is room for one.
        bench.send(.unpin([id(4)], client: 2))
        let spill = bench.core.usage.spilling
        #expect(spill == 65_536)
        #expect(bench.tick(after: .seconds(1)).isEmpty)
        #expect(bench.core.nextDeadline == bench.now + .seconds(1))

        var other = crowded()
        #expect(other.pin(1, 3, client: 3, within: .seconds(60)).isEmpty)
        guard case .copies(_, let located, let copies)? = other.tick(after: .seconds(1)).first else {
            Issue.record("nothing is to be copied")
            return
        }
        #expect(located.map(\.object) == [id(3)] && copies.map(\.object) == [id(1)])
    }

    @Test("a copy that a reader finds damaged is lost, for its holders and for others who wait")
    func damagedCopies() {
        var bench = crowded()
        #expect(bench.pin(1, client: 3, within: .seconds(60)).isEmpty)
        _ = bench.tick(after: .milliseconds(500))
        #expect(bench.pin(1, client: 4, within: .seconds(60)).isEmpty)
        _ = bench.tick(after: .milliseconds(500))
        // Only who was told to read it can say so.
        #expect(bench.send(.copyDamaged(id(1), client: 4, nil)).rejections == 1)
        let effects = bench.send(.copyDamaged(id(1), client: 3, nil))
        #expect(effects.errors == [.corrupt(object: id(1))])
        guard case .lost(id(1), .corrupt, holders: [1])? = effects.last else {
            Issue.record("\(effects)")
            return
        }
        #expect(bench.core.firstInconsistency == nil && bench.core.usage.file == 65_536)
    }

    @Test("by its deadline a reader is told to copy rather than failed")
    func copiesByDeadline() {
        var bench = crowded()
        #expect(bench.pin(2, client: 3, within: .milliseconds(300)).isEmpty)
        guard case .copies(_, _, let copies)? = bench.tick(after: .milliseconds(300)).first else {
            Issue.record("nothing is to be copied")
            return
        }
        #expect(copies.map(\.object) == [id(2)])
    }

    @Test("the spill file's limit holds, and is named when it is why there is no room")
    func spillLimit() {
        var bench = Bench(pages: 2, filePages: 1)
        bench.put(1)
        bench.put(2)
        let spill = bench.create(3).spills
        bench.send(.spillFinished(spill[0].operation, checksums: [0]))
        #expect(bench.create(4, within: .seconds(1)).isEmpty)
        let effects = bench.tick(after: .seconds(1))
        #expect("\(effects.errors.first.map { "\($0)" } ?? "")".contains("reached its limit of 64 KiB"))
    }
}
