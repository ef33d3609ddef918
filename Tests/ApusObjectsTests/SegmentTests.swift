import ApusCore
import ApusObjects
import CApusSystem
import Glibc
import Testing

@Suite("Shared segment") struct SegmentTests {
    private let plenty = AvailableMemory(bytes: 1 << 40, limitedBy: "the test")

    private func pattern(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    @Test("what one mapping writes another reads, at any size and place", arguments: [1, 4095, 70_000, 9_000_001])
    func writeAndRead(size: Int) throws {
        let segment = try SharedSegment(capacity: 20 << 20, available: plenty)
        let other = try SharedSegment(descriptor: dup(segment.descriptor), capacity: segment.capacity)
        let bytes = pattern(size, seed: 1)
        for offset in [0, 64, 4096 * 3, segment.capacity - size] {
            try bytes.withUnsafeBytes { try segment.write($0, to: Extent(offset: offset, count: size)) }
            let found = try other.bytes(Extent(offset: offset, count: size))
            #expect(found.elementsEqual(bytes))
        }
    }

    @Test("a copy by several threads writes its bytes and none beside them")
    func parallelCopy() throws {
        let segment = try SharedSegment(capacity: 32 << 20, available: plenty)
        let whole = try segment.writableBytes(Extent(offset: 0, count: segment.capacity))
        for size in [(4 << 20) + 1, (8 << 20) - 1, (9 << 20) + 17_000, 13_000_003] {
            whole.initializeMemory(as: UInt8.self, repeating: 0xEE)
            let bytes = pattern(size, seed: UInt64(size))
            try bytes.withUnsafeBytes { try segment.write($0, to: Extent(offset: 4096 + 64, count: size)) }
            #expect(whole[4160..<4160 + size].elementsEqual(bytes))
            #expect(whole[..<4160].allSatisfy { $0 == 0xEE })
            #expect(whole[(4160 + size)...].allSatisfy { $0 == 0xEE })
        }
    }

    @Test("a copy past the caches writes its bytes and none beside them, at any alignment")
    func streamingCopy() {
        var random = SeededGenerator(seed: 3)
        let source = pattern(80_000, seed: 9)
        var target = [UInt8](repeating: 0, count: 80_200)
        for _ in 0..<300 {
            let (start, place) = (random.below(100), random.below(100))
            let size = random.below(3) == 0 ? random.below(100) : random.below(79_900)
            for index in target.indices { target[index] = 0xEE }
            source.withUnsafeBytes { from in
                target.withUnsafeMutableBytes { to in
                    guard let from = from.baseAddress, let to = to.baseAddress else { return }
                    apus_copy_streaming(to + place, from + start, size)
                }
            }
            #expect(target[place..<place + size].elementsEqual(source[start..<start + size]))
            #expect(target[..<place].allSatisfy { $0 == 0xEE } && target[(place + size)...].allSatisfy { $0 == 0xEE })
        }
    }

    @Test("extents outside the segment are refused")
    func bounds() throws {
        let segment = try SharedSegment(capacity: 8192, available: plenty)
        let outside: [(Int, Int)] = [(-1, 1), (0, 8193), (8192, 1), (1, -1), (Int.max, 1), (1, Int.max)]
        for (offset, count) in outside {
            let extent = Extent(offset: offset, count: count)
            let error = SegmentError.outOfBounds(offset: offset, count: count, capacity: 8192)
            #expect(throws: error) { _ = try segment.bytes(extent) }
            #expect(throws: SegmentError.self) { _ = try segment.writableBytes(extent) }
        }
        let bytes: [UInt8] = [1, 2, 3]
        #expect(throws: SegmentError.self) {
            try bytes.withUnsafeBytes { try segment.write($0, to: Extent(offset: 0, count: 2)) }
        }
    }

    @Test("pages that are given back read as zero and take no memory; their neighbours stay")
    func returnPages() throws {
        let segment = try SharedSegment(capacity: 1 << 20, available: plenty)
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        try bytes.withUnsafeBytes { try segment.write($0, to: Extent(offset: 0, count: 1 << 20)) }
        #expect(segment.residentBytes == 1 << 20)
        // The extent touches two pages in part: those stay.
        try segment.returnPages(of: Extent(offset: 4000, count: 200_000))
        #expect(segment.residentBytes == (1 << 20) - (204_000 / 4096 - 1) * 4096)
        let found = try segment.bytes(Extent(offset: 0, count: 1 << 20))
        #expect(found[..<4096].allSatisfy { $0 == 7 })
        #expect(found[4096..<200_704].allSatisfy { $0 == 0 })
        #expect(found[200_704...].allSatisfy { $0 == 7 })
    }

    @Test("no process can cut the memory off under the others")
    func sealed() throws {
        let segment = try SharedSegment(capacity: 8192, available: plenty)
        #expect(ftruncate(segment.descriptor, 4096) == -1)
        #expect(ftruncate(segment.descriptor, 1 << 20) == -1)
    }

    @Test("a descriptor of another size is refused")
    func wrongSize() throws {
        let segment = try SharedSegment(capacity: 8192, available: plenty)
        #expect(throws: SegmentError.notASegment(size: 8192, expected: 4096)) {
            try SharedSegment(descriptor: dup(segment.descriptor), capacity: 4096)
        }
    }

    @Test("more than there is in memory is refused, with what would fit")
    func tooLarge() throws {
        let little = AvailableMemory(bytes: 1 << 20, limitedBy: "/sys/fs/cgroup/memory.max")
        let error = SegmentError.notEnoughMemory(wanted: 1 << 20, available: 1 << 20, limitedBy: little.limitedBy)
        #expect(throws: error) { try SharedSegment(capacity: 1 << 20, available: little) }
        #expect("\(error)".contains("at most 921.5 KiB") && "\(error)".contains("memory.max"))
        _ = try SharedSegment(capacity: 900 << 10, available: little)
        #expect(throws: SegmentError.badCapacity(0)) { try SharedSegment(capacity: 0, available: little) }
    }
}

@Suite("Available memory") struct AvailableMemoryTests {
    private func read(_ files: [String: String]) -> AvailableMemory { AvailableMemory.read { files[$0] } }

    private let meminfo = "MemTotal:  16000000 kB\nMemFree: 1000 kB\nMemAvailable:   8000000 kB\n"

    @Test("the system's figure holds where no group sets a limit")
    func system() {
        let memory = read([
            "/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/user/me\n",
            "/sys/fs/cgroup/user/me/memory.max": "max\n", "/sys/fs/cgroup/user/me/memory.current": "4096\n",
        ])
        #expect(memory == AvailableMemory(bytes: 8_000_000 << 10, limitedBy: "/proc/meminfo"))
    }

    @Test("the tightest group on the way to the root decides, cached files counted as free")
    func groups() {
        let memory = read([
            "/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/a/b\n",
            "/sys/fs/cgroup/a/b/memory.max": "4000000000\n", "/sys/fs/cgroup/a/b/memory.current": "0\n",
            "/sys/fs/cgroup/a/memory.max": "1000000\n", "/sys/fs/cgroup/a/memory.current": "700000\n",
            "/sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 200000\n",
        ])
        #expect(memory == AvailableMemory(bytes: 500_000, limitedBy: "/sys/fs/cgroup/a/memory.max"))
    }

    @Test("groups of the older interface are read, also where a container shows its own as the root")
    func olderInterface() {
        let memory = read([
            "/proc/meminfo": meminfo, "/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/1234\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "3000\n",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes": "5000\n",
        ])
        #expect(memory == AvailableMemory(bytes: 0, limitedBy: "/sys/fs/cgroup/memory/memory.limit_in_bytes"))
    }

    @Test("this machine has some")
    func machine() {
        let memory = AvailableMemory.read()
        #expect(memory.bytes > 1 << 20 && memory.bytes < 1 << 50)
    }
}
