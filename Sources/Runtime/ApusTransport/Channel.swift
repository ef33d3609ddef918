import CApusSystem
import Synchronization

/// The shared memory of a connection between two processes: a ring in each direction, and slots of state words.
package enum ChannelLayout {
    package static let ringCapacity = 128 * 1024
    /// Words whose meaning the two sides agree on; the engine keeps a task's state there, see `ChannelSlots`.
    package static let slotCount = 1024
    static let slotBytes = slotCount * 4
    static let ringStride = (RingLayout.size(capacity: ringCapacity) + 4095) & ~4095
    package static let length = 2 * slotBytes + 2 * ringStride

    static func slots(_ side: Int) -> Int { side * slotBytes }
    package static func ring(from side: Int) -> Int { 2 * slotBytes + side * ringStride }
}

/// What a process makes of the messages that come to it.
package protocol ChannelReceiver: AnyObject, Sendable {
    /// A message came. The payload is valid during the call. Called by one thread at a time.
    func received(kind: UInt32, payload: UnsafeRawBufferPointer, on channel: Channel)
    /// The other side wrote bytes that are no messages; nothing more is read from it.
    func damaged(_ channel: Channel)
}

/// One process's end of a connection to another process.
package final class Channel: @unchecked Sendable {
    // `outbox` is only touched with `lock` held; `consumer` and `partial` are only touched by the thread that polls the inbox, of which there is
    // one at a time, handed over with acquire and release; `receiver` is set before the channel is added to a `Mailroom`.

    /// The other process.
    package let peer: UInt64
    /// The place of this channel in its own process's inbox.
    package let slot: Int
    private let peerSlot: Int
    private let peerInbox: Inbox
    private let mapping: SharedMapping
    /// The words of tasks that this side sends, and of those that it receives.
    package let sentSlots: ChannelSlots
    package let receivedSlots: ChannelSlots
    /// What the owner of the channel keeps with it.
    @exclusivity(unchecked) package var receiver: (any ChannelReceiver)?

    private struct Outbox {
        var producer: RingProducer
        /// Records that found no room, oldest first.
        var waiting: [(kind: UInt32, bytes: [UInt8])] = []
        var firstWaiting = 0
        var isClosed = false
    }

    private let lock = Mutex(())
    @exclusivity(unchecked) private var outbox: Outbox
    @exclusivity(unchecked) private var consumer: RingConsumer
    @exclusivity(unchecked) private var partial: [UInt8] = []

    /// - Parameters:
    ///   - side: 0 for one of the two processes, 1 for the other.
    ///   - peerSlot: this channel's place in the other process's inbox.
    package init(mapping: SharedMapping, side: Int, peer: UInt64, slot: Int, peerSlot: Int, peerInbox: Inbox) {
        precondition(mapping.length >= ChannelLayout.length && (side == 0 || side == 1), "a channel has two sides")
        precondition((0..<Inbox.capacity).contains(slot) && (0..<Inbox.capacity).contains(peerSlot), "inbox place")
        self.mapping = mapping
        self.peer = peer
        self.slot = slot
        self.peerSlot = peerSlot
        self.peerInbox = peerInbox
        sentSlots = ChannelSlots(base: mapping.base + ChannelLayout.slots(side))
        receivedSlots = ChannelSlots(base: mapping.base + ChannelLayout.slots(1 - side))
        outbox = Outbox(
            producer: RingProducer(
                at: mapping.base + ChannelLayout.ring(from: side), capacity: ChannelLayout.ringCapacity))
        consumer = RingConsumer(
            at: mapping.base + ChannelLayout.ring(from: 1 - side), capacity: ChannelLayout.ringCapacity)
    }

    private static let recordLimit = RingProducer.limit(capacity: ChannelLayout.ringCapacity)

    // MARK: Sending

    /// Sends a message that consists of two parts. Never blocks: what finds no room waits in this process's memory.
    ///
    /// - Parameter kind: below 2³¹.
    package func send(kind: UInt32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) {
        let announce = lock.withLock { _ in
            guard !outbox.isClosed else { return false }
            let length = head.count + body.count
            if length <= Self.recordLimit, outbox.waiting.isEmpty,
                let place = outbox.producer.reserve(kind: kind, length: length)
            {
                if let start = head.baseAddress { place.copyMemory(from: start, byteCount: head.count) }
                if let start = body.baseAddress {
                    (place + head.count).copyMemory(from: start, byteCount: body.count)
                }
                outbox.producer.commit()
                return true
            }
            return Self.enqueue(&outbox, kind, head, body)
        }
        if announce { peerInbox.announce(peerSlot) }
    }

    package func send(kind: UInt32, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { send(kind: kind, $0, UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    /// Splits a message into records and queues them behind those that wait.
    private static func enqueue(
        _ outbox: inout Outbox, _ kind: UInt32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer
    ) -> Bool {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(head.count + body.count)
        bytes.append(contentsOf: head)
        bytes.append(contentsOf: body)
        if bytes.count <= recordLimit {
            outbox.waiting.append((kind, bytes))
        } else {
            var start = 0
            while start < bytes.count {
                let end = min(start + recordLimit, bytes.count)
                let isLast = end == bytes.count
                outbox.waiting.append((isLast ? kind : kind | RingLayout.more, Array(bytes[start..<end])))
                start = end
            }
        }
        return flush(&outbox)
    }

    /// Moves what waits into the ring, as far as there is room.
    ///
    /// - Returns: whether something was written.
    private static func flush(_ outbox: inout Outbox) -> Bool {
        var wrote = false
        while outbox.firstWaiting < outbox.waiting.count {
            let (kind, bytes) = outbox.waiting[outbox.firstWaiting]
            guard let place = outbox.producer.reserve(kind: kind, length: bytes.count) else {
                if wrote { outbox.producer.commit() }
                if outbox.producer.awaitRoom() {
                    outbox.producer.roomCame()
                    continue
                }
                return wrote
            }
            bytes.withUnsafeBytes {
                if let start = $0.baseAddress { place.copyMemory(from: start, byteCount: $0.count) }
            }
            outbox.waiting[outbox.firstWaiting].bytes = []
            outbox.firstWaiting += 1
            wrote = true
        }
        outbox.waiting.removeAll(keepingCapacity: outbox.waiting.count < 1024)
        outbox.firstWaiting = 0
        if wrote { outbox.producer.commit() }
        return wrote
    }

    /// Bytes that wait for room, and are held in this process's memory.
    package var isCongested: Bool { lock.withLock { _ in !outbox.waiting.isEmpty } }

    /// Nothing more is sent: the other side ended.
    package func close() {
        lock.withLock { _ in
            outbox.isClosed = true
            outbox.waiting = []
            outbox.firstWaiting = 0
        }
    }

    // MARK: Receiving

    /// Hands all messages that are there to the receiver, and uses room that the other side made.
    func drain() {
        guard let receiver else { return }
        var left = ChannelLayout.ringCapacity
        reading: while left > 0 {
            switch consumer.next() {
            case .empty: break reading
            case .damaged:
                receiver.damaged(self)
                self.receiver = nil
                return
            case .record(let kind, let payload):
                left -= payload.count + RingLayout.header
                if kind & RingLayout.more != 0 {
                    partial.append(contentsOf: payload)
                } else if partial.isEmpty {
                    receiver.received(kind: kind, payload: payload, on: self)
                } else {
                    partial.append(contentsOf: payload)
                    let whole = partial
                    partial = []
                    whole.withUnsafeBytes { receiver.received(kind: kind, payload: $0, on: self) }
                }
            }
        }
        let isAwaited = consumer.release()
        let wrote = lock.withLock { _ in
            guard !outbox.waiting.isEmpty else { return false }
            outbox.producer.roomCame()
            return Self.flush(&outbox)
        }
        if isAwaited || wrote { peerInbox.announce(peerSlot) }
    }
}

/// State words of the messages in one direction of a channel. Each side may change them at any time, atomically.
package struct ChannelSlots: @unchecked Sendable {
    // The words live as long as the channel's mapping, and are only touched atomically.
    private let base: UnsafeMutablePointer<UInt32>

    init(base: UnsafeMutableRawPointer) { self.base = base.assumingMemoryBound(to: UInt32.self) }

    package subscript(index: Int) -> UInt32 {
        get {
            precondition((0..<ChannelLayout.slotCount).contains(index), "slot")
            return apus_load32(base + index)
        }
        nonmutating set {
            precondition((0..<ChannelLayout.slotCount).contains(index), "slot")
            apus_store32(base + index, newValue)
        }
    }

    /// Changes a word if it is as expected.
    package func exchange(_ index: Int, expected: UInt32, desired: UInt32) -> Bool {
        precondition((0..<ChannelLayout.slotCount).contains(index), "slot")
        return apus_swap32(base + index, expected, desired)
    }
}
