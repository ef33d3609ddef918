import ApusCore
import ApusObjects

/// How the object store of a local cluster is filled. Bytes unless the name says otherwise.
public struct ObjectStoreStatus: Sendable, Codable {
    /// An object as a person sees it.
    public struct Object: Sendable, Codable {
        public let id: String
        public let size: Int
        /// `queued`, `writing`, `memory`, `spilling`, `spilled`, `restoring` or `lost`.
        public let state: String
        /// The processes that hold or read it.
        public let holders: [String]
        /// Where it was put, or the task that made it.
        public let site: String
    }

    public let capacity: Int
    public let used: Int
    /// In the spill file.
    public let spilled: Int
    /// Objects that were read back from the disk since the start.
    public let restored: Int
    public let count: Int
    /// The first of the objects, no more than were asked for, in no particular order.
    public let objects: [Object]

    init(_ usage: StoreUsage, _ counters: StoreCounters, _ entries: [StoreEntry]) {
        capacity = usage.capacity
        used = usage.used
        spilled = usage.file
        restored = counters.restored
        count = usage.objects
        objects = entries.map { entry in
            Object(
                id: "\(entry.object)", size: entry.size, state: entry.state.rawValue,
                holders: entry.holders.map(\.label), site: entry.site)
        }
    }
}

extension Cluster {
    /// What the node's object store holds; nil where the cluster has none.
    ///
    /// - Parameter objects: how many objects are described, at most.
    /// - Complexity: O(objects of the store).
    public func objectStore(objects: Int = 10_000) async -> ObjectStoreStatus? {
        guard let local = backend as? LocalBackend else { return nil }
        guard case .objects(let status)? = await local.node.ask({ .objects(request: $0, limit: objects) }) else {
            return nil
        }
        return status
    }
}
