import ApusCore

/// What a store did since it was started.
package struct StoreCounters: Hashable, Sendable {
    package var created = 0
    package var spilled = 0
    package var spilledBytes = 0
    package var spillFailures = 0
    package var restored = 0
    package var restoredBytes = 0
    /// Objects whose memory was taken while a copy was on file.
    package var evicted = 0
    package var lost = 0
    /// Objects that readers were told to copy from the file.
    package var copied = 0
}

/// How a store is filled. All in bytes unless the name says otherwise.
package struct StoreUsage: Hashable, Sendable {
    package let capacity: Int
    /// In live extents, including what rounding adds.
    package let used: Int
    package let largestFree: Int
    /// The share of the free bytes outside the largest free extent.
    package let fragmentation: Double
    /// Evictable: sealed, in memory, not read; of those, `clean` ones have a copy on file.
    package let evictable: Int
    package let clean: Int
    /// Being written to the file.
    package let spilling: Int
    /// In the spill file.
    package let file: Int
    /// Memory that holds pages, by granules of 1 MiB or more.
    package let warm: Int
    package let objects: Int
    package let waitingCreators: Int
    package let waitingReaders: Int
    package let trouble: SpillTrouble?
}

/// One object as a person sees it.
package struct StoreEntry: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        case queued, writing, memory, spilling, spilled, restoring, lost
    }

    package struct Holder: Hashable, Sendable {
        package let client: StoreClient
        package let label: String
        package let holds: Int
        /// How often it reads it in place.
        package let pins: Int
    }

    package let object: ObjectID
    package let size: Int
    package let state: State
    package let holders: [Holder]
    /// Where the program created it.
    package let site: String
}

extension StoreCore {
    package var usage: StoreUsage {
        StoreUsage(
            capacity: arena.capacity, used: arena.used, largestFree: arena.largestFree,
            fragmentation: arena.fragmentation, evictable: clean.bytes + dirty.bytes, clean: clean.bytes,
            spilling: spillingBytes, file: file.used, warm: coldMemory.warmBytes, objects: slots.count,
            waitingCreators: creates.count, waitingReaders: groups.count, trouble: trouble)
    }

    /// Every object, in no particular order.
    ///
    /// - Complexity: O(objects · holders).
    package var entries: [StoreEntry] {
        records.compactMap { record in
            guard let record else { return nil }
            let state: StoreEntry.State =
                switch record.state {
                case .queued: .queued
                case .writing: .writing
                case .memory: .memory
                case .spilling: .spilling
                case .file: .spilled
                case .restoring: .restoring
                case .lost: .lost
                }
            return StoreEntry(
                object: record.id, size: record.size, state: state,
                holders: record.holdings.map {
                    StoreEntry.Holder(
                        client: $0.client, label: label(of: $0.client), holds: $0.holds, pins: $0.pins)
                },
                site: record.site)
        }
    }

    /// The clients that keep most bytes in memory, most first. What several keep counts for each.
    ///
    /// - Complexity: O(objects · holders).
    package func largestHolders(_ count: Int) -> [StoreHolder] {
        var sums: [StoreClient: (objects: Int, bytes: Int, pinned: Int)] = [:]
        for record in records {
            guard let record else { continue }
            let isWriting: Bool
            switch record.state {
            case .writing: isWriting = true
            case .memory, .spilling, .restoring: isWriting = false
            case .queued, .file, .lost: continue
            }
            for holding in record.holdings {
                let isInUse = holding.pins > 0 || (isWriting && holding.client == record.creator)
                sums[holding.client, default: (0, 0, 0)].objects += 1
                sums[holding.client, default: (0, 0, 0)].bytes += record.footprint
                if isInUse { sums[holding.client, default: (0, 0, 0)].pinned += record.footprint }
            }
        }
        return sums.map { client, sum in
            StoreHolder(
                client: client, label: label(of: client), objects: sum.objects, bytes: sum.bytes,
                pinnedBytes: sum.pinned)
        }
        .sorted { ($0.bytes, $1.client) > ($1.bytes, $0.client) }
        .prefix(count).map { $0 }
    }

    /// Whether the store knows an object, sealed or not.
    package func exists(_ object: ObjectID) -> Bool { slots[object] != nil }

    /// How often a client holds an object that is not one that it is creating.
    package func holds(of client: StoreClient, _ object: ObjectID) -> Int {
        guard let slot = slots[object], let holding = self[slot].holding(of: client) else { return 0 }
        return holding.holds - (!self[slot].isSealed && self[slot].creator == client ? 1 : 0)
    }

    /// Whether an object has its bytes here, in memory or on file.
    package func contains(_ object: ObjectID) -> Bool {
        guard let slot = slots[object], self[slot].isSealed else { return false }
        if case .lost = self[slot].state { return false }
        return true
    }
}
