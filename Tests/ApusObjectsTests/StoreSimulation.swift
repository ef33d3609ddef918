import ApusCore
import ApusObjects

/// Clients, memory, file and time around a store's core, all decided by a seed; and a model of what must hold.
///
/// Memory and file are rows of stamps, one for each cache line: an object writes its own stamp everywhere, and every
/// reader must find it. So any extent that is given out twice, freed too early or read back from the wrong place shows.
struct StoreSimulation {
    /// A fault of the store itself, that a run must find.
    enum Sabotage: CaseIterable {
        /// A release is forgotten.
        case lostRelease
        /// A pin ends when nobody ended it.
        case earlyUnpin
        /// An object is freed that somebody holds.
        case earlyRelease
        /// An object is written to the file a page too far.
        case fileOffset
        /// An extent begins a cache line too early.
        case memoryOffset
        /// A creator overtakes another.
        case overtaking
        /// The news of a finished spill gets lost.
        case lostSpill
        /// Pages in use are given back.
        case earlyReturn
    }

    struct Faults {
        var spillFailure = 0.0
        var restoreFailure = 0.0
        var corruption = 0.0
        var clientDeath = 0.0
        var abort = 0.0
    }

    struct Object {
        var size: Int
        var stamp: UInt32
        var creator: StoreClient
        var phase: Phase
        var holds: [StoreClient: Int] = [:]
        var pins: [StoreClient: Int] = [:]
        var location: Int?
    }

    enum Phase { case queued, writing, sealed, lost }

    struct Ticket {
        let objects: [ObjectID]
        let deadline: Instant
        let since: Instant
    }

    enum Work {
        case spill(SpillOperation, [SpillItem])
        case restore(SpillOperation, RestoreItem)
    }

    var core: StoreCore
    var random: SeededGenerator
    let faults: Faults
    var now = Instant(nanoseconds: 0)
    var memory: [UInt32]
    var file: [UInt32]
    let spillCapacity: Int

    var clients: Set<StoreClient> = []
    var nextClient: StoreClient = 1
    var nextObject: UInt64 = 1
    var nextTicket: UInt64 = 1
    var objects: [ObjectID: Object] = [:]
    var tickets: [ReadTicket: Ticket] = [:]
    var reading: [(client: StoreClient, object: ObjectID)] = []
    /// What is being copied from the file.
    var copying: [(client: StoreClient, copy: StoredCopy)] = []
    /// Creators that wait, in order of arrival.
    var line: [ObjectID] = []
    var work: [Work] = []
    var effects: [StoreEffect] = []
    var trace = false
    var sabotage: Sabotage?
    var sabotages = 0
    /// What the run came across, so that a test can tell that it was no idle one.
    var seen: [String: Int] = [:]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let capacity = (16 + random.below(112)) * 4096
        spillCapacity = [0, capacity / 2, capacity * 4, capacity * 4, capacity * 16][random.below(5)] & ~4095
        var configuration = StoreCore.Configuration(capacity: capacity, spillCapacity: spillCapacity)
        configuration.spillBatch = 1 + random.below(capacity)
        configuration.spillBatchObjects = 1 + random.below(8)
        configuration.spillBatches = 1 + random.below(3)
        configuration.waitingLimit = random.below(10) == 0 ? 3 : 1000
        configuration.granule = 4096 << random.below(4)
        configuration.memoryPatience = .milliseconds(random.below(2000))
        configuration.filePatience = .milliseconds(random.below(2000))
        core = StoreCore(configuration)
        memory = Array(repeating: 0, count: capacity / 64)
        file = Array(repeating: 0, count: spillCapacity / 64)
        var faults = Faults()
        if random.below(2) == 0 { faults.clientDeath = 0.03 }
        if random.below(2) == 0 { faults.spillFailure = 0.3 }
        if random.below(3) == 0 { faults.restoreFailure = 0.1 }
        if random.below(3) == 0 { faults.corruption = 0.1 }
        if random.below(2) == 0 { faults.abort = 0.1 }
        self.faults = faults
    }

    // MARK: The run

    mutating func run(steps: Int) throws {
        for _ in 0..<(2 + random.below(4)) { try join() }
        for _ in 0..<steps {
            try step()
            if let flaw = core.firstInconsistency { throw Violation(flaw) }
        }
        try drain()
        try endClients()
    }

    mutating func step() throws {
        if random.below(4) == 0 { now = now + .milliseconds(random.below(400)) }
        if let due = core.nextDeadline, due <= now { try send(.tick) }
        if !work.isEmpty, random.below(3) == 0 { try finishWork() }
        if random.below(50) == 0 { try send(.trim) }
        if random.unit() < faults.clientDeath { try leave(clients.sorted()[random.below(clients.count)]) }
        if clients.count < 6, random.below(40) == 0 { try join() }
        let client = clients.sorted()[random.below(clients.count)]
        switch random.below(20) {
        case 0...3: try create(client)
        case 4...7: try finishCreation()
        case 8...11: try pin(client)
        case 12...15:
            if !reading.isEmpty { try unpin(at: random.below(reading.count)) }
            if !copying.isEmpty { try finishCopy(at: random.below(copying.count)) }
        case 16: try hold(client)
        case 17...18: try release(client)
        default:
            if let ticket = tickets.keys.filter({ $0.client == client }).min(by: { $0.number < $1.number }),
                random.below(4) == 0
            {
                tickets[ticket] = nil
                try send(.cancel(ticket))
                try checkFreed()
            } else {
                try transfer(client)
            }
        }
    }

    mutating func pick(_ condition: (Object) -> Bool) -> ObjectID? {
        let all = objects.filter { condition($0.value) }.keys.sorted { $0.number < $1.number }
        return all.isEmpty ? nil : all[random.below(all.count)]
    }

    mutating func join() throws {
        let client = nextClient
        nextClient += 1
        clients.insert(client)
        try send(.join(client, label: "client \(client)"))
    }

    mutating func leave(_ client: StoreClient) throws {
        clients.remove(client)
        tickets = tickets.filter { $0.key.client != client }
        reading.removeAll { $0.client == client }
        copying.removeAll { $0.client == client }
        line.removeAll { objects[$0]?.creator == client }
        for id in objects.keys {
            guard var object = objects[id] else { continue }
            if object.creator == client, object.phase == .queued || object.phase == .writing { object.phase = .lost }
            object.holds[client] = nil
            object.pins[client] = nil
            if object.pins.isEmpty, object.phase != .writing { object.location = nil }
            objects[id] = object
        }
        note("client left")
        try send(.leave(client))
        try checkFreed()
        if clients.count < 2 { try join() }
    }

    mutating func create(_ client: StoreClient) throws {
        let lost = random.below(3) == 0 ? pick { $0.phase == .lost } : nil
        let id = lost ?? ObjectID(owner: 7, number: nextObject)
        if lost == nil { nextObject += 1 } else { note("created anew") }
        let size: Int
        switch random.below(8) {
        case 0: size = random.below(memory.count * 64 + 8192)
        case 1...3: size = random.below(memory.count * 16)
        default: size = random.below(20_000)
        }
        var object = Object(
            size: size, stamp: UInt32(truncatingIfNeeded: random.next() | 1), creator: client, phase: .queued)
        object.holds = objects[id]?.holds ?? [:]
        object.holds[client, default: 0] += 1
        objects[id] = object
        line.append(id)
        try send(
            .create(
                id, size: size, client: client, deadline: now + .milliseconds(random.below(20_000)),
                site: "Test.swift:1")
        )
    }

    mutating func finishCreation() throws {
        let isRash = random.below(8) == 0
        guard let id = pick({ $0.phase == .writing || isRash && $0.phase == .queued }),
            let phase = objects[id]?.phase, let client = objects[id]?.creator
        else { return }
        if random.unit() < faults.abort {
            line.removeAll { $0 == id }
            dropHold(id, client)
            objects[id]?.phase = .lost
            note("aborted")
            try send(.abort(id, client: client))
            try checkFreed()
        } else if phase == .writing {
            try seal(id)
        }
    }

    mutating func seal(_ id: ObjectID) throws {
        guard let object = objects[id], let location = object.location else { throw Violation("\(id) has no room") }
        for line in lines(location, object.size) { memory[line] = object.stamp }
        objects[id]?.phase = .sealed
        objects[id]?.location = nil
        var heir: StoreClient?
        if random.below(3) == 0 {
            heir = 1 + StoreClient(random.below(Int(nextClient)))
            dropHold(id, object.creator)
            if let heir, clients.contains(heir) { objects[id]?.holds[heir, default: 0] += 1 }
        }
        try send(.seal(id, client: object.creator, heir: heir))
        try checkFreed()
    }

    mutating func dropHold(_ id: ObjectID, _ client: StoreClient) {
        guard let holds = objects[id]?.holds[client] else { return }
        objects[id]?.holds[client] = holds > 1 ? holds - 1 : nil
    }

    mutating func pin(_ client: StoreClient) throws {
        var wanted: [ObjectID] = []
        for _ in 0..<(1 + random.below(random.below(3) == 0 ? 4 : 1)) {
            let isCurious = random.below(4) == 0
            if let id = pick({ $0.phase == .sealed || isCurious && ($0.phase != .lost || $0.size % 7 == 0) }),
                !wanted.contains(id)
            {
                wanted.append(id)
            }
        }
        guard !wanted.isEmpty else { return }
        let ticket = ReadTicket(client: client, number: nextTicket)
        nextTicket += 1
        let deadline = now + .milliseconds(random.below(20_000))
        tickets[ticket] = Ticket(objects: wanted, deadline: deadline, since: now)
        try send(.pin(wanted, ticket: ticket, deadline: deadline))
    }

    mutating func unpin(at place: Int) throws {
        let (client, id) = reading.remove(at: place)
        let pins = objects[id]?.pins[client] ?? 0
        objects[id]?.pins[client] = pins > 1 ? pins - 1 : nil
        if objects[id]?.pins.isEmpty == true { objects[id]?.location = nil }
        try send(.unpin([id], client: client))
        try checkFreed()
    }

    mutating func finishCopy(at place: Int) throws {
        let (client, copy) = copying.remove(at: place)
        let id = copy.object
        try checkCopies()
        let isDamaged = objects[id]?.phase == .lost || random.unit() < faults.corruption
        let pins = objects[id]?.pins[client] ?? 0
        objects[id]?.pins[client] = pins > 1 ? pins - 1 : nil
        if objects[id]?.pins.isEmpty == true, objects[id]?.phase != .writing { objects[id]?.location = nil }
        if isDamaged {
            // Only a copy that is all that there is can be lost by it.
            let isSpilled = core.entries.contains { $0.object == id && $0.state == .spilled }
            if isSpilled { objects[id]?.phase = .lost }
            note("copy damaged")
            try send(.copyDamaged(id, client: client, nil))
        } else {
            try send(.unpin([id], client: client))
        }
        try checkFreed()
    }

    mutating func hold(_ client: StoreClient) throws {
        guard let id = pick({ _ in true }) else { return }
        objects[id]?.holds[client, default: 0] += 1
        try send(.hold([id], client: client))
    }

    mutating func release(_ client: StoreClient) throws {
        guard
            let id = pick({
                ($0.holds[client] ?? 0)
                    > ($0.creator == client && ($0.phase == .queued || $0.phase == .writing) ? 1 : 0)
            })
        else { return }
        dropHold(id, client)
        try send(.release([id], client: client))
        try checkFreed()
    }

    mutating func transfer(_ client: StoreClient) throws {
        guard let id = pick({ ($0.holds[client] ?? 0) > 0 && ($0.phase == .sealed || $0.phase == .lost) }),
            let heir = clients.sorted().last
        else { return }
        dropHold(id, client)
        objects[id]?.holds[heir, default: 0] += 1
        try send(.transfer([id], client: client, heir: heir))
    }

    // MARK: The file

    mutating func finishWork() throws {
        let job = work.remove(at: random.below(work.count))
        switch job {
        case .spill(let operation, let items):
            if random.unit() < faults.spillFailure {
                note("spill failed")
                try send(.spillFailed(operation, .diskFull(folder: "/nowhere", free: 0)))
                return
            }
            // Copied when the work ends: whoever changed the memory meanwhile has changed what is on file.
            for item in items {
                for (from, to) in zip(lines(item.memory.offset, item.memory.count), item.fileOffset / 64..<Int.max) {
                    file[to] = memory[from]
                }
            }
            note("spilled")
            try checkCopies()
            let sums = items.map { sum(file, lines($0.fileOffset, $0.memory.count)) }
            try send(.spillFinished(operation, checksums: sums))
        case .restore(let operation, let item):
            let range = lines(item.fileOffset, item.memory.count)
            if sum(file, range) != item.checksum { throw Violation("\(item.object) was overwritten in the file") }
            if random.unit() < faults.restoreFailure || random.unit() < faults.corruption {
                note("restore failed")
                objects[item.object]?.phase = .lost
                try send(
                    random.below(2) == 0
                        ? .restoreCorrupt(operation)
                        : .restoreFailed(
                            operation, .system(call: "pread", folder: "/nowhere", code: 5, message: "EIO")))
                try checkFreed()
                return
            }
            for (from, to) in zip(range, item.memory.offset / 64..<Int.max) { memory[to] = file[from] }
            note("restored")
            try send(.restoreFinished(operation))
        }
    }

    func lines(_ offset: Int, _ size: Int) -> Range<Int> { offset / 64..<(offset + size + 63) / 64 }

    func sum(_ stamps: [UInt32], _ range: Range<Int>) -> UInt64 {
        stamps[range].reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    // MARK: The end

    /// All readers stop, all creators seal: whoever waits must be served, without a deadline passing.
    mutating func drain() throws {
        for round in 0... {
            while !reading.isEmpty { try unpin(at: reading.count - 1) }
            while !copying.isEmpty { try finishCopy(at: copying.count - 1) }
            while let id = pick({ $0.phase == .writing }) { try seal(id) }
            if let flaw = core.firstInconsistency { throw Violation(flaw) }
            if tickets.isEmpty, line.isEmpty { return }
            if !work.isEmpty {
                try finishWork()
            } else if reading.isEmpty, copying.isEmpty, !objects.values.contains(where: { $0.phase == .writing }) {
                // Without room on file, or while it rests, deadlines decide; else waiting on is a deadlock.
                let usage = core.usage
                let mayWait = usage.trouble != nil || spillCapacity < memory.count * 64 * 2
                guard mayWait, let due = core.nextDeadline else {
                    throw Violation("deadlock: \(tickets.count) readers, \(line.count) creators wait in \(usage)")
                }
                now = max(now, due)
                try send(.tick)
                note("deadline")
            }
            if round > 100_000 { throw Violation("no end") }
        }
    }

    mutating func endClients() throws {
        for client in clients.sorted() {
            clients.remove(client)
            reading.removeAll { $0.client == client }
            copying.removeAll { $0.client == client }
            for id in objects.keys {
                objects[id]?.holds[client] = nil
                objects[id]?.pins[client] = nil
            }
            try send(.leave(client))
        }
        while !work.isEmpty { try finishWork() }
        if let flaw = core.firstInconsistency { throw Violation(flaw) }
        let usage = core.usage
        guard usage.used == 0, usage.file == 0, usage.objects == 0, objects.isEmpty else {
            throw Violation("at the end there are \(usage), \(objects.count) objects")
        }
        for _ in 0..<1000 {
            guard let due = core.nextDeadline else { break }
            now = max(now, due)
            try send(.tick)
        }
        guard core.usage.warm == 0, core.nextDeadline == nil else { throw Violation("pages are never given back") }
    }
}
