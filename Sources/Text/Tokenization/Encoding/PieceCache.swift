/// Ids of pieces seen before, by their bytes: most pieces of a text are few words that come again and again.
///
/// Set-associative without chains: a piece has one slot, and a newer piece takes it. Pieces of up to 16 bytes are their
/// own key, inside the slot; longer ones (and ids beyond three) live in an arena, which starts afresh when it is full.
/// One slot is half a cache line, so that a hit costs one miss at worst.
struct PieceCache {
    /// Longer pieces are not kept: they are rare, and would wash the others out.
    static let pieceLimit = 128
    /// 4 MB of slots. With a quarter of them (as much as L2 holds) pieces of ordinary text wash each other out, and encoding is
    /// 1.5 times slower (Benchmarks/tokenization).
    private static let slotBits: UInt64 = 17
    private static let arenaLimit = 1 << 22

    struct Slot {
        /// The piece's bytes, zero-padded; or, of more than 16 bytes, its hash and its place in `longPieces`.
        var low: UInt64 = 0
        var high: UInt64 = 0
        /// Length in bytes; 0: free.
        var length: UInt16 = 0
        var count: UInt16 = 0
        /// The ids, or, of more than three, their place in `longIds` first.
        var first: UInt32 = 0
        var second: UInt32 = 0
        var third: UInt32 = 0
    }

    private var slots = [Slot](repeating: Slot(), count: 1 << slotBits)
    private var longIds: [UInt32] = []
    private var longPieces: [UInt8] = []

    /// What a piece is looked up by.
    struct Key {
        let low: UInt64
        let high: UInt64
        let length: Int

        /// The key of `text[start..<end]`, of 1 … `pieceLimit` bytes.
        @inline(__always)
        init(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) {
            length = end &- start
            let base = UnsafeRawPointer(text.baseAddress.unsafelyUnwrapped) + start
            if length <= 16 {
                if start &+ 16 <= text.count {
                    // Sixteen bytes from `start` are inside the text; those beyond the piece are masked off.
                    let a = base.loadUnaligned(as: UInt64.self)
                    let b = (base + 8).loadUnaligned(as: UInt64.self)
                    low = length >= 8 ? a : a & Self.mask(length)
                    high = length <= 8 ? 0 : length == 16 ? b : b & Self.mask(length &- 8)
                } else {
                    var a: UInt64 = 0
                    var b: UInt64 = 0
                    for offset in 0..<length {
                        let byte = UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
                        if offset < 8 {
                            a |= byte &<< UInt64(offset * 8)
                        } else {
                            b |= byte &<< UInt64(offset * 8 - 64)
                        }
                    }
                    low = a
                    high = b
                }
            } else {
                low = PieceHash.hash(UnsafeBufferPointer(rebasing: text[start..<end]))
                high = 0
            }
        }

        /// The low `bytes` bytes of a word, for fewer than 8.
        @inline(__always)
        private static func mask(_ bytes: Int) -> UInt64 { (1 &<< UInt64(truncatingIfNeeded: bytes &* 8)) &- 1 }

        @inline(__always)
        var slot: Int {
            let mixed =
                (low ^ (high &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(truncatingIfNeeded: length)) &* 0xD6E8_FEB8_6659_FD93
            let spread = (mixed ^ mixed &>> 32) &* 0x9E37_79B9_7F4A_7C15
            return Int(truncatingIfNeeded: spread &>> (64 &- PieceCache.slotBits))
        }
    }

    /// Appends the ids of a piece, if it is known.
    @inline(__always)
    func lookUp(_ key: Key, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, into ids: inout IdentifierBuffer) -> Bool
    {
        let slot = slots.withUnsafeBufferPointer { $0[key.slot] }
        guard slot.low == key.low, Int(slot.length) == key.length else { return false }
        if key.length <= 16 {
            guard slot.high == key.high else { return false }
        } else if !isSame(slot, text, start) {
            return false
        }
        if slot.count <= 3 {
            ids.append(slot.first, slot.second, slot.third, count: Int(slot.count))
        } else {
            ids.append(longIds, from: Int(slot.first), count: Int(slot.count))
        }
        return true
    }

    private func isSame(_ slot: Slot, _ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        let place = Int(slot.high)
        for offset in 0..<Int(slot.length) where longPieces[place + offset] != text[start + offset] { return false }
        return true
    }

    /// Keeps the ids of a piece.
    mutating func insert(
        _ key: Key, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, ids: UnsafeBufferPointer<UInt32>
    ) {
        if longIds.count + longPieces.count > Self.arenaLimit { removeAll() }
        var slot = Slot(low: key.low, high: key.high, length: UInt16(key.length), count: UInt16(ids.count))
        if key.length > 16 {
            slot.high = UInt64(longPieces.count)
            longPieces.append(contentsOf: text[start..<start + key.length])
        }
        if ids.count <= 3 {
            if ids.count > 0 { slot.first = ids[0] }
            if ids.count > 1 { slot.second = ids[1] }
            if ids.count > 2 { slot.third = ids[2] }
        } else {
            slot.first = UInt32(longIds.count)
            longIds.append(contentsOf: ids)
        }
        slots[key.slot] = slot
    }

    private mutating func removeAll() {
        longIds.removeAll(keepingCapacity: true)
        longPieces.removeAll(keepingCapacity: true)
        for index in slots.indices { slots[index] = Slot() }
    }
}

/// Ids being made: an array that is grown ahead, so that appending a few is one check.
struct IdentifierBuffer {
    private(set) var storage: [UInt32] = []
    private(set) var count = 0

    @inline(__always)
    private mutating func reserve(_ extra: Int) {
        if count &+ extra > storage.count {
            storage.append(contentsOf: repeatElement(0, count: Swift.max(storage.count, extra, 1024)))
        }
    }

    @inline(__always)
    mutating func append(_ id: UInt32) {
        reserve(1)
        storage[count] = id
        count &+= 1
    }

    /// Appends the first `count` of three ids.
    @inline(__always)
    mutating func append(_ first: UInt32, _ second: UInt32, _ third: UInt32, count added: Int) {
        reserve(3)
        let at = count
        storage.withUnsafeMutableBufferPointer {
            $0[at] = first
            $0[at &+ 1] = second
            $0[at &+ 2] = third
        }
        count &+= added
    }

    mutating func append(_ ids: [UInt32], from start: Int, count added: Int) {
        reserve(added)
        for offset in 0..<added { storage[count + offset] = ids[start + offset] }
        count += added
    }

    mutating func append(_ ids: UnsafeBufferPointer<UInt32>) {
        reserve(ids.count)
        for (offset, id) in ids.enumerated() { storage[count + offset] = id }
        count += ids.count
    }

    mutating func removeAll() { count = 0 }
}
