import ApusCore

/// Where the bytes of a sealed object lie in the spill file, and what they sum up to.
struct FileCopy {
    let extent: Extent
    let checksum: UInt64
}

/// What the store knows of one object.
struct StoreRecord {
    enum State {
        /// The creator waits for room.
        case queued
        /// The creator writes.
        case writing(Extent)
        /// Sealed and in memory. With a copy in the file the memory can be taken at once.
        case memory(Extent, copy: FileCopy?)
        /// In memory, where it can be read, and on its way to the file.
        case spilling(Extent, SpillOperation)
        case file(FileCopy)
        case restoring(FileCopy, Extent, SpillOperation)
        /// Held by name only.
        case lost(StoreError)
    }

    /// The list of evictable objects that it is in.
    enum List { case none, clean, dirty }

    /// What one client has of it.
    struct Holding {
        let client: StoreClient
        var holds: Int
        var pins: Int
    }

    let id: ObjectID
    let size: Int
    let footprint: Int
    let site: String
    /// Who creates or created it.
    let creator: StoreClient
    var state = State.queued
    /// Few clients hold one object: a linear search is fastest.
    var holdings: [Holding] = []
    /// Sums over the holdings.
    var holds = 0
    var pins = 0
    /// Readers that were not yet given room.
    var waiting = 0
    /// The request on whose behalf room is being made: its members are not evicted for it.
    var claim: UInt64 = 0

    var list = List.none
    var previous = -1
    var next = -1

    init(id: ObjectID, size: Int, footprint: Int, site: String, creator: StoreClient) {
        self.id = id
        self.size = size
        self.footprint = footprint
        self.site = site
        self.creator = creator
    }

    var isSealed: Bool {
        switch state {
        case .queued, .writing: false
        default: true
        }
    }

    /// Where it lies in the spill file, unless it is also in memory.
    var onFile: FileCopy? {
        switch state {
        case .file(let copy), .restoring(let copy, _, _): copy
        default: nil
        }
    }

    var isUnused: Bool { holds == 0 && pins == 0 && waiting == 0 }

    /// Where it can be read.
    var resident: Extent? {
        switch state {
        case .memory(let extent, _), .spilling(let extent, _): extent
        default: nil
        }
    }

    /// Adds holds and pins of a client, or takes some away.
    ///
    /// - Returns: false, and nothing is changed, where the client does not have that many.
    mutating func change(_ client: StoreClient, holds: Int = 0, pins: Int = 0) -> Bool {
        if let place = holdings.firstIndex(where: { $0.client == client }) {
            guard holdings[place].holds + holds >= 0, holdings[place].pins + pins >= 0 else { return false }
            holdings[place].holds += holds
            holdings[place].pins += pins
            if holdings[place].holds == 0, holdings[place].pins == 0 {
                holdings.swapAt(place, holdings.count - 1)
                holdings.removeLast()
            }
        } else {
            guard holds >= 0, pins >= 0 else { return false }
            holdings.append(Holding(client: client, holds: holds, pins: pins))
        }
        self.holds += holds
        self.pins += pins
        return true
    }

    func holding(of client: StoreClient) -> Holding? { holdings.first { $0.client == client } }
}

/// Evictable objects, the least recently used first: the ends of a list that the records link.
struct EvictionList {
    var first = -1
    var last = -1
    /// Sum of the footprints.
    var bytes = 0
}

/// A reader that waits.
struct ReadGroup {
    let ticket: ReadTicket
    let slots: [Int]
    let order: UInt64
    let deadline: Instant
    /// When it is to be told to read the spill file itself, if no room can be made for it by then.
    var copiesAt: Instant
    /// Members that are not sealed yet.
    var unsealed: Int
    /// Whether it has room and pins: only the spill file is waited for.
    var isAdmitted = false
    /// Members that are being read back, once admitted.
    var restoring = 0
}

/// A creator that waits for room.
struct CreateRequest {
    let slot: Int
    let order: UInt64
    let deadline: Instant
}

/// What the spill file does just now. A slot is negative where the object died meanwhile.
enum StoreOperation {
    struct Item {
        var slot: Int
        let memory: Extent
        let file: Extent
    }

    case spill([Item])
    case restore(slot: Int, memory: Extent, copy: FileCopy)
}
