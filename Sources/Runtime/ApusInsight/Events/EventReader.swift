import ApusTransport
import CApusSystem

/// Exact counts of one name's events in one process.
package struct NameCounts: Sendable, Codable, Equatable {
    package var name: String
    /// By kind.
    package var counts: [UInt64]

    package init(name: String, counts: [UInt64]) {
        self.name = name
        self.counts = counts
    }

    package subscript(_ kind: EventKind) -> UInt64 {
        counts.indices.contains(Int(kind.rawValue)) ? counts[Int(kind.rawValue)] : 0
    }
}

/// Reads what another process records. The other process may write anything at any time: every number is checked.
package struct EventReader: Sendable {
    private let mapping: SharedMapping
    private var base: UnsafeMutableRawPointer { mapping.base }
    private let capacity: Int

    /// - Parameter descriptor: of memory that `EventRecorder.prepare` made with the same capacity; not closed.
    package init(descriptor: Int32, capacity: Int) throws(TransportError) {
        mapping = try SharedMapping(descriptor: descriptor, length: EventMemory.length(capacity: capacity))
        self.capacity = capacity
    }

    /// Names by their numbers.
    package func names() -> [String] { counts().map(\.name) }

    package func counts() -> [NameCounts] {
        let count = Int(min(apus_load64(base.word64(EventMemory.Header.names)), UInt64(EventMemory.nameLimit)))
        return (0..<count).map { number in
            let entry = base + EventMemory.names + number * EventMemory.Name.stride
            return NameCounts(
                name: text(entry),
                counts: (0..<EventKind.count).map {
                    apus_load64_relaxed(entry.word64(EventMemory.Name.counts + $0 * 8))
                })
        }
    }

    private func text(_ entry: UnsafeMutableRawPointer) -> String {
        let length = Int(
            min(apus_load64(entry.word64(EventMemory.Name.length)), UInt64(EventMemory.nameBytes)))
        return String(
            decoding: UnsafeRawBufferPointer(start: entry + EventMemory.Name.text, count: length), as: UTF8.self)
    }

    /// The name of the task that began last.
    package var current: String? {
        let number = Int(apus_load32_acquire(base.word32(EventMemory.Header.current)))
        guard number > 0, number <= EventMemory.nameLimit else { return nil }
        let text = text(base + EventMemory.names + (number - 1) * EventMemory.Name.stride)
        return text.isEmpty ? nil : text
    }

    /// Events since the beginning, those that were overwritten included.
    package var total: UInt64 { apus_load64_acquire(base.word64(EventMemory.Header.head)) }

    /// The events in the ring, oldest first; ones that are being written are left out.
    ///
    /// - Parameter limit: the newest so many.
    package func events(limit: Int = .max) -> [EventRecord] {
        guard capacity > 0 else { return [] }
        let end = total
        let held = min(end, UInt64(capacity), UInt64(max(0, limit)))
        var events: [EventRecord] = []
        events.reserveCapacity(Int(held))
        for place in (end - held)..<end {
            if let event = event(place + 1) { events.append(event) }
        }
        return events
    }

    private func event(_ place: UInt64) -> EventRecord? {
        let record = base + EventMemory.ring + Int(place & UInt64(capacity - 1)) * EventMemory.Record.stride
        let stamp = apus_load32_acquire(record.word32(EventMemory.Record.stamp))
        guard let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: stamp)),
            stamp == EventMemory.stamp(kind, at: place)
        else { return nil }
        let event = EventRecord(
            kind: kind, ticks: record.load(fromByteOffset: EventMemory.Record.ticks, as: UInt64.self),
            task: record.load(fromByteOffset: EventMemory.Record.task, as: UInt32.self),
            other: record.load(fromByteOffset: EventMemory.Record.other, as: UInt32.self),
            name: record.load(fromByteOffset: EventMemory.Record.name, as: UInt16.self),
            flight: record.load(fromByteOffset: EventMemory.Record.flight, as: UInt64.self))
        apus_fence()
        return apus_load32(record.word32(EventMemory.Record.stamp)) == stamp ? event : nil
    }
}
