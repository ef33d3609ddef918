import ApusCore

/// Decides what one node's object store does. Pure: its daemon tells it what happened and does what it says.
///
/// An object is created in place, sealed, and from then on never changes. It lives while a client holds it, reads it or
/// waits to read it. Under pressure the least recently used sealed objects that nobody reads are written to the spill
/// file, in batches; they are read back when a reader asks.
///
/// Room goes to readers that already read something, then to the others and to creators in order of arrival; creators
/// never overtake each other. A request is given all its room at once, so that none waits while it keeps room from
/// others; the first that could be met by evicting what is evictable has room made for it, and one that could not is
/// passed over until something changes. So a reader whose objects fit always comes to read them, whoever else waits.
///
/// - Source: the object store of Moritz et al. 2018 (§4.2.3); admission by whole working sets is Apus's own.
package struct StoreCore: Sendable {
    package struct Configuration: Sendable {
        /// Bytes of the segment.
        package var capacity: Int
        /// Bytes that the spill file may have; 0 without one.
        package var spillCapacity: Int
        /// A batch has at least so many bytes, where there is so much to spill,
        package var spillBatch: Int
        /// and at most so many objects.
        package var spillBatchObjects = 2000
        /// Batches that are written at a time.
        package var spillBatches = 2
        /// Memory that stays unused so long is given back,
        package var memoryPatience: Duration = .seconds(10)
        /// and room in the file.
        package var filePatience: Duration = .seconds(5)
        /// Both are given back in pieces of so many bytes, a power of two.
        package var granule = 1 << 20
        /// Spilling is tried again so long after it failed, twice as long each time,
        package var firstBackoff: Duration = .seconds(1)
        /// up to this.
        package var lastBackoff: Duration = .seconds(60)
        /// A reader for whom no room can be made is told so long after it came to copy what it wants from the file; nil to
        /// let it wait.
        package var copyPatience: Duration? = .seconds(1)
        /// Requests that may wait.
        package var waitingLimit = 1 << 14

        package init(capacity: Int, spillCapacity: Int) {
            self.capacity = capacity
            self.spillCapacity = spillCapacity
            spillBatch = min(64 << 20, capacity / 8)
        }
    }

    struct Client {
        let label: String
        /// Objects that it reads in place, counted with multiplicity.
        var pins = 0
        /// Its readers that were not yet given room.
        var waiting = 0
        var isNested: Bool { pins > 0 && waiting > 0 }
    }

    let configuration: Configuration
    var arena: Arena
    var file: Arena
    var coldMemory: ColdPages
    var coldFile: ColdPages

    var clients: [StoreClient: Client] = [:]
    var slots: [ObjectID: Int] = [:]
    var records: [StoreRecord?] = []
    var vacant: [Int] = []
    var clean = EvictionList()
    var dirty = EvictionList()

    var creates: [CreateRequest] = []
    var groups: [ReadGroup] = []
    var orders: UInt64 = 0
    /// Whether something happened that may let a waiting request go on.
    var needsService = false
    /// Whether an object that readers wait for was sealed or is on its way to memory.
    var needsAdmission = false
    /// Whether a request came, and nothing else that would let those before it go on.
    var hasNewcomer = false
    /// Whether room is being made for a request, so that no other may take it.
    var isMakingRoom = false
    /// Clients that read something and wait to read more.
    var nestedClients = 0
    /// No deadline of a waiting request is earlier.
    var earliestDeadline = Instant(nanoseconds: .max)
    /// No waiting reader is to copy from the file earlier.
    var earliestCopies = Instant(nanoseconds: .max)

    var operations: [SpillOperation: StoreOperation] = [:]
    var lastOperation: SpillOperation = 0
    var spillsInFlight = 0
    var spillingBytes = 0
    /// Why nothing was spilled lately, and when it is tried again.
    var trouble: SpillTrouble?
    var retryAt: Instant?
    var failures = 0

    package var counters = StoreCounters()

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        arena = Arena(capacity: configuration.capacity)
        file = Arena(capacity: configuration.spillCapacity, wholePages: true)
        coldMemory = ColdPages(
            capacity: arena.capacity, patience: configuration.memoryPatience, granule: configuration.granule)
        coldFile = ColdPages(
            capacity: file.capacity, patience: configuration.filePatience, granule: configuration.granule)
        if file.capacity == 0 { trouble = .disabled }
    }

    /// Takes in what happened and appends what is to be done.
    ///
    /// - Complexity: O(objects named) where nobody waits for room; else also O(waiting requests), and O(objects) for
    ///   `leave` and for the error of a request whose deadline passed.
    package mutating func handle(_ event: StoreEvent, at now: Instant, into effects: inout [StoreEffect]) {
        switch event {
        case .join(let client, let label):
            if clients[client] == nil {
                clients[client] = Client(label: label)
            } else {
                effects.append(.rejected(client, reason: "joined twice"))
            }
        case .leave(let client): leave(client, now, &effects)
        case .create(let id, let size, let client, let deadline, let site):
            create(id, size, client, deadline, site, &effects)
        case .seal(let id, let client, let heir): seal(id, client, heir, now, &effects)
        case .sealPinned(let id, let client): seal(id, client, nil, isPinned: true, now, &effects)
        case .abort(let id, let client): abort(id, client, now, &effects)
        case .hold(let ids, let client): hold(ids, client, &effects)
        case .release(let ids, let client): release(ids, client, now, &effects)
        case .transfer(let ids, let client, let heir): transfer(ids, client, heir, now, &effects)
        case .pin(let ids, let ticket, let deadline): pin(ids, ticket, deadline, now, &effects)
        case .unpin(let ids, let client): unpin(ids, client, now, &effects)
        case .copyDamaged(let id, let client, let trouble): copyDamaged(id, client, trouble, now, &effects)
        case .cancel(let ticket):
            if let place = groups.firstIndex(where: { $0.ticket == ticket }) {
                dropGroup(at: place, now, &effects)
            }
        case .spillFinished(let operation, let checksums): spillFinished(operation, checksums, now, &effects)
        case .spillFailed(let operation, let trouble): spillFailed(operation, trouble, now, &effects)
        case .restoreFinished(let operation): restoreFinished(operation, now, &effects)
        case .restoreFailed(let operation, let trouble):
            restoreLost(operation, now, &effects) { .unreadable(object: $0, trouble) }
        case .restoreCorrupt(let operation): restoreLost(operation, now, &effects) { .corrupt(object: $0) }
        case .tick: tick(now, &effects)
        case .trim: for extent in coldMemory.takeAll() { effects.append(.returnMemory(extent)) }
        }
        serve(now, &effects)
    }

    /// When `tick` is due next, unless something happens before; nil while nothing waits.
    package var nextDeadline: Instant? {
        var next: Instant? = creates.isEmpty && groups.isEmpty ? nil : earliestDeadline
        if !groups.isEmpty, earliestCopies.nanoseconds < .max { next = min(next ?? earliestCopies, earliestCopies) }
        if !creates.isEmpty || !groups.isEmpty, let retryAt { next = min(next ?? retryAt, retryAt) }
        for cooled in [coldMemory.nextDeadline, coldFile.nextDeadline] {
            if let cooled { next = min(next ?? cooled, cooled) }
        }
        return next
    }

    private mutating func tick(_ now: Instant, _ effects: inout [StoreEffect]) {
        if let retryAt, retryAt <= now {
            self.retryAt = nil
            needsService = true
        }
        if earliestDeadline <= now { expire(now, &effects) }
        if earliestCopies <= now { offerCopies(now, &effects) }
        for extent in coldMemory.take(at: now) { effects.append(.returnMemory(extent)) }
        for extent in coldFile.take(at: now) { effects.append(.returnFile(extent)) }
    }

    private mutating func leave(_ client: StoreClient, _ now: Instant, _ effects: inout [StoreEffect]) {
        guard let left = clients.removeValue(forKey: client) else { return }
        if left.isNested { nestedClients -= 1 }
        while let place = groups.lastIndex(where: { $0.ticket.client == client }) {
            dropGroup(at: place, now, &effects)
        }
        for slot in records.indices {
            guard let record = records[slot] else { continue }
            guard let holding = record.holding(of: client) else { continue }
            // The hold that goes with an unsealed creation goes when that is abandoned.
            let isCreating = !record.isSealed && record.creator == client
            _ = records[slot]?.change(client, holds: (isCreating ? 1 : 0) - holding.holds, pins: -holding.pins)
            if isCreating {
                abandon(slot, .abandoned(object: record.id, by: left.label), now, &effects)
                continue
            }
            if holding.pins > 0 { relist(slot) }
            retire(slot, now, &effects)
        }
        needsService = true
    }

    /// Counts a client's pins and waiting readers.
    mutating func count(_ client: StoreClient, pins: Int = 0, waiting: Int = 0) {
        guard var known = clients[client] else { return }
        if known.isNested { nestedClients -= 1 }
        known.pins += pins
        known.waiting += waiting
        if known.isNested { nestedClients += 1 }
        clients[client] = known
    }

    // MARK: Records

    /// The record of a slot that is known to be in use.
    subscript(slot: Int) -> StoreRecord {
        _read {
            guard records[slot] != nil else { preconditionFailure("slot \(slot) has no object") }
            yield records[slot].unsafelyUnwrapped
        }
        _modify {
            guard records[slot] != nil else { preconditionFailure("slot \(slot) has no object") }
            yield &records[slot]!
        }
    }

    mutating func add(_ record: StoreRecord) -> Int {
        if let slot = vacant.popLast() {
            records[slot] = record
            slots[record.id] = slot
            return slot
        }
        records.append(record)
        slots[record.id] = records.count - 1
        return records.count - 1
    }

    /// Frees the object where nobody holds, reads or awaits it.
    mutating func retire(_ slot: Int, _ now: Instant, _ effects: inout [StoreEffect]) {
        let record = self[slot]
        guard record.isUnused, record.isSealed else { return }
        unlist(slot)
        switch record.state {
        case .queued, .writing, .lost: break
        case .memory(let extent, let copy):
            releaseMemory(extent, now)
            if let copy { releaseFile(copy.extent, now) }
        case .file(let copy): releaseFile(copy.extent, now)
        case .spilling(_, let operation), .restoring(_, _, let operation): orphan(slot, in: operation)
        }
        remove(slot, &effects)
    }

    mutating func remove(_ slot: Int, _ effects: inout [StoreEffect]) {
        let id = self[slot].id
        slots[id] = nil
        records[slot] = nil
        vacant.append(slot)
        effects.append(.freed(id))
    }

    mutating func releaseMemory(_ extent: Extent, _ now: Instant) {
        arena.release(extent)
        coldMemory.released(extent, at: now)
        needsService = true
    }

    mutating func releaseFile(_ extent: Extent, _ now: Instant) {
        file.release(extent)
        coldFile.released(extent, at: now)
        if case .limitReached = trouble {
            trouble = nil
            needsService = true
        }
    }

    mutating func allocateMemory(_ size: Int) -> Extent? {
        guard let extent = arena.allocate(size) else { return nil }
        coldMemory.allocated(extent)
        return extent
    }

    mutating func nextOrder() -> UInt64 {
        orders += 1
        return orders
    }

    // MARK: Lists of evictable objects

    /// Puts the object into the list that fits its state, as the most recently used one, or as the next to be evicted.
    mutating func relist(_ slot: Int, asOldest: Bool = false) {
        unlist(slot)
        guard self[slot].pins == 0, case .memory(_, let copy) = self[slot].state else { return }
        let list = copy == nil ? StoreRecord.List.dirty : .clean
        self[slot].list = list
        withList(list) { list, core in
            list.bytes += core[slot].footprint
            if asOldest {
                core[slot].next = list.first
                if list.first >= 0 { core[list.first].previous = slot } else { list.last = slot }
                list.first = slot
            } else {
                core[slot].previous = list.last
                if list.last >= 0 { core[list.last].next = slot } else { list.first = slot }
                list.last = slot
            }
        }
    }

    mutating func unlist(_ slot: Int) {
        let record = self[slot]
        guard record.list != .none else { return }
        withList(record.list) { list, core in
            list.bytes -= record.footprint
            if record.previous >= 0 { core[record.previous].next = record.next } else { list.first = record.next }
            if record.next >= 0 { core[record.next].previous = record.previous } else { list.last = record.previous }
        }
        self[slot].list = .none
        self[slot].previous = -1
        self[slot].next = -1
    }

    private mutating func withList(_ name: StoreRecord.List, _ change: (inout EvictionList, inout StoreCore) -> Void) {
        var list = name == .clean ? clean : dirty
        change(&list, &self)
        if name == .clean { clean = list } else { dirty = list }
    }
}
