import ApusCore

/// Which objects one process owns and borrows, and who else uses them. Pure: it sends nothing.
///
/// An object lives while anybody uses it. Its owner counts holders; a reference that a borrower forwards keeps the
/// borrower's hold until the owner counts the receiver, so there is no moment at which nobody is counted. When a process
/// dies, what it held, and what was held for references to it, is let go only after every other process has noticed its
/// death (`fence`): until then, a reference that the dead forwarded may be on its way. When an owner dies, those who
/// borrow its objects report them to the registry, which makes the first that reports an object its owner and tells the
/// others. Whoever is counted more often than it asked keeps or releases the surplus, so asking twice does no harm.
///
/// All events are O(1) but deaths, which are O(objects).
package struct ObjectDirectory {
    struct Export {
        var local = 0
        var term: OwnerTerm = 0
        var holders: [ProcessID: Int] = [:]
        /// References that were forwarded before this process became the owner, and have not landed.
        var forwards: [ProcessID: Int] = [:]
        /// Dead holders that are not fenced off yet.
        var fences = 0
        var isRecorded = false
        /// Adopted, and not everybody who held it is counted.
        var isUnsettled = false

        var isFree: Bool { local == 0 && holders.isEmpty && forwards.isEmpty && fences == 0 && !isUnsettled }
    }

    struct Import {
        var local = 0
        var forwards: [ProcessID: Int] = [:]
        /// Dead receivers of references that are not fenced off yet.
        var fences = 0
        var owner: ProcessID
        var term: OwnerTerm = 0
        /// The owner is dead, and the registry is asked who owns the object now.
        var isOrphan = false
        /// How often the owner counts this process.
        var counted = 0
        /// The owner or the registry is asked to count this process.
        var isRegistering = false
        /// Who is told when it does.
        var senders: [ProcessID] = []
        /// Kept until it does.
        var containers: [ObjectID] = []

        var isFree: Bool { local == 0 && forwards.isEmpty && fences == 0 && !isRegistering }
    }

    package let id: ProcessID
    var exports: [ObjectID: Export] = [:]
    var imports: [ObjectID: Import] = [:]
    var peers: Set<ProcessID> = []
    var dead: Set<ProcessID> = []
    /// Deaths that the registry has noticed.
    var noticed: Set<ProcessID> = []
    /// Objects that are kept for the dead, once for each mention, until everybody in `fencing` has noticed.
    var quarantine: [ProcessID: [ObjectID]] = [:]
    /// How many answers of each process are missing: one comes directly, one by way of the registry.
    var fencing: [ProcessID: [ProcessID: Int]] = [:]
    /// Who asked for a death that is not noticed here.
    var fencesDue: [ProcessID: [ProcessID]] = [:]

    package init(id: ProcessID) { self.id = id }

    package var isEmpty: Bool { exports.isEmpty && imports.isEmpty }
    package func owns(_ object: ObjectID) -> Bool { exports[object] != nil }
    package func uses(_ object: ObjectID) -> Bool { exports[object] != nil || imports[object] != nil }
    /// Who can be asked for a borrowed object's value; nil where nobody is known to own it at present.
    package func owner(of object: ObjectID) -> ProcessID? {
        guard let entry = imports[object], !entry.isOrphan, !dead.contains(entry.owner) else { return nil }
        return entry.owner
    }
    /// Uses by this process itself.
    package func localUses(_ object: ObjectID) -> Int { exports[object]?.local ?? imports[object]?.local ?? 0 }
    /// Objects owned, and objects borrowed.
    package var counts: (owned: Int, borrowed: Int) { (exports.count, imports.count) }

    /// Every object with who uses it, in words.
    package var listing: [String] {
        let owned = exports.keys.sorted(by: precedes).map { object -> String in
            guard let entry = exports[object] else { return "" }
            let holders = entry.holders.sorted { $0.key < $1.key }.map { "\($0.key) × \($0.value)" }
            return "\(object): owned, \(entry.local) uses here, held by \(holders), \(entry.forwards.count) forwards, "
                + "\(entry.fences) fences\(entry.isUnsettled ? ", unsettled" : "")"
        }
        let borrowed = imports.keys.sorted(by: precedes).map { object -> String in
            guard let entry = imports[object] else { return "" }
            return "\(object): borrowed of \(entry.owner), \(entry.local) uses here, counted \(entry.counted) times, "
                + "\(entry.forwards.count) forwards, \(entry.fences) fences\(entry.isRegistering ? ", asking" : "")"
        }
        return owned + borrowed
    }

    /// To be called before a message with a reference is sent: says how it passes. The receiver is told by `received`. On its
    /// way to this process itself, which may run its own tasks, a reference is one of its uses.
    package mutating func send(
        _ object: ObjectID, to receiver: ProcessID, into effects: inout [DirectoryEffect]
    ) -> ReferencePassage {
        if receiver == id {
            handle(.retain(object), into: &effects)
            return .forwarded
        }
        if exports[object] != nil {
            if exports[object]?.isRecorded == false {
                exports[object]?.isRecorded = true
                effects.append(.ask(.record(object)))
            }
            if !dead.contains(receiver) { exports[object]?.holders[receiver, default: 0] += 1 }
            return .counted(exports[object]?.term ?? 0)
        }
        guard imports[object] != nil else {
            effects.append(.rejected("\(object) was sent by a process that does not use it"))
            return .forwarded
        }
        if !dead.contains(receiver) { imports[object]?.forwards[receiver, default: 0] += 1 }
        return .forwarded
    }

    package mutating func handle(_ event: DirectoryEvent, into effects: inout [DirectoryEffect]) {
        switch event {
        case .create(let object):
            exports[object, default: Export()].local += 1
        case .retain(let object):
            if exports[object] != nil {
                exports[object]?.local += 1
            } else if imports[object] != nil {
                imports[object]?.local += 1
            } else {
                effects.append(.rejected("\(object) is retained by a process that does not use it"))
            }
        case .release(let object):
            guard localUses(object) > 0 else {
                effects.append(.rejected("\(object) is released by a process that does not use it"))
                return
            }
            if exports[object] != nil { exports[object]?.local -= 1 } else { imports[object]?.local -= 1 }
            letGoIfFree(object, &effects)
        case .received(let object, let sender, let passage):
            received(object, from: sender, passage, &effects)
        case .found(let object, let container):
            found(object, in: container, &effects)
        case .message(let message, let sender):
            handle(message, from: sender, &effects)
        case .reply(let reply):
            handle(reply, &effects)
        case .joined(let peer):
            if !dead.contains(peer), peer != id { peers.insert(peer) }
        case .died(let peer):
            died(peer, &effects)
        }
    }

    // MARK: References that arrive

    private mutating func received(
        _ object: ObjectID, from sender: ProcessID, _ passage: ReferencePassage, _ effects: inout [DirectoryEffect]
    ) {
        guard sender != id else { return }
        if exports[object] != nil {
            exports[object]?.local += 1
            if passage == .forwarded { tell(.landed(object), to: sender, &effects) }
            return
        }
        var entry = imports[object] ?? Import(owner: object.process)
        entry.local += 1
        switch passage {
        case .counted(let term):
            // Not noticed before, since a death is noticed after all that the dead sent.
            count(&entry, by: sender, term)
            imports[object] = entry
            if entry.counted > 0 { landed(object, &effects) }
        case .forwarded:
            if entry.counted > 0 {
                imports[object] = entry
                tell(.landed(object), to: sender, &effects)
            } else {
                entry.senders.append(sender)
                imports[object] = entry
                register(object, &effects)
            }
        }
    }

    private mutating func found(_ object: ObjectID, in container: ObjectID, _ effects: inout [DirectoryEffect]) {
        guard uses(container) else {
            effects.append(.rejected("\(object) was found in \(container), which this process does not use"))
            return
        }
        if exports[object] != nil {
            exports[object]?.local += 1
            return
        }
        var entry = imports[object] ?? Import(owner: object.process)
        entry.local += 1
        guard entry.counted == 0 else {
            imports[object] = entry
            return
        }
        entry.containers.append(container)
        imports[object] = entry
        handle(.retain(container), into: &effects)
        register(object, &effects)
    }

    /// An owner counts this process, once more. That of a former owner is worth nothing: it is dead.
    private func count(_ entry: inout Import, by owner: ProcessID, _ term: OwnerTerm) {
        guard term >= entry.term, !dead.contains(owner) else { return }
        if term > entry.term || entry.isOrphan { entry.counted = 0 }
        entry.owner = owner
        entry.term = term
        entry.isOrphan = false
        entry.isRegistering = false
        entry.counted += 1
    }

    /// Asks to be counted, unless that is under way.
    private mutating func register(_ object: ObjectID, _ effects: inout [DirectoryEffect]) {
        guard let entry = imports[object], !entry.isRegistering else { return }
        imports[object]?.isRegistering = true
        if dead.contains(entry.owner) || entry.owner == id {
            // Its own object, but freed, or that of an owner who is dead: the registry knows more.
            imports[object]?.isOrphan = true
            effects.append(.ask(.claim(Orphan(object, of: entry.owner))))
        } else if !peers.contains(entry.owner) {
            imports[object]?.isOrphan = true
            effects.append(.ask(.locate(object)))
        } else {
            effects.append(.send(.register(object), to: entry.owner))
        }
    }

    /// This process is counted: those who kept the object for it need not any more.
    private mutating func landed(_ object: ObjectID, _ effects: inout [DirectoryEffect]) {
        guard let entry = imports[object] else { return }
        imports[object]?.senders = []
        imports[object]?.containers = []
        for sender in entry.senders { tell(.landed(object), to: sender, &effects) }
        for container in entry.containers { handle(.release(container), into: &effects) }
    }

    private func tell(_ message: DirectoryMessage, to peer: ProcessID, _ effects: inout [DirectoryEffect]) {
        if !dead.contains(peer) { effects.append(.send(message, to: peer)) }
    }

    // MARK: Messages

    private mutating func handle(
        _ message: DirectoryMessage, from sender: ProcessID, _ effects: inout [DirectoryEffect]
    ) {
        switch message {
        case .register(let object):
            guard exports[object] != nil else { return tell(.gone(object), to: sender, &effects) }
            guard !dead.contains(sender) else { return }
            exports[object]?.holders[sender, default: 0] += 1
            tell(.registered(object, exports[object]?.term ?? 0), to: sender, &effects)
        case .registered(let object, let term):
            guard exports[object] == nil else { return }
            guard var entry = imports[object] else {
                return tell(.release(object, count: 1), to: sender, &effects)
            }
            count(&entry, by: sender, term)
            imports[object] = entry
            guard entry.counted > 0 else { return }
            landed(object, &effects)
            letGoIfFree(object, &effects)
        case .gone(let object):
            lose(object, &effects)
        case .release(let object, let count):
            guard let held = exports[object]?.holders[sender], held >= count else {
                if !dead.contains(sender) { effects.append(.rejected("\(object) is released more often than held")) }
                return
            }
            exports[object]?.holders[sender] = held == count ? nil : held - count
            letGoIfFree(object, &effects)
        case .landed(let object):
            if let count = exports[object]?.forwards[sender] {
                exports[object]?.forwards[sender] = count == 1 ? nil : count - 1
            } else if let count = imports[object]?.forwards[sender] {
                imports[object]?.forwards[sender] = count == 1 ? nil : count - 1
            } else {
                effects.append(.rejected("\(object) landed that was not forwarded"))
                return
            }
            letGoIfFree(object, &effects)
        case .fence(let process):
            fencesDue[process, default: []].append(sender)
            answerFences(for: process, &effects)
        case .fenced(let process):
            fenced(process, by: sender, &effects)
        }
    }

    private mutating func handle(_ reply: RegistryReply, _ effects: inout [DirectoryEffect]) {
        switch reply {
        case .adopt(let object, let term):
            guard exports[object] == nil else { return }
            landed(object, &effects)
            // None where this process has let go meanwhile: then it owns the object until it is settled.
            let entry = imports.removeValue(forKey: object) ?? Import(owner: id)
            exports[object] = Export(
                local: entry.local, term: term, forwards: entry.forwards, fences: entry.fences, isRecorded: true,
                isUnsettled: true)
            effects.append(.adopted(object))
        case .owner(let object, let owner, let term):
            guard let entry = imports[object], entry.isRegistering, term >= entry.term else { return }
            if dead.contains(owner) {
                effects.append(.ask(.claim(Orphan(object, of: owner))))
            } else if term > entry.term || entry.isOrphan {
                imports[object]?.owner = owner
                imports[object]?.term = term
                imports[object]?.isOrphan = false
            }
        case .holds(let object, let holder):
            guard exports[object] != nil else { return tell(.gone(object), to: holder, &effects) }
            guard !dead.contains(holder) else {
                // It may have passed a reference on before it died.
                exports[object]?.fences += 1
                fence(holder, for: [object], &effects)
                return
            }
            exports[object]?.holders[holder, default: 0] += 1
            tell(.registered(object, exports[object]?.term ?? 0), to: holder, &effects)
        case .settled(let object):
            exports[object]?.isUnsettled = false
            letGoIfFree(object, &effects)
        case .gone(let object):
            lose(object, &effects)
        case .noticed(let process):
            noticed.insert(process)
            // It died before this process joined: there is nothing to wait for, but a report is expected.
            if !peers.contains(process), !dead.contains(process) { died(process, &effects) }
            answerFences(for: process, &effects)
        case .relayedFenced(let process, let peer):
            fenced(process, by: peer, &effects)
        }
    }

    /// Keeps the entry for the uses that are still to end.
    private mutating func lose(_ object: ObjectID, _ effects: inout [DirectoryEffect]) {
        guard let entry = imports[object], entry.isRegistering, entry.counted == 0 else { return }
        imports[object]?.isRegistering = false
        landed(object, &effects)
        effects.append(.lost(object))
        letGoIfFree(object, &effects)
    }

    private mutating func letGoIfFree(_ object: ObjectID, _ effects: inout [DirectoryEffect]) {
        if let entry = exports[object] {
            guard entry.isFree else { return }
            exports[object] = nil
            effects.append(.free(object))
            if entry.isRecorded { effects.append(.ask(.erase(object))) }
        } else if let entry = imports[object], entry.isFree {
            imports[object] = nil
            effects.append(.forget(object))
            if entry.counted > 0 { tell(.release(object, count: entry.counted), to: entry.owner, &effects) }
        }
    }

    // MARK: Deaths

    private mutating func died(_ process: ProcessID, _ effects: inout [DirectoryEffect]) {
        guard process != id, dead.insert(process).inserted else { return }
        peers.remove(process)

        // What was kept for it, as owner or as forwarder.
        var kept: [ObjectID] = []
        for object in exports.keys.sorted(by: precedes) {
            for isKept in [
                exports[object]?.holders.removeValue(forKey: process) != nil,
                exports[object]?.forwards.removeValue(forKey: process) != nil,
            ] where isKept {
                exports[object]?.fences += 1
                kept.append(object)
            }
        }
        // What it owned, and what the registry may believe to be its own.
        var orphans: [Orphan] = []
        for object in imports.keys.sorted(by: precedes) {
            imports[object]?.senders.removeAll { $0 == process }
            if imports[object]?.forwards.removeValue(forKey: process) != nil {
                imports[object]?.fences += 1
                kept.append(object)
            }
            if imports[object]?.owner == process {
                imports[object]?.counted = 0
                imports[object]?.isRegistering = true
                imports[object]?.isOrphan = true
            }
            if let entry = imports[object], entry.isOrphan, dead.contains(entry.owner) {
                orphans.append(Orphan(object, of: entry.owner))
            }
        }
        effects.append(.ask(.report(dead: process, orphans)))
        fence(process, for: kept, &effects)

        // What others wait for.
        answerFences(for: process, &effects)
        for other in fencing.keys.sorted() {
            guard fencing[other]?.removeValue(forKey: process) != nil else { continue }
            endQuarantineIfDue(of: other, &effects)
        }
    }

    /// Keeps objects, whose `fences` count it, until everybody has noticed a death.
    private mutating func fence(
        _ process: ProcessID, for objects: [ObjectID], _ effects: inout [DirectoryEffect]
    ) {
        guard !objects.isEmpty else { return }
        quarantine[process, default: []] += objects
        // Asked again where it is under way: the answers that are under way may have been too early for these.
        for peer in peers.sorted() {
            fencing[process, default: [:]][peer, default: 0] += 2
            effects.append(.send(.fence(dead: process), to: peer))
        }
        if peers.isEmpty { fencing[process] = [:] }
        endQuarantineIfDue(of: process, &effects)
    }

    private mutating func answerFences(for process: ProcessID, _ effects: inout [DirectoryEffect]) {
        // A death before this process joined is noticed by it from the beginning.
        let isStranger = !peers.contains(process) && !dead.contains(process)
        guard isStranger || (dead.contains(process) && noticed.contains(process)) else { return }
        for peer in fencesDue.removeValue(forKey: process) ?? [] where !dead.contains(peer) {
            effects.append(.send(.fenced(dead: process), to: peer))
            effects.append(.ask(.relayFenced(dead: process, to: peer)))
        }
    }

    private mutating func fenced(_ process: ProcessID, by peer: ProcessID, _ effects: inout [DirectoryEffect]) {
        guard let missing = fencing[process]?[peer] else { return }
        fencing[process]?[peer] = missing == 1 ? nil : missing - 1
        endQuarantineIfDue(of: process, &effects)
    }

    private mutating func endQuarantineIfDue(of process: ProcessID, _ effects: inout [DirectoryEffect]) {
        guard fencing[process]?.isEmpty == true else { return }
        fencing[process] = nil
        for object in quarantine.removeValue(forKey: process) ?? [] {
            if exports[object] != nil { exports[object]?.fences -= 1 } else { imports[object]?.fences -= 1 }
            letGoIfFree(object, &effects)
        }
    }
}

func precedes(_ left: ObjectID, _ right: ObjectID) -> Bool {
    (left.owner, left.number) < (right.owner, right.number)
}

extension ObjectID {
    /// The process that made the object, and owned it first.
    package var process: ProcessID { ProcessID(owner) }
}
