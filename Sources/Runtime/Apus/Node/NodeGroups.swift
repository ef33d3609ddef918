import ApusCore
import ApusScheduling

/// Placement groups: who asked for them, and who waits for their resources.
extension NodeDaemon {
    struct Groups {
        var last: UInt64 = 0
        var waiting: [GroupID: [(client: UInt64, request: UInt64)]] = [:]
    }

    func createGroup(_ bundles: [Resources], _ strategy: PlacementStrategy, _ client: UInt64, _ number: UInt64) {
        groups.last += 1
        notify(client, .answer(request: number, .group(groups.last)))
        decide(
            .createGroup(GroupID(groups.last), client: ProcessID(client), bundles: bundles, strategy))
    }

    func awaitGroup(_ number: UInt64, _ client: UInt64, _ request: UInt64) {
        let id = GroupID(number)
        switch scheduler.isReady(id) {
        case true?: notify(client, .answer(request: request, .done))
        case false?: groups.waiting[id, default: []].append((client, request))
        case nil: notify(client, .answer(request: request, .groupGone))
        }
    }

    /// A group has its resources, or will never have them.
    func settled(_ id: GroupID, isReady: Bool) {
        for (client, request) in groups.waiting.removeValue(forKey: id) ?? [] {
            notify(client, .answer(request: request, isReady ? .done : .groupGone))
        }
    }
}
