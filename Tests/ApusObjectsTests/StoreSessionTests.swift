import ApusCore
import ApusObjects
import Testing

@Suite("Store session") struct StoreSessionTests {
    private let daemon: TestDaemon

    init() throws {
        let segment = try SharedSegment(capacity: 4 << 20)
        var configuration = StoreCore.Configuration(capacity: segment.capacity, spillCapacity: 0)
        configuration.memoryPatience = .zero
        daemon = TestDaemon(configuration, segment: segment, spill: nil)
    }

    private func id(_ number: UInt64) -> ObjectID { ObjectID(owner: 1, number: number) }

    private func end(_ clients: StoreClient...) throws {
        for client in clients { daemon.disconnect(client) }
        let summary = try #require(daemon.stop())
        #expect(summary.usage.used == 0 && summary.usage.objects == 0 && summary.resident == 0)
        #expect(daemon.problems.withLock { $0 } == [])
    }

    @Test("one process writes, another reads in place after the first has ended")
    func passOn() async throws {
        let writer = try daemon.connect(1)
        let reader = try daemon.connect(2)
        let creation = try await writer.create(id(1), size: 100_000, site: "Program.swift:1")
        creation.bytes.initializeMemory(as: UInt8.self, repeating: 9)
        // The reader waits for the seal.
        async let reading = reader.read([id(1)])
        creation.seal(heir: 2)
        daemon.disconnect(1)
        let read = try await reading
        #expect(read.count == 1 && read[0].bytes.count == 100_000 && read[0].bytes.allSatisfy { $0 == 9 })
        #expect(creation.bytes.baseAddress.map(UnsafeRawPointer.init) != read[0].bytes.baseAddress)
        reader.release([id(1)])
        try end(2)
    }

    @Test("bytes that are read stay as long as they are referred to, and no longer")
    func lifetime() async throws {
        let session = try daemon.connect(1)
        let bytes = [UInt8](repeating: 3, count: 3 << 20)
        try await put(session, 1, bytes)
        var read: [StoredBytes]? = try await session.read([id(1)])
        session.release([id(1)])
        // 3 of 4 MiB are in use.
        await #expect(throws: StoreError.self) { try await put(session, 2, bytes, patience: .milliseconds(30)) }
        #expect(read?[0].bytes.elementsEqual(bytes) == true)
        read = nil
        try await put(session, 3, bytes)
        try end(1)
    }

    private func put(
        _ session: StoreSession, _ number: UInt64, _ bytes: [UInt8], patience: Duration = .seconds(60)
    ) async throws {
        let creation = try await session.create(
            id(number), size: bytes.count, patience: patience, site: "Program.swift:\(number)")
        creation.bytes.copyBytes(from: bytes)
        creation.seal()
    }

    @Test("a creation that is forgotten is given up, and its readers are told")
    func forgotten() async throws {
        let writer = try daemon.connect(1)
        let reader = try daemon.connect(2)
        var creation: StoredCreation? = try await writer.create(id(1), size: 1000, site: "")
        #expect(creation?.bytes.count == 1000)
        // So that a reader who comes late learns the same.
        reader.hold([id(1)])
        let reading = Task { try await reader.read([self.id(1)]) }
        await #expect(throws: StoreError.notSealed(object: id(1), by: "worker 1")) {
            _ = try await reader.read([id(1)], patience: .milliseconds(50))
        }
        creation = nil
        await #expect(throws: StoreError.abandoned(object: id(1), by: "worker 1")) { _ = try await reading.value }
        reader.release([id(1)])
        try end(1, 2)
        #expect(daemon.lost.withLock { $0 } == [id(1)])
    }

    @Test("a reader that is cancelled ends at once and keeps nothing")
    func cancellation() async throws {
        let session = try daemon.connect(1)
        let creation = try await session.create(id(1), size: 1000, site: "")
        for _ in 0..<50 {
            let reading = Task { try await session.read([self.id(1)]) }
            reading.cancel()
            await #expect(throws: CancellationError.self) { _ = try await reading.value }
        }
        creation.seal()
        #expect(try await session.read([id(1)]).count == 1)
        session.release([id(1)])
        // The store is empty only if no pin is left.
        #expect(try #require(daemon.stop()).usage.objects == 0)
    }

    @Test("what is unknown, too large or there already is an error")
    func errors() async throws {
        let session = try daemon.connect(1)
        await #expect(throws: StoreError.unknown(object: id(9))) { _ = try await session.read([id(9)]) }
        await #expect(throws: StoreError.tooLarge(object: id(1), size: 5 << 20, capacity: 4 << 20)) {
            _ = try await session.create(id(1), size: 5 << 20, site: "")
        }
        try await put(session, 1, [1])
        await #expect(throws: StoreError.exists(object: id(1))) {
            _ = try await session.create(id(1), size: 1, site: "")
        }
        session.hold([id(8)])
        try end(1)
        #expect(daemon.lost.withLock { $0 } == [id(8)])
    }

    @Test("when the daemon ends, all that waits fails")
    func lostConnection() async throws {
        let session = try daemon.connect(1)
        let creation = try await session.create(id(1), size: 4 << 20, site: "")
        let reading = Task { try await session.read([self.id(1)]) }
        let waiting = Task { try await session.create(self.id(2), size: 1000, site: "") }
        session.end()
        await #expect(throws: StoreError.clientLeft) { _ = try await reading.value }
        await #expect(throws: StoreError.clientLeft) { _ = try await waiting.value }
        await #expect(throws: StoreError.clientLeft) { _ = try await session.read([id(1)]) }
        creation.abort()
        try end(1)
    }

    @Test("damaged messages are refused")
    func fuzz() throws {
        let messages: [any Codable & Sendable] = [
            StoreRequest.create(id(1), size: 100_000, patience: .seconds(3), site: "Program.swift:3"),
            StoreRequest.pin([id(1), id(2)], ticket: 7, patience: .zero),
            StoreRequest.copyDamaged(id(1), .diskFull(folder: "/spill", free: 3)),
            StoreAnswer.copies(
                ticket: 3, located: [StoreLocation(object: id(1), offset: 64, size: 9)],
                [StoredCopy(object: id(2), fileOffset: 4096, size: 100, checksum: 7)]),
            StoreAnswer.located(ticket: 3, [StoreLocation(object: id(1), offset: 64, size: 9)]),
            StoreAnswer.createFailed(
                id(1),
                .full(
                    needed: 1, capacity: 2, free: 3, largestFree: 4, holders: [],
                    spill: .diskFull(folder: "/spill", free: 3))),
        ]
        var random = SeededGenerator(seed: 5)
        for message in messages {
            let bytes = try BinaryEncoder().encode(message)
            for _ in 0..<2000 {
                var damaged = bytes
                switch random.below(3) {
                case 0: damaged.removeLast(1 + random.below(damaged.count))
                case 1: damaged[random.below(damaged.count)] = UInt8(random.below(256))
                default: damaged.insert(UInt8(random.below(256)), at: random.below(damaged.count))
                }
                if let request = try? BinaryDecoder().decode(StoreRequest.self, from: damaged) {
                    // What can be read can be handled.
                    var core = StoreCore(StoreCore.Configuration(capacity: 1 << 20, spillCapacity: 0))
                    var effects: [StoreEffect] = []
                    core.handle(.join(1, label: ""), at: Instant(nanoseconds: 0), into: &effects)
                    core.handle(
                        request.event(of: 1, at: Instant(nanoseconds: 0)), at: Instant(nanoseconds: 0), into: &effects)
                    #expect(core.firstInconsistency == nil)
                }
                _ = try? BinaryDecoder().decode(StoreAnswer.self, from: damaged)
            }
        }
    }
}
