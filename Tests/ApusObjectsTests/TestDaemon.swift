import ApusCore
import ApusObjects
import CApusSystem
import Glibc
import Synchronization

/// A daemon's loop around a store, on a thread of its own, and sessions that talk to it as processes do: by encoded
/// messages both ways, each with mappings of their own.
final class TestDaemon: Sendable {
    private struct Inbox {
        var events: [(client: StoreClient, bytes: [UInt8])] = []
        var joins: [StoreEvent] = []
        var isStopped = false
    }

    struct Summary {
        let usage: StoreUsage
        let counters: StoreCounters
        let resident: Int
    }

    private let inbox = Mutex(Inbox())
    private let wake: Int32
    private let sessions = Mutex<[StoreClient: StoreSession]>([:])
    private let descriptor: Int32
    private let capacity: Int
    private let spillDescriptor: Int32?
    private let loop = Mutex<Thread?>(nil)
    private let finished = Mutex<Summary?>(nil)
    let problems = Mutex<[String]>([])
    /// What the sessions were told to have lost.
    let lost = Mutex<[ObjectID]>([])

    init(_ configuration: StoreCore.Configuration, segment: SharedSegment, spill: SpillFile?) {
        wake = apus_event_create()
        descriptor = segment.descriptor
        capacity = segment.capacity
        spillDescriptor = spill?.readingDescriptor
        let store = Held(NodeStore(configuration, segment: segment, spill: spill))
        loop.withLock { $0 = Thread { self.run(store.take()) } }
    }

    deinit { close(wake) }

    func connect(_ client: StoreClient) throws -> StoreSession {
        let session = StoreSession(
            access: StoreAccess(
                segment: try SharedSegment(descriptor: dup(descriptor), capacity: capacity),
                spillFile: spillDescriptor.map { SpillReader(descriptor: dup($0)) }),
            send: { request in
                guard let bytes = try? BinaryEncoder().encode(request) else {
                    return self.problems.withLock { $0.append("\(request) cannot be sent") }
                }
                self.inbox.withLock { $0.events.append((client, bytes)) }
                apus_event_raise(self.wake)
            }, lost: { id, _ in self.lost.withLock { $0.append(id) } })
        sessions.withLock { $0[client] = session }
        push(.join(client, label: "worker \(client)"))
        return session
    }

    func disconnect(_ client: StoreClient) {
        // What it sent before comes first.
        inbox.withLock { $0.events.append((client, [])) }
        apus_event_raise(wake)
    }

    private func push(_ event: StoreEvent) {
        inbox.withLock { $0.joins.append(event) }
        apus_event_raise(wake)
    }

    /// Ends the loop when the store is empty and has given everything back.
    func stop() -> Summary? {
        inbox.withLock { $0.isStopped = true }
        apus_event_raise(wake)
        let thread = loop.withLock { $0.take() }
        thread?.join()
        return finished.withLock { $0 }
    }

    private func run(_ store: consuming NodeStore) {
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
            let taken = inbox.withLock { inbox in
                defer { (inbox.events, inbox.joins) = ([], []) }
                return inbox
            }
            for join in taken.joins { store.handle(join, at: clock.now(), into: &effects) }
            for (client, bytes) in taken.events {
                if bytes.isEmpty {
                    store.handle(.leave(client), at: clock.now(), into: &effects)
                } else if let request = try? BinaryDecoder().decode(StoreRequest.self, from: bytes) {
                    store.handle(request.event(of: client, at: clock.now()), at: clock.now(), into: &effects)
                } else {
                    problems.withLock { $0.append("a request cannot be read") }
                }
            }
            store.collect(at: clock.now(), into: &effects)
            for effect in effects { tell(effect) }
            effects.removeAll(keepingCapacity: true)
            if taken.isStopped, taken.events.isEmpty, store.core.usage.used == 0, store.nextDeadline == nil { break }
        }
        if let flaw = store.core.firstInconsistency { problems.withLock { $0.append(flaw) } }
        let summary = Summary(
            usage: store.core.usage, counters: store.core.counters, resident: store.segment.residentBytes)
        finished.withLock { $0 = summary }
    }

    private func tell(_ effect: StoreEffect) {
        for (client, answer) in effect.answers {
            if case .rejected(let reason) = answer {
                problems.withLock { $0.append("client \(client) \(reason)") }
            }
            guard let bytes = try? BinaryEncoder().encode(answer),
                let answer = try? BinaryDecoder().decode(StoreAnswer.self, from: bytes)
            else {
                problems.withLock { $0.append("\(answer) cannot be sent") }
                continue
            }
            sessions.withLock { $0[client] }?.receive(answer)
        }
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
private struct Thread: Sendable {
    private let thread: UInt

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    init(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        precondition(result == 0, "no thread can be started")
        self.thread = UInt(thread)
    }

    func join() { pthread_join(pthread_t(thread), nil) }
}
