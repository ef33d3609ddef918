/// The named character references in a hash table, made once.
///
/// Safe to share: the buffers are written in `init` only, and live as long as the process.
struct NamedReferences: @unchecked Sendable {
    struct Match {
        /// Bytes of the name, the semicolon not counted.
        var length: Int
        /// Up to two scalars; the second is 0 where there is one only.
        var first: UInt32
        var second: UInt32
        /// Whether the reference also works without a semicolon.
        var worksBare: Bool
    }

    private struct Slot: BitwiseCopyable {
        var offset: UInt16 = 0
        var length: UInt8 = 0
        var worksBare = false
        var first: UInt32 = 0
        var second: UInt32 = 0
    }

    static let shared = NamedReferences()
    /// The longest name, the semicolon not counted.
    static var longest: Int { 31 }
    /// The longest name that works without a semicolon.
    static var longestBare: Int { 6 }

    private let slots: UnsafePointer<Slot>
    private let text: UnsafePointer<UInt8>
    private static var size: Int { 8192 }

    private init() {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: Self.size)
        slots.initialize(repeating: Slot(), count: Self.size)
        let text = Self.list.utf8Start
        let end = Self.list.utf8CodeUnitCount
        var position = 0
        while position < end {
            var slot = Slot()
            if text[position] == 0x2A {
                slot.worksBare = true
                position += 1
            }
            slot.offset = UInt16(position)
            let start = position
            while text[position] != 0x3D { position += 1 }
            slot.length = UInt8(position - start)
            position += 1
            while position < end, text[position] != 0x20 {
                let byte = text[position]
                if byte == 0x2C {
                    slot.first = slot.second
                    slot.second = 0
                } else {
                    slot.second = slot.second << 4 | UInt32(byte < 0x40 ? byte - 0x30 : byte - 0x37)
                }
                position += 1
            }
            if slot.first == 0 { swap(&slot.first, &slot.second) }
            position += 1
            var index = Self.hash(text + start, Int(slot.length)) & (Self.size - 1)
            while slots[index].length != 0 { index = (index + 1) & (Self.size - 1) }
            slots[index] = slot
        }
        self.slots = UnsafePointer(slots)
        self.text = text
    }

    private static func hash(_ name: UnsafePointer<UInt8>, _ length: Int) -> Int {
        var hash: UInt32 = 2_166_136_261
        for index in 0..<length { hash = (hash ^ UInt32(name[index])) &* 16_777_619 }
        return Int(hash ^ hash >> 15)
    }

    /// The reference of exactly that name.
    func find(_ name: UnsafePointer<UInt8>, _ length: Int) -> Match? {
        guard length > 0, length <= Self.longest else { return nil }
        var index = Self.hash(name, length) & (Self.size - 1)
        while slots[index].length != 0 {
            let slot = slots[index]
            if Int(slot.length) == length, (0..<length).allSatisfy({ text[Int(slot.offset) + $0] == name[$0] }) {
                return Match(length: length, first: slot.first, second: slot.second, worksBare: slot.worksBare)
            }
            index = (index + 1) & (Self.size - 1)
        }
        return nil
    }

    /// The longest reference at the start of `name` that works without a semicolon.
    func longestBare(_ name: UnsafePointer<UInt8>, _ length: Int) -> Match? {
        var length = min(length, Self.longestBare)
        while length > 1 {
            if let match = find(name, length), match.worksBare { return match }
            length -= 1
        }
        return nil
    }
}
