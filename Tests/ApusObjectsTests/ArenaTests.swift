import ApusCore
import ApusObjects
import Testing

/// An arena as a row of cache lines that are searched one by one.
private struct NaiveArena {
    var lines: [Bool]

    init(capacity: Int) { lines = Array(repeating: false, count: capacity / 64) }

    var runs: [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        while start < lines.count {
            var end = start
            while end < lines.count, lines[end] == lines[start] { end += 1 }
            if !lines[start] { runs.append(start * 64..<end * 64) }
            start = end
        }
        return runs
    }

    /// Room that the runs have for a request of a footprint, aligned as it wants.
    func rooms(_ footprint: Int, alignment: Int) -> [(start: Int, room: Int, run: Range<Int>)] {
        runs.compactMap { run in
            let start = (run.lowerBound + alignment - 1) / alignment * alignment
            let room = run.upperBound / alignment * alignment - start
            return room >= footprint ? (start, room, run) : nil
        }
    }

    mutating func set(_ extent: Extent, _ used: Bool) throws {
        for line in extent.offset / 64..<extent.end / 64 {
            if lines[line] == used { throw Violation("line \(line) is \(used ? "given out" : "freed") twice") }
            lines[line] = used
        }
    }
}

@Suite("Arena") struct ArenaTests {
    @Test("agrees with a search line by line, on thousands of random programs")
    func againstNaive() {
        forEachSeed(3000, test: "ArenaTests") { seed in
            var random = SeededGenerator(seed: seed)
            let capacity = (1 + random.below(96)) * 4096
            let wholePages = random.below(4) == 0
            var arena = Arena(capacity: capacity, wholePages: wholePages)
            var naive = NaiveArena(capacity: capacity)
            var live: [Extent] = []
            for _ in 0..<120 {
                if !live.isEmpty, random.below(5) < 2 {
                    let extent = live.remove(at: random.below(live.count))
                    arena.release(extent)
                    try naive.set(extent, false)
                } else {
                    let size = random.below(3) == 0 ? random.below(200_000) : random.below(9000)
                    let paged = wholePages || size > (64 << 10) - 64
                    let alignment = paged ? 4096 : 64
                    let footprint = max(alignment, (size + alignment - 1) / alignment * alignment)
                    let rooms = naive.rooms(footprint, alignment: alignment)
                    if let extent = arena.allocate(size) {
                        if extent.count != footprint || extent.offset % alignment != 0 {
                            throw Violation("\(size) bytes were given \(extent)")
                        }
                        try naive.set(extent, true)
                        let least = rooms.map(\.room).min()
                        guard let chosen = rooms.first(where: { $0.start == extent.offset }), chosen.room == least
                        else { throw Violation("\(extent) for \(size) bytes is not the best fit of \(rooms)") }
                        live.append(extent)
                    } else if !rooms.isEmpty {
                        throw Violation("\(size) bytes were refused although \(rooms) have room")
                    }
                }
                let used = naive.lines.count { $0 } * 64
                if arena.used != used { throw Violation("\(arena.used) bytes are in use, not \(used)") }
                if arena.freeExtents.map(\.range) != naive.runs { throw Violation("free extents differ") }
                let largest = arena.largestFree
                if largest > 0 {
                    // The figure is a promise: a request of that size is met.
                    var copy = arena
                    if copy.allocate(largest) == nil { throw Violation("\(largest) bytes are promised and refused") }
                }
            }
            for extent in live { arena.release(extent) }
            if arena.used != 0 || arena.largestFree != capacity && capacity >= 64 << 10 {
                throw Violation("after all was freed: \(arena.freeExtents)")
            }
            if arena.fragmentation != 0 { throw Violation("one free extent is fragmented") }
        }
    }

    @Test("sizes at the end of the number range are refused, not wrapped around")
    func hugeSizes() {
        var arena = Arena(capacity: 1 << 20)
        for size in [Int.max, Int.max - 63, Int.max - 4095, (1 << 20) + 1] {
            #expect(arena.allocate(size) == nil)
        }
        #expect(arena.allocate(1 << 20) == Extent(offset: 0, count: 1 << 20))
        #expect(arena.allocate(0) == nil)
    }
}

@Suite("Cold pages") struct ColdPagesTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test("what stays unused is given back once, what is used again is kept")
    func patience() {
        var pages = ColdPages(capacity: 8 << 20, patience: .seconds(10))
        pages.allocated(Extent(offset: 0, count: 4 << 20))
        #expect(pages.warmBytes == 4 << 20)
        pages.released(Extent(offset: 0, count: 4 << 20), at: at(0))
        #expect(pages.nextDeadline == at(10))
        let early = pages.take(at: at(9))
        #expect(early.isEmpty)
        pages.allocated(Extent(offset: 1 << 20, count: 4096))
        let taken = pages.take(at: at(10))
        #expect(taken == [Extent(offset: 0, count: 1 << 20), Extent(offset: 2 << 20, count: 2 << 20)])
        #expect(pages.warmBytes == 1 << 20)
        pages.released(Extent(offset: 1 << 20, count: 4096), at: at(11))
        let rest = pages.take(at: at(21))
        #expect(rest == [Extent(offset: 1 << 20, count: 1 << 20)])
        #expect(pages.warmBytes == 0)
        #expect(pages.nextDeadline == nil)
    }

    @Test("a granule that is used and freed often queues once, and is given back only when it was unused for long")
    func reuse() {
        var pages = ColdPages(capacity: 1 << 20, patience: .seconds(10))
        for second in 0..<100 {
            pages.allocated(Extent(offset: 0, count: 64))
            pages.released(Extent(offset: 0, count: 64), at: at(Int64(second)))
            let taken = pages.take(at: at(Int64(second)))
            #expect(taken.isEmpty)
        }
        let early = pages.take(at: at(108))
        #expect(early.isEmpty)
        let late = pages.take(at: at(109))
        #expect(late == [Extent(offset: 0, count: 1 << 20)])
    }

    @Test("a limit holds, and the rest comes with the next call")
    func limit() {
        var pages = ColdPages(capacity: 10 << 20, patience: .zero)
        pages.allocated(Extent(offset: 0, count: 10 << 20))
        pages.released(Extent(offset: 0, count: 10 << 20), at: at(0))
        let first = pages.take(at: at(1), limit: 4 << 20)
        #expect(first == [Extent(offset: 0, count: 4 << 20)])
        let second = pages.take(at: at(1))
        #expect(second == [Extent(offset: 4 << 20, count: 6 << 20)])
    }

    @Test("all that nobody uses can be had at once, and is not given back again later")
    func all() {
        var pages = ColdPages(capacity: 4 << 20, patience: .seconds(10))
        pages.allocated(Extent(offset: 0, count: 4 << 20))
        pages.released(Extent(offset: 0, count: 4 << 20), at: at(0))
        pages.allocated(Extent(offset: 2 << 20, count: 64))
        let taken = pages.takeAll()
        #expect(taken == [Extent(offset: 0, count: 2 << 20), Extent(offset: 3 << 20, count: 1 << 20)])
        #expect(pages.warmBytes == 1 << 20 && pages.nextDeadline == nil)
        pages.released(Extent(offset: 2 << 20, count: 64), at: at(1))
        let last = pages.take(at: at(11))
        #expect(last == [Extent(offset: 2 << 20, count: 1 << 20)])
    }
}
