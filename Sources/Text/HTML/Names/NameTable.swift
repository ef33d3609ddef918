/// Names of one document: the known ones, and the others as they come up, numbered from there.
struct NameTable: ~Copyable {
    let known: KnownNames
    private var slots: GrowingBuffer<NameSlot>
    private var mask = 63
    /// Unknown names in lower case, one after the other.
    private var text = GrowingBuffer<UInt8>(capacity: 256)
    private var ranges = GrowingBuffer<(start: UInt32, count: UInt32)>(capacity: 16)

    init(_ known: KnownNames) {
        self.known = known
        slots = GrowingBuffer(capacity: 64)
        slots.append(repeating: NameSlot(), count: 64)
    }

    /// The largest number in use.
    var count: Int { known.count + ranges.count }

    /// The number of a name in any case; 0 if nobody has given it one. Eight bytes from `name` on must be readable.
    func find(_ name: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        let key = NameHash.key(name, length)
        let hash = NameHash.hash(name, length, key: key)
        let number = known.number(name, length, key: key, hash: hash)
        return number != 0 ? number : slots[slot(name, length, key, NameHash.seeded(name, length, key: key))].number
    }

    /// The number of a name in any case, a new one if it is new. Eight bytes from `name` on must be readable.
    ///
    /// Complexity: O(length), amortised.
    @inline(__always)
    mutating func intern(_ name: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        let key = NameHash.key(name, length)
        let hash = NameHash.hash(name, length, key: key)
        let number = known.number(name, length, key: key, hash: hash)
        return number != 0 ? number : internUnknown(name, length, key)
    }

    @inline(never)
    private mutating func internUnknown(
        _ name: UnsafePointer<UInt8>, _ length: Int, _ key: UInt64
    ) -> UInt32 {
        let hash = NameHash.seeded(name, length, key: key)
        let free = slot(name, length, key, hash)
        if slots[free].length != 0 { return slots[free].number }
        let offset = text.count
        for index in 0..<length {
            let byte = name[index]
            text.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
        }
        // Room for an eight-byte load from the last byte on.
        text.reserve(16)
        ranges.append((UInt32(offset), UInt32(length)))
        let number = UInt32(count)
        slots[free] = NameSlot(
            key: key, length: UInt32(length), number: number, hash: hash, offset: UInt32(offset))
        if ranges.count * 2 > mask { grow() }
        return number
    }

    private func slot(_ name: UnsafePointer<UInt8>, _ length: Int, _ key: UInt64, _ hash: UInt32) -> Int {
        var index = Int(hash) & mask
        while true {
            let slot = slots[index]
            if slot.length == 0 { return index }
            if slot.key == key, slot.length == UInt32(length),
                length <= 8 || NameHash.restEquals(name, text.base + Int(slot.offset), length)
            {
                return index
            }
            index = (index + 1) & mask
        }
    }

    private mutating func grow() {
        let larger = (mask + 1) * 4
        var moved = GrowingBuffer<NameSlot>(capacity: larger)
        moved.append(repeating: NameSlot(), count: larger)
        mask = larger - 1
        for index in 0..<slots.count where slots[index].length != 0 {
            var place = Int(slots[index].hash) & mask
            while moved[place].length != 0 { place = (place + 1) & mask }
            moved[place] = slots[index]
        }
        slots = moved
    }

    /// The bytes of a name, or nothing for a number that isn't in use. They live as long as this table, unchanged.
    func bytes(_ number: UInt32) -> UnsafeBufferPointer<UInt8> {
        if number <= known.count { return known.bytes(number) }
        guard number <= count else { return UnsafeBufferPointer(start: nil, count: 0) }
        let range = ranges[Int(number) - known.count - 1]
        return UnsafeBufferPointer(start: text.base + Int(range.start), count: Int(range.count))
    }
}
