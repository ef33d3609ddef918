import ApusCore

/// A process that is connected to the store, as its daemon numbers it. Numbers are not used again.
package typealias StoreClient = UInt32

/// An object in memory: its extent begins at `offset` of the segment.
package struct StoreLocation: Hashable, Sendable, Codable {
    package let object: ObjectID
    package let offset: Int
    /// Bytes of the object, without what rounding adds.
    package let size: Int

    package init(object: ObjectID, offset: Int, size: Int) {
        self.object = object
        self.offset = offset
        self.size = size
    }

    package var bytes: Extent { Extent(offset: offset, count: size) }
}

/// An object in the spill file, for a reader that copies it from there.
package struct StoredCopy: Hashable, Sendable, Codable {
    package let object: ObjectID
    package let fileOffset: Int
    /// Bytes of the object.
    package let size: Int
    /// What the bytes must sum up to.
    package let checksum: UInt64

    package init(object: ObjectID, fileOffset: Int, size: Int, checksum: UInt64) {
        self.object = object
        self.fileOffset = fileOffset
        self.size = size
        self.checksum = checksum
    }
}

/// What a reader asks for: one or more objects, all of them in memory at once.
package struct ReadTicket: Hashable, Sendable {
    package let client: StoreClient
    /// The client's own number.
    package let number: UInt64

    package init(client: StoreClient, number: UInt64) {
        self.client = client
        self.number = number
    }
}

/// One object to write to the spill file: `memory` of the segment goes to `file.offset`.
package struct SpillItem: Hashable, Sendable {
    package let object: ObjectID
    /// The bytes of the object.
    package let memory: Extent
    package let fileOffset: Int

    package init(object: ObjectID, memory: Extent, fileOffset: Int) {
        self.object = object
        self.memory = memory
        self.fileOffset = fileOffset
    }
}

/// One object to read back from the spill file.
package struct RestoreItem: Hashable, Sendable {
    package let object: ObjectID
    package let memory: Extent
    package let fileOffset: Int
    /// What the bytes must sum up to.
    package let checksum: UInt64

    package init(object: ObjectID, memory: Extent, fileOffset: Int, checksum: UInt64) {
        self.object = object
        self.memory = memory
        self.fileOffset = fileOffset
        self.checksum = checksum
    }
}

/// Names an input or output of the spill file that is under way.
package typealias SpillOperation = UInt64

/// What happens to a store, each from one client or from its spill file.
package enum StoreEvent: Sendable {
    /// A process connected. The label names it in messages, as "worker 4711".
    case join(StoreClient, label: String)
    /// A process ended or was cut off: its unsealed creations, holds, pins and requests go.
    case leave(StoreClient)

    /// Room for an object. Answered by `allocated` or `createFailed` by the deadline; the creator then holds it once.
    case create(ObjectID, size: Int, client: StoreClient, deadline: Instant, site: String)
    /// The creator wrote all bytes: they never change again. With an heir the creator's hold passes to that client.
    case seal(ObjectID, client: StoreClient, heir: StoreClient?)
    /// The creator wrote all bytes and reads them in place from now on: it has a hold and a pin.
    case sealPinned(ObjectID, client: StoreClient)
    /// The creator gives up, before or after it was given room.
    case abort(ObjectID, client: StoreClient)

    /// Keeps objects alive, once more each.
    case hold([ObjectID], client: StoreClient)
    case release([ObjectID], client: StoreClient)
    /// Passes one hold of each on to another client, so that it is never without one.
    case transfer([ObjectID], client: StoreClient, heir: StoreClient)

    /// Objects to be in memory and stay there. Answered once by `located` for all of them, or by `readFailed`. Waits for
    /// unsealed ones. The objects are to be different. Where no room can be made for those in the spill file, answered by
    /// `copies` after a while.
    case pin([ObjectID], ticket: ReadTicket, deadline: Instant)
    /// The client no longer reads them in place; one pin of each goes.
    case unpin([ObjectID], client: StoreClient)
    /// What a client found where `copies` had told it to read are not the object's bytes, or could not be read (`trouble`).
    /// The pin of that read goes.
    case copyDamaged(ObjectID, client: StoreClient, SpillTrouble?)
    /// A reader no longer waits. Ignored where it was answered meanwhile: the reader then unpins what it got.
    case cancel(ReadTicket)

    /// A batch is in the file; a checksum for each item, in the order of the items.
    case spillFinished(SpillOperation, checksums: [UInt64])
    case spillFailed(SpillOperation, SpillTrouble)
    case restoreFinished(SpillOperation)
    case restoreFailed(SpillOperation, SpillTrouble)
    /// The bytes read are not those written.
    case restoreCorrupt(SpillOperation)

    /// Time passed: deadlines and cooled pages are looked at.
    case tick
    /// The node is short of memory: pages that nobody uses go back at once.
    case trim
}

/// What is to be done, in order.
package enum StoreEffect: Sendable {
    /// The client may write the object's bytes there.
    case allocated(StoreLocation, client: StoreClient)
    case createFailed(ObjectID, client: StoreClient, StoreError)
    /// The objects of a ticket are pinned, in the order in which they were asked for.
    case located(ReadTicket, [StoreLocation])
    case readFailed(ReadTicket, StoreError)
    /// As `located`, but some of the objects are in the spill file only: the client is to copy those from there. They stay
    /// where they are until it unpins them.
    case copies(ReadTicket, located: [StoreLocation], [StoredCopy])

    /// The spill file is to write these, in order.
    case startSpill(SpillOperation, [SpillItem])
    case startRestore(SpillOperation, RestoreItem)
    /// Pages of the segment that nobody uses go back to the system.
    case returnMemory(Extent)
    /// Room in the spill file that nobody uses goes back to the disk.
    case returnFile(Extent)

    /// Nobody holds the object any more; its memory is free.
    case freed(ObjectID)
    /// The object's bytes are gone although these clients hold it. Its holds stay, and it can be created anew.
    case lost(ObjectID, StoreError, holders: [StoreClient])
    /// A client broke the protocol; its event was ignored.
    case rejected(StoreClient, reason: String)
}
