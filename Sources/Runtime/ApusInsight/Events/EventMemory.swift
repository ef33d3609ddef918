import CApusSystem

/// The layout of the memory in which a process records what happens, and which its node reads, also after its death.
///
/// A header, a table of names with exact counts of events by name and kind, and a ring of events of 32 bytes. When the
/// ring is full the oldest events are overwritten; the counts stay exact.
package enum EventMemory {
    package static let magic: UInt64 = 0x3156_4553_5550_4102
    /// Events that a ring holds where nothing else is asked for.
    package static let defaultCapacity = 1 << 15
    package static let nameLimit = 1024
    /// Longer names are cut.
    package static let nameBytes = 112

    enum Header {
        static let magic = 0
        static let capacity = 8
        /// Names in use.
        static let names = 16
        /// The name of the task that began last, for lines that the process prints.
        static let current = 24
        /// On a cache line of its own: events since the beginning.
        static let head = 64
        static let bytes = 128
    }

    enum Name {
        static let length = 0
        static let text = 8
        static let counts = 8 + EventMemory.nameBytes
        static let stride = counts + EventKind.count * 8
    }

    enum Record {
        static let ticks = 0
        static let flight = 8
        static let task = 16
        static let other = 20
        static let name = 24
        static let stamp = 28
        static let stride = 32
    }

    static let names = Header.bytes
    static let ring = names + nameLimit * Name.stride

    /// - Parameter capacity: events in the ring: a power of two, or 0 for counts alone.
    package static func length(capacity: Int) -> Int { ring + capacity * Record.stride }

    /// What the last word of a record says: its kind, and the low 24 bits of its place since the beginning, by which a
    /// reader knows one that is being written over.
    static func stamp(_ kind: EventKind, at place: UInt64) -> UInt32 {
        UInt32(kind.rawValue) | UInt32(truncatingIfNeeded: place) << 8
    }
}

extension UnsafeMutableRawPointer {
    func word64(_ offset: Int) -> UnsafeMutablePointer<UInt64> { (self + offset).assumingMemoryBound(to: UInt64.self) }
    func word32(_ offset: Int) -> UnsafeMutablePointer<UInt32> { (self + offset).assumingMemoryBound(to: UInt32.self) }
}
