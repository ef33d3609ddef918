/// Allocates extents in a range of bytes: the smallest free extent that holds a request is taken, and neighbours that
/// are free become one. Pure: it never touches the bytes.
///
/// Requests of 64 KiB and more begin at a page and take whole pages, so that their pages can be given back; smaller
/// ones begin at a cache line.
///
/// Invariant: the live and the free extents together cover the range exactly, and no two free extents touch.
package struct Arena: Sendable {
    package static let cacheLine = 64
    package static let page = 4096
    /// From this size on an extent takes whole pages.
    package static let pagedSize = 64 << 10

    package let capacity: Int
    /// Bytes in live extents, including what rounding adds.
    package private(set) var used = 0
    private let wholePages: Bool

    /// Live extents: start → count.
    private var live: [Int: Int] = [:]
    /// Free extents: start → end, and end → start.
    private var freeEnd: [Int: Int] = [:]
    private var freeStart: [Int: Int] = [:]
    private var bySize = SizeIndex()
    /// Free extents by the whole pages inside, those with at least `pagedSize` of them.
    private var byPages = SizeIndex()

    /// - Parameters:
    ///   - capacity: bytes; rounded down to pages.
    ///   - wholePages: whether requests below 64 KiB take whole pages as well, as in a file.
    package init(capacity: Int, wholePages: Bool = false) {
        precondition(capacity >= 0, "an arena of \(capacity) bytes")
        self.capacity = capacity & ~(Self.page - 1)
        self.wholePages = wholePages
        if self.capacity > 0 { addFree(0, self.capacity) }
    }

    package var free: Int { capacity - used }
    package var liveCount: Int { live.count }
    /// The largest request that would be met now.
    package var largestFree: Int {
        max(byPages.largest, wholePages ? 0 : min(bySize.largest, Self.pagedSize - Self.cacheLine))
    }
    /// The share of the free bytes that lie outside the largest free extent: 0 when all are in one piece.
    package var fragmentation: Double { free == 0 ? 0 : 1 - Double(bySize.largest) / Double(free) }

    /// What a request takes: its size rounded up. Saturates, so that no size overflows.
    package func footprint(_ size: Int) -> Int {
        let unit = wholePages || size > Self.pagedSize - Self.cacheLine ? Self.page : Self.cacheLine
        guard size <= Int.max - unit else { return Int.max & ~(unit - 1) }
        return max(unit, (size + unit - 1) & ~(unit - 1))
    }

    /// - Returns: an extent of at least `size` bytes, or nil when no free extent is large enough.
    /// - Complexity: O(log free extents) expected.
    package mutating func allocate(_ size: Int) -> Extent? {
        precondition(size >= 0, "an extent of \(size) bytes")
        let count = footprint(size)
        let start: Int
        let whole: Range<Int>
        if wholePages || count >= Self.pagedSize {
            guard let found = byPages.first(atLeast: count) else { return nil }
            // The index names the first whole page; the extent may begin before.
            start = found.offset
            whole = extent(startingAtOrBefore: start)
        } else {
            guard let found = bySize.first(atLeast: count) else { return nil }
            start = found.offset
            whole = start..<start + found.size
        }
        removeFree(whole.lowerBound, whole.upperBound)
        if whole.lowerBound < start { addFree(whole.lowerBound, start) }
        if start + count < whole.upperBound { addFree(start + count, whole.upperBound) }
        live[start] = count
        used += count
        return Extent(offset: start, count: count)
    }

    /// Frees the live extent that starts at an offset.
    ///
    /// - Precondition: there is one. Freeing twice would hand bytes to two owners, so it traps.
    /// - Complexity: O(log free extents) expected.
    package mutating func release(_ extent: Extent) {
        guard let count = live.removeValue(forKey: extent.offset), count == extent.count else {
            preconditionFailure("no live extent of \(extent.count) bytes at \(extent.offset)")
        }
        used -= count
        var (start, end) = (extent.offset, extent.offset + count)
        if let before = freeStart[start] {
            removeFree(before, start)
            start = before
        }
        if let after = freeEnd[end] {
            removeFree(end, after)
            end = after
        }
        addFree(start, end)
    }

    /// The free extents in order of offset. For tests and reports.
    ///
    /// - Complexity: O(n log n).
    package var freeExtents: [Extent] {
        freeEnd.sorted { $0.key < $1.key }.map { Extent(offset: $0.key, count: $0.value - $0.key) }
    }

    // MARK: Free extents

    private static func pages(in start: Int, _ end: Int) -> (offset: Int, size: Int) {
        let first = (start + page - 1) & ~(page - 1)
        return (first, max(0, (end & ~(page - 1)) - first))
    }

    /// The free extent whose first whole page begins at an offset: it begins there or less than a page before.
    private func extent(startingAtOrBefore offset: Int) -> Range<Int> {
        var start = offset
        while start > offset - Self.page {
            if let end = freeEnd[start] { return start..<end }
            start -= Self.cacheLine
        }
        preconditionFailure("the index names a free extent at \(offset) that is not there")
    }

    private var pageThreshold: Int { wholePages ? Self.page : Self.pagedSize }

    private mutating func addFree(_ start: Int, _ end: Int) {
        freeEnd[start] = end
        freeStart[end] = start
        bySize.insert(size: end - start, offset: start)
        let pages = Self.pages(in: start, end)
        if pages.size >= pageThreshold { byPages.insert(size: pages.size, offset: pages.offset) }
    }

    private mutating func removeFree(_ start: Int, _ end: Int) {
        freeEnd[start] = nil
        freeStart[end] = nil
        bySize.remove(size: end - start, offset: start)
        let pages = Self.pages(in: start, end)
        if pages.size >= pageThreshold { byPages.remove(size: pages.size, offset: pages.offset) }
    }
}
