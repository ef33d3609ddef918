import ApusCore
import ApusObjects
import Glibc
import Testing

@Suite("Spill file") struct SpillFileTests {
    private let segment: SharedSegment
    private let folder: TemporaryFolder

    init() throws {
        segment = try SharedSegment(capacity: 16 << 20)
        folder = try TemporaryFolder()
    }

    private func id(_ number: UInt64) -> ObjectID { ObjectID(owner: 1, number: number) }

    /// The next events, waited for as a daemon's loop does.
    private func events(of file: SpillFile) throws -> [StoreEvent] {
        var descriptor = pollfd(fd: file.readiness, events: Int16(POLLIN), revents: 0)
        try #require(poll(&descriptor, 1, 30_000) == 1, "the spill file does not answer")
        return file.takeEvents()
    }

    private func fill(_ extent: Extent, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for place in try segment.writableBytes(extent).indices {
            try segment.writableBytes(extent)[place] = UInt8(truncatingIfNeeded: random.next())
        }
    }

    @Test("a batch comes back byte for byte, wherever in memory")
    func roundTrip() throws {
        let file = try SpillFile(folder: folder.path, segment: segment)
        defer { file.stop() }
        var items: [SpillItem] = []
        var place = 0
        for (number, size) in [1, 64, 4097, 1 << 20, (1 << 20) + 1, 3_000_001].enumerated() {
            items.append(
                SpillItem(
                    object: id(UInt64(number)), memory: Extent(offset: place, count: size), fileOffset: place))
            try fill(Extent(offset: place, count: size), seed: UInt64(number))
            place += (size + 4095) / 4096 * 4096
        }
        let written = try items.map { Array(try segment.bytes($0.memory)) }
        file.spill(7, items)
        guard case .spillFinished(7, let sums)? = try events(of: file).first else {
            Issue.record("the batch was not written")
            return
        }
        try segment.writableBytes(Extent(offset: 0, count: segment.capacity)).initializeMemory(
            as: UInt8.self, repeating: 0)
        for (number, item) in items.enumerated() {
            let memory = Extent(offset: 8 << 20, count: item.memory.count)
            file.restore(
                UInt64(number),
                RestoreItem(
                    object: item.object, memory: memory, fileOffset: item.fileOffset, checksum: sums[number]))
            guard case .restoreFinished(UInt64(number))? = try events(of: file).first else {
                Issue.record("\(item.object) was not read back")
                return
            }
            let found = try segment.bytes(memory)
            #expect(found.elementsEqual(written[number]))
        }
    }

    @Test("the checksum is the published CRC-64/XZ")
    func checksum() throws {
        let file = try SpillFile(folder: folder.path, segment: segment)
        defer { file.stop() }
        // The catalogue's check value for the digits 1 to 9.
        let digits = Array("123456789".utf8)
        try digits.withUnsafeBytes { try segment.write($0, to: Extent(offset: 0, count: 9)) }
        file.spill(1, [SpillItem(object: id(1), memory: Extent(offset: 0, count: 9), fileOffset: 0)])
        guard case .spillFinished(1, let sums)? = try events(of: file).first else {
            Issue.record("the object was not written")
            return
        }
        #expect(sums == [0x995D_C9BB_DF19_39FA])
    }

    @Test("one changed bit, or a file that ends early, is seen")
    func corruption() throws {
        let file = try SpillFile(folder: folder.path, segment: segment)
        defer { file.stop() }
        let memory = Extent(offset: 0, count: 2 << 20)
        try fill(memory, seed: 3)
        file.spill(1, [SpillItem(object: id(1), memory: memory, fileOffset: 8192)])
        guard case .spillFinished(1, let sums)? = try events(of: file).first else {
            Issue.record("the object was not written")
            return
        }
        let item = RestoreItem(object: id(1), memory: memory, fileOffset: 8192, checksum: sums[0])
        var byte: UInt8 = 0
        #expect(pread(file.descriptor, &byte, 1, 8192 + 1_500_000) == 1)
        byte ^= 0x10
        #expect(pwrite(file.descriptor, &byte, 1, 8192 + 1_500_000) == 1)
        file.restore(2, item)
        guard case .restoreCorrupt(2)? = try events(of: file).first else {
            Issue.record("the changed bit was not seen")
            return
        }
        ftruncate(file.descriptor, 100_000)
        file.restore(3, item)
        guard case .restoreCorrupt(3)? = try events(of: file).first else {
            Issue.record("the end of the file was not seen")
            return
        }
    }

    @Test("a disk that is nearly full is an error that says so")
    func diskFull() throws {
        let file = try SpillFile(folder: folder.path, segment: segment, keepFree: .max)
        defer { file.stop() }
        file.spill(1, [SpillItem(object: id(1), memory: Extent(offset: 0, count: 4096), fileOffset: 0)])
        guard case .spillFailed(1, .diskFull(folder.path, let free))? = try events(of: file).first else {
            Issue.record("the full disk was not seen")
            return
        }
        #expect(free > 0)
    }

    @Test("the file has no name, and a folder that is not there is an error")
    func folders() throws {
        let file = try SpillFile(folder: folder.path, segment: segment)
        #expect(folder.names.isEmpty)
        file.stop()
        #expect(throws: SpillTrouble.self) {
            _ = try SpillFile(folder: folder.path + "/absent", segment: segment)
        }
    }

    @Test("room that is given back takes no disk")
    func returnRoom() throws {
        let file = try SpillFile(folder: folder.path, segment: segment)
        defer { file.stop() }
        try fill(Extent(offset: 0, count: 1 << 20), seed: 4)
        file.spill(1, [SpillItem(object: id(1), memory: Extent(offset: 0, count: 1 << 20), fileOffset: 0)])
        _ = try events(of: file)
        file.returnRoom(Extent(offset: 0, count: 1 << 20))
        var status = stat()
        #expect(fstat(file.descriptor, &status) == 0 && status.st_blocks == 0)
    }
}
