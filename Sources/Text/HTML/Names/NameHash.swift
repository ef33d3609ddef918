/// Hashing of names that lie in padded UTF-8: eight bytes at a time, letters taken as lower case.
enum NameHash {
    /// Eight bytes with `A` … `Z` made lower case. The high bit of a byte that isn't ASCII stays as it is.
    @inline(__always)
    static func lowered(_ word: UInt64) -> UInt64 {
        let seven = word & 0x7F7F_7F7F_7F7F_7F7F
        let fromA = seven &+ 0x3F3F_3F3F_3F3F_3F3F  // high bit where byte ≥ 'A'
        let pastZ = seven &+ 0x2525_2525_2525_2525  // high bit where byte > 'Z'
        let upper = (fromA ^ pastZ) & ~word & 0x8080_8080_8080_8080
        return word | upper >> 2
    }

    @inline(__always)
    static func word(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    }

    /// The first eight bytes (fewer for a shorter name), in lower case. Reads eight bytes whatever the length.
    @inline(__always)
    static func key(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        let all = lowered(word(bytes))
        return length >= 8 ? all : all & ((1 << UInt64(length &* 8)) &- 1)
    }

    @inline(__always)
    static func hash(_ bytes: UnsafePointer<UInt8>, _ length: Int, key: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: state(bytes, length, key) >> 32)
    }

    /// A hash that nobody can foresee, for tables that a page fills: else it could have all its names collide.
    static func seeded(_ bytes: UnsafePointer<UInt8>, _ length: Int, key: UInt64) -> UInt32 {
        let state = state(bytes, length, key ^ seed)
        let mixed = (state ^ state >> 32) &* 0xD6E8_FEB8_6659_FD93
        return UInt32(truncatingIfNeeded: mixed >> 32)
    }

    private static let seed = UInt64.random(in: .min ... .max)

    @inline(__always)
    private static func state(_ bytes: UnsafePointer<UInt8>, _ length: Int, _ start: UInt64) -> UInt64 {
        var hash = (start ^ UInt64(length)) &* 0x9E37_79B9_7F4A_7C15
        if length > 8 {
            var offset = 8
            while offset + 8 <= length {
                hash = (hash ^ hash >> 29 ^ lowered(word(bytes + offset))) &* 0xBF58_476D_1CE4_E5B9
                offset += 8
            }
            hash = (hash ^ hash >> 32 ^ lowered(word(bytes + length - 8))) &* 0x94D0_49BB_1331_11EB
        }
        return hash
    }

    /// Whether a name equals one stored in lower case, from the ninth byte on.
    @inline(__always)
    static func restEquals(_ bytes: UnsafePointer<UInt8>, _ stored: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        var offset = 8
        while offset + 8 <= length {
            if lowered(word(bytes + offset)) != word(stored + offset) { return false }
            offset += 8
        }
        return length <= 8 || lowered(word(bytes + length - 8)) == word(stored + length - 8)
    }
}

/// One name in a hash table; `length` 0 marks a free slot.
struct NameSlot: BitwiseCopyable {
    var key: UInt64 = 0
    var length: UInt32 = 0
    var number: UInt32 = 0
    var hash: UInt32 = 0
    /// Where the name lies in its table's text.
    var offset: UInt32 = 0
}
