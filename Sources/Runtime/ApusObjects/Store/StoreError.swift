import ApusCore

/// Why bytes did not go to or come from the spill file.
package enum SpillTrouble: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The disk is full, or nearly so: `free` bytes are left of the file system of `folder`.
    case diskFull(folder: String, free: Int)
    /// The configured limit of the spill file is reached.
    case limitReached(limit: Int)
    /// The store has no spill file.
    case disabled
    case system(call: String, folder: String, code: Int32, message: String)

    package var description: String {
        switch self {
        case .diskFull(let folder, let free):
            "the disk of \(folder) is full (\(bytes: free) left); free some room there or name another folder for spilling"
        case .limitReached(let limit):
            "the spill file has reached its limit of \(bytes: limit); raise the limit or free objects"
        case .disabled: "spilling is turned off; name a folder for spilling to let objects move to disk"
        case .system(let call, let folder, let code, let message):
            "\(call) in \(folder) failed with \(message) (\(code))"
        }
    }
}

/// A client and what it keeps in a store.
package struct StoreHolder: Hashable, Sendable, Codable, CustomStringConvertible {
    package let client: StoreClient
    package let label: String
    package let objects: Int
    package let bytes: Int
    /// Of those, what it maps or writes just now, so that it cannot be spilled.
    package let pinnedBytes: Int

    package var description: String {
        pinnedBytes == 0
            ? "\(label): \(bytes: bytes) in \(objects) objects"
            : "\(label): \(bytes: bytes) in \(objects) objects, \(bytes: pinnedBytes) of them in use"
    }
}

/// Why a store has no room or no object.
package enum StoreError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// One object is larger than the whole store.
    case tooLarge(object: ObjectID, size: Int, capacity: Int)
    /// No room by the deadline. `holders` are those that keep most, largest first.
    case full(needed: Int, capacity: Int, free: Int, largestFree: Int, holders: [StoreHolder], spill: SpillTrouble?)
    /// Too many requests wait already.
    case busy(waiting: Int)
    /// The object exists and is sealed.
    case exists(object: ObjectID)
    /// The object is being created by another client, or twice by one.
    case beingCreated(object: ObjectID, by: String)
    /// Objects that a reader wants at once are larger together than the whole store.
    case workingSetTooLarge(bytes: Int, capacity: Int)
    /// Not sealed by the deadline.
    case notSealed(object: ObjectID, by: String)
    /// Nobody holds an object of this name here.
    case unknown(object: ObjectID)
    /// The creator ended or gave up before it sealed the object.
    case abandoned(object: ObjectID, by: String)
    /// The spilled bytes are not those that were written.
    case corrupt(object: ObjectID)
    /// The spilled bytes could not be read.
    case unreadable(object: ObjectID, SpillTrouble)
    /// The client left.
    case clientLeft

    package var description: String {
        switch self {
        case .tooLarge(let object, let size, let capacity):
            "\(object) has \(bytes: size), more than the whole object store (\(bytes: capacity)). Give the node a larger "
                + "store, or split the value into several objects."
        case .full(let needed, let capacity, let free, let largest, let holders, let spill):
            """
            The object store is full: no \(bytes: needed) became free in time (\(bytes: free) of \(bytes: capacity) are \
            free, \(bytes: largest) in one piece). \
            \(spill.map { "Nothing more can be spilled: \($0). " } ?? "")\
            \(holders.isEmpty ? "" : "Most is kept by " + holders.map(\.description).joined(separator: "; ") + ". ")\
            Drop references that are no longer needed, read fewer values at once, or give the node a larger store.
            """
        case .busy(let waiting):
            "The object store has \(waiting) requests waiting already. Submit fewer at a time."
        case .exists(let object): "\(object) exists already."
        case .beingCreated(let object, let by): "\(object) is being created by \(by)."
        case .workingSetTooLarge(let bytes, let capacity):
            "The values read at once have \(bytes: bytes), more than the whole object store (\(bytes: capacity)). Read them "
                + "one after the other."
        case .notSealed(let object, let by): "\(object) was not finished in time by \(by)."
        case .unknown(let object): "\(object) is not in this node's store: nobody holds it."
        case .abandoned(let object, let by): "\(object) has no value: \(by) ended or gave up while writing it."
        case .corrupt(let object):
            "\(object) came back from disk with other bytes than were written; it must be computed again."
        case .unreadable(let object, let trouble):
            "\(object) could not be read back from disk: \(trouble). It must be computed again."
        case .clientLeft: "The process left the object store."
        }
    }
}
