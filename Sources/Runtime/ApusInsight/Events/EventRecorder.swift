import ApusTransport
import CApusSystem
import Synchronization

/// Records events of this process, from any thread. See `EventMemory`.
package final class EventRecorder: @unchecked Sendable {
    // The mapping is written atomically: counters by addition, each record by the one thread that took its place.
    private let mapping: SharedMapping
    private let base: UnsafeMutableRawPointer
    private let head: UnsafeMutablePointer<UInt64>
    private let ring: UnsafeMutableRawPointer
    private let mask: UInt64
    private let recordsEvents: Bool
    /// Names by type, found without a lock: the type's address above the name's number in one word.
    private let cache: UnsafeMutablePointer<UInt64>
    private static let cacheSize = 256

    private struct Names {
        var numbers: [String: UInt16] = [:]
    }
    private let names = Mutex(Names())

    /// - Parameter mapping: as `prepare` made it.
    /// - Throws: `TransportError.malformed` where it is no memory of events.
    package init(mapping: SharedMapping) throws(TransportError) {
        let base = mapping.base
        guard mapping.length >= EventMemory.ring,
            apus_load64(base.word64(EventMemory.Header.magic)) == EventMemory.magic
        else { throw .malformed(reason: "the memory for events has another layout") }
        let capacity = apus_load64(base.word64(EventMemory.Header.capacity))
        guard capacity <= UInt64(mapping.length), capacity.nonzeroBitCount <= 1,
            mapping.length >= EventMemory.length(capacity: Int(capacity))
        else { throw .malformed(reason: "the memory for events holds less than its \(capacity) events") }
        self.mapping = mapping
        self.base = base
        head = base.word64(EventMemory.Header.head)
        ring = base + EventMemory.ring
        recordsEvents = capacity > 0
        mask = capacity == 0 ? 0 : capacity - 1
        cache = .allocate(capacity: Self.cacheSize)
        cache.initialize(repeating: 0, count: Self.cacheSize)
        // Number 0 takes what finds no room.
        if apus_load64(base.word64(EventMemory.Header.names)) == 0 { _ = name("(others)") }
    }

    deinit { cache.deallocate() }

    /// Descriptor of new memory for a process's events.
    package static func prepare(capacity: Int) throws(TransportError) -> Int32 {
        precondition(capacity >= 0 && capacity.nonzeroBitCount <= 1, "the capacity is a power of two")
        let descriptor = try SharedMapping.create(
            label: "apus-events", length: EventMemory.length(capacity: capacity))
        let header = try SharedMapping(descriptor: descriptor, length: EventMemory.Header.bytes)
        apus_store64(header.base.word64(EventMemory.Header.capacity), UInt64(capacity))
        apus_store64(header.base.word64(EventMemory.Header.magic), EventMemory.magic)
        return descriptor
    }

    // MARK: Names

    /// The number of the name of a type; `make` gives its text the first time.
    ///
    /// - Parameter key: the address of the type's metadata, which is never freed.
    @inline(__always)
    package func name(of key: UInt, _ make: () -> String) -> UInt16 {
        let place = cache + Int(truncatingIfNeeded: (key >> 4 ^ key >> 12) & UInt(Self.cacheSize - 1))
        let word = apus_load64_relaxed(place)
        if word >> 16 == UInt64(key) & 0xFFFF_FFFF_FFFF { return UInt16(truncatingIfNeeded: word) }
        return learn(key, place, make())
    }

    @inline(never)
    private func learn(_ key: UInt, _ place: UnsafeMutablePointer<UInt64>, _ text: String) -> UInt16 {
        let number = name(text)
        // An address beyond 48 bits could be taken for another one's: it is looked up each time.
        if key >> 48 == 0 { apus_store64(place, UInt64(key) << 16 | UInt64(number)) }
        return number
    }

    /// The number of a name; 0, which stands for all others, where the table is full.
    package func name(_ text: String) -> UInt16 {
        names.withLock { names in
            if let number = names.numbers[text] { return number }
            let number = names.numbers.count
            guard number < EventMemory.nameLimit else { return 0 }
            let entry = base + EventMemory.names + number * EventMemory.Name.stride
            var count = 0
            for byte in text.utf8.prefix(EventMemory.nameBytes) {
                entry.storeBytes(of: byte, toByteOffset: EventMemory.Name.text + count, as: UInt8.self)
                count += 1
            }
            apus_store64(entry.word64(EventMemory.Name.length), UInt64(count))
            apus_store64(base.word64(EventMemory.Header.names), UInt64(number + 1))
            names.numbers[text] = UInt16(number)
            return UInt16(number)
        }
    }

    /// Says which task began last.
    @inline(__always)
    package func setCurrent(_ name: UInt16) {
        apus_store32_release(base.word32(EventMemory.Header.current), UInt32(name) + 1)
    }

    // MARK: Events

    /// Counts an event, and writes it to the ring where events are recorded.
    package func record(
        _ kind: EventKind, name: UInt16, task: UInt32 = 0, other: UInt64 = 0, flight: UInt64 = 0
    ) {
        count(kind, name)
        write(kind, at: apus_add64(head, 1) + 1, name: name, task: task, other: other, flight: flight)
    }

    /// Records that a task was submitted.
    ///
    /// - Returns: the task's number, which is the place of the event and never 0.
    package func recordSubmission(name: UInt16) -> UInt32 {
        count(.submitted, name)
        let place = apus_add64(head, 1) + 1
        let number = max(1, UInt32(truncatingIfNeeded: place))
        write(.submitted, at: place, name: name, task: number, other: 0, flight: 0)
        return number
    }

    @inline(__always)
    private func count(_ kind: EventKind, _ name: UInt16) {
        let counts = EventMemory.names + Int(name) * EventMemory.Name.stride + EventMemory.Name.counts
        _ = apus_add64(base.word64(counts + Int(kind.rawValue) * 8), 1)
    }

    @inline(__always)
    private func write(
        _ kind: EventKind, at place: UInt64, name: UInt16, task: UInt32, other: UInt64, flight: UInt64
    ) {
        guard recordsEvents else { return }
        let record = ring + Int(truncatingIfNeeded: place & mask) * EventMemory.Record.stride
        // A reader that meets it half-written knows by the stamp.
        apus_store32_release(record.word32(EventMemory.Record.stamp), 0)
        record.storeBytes(of: apus_ticks(), toByteOffset: EventMemory.Record.ticks, as: UInt64.self)
        record.storeBytes(of: flight, toByteOffset: EventMemory.Record.flight, as: UInt64.self)
        record.storeBytes(of: task, toByteOffset: EventMemory.Record.task, as: UInt32.self)
        record.storeBytes(
            of: UInt32(truncatingIfNeeded: other), toByteOffset: EventMemory.Record.other, as: UInt32.self)
        record.storeBytes(of: name, toByteOffset: EventMemory.Record.name, as: UInt16.self)
        apus_store32_release(record.word32(EventMemory.Record.stamp), EventMemory.stamp(kind, at: place))
    }
}
