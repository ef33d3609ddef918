import ApusCore
import ApusObjects

/// The object store that a node is to have, told by the driver that starts it.
struct ObjectStoreConfiguration: Codable, Sendable {
    /// Bytes; nil for three tenths of the memory that is available.
    var capacity: Int?
    /// A folder on a disk, where objects go that find no room in memory; nil for none.
    var spillFolder: String?
    /// Whether the node is to start without spilling where the folder cannot be used.
    var isSpillingOptional = true
}

/// The node's object store and its clients, which are the node's processes.
///
/// A process that was lent an object may give it back before the lender's message has come: sockets are read in any order.
/// What is given back too early is kept as a debt, which the loan then pays.
final class NodeObjects {
    private var store: NodeStore
    private struct Debt: Hashable {
        let client: StoreClient
        let object: ObjectID
    }
    private var debts: [Debt: Int] = [:]
    private var losses = LostObjects()
    private var effects: [StoreEffect] = []

    /// - Throws: `SegmentError`, `SpillTrouble`.
    init(_ configuration: ObjectStoreConfiguration) throws {
        do {
            store = try NodeStore(capacity: configuration.capacity, spillFolder: configuration.spillFolder)
        } catch let trouble as SpillTrouble {
            guard configuration.isSpillingOptional else { throw trouble }
            store = try NodeStore(capacity: configuration.capacity, spillFolder: nil)
        }
    }

    /// To be passed on as a copy to each process.
    var descriptor: Int32 { store.segment.descriptor }
    var capacity: Int { store.segment.capacity }
    /// The same of the spill file, for reading; nil without one.
    var spillDescriptor: Int32? { store.spillDescriptor }
    /// A descriptor that is readable when `collect` has something to do.
    var readiness: Int32? { store.readiness }
    var nextDeadline: Instant? { store.nextDeadline }

    var usage: StoreUsage { store.core.usage }
    /// All objects, in no particular order.
    var entries: [StoreEntry] { store.core.entries }

    func status(limit: Int) -> ObjectStoreStatus {
        ObjectStoreStatus(store.core.usage, store.core.counters, Array(store.core.entries.prefix(max(0, limit))))
    }

    typealias Answers = [(client: StoreClient, notice: NodeNotice)]

    func join(_ client: StoreClient, label: String, at now: Instant) -> Answers {
        store.handle(.join(client, label: label), at: now, into: &effects)
        return answers()
    }

    func leave(_ client: StoreClient, at now: Instant) -> Answers {
        debts = debts.filter { $0.key.client != client }
        store.handle(.leave(client), at: now, into: &effects)
        return answers() + told(losses.left(client))
    }

    /// A holder of a lost object cannot make it again.
    func giveUp(_ object: ObjectID, of client: StoreClient, reason: String?) -> Answers {
        told(losses.givenUp(object, by: client, reason: reason))
    }

    /// A process could not read an object, and asks to be told when that is possible again, or that it never will be.
    func wait(for object: ObjectID, client: StoreClient, request: UInt64) -> Answers {
        told(losses.wait(for: object, client: client, request: request))
    }

    private func told(_ answers: [LostObjects.Answer]) -> Answers {
        answers.map { ($0.client, .answer(request: $0.request, .recovered(failure: $0.reason))) }
    }

    func handle(_ request: StoreRequest, of client: StoreClient, at now: Instant) -> Answers {
        switch request {
        case .release(let ids):
            var early: [ObjectID] = []
            for id in ids where store.core.exists(id) && store.core.holds(of: client, id) == 0 { early.append(id) }
            for id in early { debts[Debt(client: client, object: id), default: 0] += 1 }
            let due = early.isEmpty ? ids : ids.filter { !early.contains($0) }
            if !due.isEmpty { store.handle(.release(due), of: client, at: now, into: &effects) }
        case .lend(let ids, let heir), .transfer(let ids, let heir):
            store.handle(request, of: client, at: now, into: &effects)
            for id in ids { pay(Debt(client: heir, object: id), at: now) }
        case .seal(let id, let heir?):
            store.handle(request, of: client, at: now, into: &effects)
            pay(Debt(client: heir, object: id), at: now)
        default: store.handle(request, of: client, at: now, into: &effects)
        }
        var answers = answers()
        if !losses.isEmpty {
            switch request {
            case .seal(let id, _), .sealPinned(let id): answers += told(losses.made(id))
            default: break
            }
        }
        return answers
    }

    private func pay(_ debt: Debt, at now: Instant) {
        guard !debts.isEmpty, let count = debts[debt] else { return }
        debts[debt] = count == 1 ? nil : count - 1
        store.handle(.release([debt.object]), of: debt.client, at: now, into: &effects)
    }

    /// Takes in what the disk did and that time has passed.
    func collect(at now: Instant) -> Answers {
        store.collect(at: now, into: &effects)
        return answers()
    }

    private func answers() -> Answers {
        guard !effects.isEmpty else { return [] }
        defer { effects.removeAll(keepingCapacity: true) }
        var answers: Answers = []
        for effect in effects {
            switch effect {
            case .freed(let id):
                if !debts.isEmpty { debts = debts.filter { $0.key.object != id } }
                if !losses.isEmpty { answers += told(losses.freed(id)) }
            case .lost(let id, let error, let holders):
                if case .unknown = error { break }
                losses.lost(id, holders: holders)
            default: break
            }
            for (client, answer) in effect.answers { answers.append((client, .store(answer))) }
        }
        return answers
    }
}

extension NodeStore {
    fileprivate mutating func handle(
        _ request: StoreRequest, of client: StoreClient, at now: Instant, into effects: inout [StoreEffect]
    ) { handle(request.event(of: client, at: now), at: now, into: &effects) }
}
