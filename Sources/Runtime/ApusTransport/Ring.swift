import CApusSystem

/// The layout of a ring of bytes in shared memory, from one process to one other.
///
/// The producer alone writes `tail` and `waits`, the consumer `head`; both count bytes since the beginning. A record is
/// four bytes of length, four of kind, and the payload, padded to eight bytes; a record never wraps: where it would, a
/// record of kind `skip` fills the rest. Each counter has a cache line of its own.
package enum RingLayout {
    package static let tail = 0
    static let waits = 64
    static let head = 128
    package static let bytes = 192
    static let header = 8
    static let skip: UInt32 = .max
    /// A message goes on in the next record.
    static let more: UInt32 = 0x8000_0000

    package static func size(capacity: Int) -> Int { bytes + capacity }
    static func padded(_ length: Int) -> Int { (header + length + 7) & ~7 }
}

/// The writing end. Not thread-safe: its channel has a lock.
struct RingProducer {
    private let tailWord: UnsafeMutablePointer<UInt64>
    private let waitsWord: UnsafeMutablePointer<UInt32>
    private let headWord: UnsafeMutablePointer<UInt64>
    private let bytes: UnsafeMutableRawPointer
    private let capacity: UInt64
    private var tail: UInt64
    /// The consumer's place when it was last looked at.
    private var head: UInt64

    init(at base: UnsafeMutableRawPointer, capacity: Int) {
        tailWord = (base + RingLayout.tail).assumingMemoryBound(to: UInt64.self)
        waitsWord = (base + RingLayout.waits).assumingMemoryBound(to: UInt32.self)
        headWord = (base + RingLayout.head).assumingMemoryBound(to: UInt64.self)
        bytes = base + RingLayout.bytes
        self.capacity = UInt64(capacity)
        tail = apus_load64(tailWord)
        head = apus_load64(headWord)
    }

    /// The longest payload of one record: a longer one might never fit.
    static func limit(capacity: Int) -> Int { capacity / 4 }

    /// Room for a record's payload, or nil where the ring is too full. `commit` makes it visible.
    ///
    /// - Precondition: `length` is at most `limit`.
    mutating func reserve(kind: UInt32, length: Int) -> UnsafeMutableRawPointer? {
        let needed = UInt64(RingLayout.padded(length))
        let place = tail % capacity
        let toEnd = capacity - place
        let skipped = needed > toEnd ? toEnd : 0
        if tail + skipped + needed - head > capacity {
            head = apus_load64_acquire(headWord)
            // The consumer is another process: a place that cannot be makes the ring full, never an overrun.
            guard head <= tail, tail + skipped + needed - head <= capacity else { return nil }
        }
        var record = bytes + Int(place)
        if skipped > 0 {
            record.storeBytes(of: UInt32(skipped) - UInt32(RingLayout.header), as: UInt32.self)
            (record + 4).storeBytes(of: RingLayout.skip, as: UInt32.self)
            tail += skipped
            record = bytes
        }
        record.storeBytes(of: UInt32(length), as: UInt32.self)
        (record + 4).storeBytes(of: kind, as: UInt32.self)
        tail += needed
        return record + RingLayout.header
    }

    /// Makes all that was reserved visible.
    func commit() { apus_store64(tailWord, tail) }

    /// Asks the consumer to tell when it made room. True where there is room already.
    mutating func awaitRoom() -> Bool {
        apus_store32(waitsWord, 1)
        let seen = apus_load64(headWord)
        defer { head = seen }
        return seen != head
    }

    /// The room is looked at again.
    mutating func roomCame() { apus_store32(waitsWord, 0) }
}

/// The reading end. Only the thread that polls its process's inbox uses it.
struct RingConsumer {
    private let tailWord: UnsafeMutablePointer<UInt64>
    private let waitsWord: UnsafeMutablePointer<UInt32>
    private let headWord: UnsafeMutablePointer<UInt64>
    private let bytes: UnsafeMutableRawPointer
    private let capacity: UInt64
    private var head: UInt64

    init(at base: UnsafeMutableRawPointer, capacity: Int) {
        tailWord = (base + RingLayout.tail).assumingMemoryBound(to: UInt64.self)
        waitsWord = (base + RingLayout.waits).assumingMemoryBound(to: UInt32.self)
        headWord = (base + RingLayout.head).assumingMemoryBound(to: UInt64.self)
        bytes = base + RingLayout.bytes
        self.capacity = UInt64(capacity)
        head = apus_load64(headWord)
    }

    enum Next {
        case record(kind: UInt32, payload: UnsafeRawBufferPointer)
        case empty
        /// Bytes that no producer of ours writes.
        case damaged
    }

    /// The next record. Its payload is valid until `release`.
    mutating func next() -> Next {
        while true {
            let tail = apus_load64_acquire(tailWord)
            if tail == head { return .empty }
            let place = head % capacity
            guard tail > head, tail - head <= capacity, capacity - place >= UInt64(RingLayout.header) else {
                return .damaged
            }
            let record = bytes + Int(place)
            let length = record.load(as: UInt32.self)
            let kind = (record + 4).load(as: UInt32.self)
            let padded = UInt64(RingLayout.padded(Int(length)))
            guard padded <= tail - head, padded <= capacity - place else { return .damaged }
            head += padded
            if kind == RingLayout.skip { continue }
            return .record(
                kind: kind, payload: UnsafeRawBufferPointer(start: record + RingLayout.header, count: Int(length)))
        }
    }

    /// Gives the room of all records that were read back. True where the producer waits for it.
    func release() -> Bool {
        apus_store64(headWord, head)
        return apus_load32(waitsWord) != 0
    }
}
