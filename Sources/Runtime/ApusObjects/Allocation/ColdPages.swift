import ApusCore

/// Decides when the pages of freed extents go back to the system. Pure.
///
/// Memory that was freed lately is kept: writing to fresh pages costs more than the copy itself, because each is zeroed
/// and faulted in. What stayed unused for a while is given back, oldest first.
///
/// The range is watched in granules of 1 MiB, or more where it is so large that there were too many. A granule that no live extent touches begins to cool.
package struct ColdPages: Sendable {
    private struct Granule {
        var users: Int32 = 0
        var isWarm = false
        var isCooling = false
        /// When its last user left, where it has none.
        var freedAt = Instant(nanoseconds: .min)
    }

    package let granule: Int
    private let capacity: Int
    private let patience: Duration
    private var granules: [Granule]
    /// Granules that cool and when each was last looked at. A granule is in here once at most: where it was used and
    /// freed again meanwhile, it queues anew when it comes up.
    private var cooling: [(index: Int, since: Instant)] = []
    private var head = 0
    /// Bytes of the granules that hold pages, in use or not.
    package private(set) var warmBytes = 0

    /// - Parameters:
    ///   - capacity: bytes watched.
    ///   - patience: how long pages stay unused before they are given back.
    ///   - granule: bytes, a power of two and whole pages.
    package init(capacity: Int, patience: Duration, granule least: Int = 1 << 20) {
        self.capacity = capacity
        self.patience = patience
        var granule = least
        while capacity / granule > 1 << 16 { granule *= 2 }
        self.granule = granule
        granules = Array(repeating: Granule(), count: (capacity + granule - 1) / granule)
    }

    /// - Complexity: O(granules touched).
    package mutating func allocated(_ extent: Extent) {
        for index in indices(of: extent) {
            granules[index].users += 1
            if !granules[index].isWarm {
                granules[index].isWarm = true
                warmBytes += size(of: index)
            }
        }
    }

    /// - Complexity: O(granules touched).
    package mutating func released(_ extent: Extent, at now: Instant) {
        for index in indices(of: extent) {
            granules[index].users -= 1
            if granules[index].users == 0 {
                granules[index].freedAt = now
                if !granules[index].isCooling {
                    granules[index].isCooling = true
                    cooling.append((index, now))
                }
            }
        }
    }

    /// When the next granule is to be given back, unless it is used before.
    package var nextDeadline: Instant? { head < cooling.count ? cooling[head].since + patience : nil }

    /// Takes the granules whose patience is over, neighbours as one extent, at most `limit` bytes of them (one granule at
    /// least), so that giving back does not hold the caller up.
    package mutating func take(at now: Instant, limit: Int = 64 << 20) -> [Extent] {
        var taken: [Int] = []
        var bytes = 0
        while head < cooling.count, cooling[head].since + patience <= now, bytes < limit {
            let index = cooling[head].index
            head += 1
            granules[index].isCooling = false
            guard granules[index].users == 0 else { continue }
            guard granules[index].freedAt + patience <= now else {
                granules[index].isCooling = true
                cooling.append((index, granules[index].freedAt))
                continue
            }
            bytes += size(of: index)
            taken.append(index)
        }
        if head > 4096, head * 2 > cooling.count {
            cooling.removeFirst(head)
            head = 0
        } else if head == cooling.count {
            cooling.removeAll(keepingCapacity: true)
            head = 0
        }
        taken.sort()
        return giveBack(taken)
    }

    /// Takes all granules that nobody uses, however lately they were used.
    ///
    /// - Complexity: O(granules).
    package mutating func takeAll() -> [Extent] {
        cooling.removeAll()
        head = 0
        for index in granules.indices { granules[index].isCooling = false }
        return giveBack(granules.indices.filter { granules[$0].isWarm && granules[$0].users == 0 })
    }

    private mutating func giveBack(_ indices: [Int]) -> [Extent] {
        var extents: [Extent] = []
        for index in indices {
            granules[index].isWarm = false
            warmBytes -= size(of: index)
            let start = index * granule
            if let last = extents.last, last.end == start {
                extents[extents.count - 1].count += size(of: index)
            } else {
                extents.append(Extent(offset: start, count: size(of: index)))
            }
        }
        return extents
    }

    private func size(of index: Int) -> Int { min(granule, capacity - index * granule) }

    private func indices(of extent: Extent) -> ClosedRange<Int> {
        extent.offset / granule...(extent.end - 1) / granule
    }
}
