/// The names with constants, in a hash table that is made once and never changes.
///
/// Safe to share: the buffers are written in `init` only, and live as long as the process.
struct KnownNames: @unchecked Sendable {
    let slots: UnsafePointer<NameSlot>
    let mask: Int
    private let text: UnsafePointer<UInt8>
    private let ranges: UnsafePointer<(start: Int, count: Int)>
    let count: Int

    init(_ list: StaticString, count: Int) {
        let size = 2048
        let slots = UnsafeMutablePointer<NameSlot>.allocate(capacity: size)
        slots.initialize(repeating: NameSlot(), count: size)
        let padded = UnsafeMutablePointer<UInt8>.allocate(capacity: list.utf8CodeUnitCount + 16)
        padded.initialize(repeating: 0, count: list.utf8CodeUnitCount + 16)
        padded.update(from: list.utf8Start, count: list.utf8CodeUnitCount)
        let ranges = UnsafeMutablePointer<(start: Int, count: Int)>.allocate(capacity: count + 1)
        ranges.initialize(repeating: (0, 0), count: count + 1)
        var (start, number) = (0, 0)
        for end in 0...list.utf8CodeUnitCount where end == list.utf8CodeUnitCount || padded[end] == 0x20 {
            number += 1
            ranges[number] = (start, end - start)
            let spelled = UnsafePointer(padded + start)
            let key = NameHash.key(spelled, end - start)
            let hash = NameHash.hash(spelled, end - start, key: key)
            // Names with capitals are reached from their lower-case twins, never by look-up.
            if !(start..<end).contains(where: { padded[$0] &- 0x41 < 26 }) {
                var slot = Int(hash) & (size - 1)
                while slots[slot].length != 0 { slot = (slot + 1) & (size - 1) }
                slots[slot] = NameSlot(
                    key: key, length: UInt32(end - start), number: UInt32(number), hash: hash, offset: UInt32(start))
            }
            start = end + 1
        }
        precondition(number == count, "the generated list has another number of names than it says")
        self.slots = UnsafePointer(slots)
        mask = size - 1
        text = UnsafePointer(padded)
        self.ranges = UnsafePointer(ranges)
        self.count = count
    }

    /// The number of a name in any case; 0 if it has none. Eight bytes from `name` on must be readable.
    @inline(__always)
    func number(_ name: UnsafePointer<UInt8>, _ length: Int, key: UInt64, hash: UInt32) -> UInt32 {
        var index = Int(hash) & mask
        while true {
            let slot = slots + index
            if slot.pointee.key == key, slot.pointee.length == UInt32(truncatingIfNeeded: length),
                length <= 8 || NameHash.restEquals(name, text + Int(slot.pointee.offset), length)
            {
                return slot.pointee.number
            }
            if slot.pointee.length == 0 { return 0 }
            index = (index &+ 1) & mask
        }
    }

    /// The number of a name as spelled.
    func number(of name: String) -> UInt32? {
        (1...UInt32(count)).first { spelling($0) == name }
    }

    func spelling(_ number: UInt32) -> String {
        String(decoding: bytes(number), as: UTF8.self)
    }

    func bytes(_ number: UInt32) -> UnsafeBufferPointer<UInt8> {
        let range = ranges[Int(number)]
        return UnsafeBufferPointer(start: text + range.start, count: range.count)
    }
}
