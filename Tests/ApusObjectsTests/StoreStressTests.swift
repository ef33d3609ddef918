import ApusCore
import ApusObjects
import CApusSystem
import Glibc
import Synchronization
import Testing

/// A daemon's loop around a store, on a thread of its own, and clients that talk to it as processes do: by messages one
/// way and answers the other, each with mappings of their own.
private final class TestDaemon: Sendable {
    private struct Inbox {
        var events: [StoreEvent] = []
        var isStopped = false
    }

    private let inbox = Mutex(Inbox())
    private let wake: Int32
    private let clients: [TestClient]
    let descriptor: Int32
    let capacity: Int
    let problems = Mutex<[String]>([])
    let summary = Mutex<(usage: StoreUsage, counters: StoreCounters, resident: Int)?>(nil)

    init(segment: SharedSegment, clients: [TestClient]) {
        wake = apus_event_create()
        descriptor = segment.descriptor
        capacity = segment.capacity
        self.clients = clients
    }

    deinit { close(wake) }

    func send(_ event: StoreEvent) {
        inbox.withLock { $0.events.append(event) }
        apus_event_raise(wake)
    }

    func stop() {
        inbox.withLock { $0.isStopped = true }
        apus_event_raise(wake)
    }

    func run(_ store: consuming NodeStore) {
        let clock = MonotonicTime()
        var effects: [StoreEffect] = []
        while true {
            var wait: Int32 = 1000
            if let due = store.nextDeadline {
                wait = Int32(clamping: max(0, (due.nanoseconds - clock.now().nanoseconds) / 1_000_000 + 1))
            }
            var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
            if let readiness = store.readiness {
                descriptors.append(pollfd(fd: readiness, events: Int16(POLLIN), revents: 0))
            }
            poll(&descriptors, nfds_t(descriptors.count), wait)
            apus_event_clear(wake)
            let (events, isStopped) = inbox.withLock { inbox in
                defer { inbox.events = [] }
                return (inbox.events, inbox.isStopped)
            }
            for event in events { store.handle(event, at: clock.now(), into: &effects) }
            store.collect(at: clock.now(), into: &effects)
            for effect in effects { tell(effect) }
            effects.removeAll(keepingCapacity: true)
            if isStopped, events.isEmpty, store.core.usage.used == 0, store.nextDeadline == nil { break }
        }
        if let flaw = store.core.firstInconsistency { problems.withLock { $0.append(flaw) } }
        summary.withLock { $0 = (store.core.usage, store.core.counters, store.segment.residentBytes) }
    }

    private func tell(_ effect: StoreEffect) {
        switch effect {
        case .allocated(_, let client), .createFailed(_, let client, _): clients[Int(client) - 1].answer(effect)
        case .located(let ticket, _), .readFailed(let ticket, _): clients[Int(ticket.client) - 1].answer(effect)
        case .freed: break
        case .lost, .rejected: problems.withLock { $0.append("\(effect)") }
        default: problems.withLock { $0.append("not for clients: \(effect)") }
        }
    }
}

/// One client's answers, which it waits for.
private final class TestClient: Sendable {
    private let answers = Mutex<[StoreEffect]>([])
    private let ready = apus_event_create()

    deinit { close(ready) }

    func answer(_ effect: StoreEffect) {
        answers.withLock { $0.append(effect) }
        apus_event_raise(ready)
    }

    func next() throws -> StoreEffect {
        while true {
            if let effect = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return effect }
            var descriptor = pollfd(fd: ready, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 60_000) == 1 else { throw Violation("the store does not answer") }
            apus_event_clear(ready)
        }
    }
}

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
    /// What the clients share: objects that client 1 holds for all.
    private final class Table: Sendable {
        let objects = Mutex<[(id: ObjectID, size: Int)]>([])
    }

    private static func work(
        _ client: StoreClient, _ mailbox: TestClient, _ daemon: TestDaemon, _ table: Table, seed: UInt64, rounds: Int
    ) throws {
        let segment = try SharedSegment(descriptor: dup(daemon.descriptor), capacity: daemon.capacity)
        let clock = MonotonicTime()
        var random = SeededGenerator(seed: seed, stream: UInt64(client))
        for round in 0..<rounds {
            let number = UInt64(client) << 32 | UInt64(round)
            let id = ObjectID(owner: UInt64(client), number: number)
            let size = [random.below(3000), random.below(200_000), random.below(3_000_000)][random.below(3)]
            daemon.send(
                .create(id, size: size, client: client, deadline: clock.now() + .seconds(50), site: "Stress.swift:1"))
            let answer = try mailbox.next()
            guard case .allocated(let location, client) = answer else { throw Violation("\(answer)") }
            if random.below(2) == 0 {
                fill(try segment.writableBytes(location.bytes), number)
            } else {
                let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
                defer { bytes.deallocate() }
                fill(bytes, number)
                try segment.write(UnsafeRawBufferPointer(bytes), to: location.bytes)
            }
            daemon.send(.seal(id, client: client, heir: 1))
            // Under the lock, so that the holds arrive before the release.
            let wanted: [(id: ObjectID, size: Int)] = table.objects.withLock { objects in
                objects.append((id, size))
                var wanted: [(id: ObjectID, size: Int)] = []
                for _ in 0..<(1 + random.below(3)) {
                    let next = objects[random.below(objects.count)]
                    if !wanted.contains(where: { $0.id == next.id }) { wanted.append(next) }
                }
                daemon.send(.hold(wanted.map(\.id), client: client))
                // About three times what fits.
                while objects.reduce(0, { $0 + $1.size }) > daemon.capacity * 3 {
                    daemon.send(.release([objects.remove(at: random.below(objects.count)).id], client: 1))
                }
                return wanted
            }
            daemon.send(
                .pin(
                    wanted.map(\.id), ticket: ReadTicket(client: client, number: UInt64(round)),
                    deadline: clock.now() + .seconds(50)))
            let read = try mailbox.next()
            guard case .located(_, let locations) = read else { throw Violation("\(read)") }
            for location in locations where differs(try segment.bytes(location.bytes), location.object.number) {
                throw Violation("\(location.object) has other bytes than were written")
            }
            daemon.send(.unpin(wanted.map(\.id), client: client))
            daemon.send(.release(wanted.map(\.id), client: client))
        }
    }

    @Test("clients that put three times what fits read every byte as it was written, and nothing is left")
    func manyClients() async throws {
        let seed = getenv("APUS_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...999_999)
        let folder = try TemporaryFolder()
        let segment = try SharedSegment(capacity: 16 << 20)
        let spill = try SpillFile(folder: folder.path, segment: segment, keepFree: 0)
        var configuration = StoreCore.Configuration(capacity: segment.capacity, spillCapacity: 1 << 30)
        // Short, so that pages go and come while clients work.
        configuration.memoryPatience = .milliseconds(20)
        configuration.filePatience = .milliseconds(20)
        let mailboxes = (0..<5).map { _ in TestClient() }
        let daemon = TestDaemon(segment: segment, clients: mailboxes)
        let store = NodeStore(configuration, segment: segment, spill: spill)
        let loop = Thread { [store = Held(store)] in daemon.run(store.take()) }
        for client in 1...5 { daemon.send(.join(StoreClient(client), label: "client \(client)")) }
        let table = Table()
        let threads = (2...5).map { number in
            Thread {
                let client = StoreClient(number)
                do {
                    try Self.work(
                        client, mailboxes[number - 1], daemon, table, seed: seed, rounds: 150)
                } catch {
                    daemon.problems.withLock { $0.append("client \(client): \(error)") }
                }
                daemon.send(.leave(client))
            }
        }
        for thread in threads { thread.join() }
        daemon.send(.leave(1))
        daemon.stop()
        loop.join()
        let problems = daemon.problems.withLock { $0 }
        #expect(
            problems.isEmpty,
            "\(problems.first ?? ""). Replay: APUS_SEED=\(seed) swift test -c release --filter StoreStressTests")
        let summary = try #require(daemon.summary.withLock { $0 })
        #expect(summary.usage.used == 0 && summary.usage.file == 0 && summary.usage.objects == 0)
        #expect(summary.usage.warm == 0 && summary.resident == 0)
        // It was under pressure.
        #expect(summary.counters.created == 600)
        #expect(summary.counters.spilled > 50 && summary.counters.restored > 20, "\(summary.counters)")
    }
}

/// Passes a value that cannot be copied into a closure that runs once.
private final class Held: Sendable {
    private let value: Mutex<NodeStore?>

    init(_ value: consuming NodeStore) { self.value = Mutex(consume value) }

    func take() -> NodeStore {
        var taken: NodeStore?
        value.withLock { swap(&$0, &taken) }
        guard let store = consume taken else { preconditionFailure("taken twice") }
        return store
    }
}

/// A thread of the system, joined by its maker.
private final class Thread {
    private var thread = pthread_t()

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    init(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        precondition(result == 0, "no thread can be started")
    }

    func join() { pthread_join(thread, nil) }
}
