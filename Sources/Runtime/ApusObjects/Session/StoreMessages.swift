import ApusCore

/// What a process asks its node's store. The daemon knows who asks by the connection, and reckons waits on its own clock.
package enum StoreRequest: Sendable, Codable {
    case create(ObjectID, size: Int, patience: Duration, site: String)
    case seal(ObjectID, heir: StoreClient?)
    case sealPinned(ObjectID)
    case abort(ObjectID)
    /// Another process holds them from now on, too; the sender holds or reads them.
    case lend([ObjectID], heir: StoreClient)
    case hold([ObjectID])
    case release([ObjectID])
    case transfer([ObjectID], heir: StoreClient)
    case pin([ObjectID], ticket: UInt64, patience: Duration)
    case unpin([ObjectID])
    case cancel(ticket: UInt64)
    /// What `copies` told the sender to read is damaged, or could not be read.
    case copyDamaged(ObjectID, SpillTrouble?)

    /// The event that the request is when a client sends it.
    package func event(of client: StoreClient, at now: Instant) -> StoreEvent {
        switch self {
        case .create(let id, let size, let patience, let site):
            .create(id, size: size, client: client, deadline: now + patience, site: site)
        case .seal(let id, let heir): .seal(id, client: client, heir: heir)
        case .sealPinned(let id): .sealPinned(id, client: client)
        case .lend(let ids, let heir): .hold(ids, client: heir)
        case .abort(let id): .abort(id, client: client)
        case .hold(let ids): .hold(ids, client: client)
        case .release(let ids): .release(ids, client: client)
        case .transfer(let ids, let heir): .transfer(ids, client: client, heir: heir)
        case .pin(let ids, let number, let patience):
            .pin(ids, ticket: ReadTicket(client: client, number: number), deadline: now + patience)
        case .unpin(let ids): .unpin(ids, client: client)
        case .copyDamaged(let id, let trouble): .copyDamaged(id, client: client, trouble)
        case .cancel(let number): .cancel(ReadTicket(client: client, number: number))
        }
    }
}

/// What a node's store tells a process.
package enum StoreAnswer: Sendable, Codable {
    case allocated(StoreLocation)
    case createFailed(ObjectID, StoreError)
    case located(ticket: UInt64, [StoreLocation])
    case readFailed(ticket: UInt64, StoreError)
    /// As `located`; the process copies the second ones from the spill file.
    case copies(ticket: UInt64, located: [StoreLocation], [StoredCopy])
    /// An object that the process holds has lost its bytes.
    case lost(ObjectID, StoreError)
    /// The process asked for something that makes no sense; nothing was done.
    case rejected(reason: String)
}

extension StoreEffect {
    /// What is to be told to whom: `NodeStore` does the rest itself.
    package var answers: [(client: StoreClient, answer: StoreAnswer)] {
        switch self {
        case .allocated(let location, let client): [(client, .allocated(location))]
        case .createFailed(let id, let client, let error): [(client, .createFailed(id, error))]
        case .located(let ticket, let locations): [(ticket.client, .located(ticket: ticket.number, locations))]
        case .readFailed(let ticket, let error): [(ticket.client, .readFailed(ticket: ticket.number, error))]
        case .copies(let ticket, let located, let copies):
            [(ticket.client, .copies(ticket: ticket.number, located: located, copies))]
        case .lost(let id, let error, let holders): holders.map { ($0, .lost(id, error)) }
        case .rejected(let client, let reason): [(client, .rejected(reason: reason))]
        case .startSpill, .startRestore, .returnMemory, .returnFile, .freed: []
        }
    }
}
