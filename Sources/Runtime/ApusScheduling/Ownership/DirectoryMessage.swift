import ApusCore

/// Counts the owners that an object has had: 0 for the process that made it.
package typealias OwnerTerm = UInt32

/// How a reference travels: it is written beside the object's identifier.
package enum ReferencePassage: Hashable, Sendable {
    /// By the owner, who counts the receiver as a holder already.
    case counted(OwnerTerm)
    /// By a borrower, who keeps its own hold until the receiver is counted by the owner.
    case forwarded

    /// In messages.
    package var code: UInt32 {
        switch self {
        case .counted(let term): term
        case .forwarded: .max
        }
    }

    package init(code: UInt32) { self = code == .max ? .forwarded : .counted(code) }
}

/// An object that its borrower knows to be without an owner since the death of `owner`.
package struct Orphan: Hashable, Sendable {
    package let object: ObjectID
    package let owner: ProcessID

    package init(_ object: ObjectID, of owner: ProcessID) {
        self.object = object
        self.owner = owner
    }
}

/// What processes' directories say to each other. Between two processes order is kept; a process's death is noticed after
/// everything that it sent.
package enum DirectoryMessage: Equatable, Sendable {
    /// Borrower to owner: count me.
    case register(ObjectID)
    /// Owner to borrower: you are counted, once more.
    case registered(ObjectID, OwnerTerm)
    /// Owner to borrower: nobody holds the object, it is freed.
    case gone(ObjectID)
    /// Borrower to owner: it needs the object no longer; how often it was counted.
    case release(ObjectID, count: Int)
    /// Receiver to forwarder: the owner counts me.
    case landed(ObjectID)
    /// To everybody: say when you have noticed this death, and know that the registry has.
    case fence(dead: ProcessID)
    /// The answer; it also comes by way of the registry, behind what the sender claimed there.
    case fenced(dead: ProcessID)
}

/// What a process's directory says to the registry, which is part of the control store.
package enum RegistryRequest: Equatable, Sendable {
    /// The object is about to be referred to by others: keep what it takes to restore it. Sent before the reference is.
    case record(ObjectID)
    /// Its owner freed the object.
    case erase(ObjectID)
    /// The sender noticed a death, and these are all objects that it borrows from the dead. Sent by everybody, also with
    /// none.
    case report(dead: ProcessID, [Orphan])
    /// The sender was passed a reference to an object whose owner it knows to be dead.
    case claim(Orphan)
    /// The sender was passed a reference to an object whose owner it has never met, dead or alive.
    case locate(ObjectID)
    /// `fenced`, to be passed on.
    case relayFenced(dead: ProcessID, to: ProcessID)
}

/// What the registry answers.
package enum RegistryReply: Equatable, Sendable {
    /// The receiver owns the object from now on.
    case adopt(ObjectID, OwnerTerm)
    /// Another process does; it will say `registered`.
    case owner(ObjectID, ProcessID, OwnerTerm)
    /// To the new owner: count this process.
    case holds(ObjectID, ProcessID)
    /// To the new owner: everybody who held the object is counted.
    case settled(ObjectID)
    case gone(ObjectID)
    /// The registry has handled everything that the dead asked. To everybody.
    case noticed(dead: ProcessID)
    case relayedFenced(dead: ProcessID, by: ProcessID)
}

/// What happens to a process's directory.
package enum DirectoryEvent: Equatable, Sendable {
    /// This process made an object, and uses it once.
    case create(ObjectID)
    /// One more, or one less, use of an object by this process.
    case retain(ObjectID)
    case release(ObjectID)
    /// A message with a reference arrived; this process uses the object once more.
    case received(ObjectID, from: ProcessID, ReferencePassage)
    /// A reference was found in the value of an object that this process uses; it uses the object found once more.
    case found(ObjectID, in: ObjectID)
    case message(DirectoryMessage, from: ProcessID)
    case reply(RegistryReply)
    case joined(ProcessID)
    /// A process ended, and everything that it sent was handled.
    case died(ProcessID)
}

package enum DirectoryEffect: Equatable, Sendable {
    case send(DirectoryMessage, to: ProcessID)
    case ask(RegistryRequest)
    /// Nobody uses the object any more: its value and copies can go.
    case free(ObjectID)
    /// This process, a borrower, uses the object no longer.
    case forget(ObjectID)
    /// This process owns the object now, and restores it from its record.
    case adopted(ObjectID)
    /// The object of a borrower no longer exists.
    case lost(ObjectID)
    /// An event that contradicts the protocol; it was ignored.
    case rejected(String)
}
