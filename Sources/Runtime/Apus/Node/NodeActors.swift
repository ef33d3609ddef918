import ApusCore
import ApusScheduling
import CApusSystem
import DequeModule

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The actors of a node, by identity and by name. Pure.
struct ActorRegistry {
    struct Record {
        let creation: ActorCreation
        /// The process that created it.
        let creator: UInt64
        var state: State
        var restartsLeft: Int
        /// Processes that call it.
        var subscribers: Set<UInt64> = []
        /// Who waits for its creation.
        var creators: [(client: UInt64, request: UInt64)] = []
        /// Who waits for its end.
        var stoppers: [(client: UInt64, request: UInt64)] = []
        /// What it holds, from the first time that it gets it to its end.
        var lease: LeaseID?
        var wasCreated = false
        /// Its home.
        var process: UInt64? {
            switch state {
            case .starting(let process), .alive(let process): process
            case .waiting, .dead: nil
            }
        }
        /// Of a checkpointed actor: nameless memory that its homes write one after the other.
        var journal: [Int32] = []
        /// Why it is being ended.
        var ending: (reason: String, mayRestart: Bool)?
    }

    enum State {
        /// Waits for resources or a process.
        case waiting
        case starting(process: UInt64)
        case alive(process: UInt64)
        case dead(reason: String)
    }

    private(set) var records: [ActorIdentifier: Record] = [:]
    private var names: [String: ActorIdentifier] = [:]
    private var dead = Deque<ActorIdentifier>()
    private var next: UInt64 = 1
    /// Dead actors that still answer why they are dead.
    private static let deadLimit = 4096

    subscript(id: ActorIdentifier) -> Record? {
        get { records[id] }
        set { records[id] = newValue }
    }

    /// Whether there was never an actor, or all are forgotten.
    var isEmpty: Bool { records.isEmpty }

    func id(named name: String) -> ActorIdentifier? { names[name] }

    /// The actor that holds a lease. Complexity: O(actors).
    func id(of lease: LeaseID) -> ActorIdentifier? { records.first { $0.value.lease == lease }?.key }

    mutating func add(_ creation: ActorCreation, creator: UInt64, node: UInt64) -> ActorIdentifier {
        let id = ActorIdentifier(owner: node, number: next)
        next += 1
        records[id] = Record(
            creation: creation, creator: creator, state: .waiting, restartsLeft: creation.maxRestarts)
        if let name = creation.name { names[name] = id }
        return id
    }

    /// Whether actors live that end with a process, because it created them.
    func hasActors(of creator: UInt64) -> Bool {
        records.values.contains { record in
            guard record.creator == creator, !record.creation.isDetached else { return false }
            if case .dead = record.state { return false }
            return true
        }
    }

    /// Frees a dead actor's name; the record stays for a while.
    mutating func bury(_ id: ActorIdentifier, reason: String) {
        guard var record = records[id] else { return }
        record.state = .dead(reason: reason)
        for file in record.journal { close(file) }
        record.journal = []
        records[id] = record
        freeName(of: id)
        dead.append(id)
        if dead.count > Self.deadLimit, let oldest = dead.popFirst() { records[oldest] = nil }
    }

    mutating func freeName(of id: ActorIdentifier) {
        if let name = records[id]?.creation.name, names[name] == id { names[name] = nil }
    }

    mutating func forget(subscriber: UInt64) {
        for id in records.keys { records[id]?.subscribers.remove(subscriber) }
    }
}

extension NodeDaemon {
    func handle(actor request: NodeRequest, from connection: NodeConnection) {
        let client = connection.process
        switch request {
        case .createActor(let number, let creation, let orExisting):
            create(creation, client, number, orExisting: orExisting)
        case .findActor(let number, let name):
            if let id = actors.id(named: name), let record = actors[id] {
                notify(
                    client,
                    .answer(
                        request: number,
                        .actor(
                            id, bodyType: record.creation.bodyType, typeName: record.creation.typeName)))
            } else {
                notify(client, .answer(request: number, .actorFailed(.unknownName(name))))
            }
        case .connectActor(let id): subscribe(client, to: id)
        case .actorCreated(let id, let failure): created(id, failure: failure, process: client)
        case .actorEnded(let id, let reason, let mayRestart):
            guard connection.actor == id else { return }
            actors[id]?.ending = (reason, mayRestart)
            connection.endReason = reason
            kill(connection)
        case .stopActor(let number, let id, let immediately, let restart):
            stop(id, client, number, immediately: immediately, restart: restart)
        case .killActor(let id, let reason):
            guard let process = actors[id]?.process, let worker = connections[process] else { return }
            actors[id]?.ending = (reason, false)
            kill(worker)
        default: break
        }
    }

    private func create(_ creation: ActorCreation, _ client: UInt64, _ number: UInt64, orExisting: Bool) {
        if let name = creation.name, let id = actors.id(named: name), var record = actors[id] {
            guard orExisting else {
                notify(client, .answer(request: number, .actorFailed(.nameTaken(name))))
                return
            }
            if record.wasCreated {
                notify(
                    client,
                    .answer(
                        request: number,
                        .actor(
                            id, bodyType: record.creation.bodyType, typeName: record.creation.typeName)))
            } else {
                record.creators.append((client, number))
                actors[id] = record
            }
            return
        }
        guard configuration.resources.covers(creation.resources) else {
            notify(
                client,
                .answer(
                    request: number,
                    .actorFailed(
                        .infeasible(
                            subject: creation.subject, demand: creation.resources, total: configuration.resources))))
            return
        }
        let id = actors.add(creation, creator: client, node: 0)
        actors[id]?.creators.append((client, number))
        // For the driver: detached actors outlive their creators, and the others are ended before.
        decide(
            .dedicate(
                ProcessID(driver), request: id.number,
                SchedulingClass(
                    demand: creation.resources, priority: creation.priority, bundle: creation.bundle,
                    isRetriable: creation.maxRestarts != 0)))
    }

    /// Makes a fresh worker the home of an actor. False where the actor is not wanted any more.
    func host(_ id: ActorIdentifier, on worker: NodeConnection, _ lease: LeaseID) -> Bool {
        guard let record = actors[id], case .waiting = record.state else { return false }
        actors[id]?.state = .starting(process: worker.process)
        actors[id]?.lease = lease
        worker.actor = id
        if record.creation.isCheckpointed, record.journal.isEmpty {
            let files = (0..<2).map { _ in apus_memory_create("apus-journal") }
            guard !files.contains(where: { $0 < 0 }) else {
                let reason = "no memory for its journal can be had: \(String(cString: strerror(errno)))"
                for file in files where file >= 0 { close(file) }
                actors[id]?.ending = (reason, false)
                kill(worker)
                return true
            }
            actors[id]?.journal = files
        }
        notify(
            worker, .host(actor: id, creation: record.creation),
            (actors[id]?.journal ?? []).map { ChildProcess.copy($0) })
        return true
    }

    private func created(_ id: ActorIdentifier, failure: RemoteFailure?, process: UInt64) {
        guard let record = actors[id], case .starting(process) = record.state else { return }
        if let failure {
            let subject = record.creation.subject
            for (client, number) in record.creators {
                notify(client, .answer(request: number, .actorFailed(.creationFailed(actor: subject, failure))))
            }
            actors[id]?.creators = []
            actors.freeName(of: id)
            actors[id]?.ending = ("its creation failed: \(failure)", false)
            if let worker = connections[process] { kill(worker) }
            return
        }
        actors[id]?.state = .alive(process: process)
        insight.counters.actorsCreated += record.wasCreated ? 0 : 1
        actors[id]?.wasCreated = true
        actors[id]?.creators = []
        for (client, number) in record.creators {
            notify(
                client,
                .answer(
                    request: number,
                    .actor(
                        id, bodyType: record.creation.bodyType, typeName: record.creation.typeName)))
        }
        for client in record.subscribers { introduce(client, to: id, at: process) }
    }

    private func subscribe(_ client: UInt64, to id: ActorIdentifier) {
        guard let record = actors[id] else {
            notify(client, .actorDead(actor: id, reason: "it is not an actor of this cluster, or ended long ago"))
            return
        }
        actors[id]?.subscribers.insert(client)
        switch record.state {
        case .alive(let process): introduce(client, to: id, at: process)
        case .dead(let reason): notify(client, .actorDead(actor: id, reason: reason))
        case .waiting, .starting: break
        }
    }

    private func introduce(_ client: UInt64, to id: ActorIdentifier, at process: UInt64) {
        guard client == process || connect(client, process) else {
            notify(client, .actorDead(actor: id, reason: "no more connections between processes can be made"))
            return
        }
        guard let creation = actors[id]?.creation else { return }
        notify(client, .actorAt(actor: id, process: process, traits: ActorTraits(creation)))
    }

    /// An actor's process ended, or none could be started: the actor restarts if its options grant it.
    ///
    /// - Returns: what is to become of what it holds.
    @discardableResult
    func actorLost(_ id: ActorIdentifier, reason: String, isFinal: Bool = false) -> DedicationFate {
        guard var record = actors[id] else { return .ends }
        let ending = record.ending
        let reason = ending?.reason ?? reason
        record.ending = nil
        if !isFinal, ending?.mayRestart ?? true, record.restartsLeft != 0 {
            if record.restartsLeft > 0 { record.restartsLeft -= 1 }
            record.state = .waiting
            insight.counters.actorRestarts += 1
            actors[id] = record
            for client in record.subscribers { notify(client, .actorRestarting(actor: id, reason: reason)) }
            answerStoppers(id)
            return .goesOn(isRetriable: record.restartsLeft != 0)
        }
        actors[id] = record
        if case .waiting = record.state {
            if let lease = record.lease {
                decide(.returned(lease))
            } else {
                decide(.cancelDedicated(ProcessID(driver), request: id.number))
            }
        }
        for (client, number) in record.creators {
            notify(
                client,
                .answer(
                    request: number,
                    .actorFailed(
                        .creationFailed(
                            actor: record.creation.subject,
                            RemoteFailure(typeName: "Apus.ActorCrash", message: reason, underlying: nil)))))
        }
        actors[id]?.creators = []
        actors.bury(id, reason: reason)
        for client in record.subscribers { notify(client, .actorDead(actor: id, reason: reason)) }
        answerStoppers(id)
        if let creator = connections[record.creator] { retireIfFree(creator) }
        return .ends
    }

    /// A process ended: the actors that it created end with it, but for detached ones.
    func endActors(createdBy process: UInt64, reason: String) {
        for (id, record) in actors.records where record.creator == process && !record.creation.isDetached {
            let reason = "the process that created it ended: \(reason)"
            switch record.state {
            case .dead: break
            case .waiting: actorLost(id, reason: reason, isFinal: true)
            case .starting(let home), .alive(let home):
                actors[id]?.ending = (reason, false)
                if let worker = connections[home] { kill(worker) }
            }
        }
    }

    private func answerStoppers(_ id: ActorIdentifier) {
        for (client, number) in actors[id]?.stoppers ?? [] { notify(client, .answer(request: number, .done)) }
        actors[id]?.stoppers = []
    }

    private func stop(
        _ id: ActorIdentifier, _ client: UInt64, _ number: UInt64, immediately: Bool, restart: Bool
    ) {
        guard var record = actors[id] else {
            notify(client, .answer(request: number, .actorFailed(.unknownActor(id))))
            return
        }
        switch record.state {
        case .dead: notify(client, .answer(request: number, .done))
        case .waiting where immediately && !restart:
            notify(client, .answer(request: number, .done))
            actorLost(id, reason: "it was killed", isFinal: true)
        case .waiting: notify(client, .answer(request: number, .done))
        case .starting(let process), .alive(let process):
            record.stoppers.append((client, number))
            if immediately {
                record.ending = ("it was killed", restart)
                if let worker = connections[process] { kill(worker) }
            } else {
                notify(process, .stopActor(actor: id))
            }
            actors[id] = record
        }
    }
}
