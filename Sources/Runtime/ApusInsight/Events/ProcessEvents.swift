import ApusCore

/// What a process of a cluster is.
package enum ProcessRole: String, Codable, Sendable { case driver, worker }

/// The events of one process as they travel and as they are kept in files.
package struct ProcessEvents: Codable, Sendable {
    package var process: UInt64
    package var pid: Int32
    package var role: ProcessRole
    /// The actor that lives there, or lived.
    package var actor: String?
    package var names: [String]
    /// Events that were overwritten before they were read.
    package var lost: UInt64
    private var packed: [UInt8]

    package init(
        process: UInt64, pid: Int32, role: ProcessRole, actor: String? = nil, names: [String], lost: UInt64,
        events: [EventRecord]
    ) {
        self.process = process
        self.pid = pid
        self.role = role
        self.actor = actor
        self.names = names
        self.lost = lost
        packed = []
        packed.reserveCapacity(events.count * Self.stride)
        for event in events { Self.append(event, to: &packed) }
    }

    package init(
        process: UInt64, pid: Int32, role: ProcessRole, actor: String? = nil, reader: EventReader, limit: Int = .max
    ) {
        let events = reader.events(limit: limit)
        let total = reader.total
        self.init(
            process: process, pid: pid, role: role, actor: actor, names: reader.names(),
            lost: total - min(total, UInt64(events.count)), events: events)
    }

    private static let stride = 27

    private static func append(_ event: EventRecord, to bytes: inout [UInt8]) {
        func number<Number: FixedWidthInteger>(_ value: Number, _ bytes: inout [UInt8]) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(event.kind.rawValue)
        number(event.ticks, &bytes)
        number(event.flight, &bytes)
        number(event.task, &bytes)
        number(event.other, &bytes)
        number(event.name, &bytes)
    }

    package var count: Int { packed.count / Self.stride }

    /// The events in order of their places; kinds that this version does not know are left out.
    package var events: [EventRecord] {
        packed.withUnsafeBytes { bytes in
            (0..<bytes.count / Self.stride).compactMap { index in
                let start = index * Self.stride
                func number<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
                    Number(littleEndian: bytes.loadUnaligned(fromByteOffset: start + offset, as: type))
                }
                guard let kind = EventKind(rawValue: bytes[start]) else { return nil }
                return EventRecord(
                    kind: kind, ticks: number(1, UInt64.self), task: number(17, UInt32.self),
                    other: number(21, UInt32.self), name: number(25, UInt16.self), flight: number(9, UInt64.self))
            }
        }
    }
}

/// The events of a cluster, with what relates the processor's counter to time.
package struct ClusterEvents: Codable, Sendable {
    package var cluster: String
    /// A moment by the processor's counter, and the same one in seconds since 1970.
    package var anchorTicks: UInt64
    package var anchorSeconds: Double
    package var nanosecondsPerTick: Double
    package var processes: [ProcessEvents]

    package init(
        cluster: String, anchorTicks: UInt64, anchorSeconds: Double, nanosecondsPerTick: Double,
        processes: [ProcessEvents]
    ) {
        self.cluster = cluster
        self.anchorTicks = anchorTicks
        self.anchorSeconds = anchorSeconds
        self.nanosecondsPerTick = nanosecondsPerTick
        self.processes = processes
    }

    /// Seconds from the anchor; negative before it.
    package func seconds(_ ticks: UInt64) -> Double {
        Double(Int64(bitPattern: ticks &- anchorTicks)) * nanosecondsPerTick / 1e9
    }
}
