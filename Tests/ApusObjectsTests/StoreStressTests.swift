import ApusCore
import ApusObjects
import Glibc
import Synchronization
import Testing

/// Bytes that a number decides, a word at a time.
private func word(_ number: UInt64, _ place: Int) -> UInt64 {
    SeededGenerator.mix(number &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(place))
}

private func fill(_ bytes: UnsafeMutableRawBufferPointer, _ number: UInt64) {
    for place in 0..<bytes.count / 8 {
        bytes.storeBytes(of: word(number, place), toByteOffset: place * 8, as: UInt64.self)
    }
    for place in bytes.count / 8 * 8..<bytes.count { bytes[place] = UInt8(truncatingIfNeeded: word(number, place)) }
}

private func differs(_ bytes: UnsafeRawBufferPointer, _ number: UInt64) -> Bool {
    for place in 0..<bytes.count / 8
    where bytes.loadUnaligned(fromByteOffset: place * 8, as: UInt64.self) != word(number, place) { return true }
    for place in bytes.count / 8 * 8..<bytes.count
    where bytes[place] != UInt8(truncatingIfNeeded: word(number, place)) { return true }
    return false
}

@Suite("Store under stress") struct StoreStressTests {
    private static let capacity = 16 << 20

    /// Objects that client 1 holds for all.
    private final class Table: Sendable {
        let objects = Mutex<[(id: ObjectID, size: Int)]>([])
    }

    private static func work(
        _ client: StoreClient, _ session: StoreSession, _ keeper: StoreSession, _ table: Table, seed: UInt64,
        rounds: Int
    ) async throws {
        var random = SeededGenerator(seed: seed, stream: UInt64(client))
        for round in 0..<rounds {
            let number = UInt64(client) << 32 | UInt64(round)
            let id = ObjectID(owner: UInt64(client), number: number)
            let size = [random.below(3000), random.below(200_000), random.below(3_000_000)][random.below(3)]
            if random.below(2) == 0 {
                let creation = try await session.create(id, size: size, site: "Stress.swift:1")
                fill(creation.bytes, number)
                creation.seal(heir: 1)
            } else {
                let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
                defer { bytes.deallocate() }
                fill(bytes, number)
                try await session.put(id, UnsafeRawBufferPointer(bytes), heir: 1, site: "Stress.swift:2")
            }
            // Under the lock, so that the holds arrive before the release.
            let wanted: [ObjectID] = table.objects.withLock { objects in
                objects.append((id, size))
                var wanted: [ObjectID] = []
                for _ in 0..<(1 + random.below(3)) {
                    let next = objects[random.below(objects.count)].id
                    if !wanted.contains(next) { wanted.append(next) }
                }
                session.hold(wanted)
                // About three times what fits.
                while objects.reduce(0, { $0 + $1.size }) > capacity * 3 {
                    keeper.release([objects.remove(at: random.below(objects.count)).id])
                }
                return wanted
            }
            for read in try await session.read(wanted) where differs(read.bytes, read.object.number) {
                throw Violation("\(read.object) has other bytes than were written")
            }
            session.release(wanted)
        }
    }

    @Test("what was spilled is copied from the file while all memory is in use, and damage to it is found")
    func copies() async throws {
        let folder = try TemporaryFolder()
        let segment = try SharedSegment(capacity: 4 << 20)
        let spill = try SpillFile(folder: folder.path, segment: segment, keepFree: 0)
        var configuration = StoreCore.Configuration(capacity: segment.capacity, spillCapacity: 1 << 30)
        configuration.copyPatience = .milliseconds(20)
        configuration.memoryPatience = .zero
        configuration.filePatience = .zero
        let daemon = TestDaemon(configuration, segment: segment, spill: spill)
        let session = try daemon.connect(1)
        func id(_ number: UInt64) -> ObjectID { ObjectID(owner: 1, number: number) }
        for number: UInt64 in 1...8 {
            let creation = try await session.create(id(number), size: 1_000_000, site: "")
            fill(creation.bytes, number)
            creation.seal()
        }
        var pinned = try await session.read((5...8).map(id))
        let reader = try daemon.connect(2)
        let read = try await reader.read([id(6), id(2), id(3)])
        #expect(read.map(\.object) == [id(6), id(2), id(3)])
        for one in read { #expect(!differs(one.bytes, one.object.number)) }
        // A bit of the first object changes on the disk.
        var byte: UInt8 = 0
        let place = try #require(
            (0..<4).map { $0 << 20 }.first { offset in
                var word: UInt64 = 0
                return pread(spill.descriptor, &word, 8, off_t(offset)) == 8 && word == ApusObjectsTests.word(1, 0)
            })
        pread(spill.descriptor, &byte, 1, off_t(place + 5000))
        byte ^= 4
        #expect(pwrite(spill.descriptor, &byte, 1, off_t(place + 5000)) == 1)
        await #expect(throws: StoreError.corrupt(object: id(1))) { _ = try await reader.read([id(4), id(1)]) }
        await #expect(throws: StoreError.corrupt(object: id(1))) { _ = try await reader.read([id(1)]) }
        #expect(daemon.lost.withLock { $0 } == [id(1)])
        withExtendedLifetime(pinned) {}
        pinned = []
        // With room again they are read in place.
        #expect(!differs(try await reader.read([id(4)])[0].bytes, 4))
        withExtendedLifetime((pinned, read)) {}
        session.release((1...8).map(id))
        for client: StoreClient in [1, 2] { daemon.disconnect(client) }
        let summary = try #require(daemon.stop())
        #expect(daemon.problems.withLock { $0 } == [])
        #expect(summary.usage.used == 0 && summary.usage.file == 0 && summary.usage.objects == 0)
        #expect(summary.counters.copied >= 4)
    }

    @Test("clients that put three times what fits read every byte as it was written, and nothing is left")
    func manyClients() async throws {
        let seed = getenv("APUS_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...999_999)
        let folder = try TemporaryFolder()
        let segment = try SharedSegment(capacity: Self.capacity)
        let spill = try SpillFile(folder: folder.path, segment: segment, keepFree: 0)
        var configuration = StoreCore.Configuration(capacity: segment.capacity, spillCapacity: 1 << 30)
        // Short, so that pages go and come while clients work.
        configuration.memoryPatience = .milliseconds(20)
        configuration.filePatience = .milliseconds(20)
        let daemon = TestDaemon(configuration, segment: segment, spill: spill)
        let table = Table()
        let keeper = try daemon.connect(1)
        await withTaskGroup { group in
            for client: StoreClient in 2...5 {
                group.addTask {
                    do {
                        try await Self.work(
                            client, try daemon.connect(client), keeper, table, seed: seed, rounds: 150)
                    } catch {
                        daemon.problems.withLock { $0.append("client \(client): \(error)") }
                    }
                    daemon.disconnect(client)
                }
            }
        }
        daemon.disconnect(1)
        let summary = try #require(daemon.stop())
        let problems = daemon.problems.withLock { $0 }
        #expect(
            problems.isEmpty,
            "\(problems.first ?? ""). Replay: APUS_SEED=\(seed) swift test -c release --filter StoreStressTests")
        #expect(summary.usage.used == 0 && summary.usage.file == 0 && summary.usage.objects == 0)
        #expect(summary.usage.warm == 0 && summary.resident == 0)
        // It was under pressure.
        #expect(summary.counters.created == 600)
        #expect(summary.counters.spilled > 50 && summary.counters.restored > 20, "\(summary.counters)")
    }
}
