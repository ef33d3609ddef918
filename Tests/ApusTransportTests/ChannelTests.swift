import ApusTransport
import CApusSystem
import Foundation
import Synchronization
import Testing

/// Two ends of a connection as two processes would have them, each with its own mappings.
final class Pair {
    let rooms: [Mailroom]
    let ends: [Channel]
    /// The inboxes' memory, as a third process would have it.
    let inboxMemory: [SharedMapping]

    init() throws {
        let memory = try SharedMapping.create(label: "test", length: ChannelLayout.length)
        let inboxes = try (0..<2).map { _ in try SharedMapping.create(label: "test", length: Inbox.length) }
        defer { for one in inboxes + [memory] { close(one) } }
        func inbox(_ side: Int) throws -> Inbox {
            Inbox(mapping: try SharedMapping(descriptor: inboxes[side], length: Inbox.length))
        }
        inboxMemory = try inboxes.map { try SharedMapping(descriptor: $0, length: Inbox.length) }
        rooms = try (0..<2).map { Mailroom(inbox: try inbox($0)) }
        ends = try (0..<2).map { side in
            Channel(
                mapping: try SharedMapping(descriptor: memory, length: ChannelLayout.length), side: side,
                peer: UInt64(1 - side), slot: 5 + 70 * side, peerSlot: 5 + 70 * (1 - side),
                peerInbox: try inbox(1 - side))
        }
    }
}

final class Collector: ChannelReceiver {
    let messages = Mutex<[(UInt32, [UInt8])]>([])
    let damages = Mutex(0)
    let reply: @Sendable (UInt32, [UInt8], Channel) -> Void

    init(reply: @escaping @Sendable (UInt32, [UInt8], Channel) -> Void = { _, _, _ in }) { self.reply = reply }

    func received(kind: UInt32, payload: UnsafeRawBufferPointer, on channel: Channel) {
        let bytes = Array(payload)
        messages.withLock { $0.append((kind, bytes)) }
        reply(kind, bytes, channel)
    }

    func damaged(_ channel: Channel) { damages.withLock { $0 += 1 } }
}

@Suite("Channels", .timeLimit(.minutes(5))) struct ChannelTests {
    @Test("messages of all sizes arrive in order, whatever the ring holds")
    func order() throws {
        let pair = try Pair()
        let collector = Collector()
        pair.ends[1].receiver = collector
        pair.rooms[1].add(pair.ends[1])
        pair.ends[0].receiver = Collector()
        pair.rooms[0].add(pair.ends[0])
        var generator = SystemRandomNumberGenerator()
        var sent: [(UInt32, [UInt8])] = []
        for round in 0..<300 {
            for _ in 0..<Int.random(in: 0..<40, using: &generator) {
                let length = [0, 1, 7, 8, 100, 5000, 32_768, 40_000, 200_000].randomElement(using: &generator) ?? 0
                let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ round) }
                sent.append((UInt32(round), bytes))
                pair.ends[0].send(kind: UInt32(round), bytes)
            }
            // Room is announced to the sender, which then sends what waited.
            for _ in 0..<Int.random(in: 0..<3, using: &generator) {
                pair.rooms[1].poll()
                pair.rooms[0].poll()
            }
        }
        while pair.rooms[1].poll() || pair.rooms[0].poll() {}
        let received = collector.messages.withLock { $0 }
        #expect(received.count == sent.count)
        #expect(zip(received, sent).allSatisfy { $0.0 == $1.0 && $0.1 == $1.1 })
        #expect(!pair.ends[0].isCongested)
    }

    @Test("two threads exchange messages without a lost wake-up")
    func exchange() async throws {
        let pair = try Pair()
        let count = 4000
        let done = DispatchSemaphore(value: 0)
        let threads = pair.rooms.map { EventThreads(mailroom: $0, count: 2, spins: 100) }
        pair.ends[1].receiver = Collector { kind, bytes, channel in channel.send(kind: kind + 1, bytes) }
        pair.ends[0].receiver = Collector { kind, bytes, channel in
            if kind < count { channel.send(kind: kind + 1, bytes) } else { done.signal() }
        }
        for (room, end) in zip(pair.rooms, pair.ends) { room.add(end) }
        for one in threads { one.start() }
        pair.ends[0].send(kind: 0, Array("ball".utf8))
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                done.wait()
                continuation.resume()
            }
        }
        for one in threads { one.stop() }
    }

    @Test("what no producer writes is reported, and nothing is read out of bounds")
    func damage() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let memory = try SharedMapping.create(label: "test", length: ChannelLayout.length)
            let inboxes = try (0..<2).map { _ in try SharedMapping.create(label: "test", length: Inbox.length) }
            defer { for one in inboxes + [memory] { close(one) } }
            let mapping = try SharedMapping(descriptor: memory, length: ChannelLayout.length)
            let room = Mailroom(
                inbox: Inbox(mapping: try SharedMapping(descriptor: inboxes[0], length: Inbox.length)))
            let end = Channel(
                mapping: mapping, side: 0, peer: 1, slot: 0, peerSlot: 0,
                peerInbox: Inbox(mapping: try SharedMapping(descriptor: inboxes[1], length: Inbox.length)))
            let collector = Collector()
            end.receiver = collector
            let ring = UnsafeMutableRawBufferPointer(
                start: mapping.base + ChannelLayout.ring(from: 1),
                count: RingLayout.size(capacity: ChannelLayout.ringCapacity))
            for index in 0..<256 { ring[index + RingLayout.bytes] = UInt8.random(in: 0...255, using: &generator) }
            let tails: [UInt64] = [0, 3, 8, 64, 200_000, .max]
            let tail = tails.randomElement(using: &generator) ?? 0
            ring.storeBytes(of: tail, toByteOffset: RingLayout.tail, as: UInt64.self)
            room.add(end)
            room.poll()
            #expect(collector.damages.withLock { $0 } <= 1)
        }
    }

    @Test("memory that is shorter than it should be is refused")
    func short() throws {
        let memory = try SharedMapping.create(label: "test", length: 4096)
        defer { close(memory) }
        #expect(throws: TransportError.self) { try SharedMapping(descriptor: memory, length: 8192) }
    }
}

@Suite("Event threads", .timeLimit(.minutes(5))) struct EventThreadsTests {
    @Test("jobs from everywhere run, and messages are read while all threads but one compute")
    func jobs() async throws {
        let pair = try Pair()
        let threads = EventThreads(mailroom: pair.rooms[0], count: 2, spins: 50)
        threads.start()
        let got = Atomic(0)
        let total = 200
        pair.ends[0].receiver = Collector { _, _, _ in got.wrappingAdd(1, ordering: .relaxed) }
        pair.rooms[0].add(pair.ends[0])
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for n in 0..<1000 {
                group.addTask(executorPreference: threads) {
                    await Task.yield()
                    return n
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 499_500)
        // One thread computes and does not suspend; the other reads.
        let busy = Task(executorPreference: threads) {
            while got.load(ordering: .relaxed) < total { apus_pause() }
        }
        for n in 0..<total { pair.ends[1].send(kind: UInt32(n), []) }
        await busy.value
        threads.stop()
    }

    /// What a process leaves behind that is killed when it has said that it wakes the sleeper, and has not done so.
    private func takeWordAsOneThatIsKilled(_ pair: Pair) async throws {
        // The first word of an inbox says whether its owner sleeps.
        let sleeps = pair.inboxMemory[0].base.assumingMemoryBound(to: UInt32.self)
        repeat {
            while !apus_swap32(sleeps, 1, 0) { try await Task.sleep(for: .milliseconds(1)) }
            // Where the owner had not gone to sleep yet it notices, and says again that it does.
            try await Task.sleep(for: .milliseconds(5))
        } while apus_load32(sleeps) != 0
    }

    @Test("threads whose waker was killed end all the same")
    func killedWakerAtTheEnd() async throws {
        let pair = try Pair()
        let threads = EventThreads(mailroom: pair.rooms[0], count: 2, spins: 50)
        threads.start()
        try await takeWordAsOneThatIsKilled(pair)
        threads.stop()
    }

    @Test("a message that came while its reader's waker was killed is read when the reader learns of that")
    func killedWaker() async throws {
        let pair = try Pair()
        let threads = EventThreads(mailroom: pair.rooms[0], count: 2, spins: 50)
        threads.start()
        let got = Atomic(0)
        pair.ends[0].receiver = Collector { _, _, _ in got.wrappingAdd(1, ordering: .relaxed) }
        pair.rooms[0].add(pair.ends[0])
        try await takeWordAsOneThatIsKilled(pair)
        // Another process sends, and sees nobody who sleeps.
        pair.ends[1].send(kind: 1, [])
        let dead = try Pair()
        pair.rooms[0].remove(dead.ends[0])
        while got.load(ordering: .relaxed) < 1 { try await Task.sleep(for: .milliseconds(1)) }
        threads.stop()
    }
}
