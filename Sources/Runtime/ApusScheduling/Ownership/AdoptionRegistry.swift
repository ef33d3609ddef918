import ApusCore

/// Finds new owners for the objects of processes that died: the part of the control store that decides. Pure.
///
/// It knows of each object that was ever referred to by another process than its owner, and keeps a record for it (its
/// lineage, or where its value is) outside of this type. When an owner dies, each live process reports what it
/// borrows of it; the first that reports an object becomes its owner, exactly one. When everybody has reported all
/// deaths, objects that nobody reported are discarded, and new owners are told that they have seen all holders.
package struct AdoptionRegistry {
    package enum Effect: Equatable, Sendable {
        case reply(RegistryReply, to: ProcessID)
        /// Nobody refers to the object any more: its record, and its value if it is stored, can go.
        case discard(ObjectID)
    }

    struct Entry {
        /// Nil from its death until somebody claims the object.
        var owner: ProcessID?
        var term: OwnerTerm = 0
        var isUnsettled = false
        /// Who was told of the owner. When it dies they claim again, but perhaps later than all have reported.
        var claimants: Set<ProcessID> = []
    }

    var entries: [ObjectID: Entry] = [:]
    var live: Set<ProcessID> = []
    var dead: Set<ProcessID> = []
    /// Who has not reported a death.
    var awaited: [ProcessID: Set<ProcessID>] = [:]
    /// Who reported deaths that are not noticed here, and claims that rest on them.
    var earlyReports: [ProcessID: [ProcessID]] = [:]
    var earlyClaims: [ProcessID: [(object: ObjectID, claimant: ProcessID)]] = [:]

    /// Who was passed references to objects that are not recorded yet.
    var earlyLocations: [ObjectID: [ProcessID]] = [:]

    package init() {}

    package var count: Int { entries.count }
    package func owner(of object: ObjectID) -> ProcessID? { entries[object]?.owner }

    package mutating func joined(_ process: ProcessID) {
        if !dead.contains(process) { live.insert(process) }
    }

    package mutating func handle(
        _ request: RegistryRequest, from process: ProcessID, into effects: inout [Effect]
    ) {
        switch request {
        case .record(let object):
            entries[object] = Entry(owner: process)
            for claimant in earlyLocations.removeValue(forKey: object) ?? [] where !dead.contains(claimant) {
                claim(object, by: claimant, &effects)
            }
        case .erase(let object):
            guard entries[object]?.owner == process else { return }
            entries[object] = nil
            effects.append(.discard(object))
        case .report(let deceased, let orphans):
            for orphan in orphans { claim(orphan, by: process, &effects) }
            if dead.contains(deceased) {
                awaited[deceased]?.remove(process)
                settle(&effects)
            } else {
                earlyReports[deceased, default: []].append(process)
            }
        case .claim(let orphan):
            claim(orphan, by: process, &effects)
        case .locate(let object):
            if entries[object] == nil, live.contains(object.process) {
                // Its record is on its way.
                earlyLocations[object, default: []].append(process)
            } else {
                claim(object, by: process, &effects)
            }
        case .relayFenced(let deceased, let receiver):
            effects.append(.reply(.relayedFenced(dead: deceased, by: process), to: receiver))
        }
    }

    /// A process ended, and everything that it sent was handled.
    package mutating func died(_ process: ProcessID, into effects: inout [Effect]) {
        guard dead.insert(process).inserted else { return }
        live.remove(process)
        var orphans: [(object: ObjectID, claimants: [ProcessID])] = []
        for object in entries.keys.sorted(by: precedes) {
            entries[object]?.claimants.remove(process)
            guard let entry = entries[object], entry.owner == process else { continue }
            orphans.append((object, entry.claimants.sorted()))
            entries[object] = Entry(term: entry.term)
        }
        awaited[process] = live
        for other in awaited.keys { awaited[other]?.remove(process) }
        for (object, claimants) in orphans { for claimant in claimants { claim(object, by: claimant, &effects) } }
        for (object, claimant) in earlyClaims.removeValue(forKey: process) ?? [] where !dead.contains(claimant) {
            claim(object, by: claimant, &effects)
        }
        for reporter in earlyReports.removeValue(forKey: process) ?? [] { awaited[process]?.remove(reporter) }
        for other in live.sorted() { effects.append(.reply(.noticed(dead: process), to: other)) }
        settle(&effects)
    }

    private mutating func claim(_ orphan: Orphan, by process: ProcessID, _ effects: inout [Effect]) {
        if dead.contains(orphan.owner) || orphan.owner == process {
            claim(orphan.object, by: process, &effects)
        } else {
            earlyClaims[orphan.owner, default: []].append((orphan.object, process))
        }
    }

    private mutating func claim(_ object: ObjectID, by process: ProcessID, _ effects: inout [Effect]) {
        guard let entry = entries[object] else {
            effects.append(.reply(.gone(object), to: process))
            return
        }
        guard let owner = entry.owner else {
            entries[object] = Entry(owner: process, term: entry.term + 1, isUnsettled: true)
            effects.append(.reply(.adopt(object, entry.term + 1), to: process))
            return
        }
        // Claimed twice, because its new owner's death and the answer crossed.
        guard owner != process else { return }
        entries[object]?.claimants.insert(process)
        effects.append(.reply(.holds(object, process), to: owner))
        effects.append(.reply(.owner(object, owner, entry.term), to: process))
    }

    /// While any death is not noticed by all, a reference to any object may be under way from the dead.
    private mutating func settle(_ effects: inout [Effect]) {
        guard awaited.values.allSatisfy({ $0.isEmpty }) else { return }
        awaited = [:]
        for object in entries.keys.sorted(by: precedes) {
            guard let entry = entries[object] else { continue }
            if let owner = entry.owner {
                guard entry.isUnsettled else { continue }
                entries[object]?.isUnsettled = false
                effects.append(.reply(.settled(object), to: owner))
            } else {
                entries[object] = nil
                effects.append(.discard(object))
            }
        }
    }
}
