/// Distinct pieces of text with how often each came.
///
/// The pieces' bytes lie one after the other in one block, found by an open-addressed table of their numbers.
struct PieceCounts: Sendable {
    struct Piece: Sendable {
        let hash: UInt64
        let start: Int
        let length: Int
        var count: Int
    }

    private(set) var pieces: [Piece] = []
    private(set) var bytes: [UInt8] = []
    /// Number of a piece plus one; 0: free. A power of two, at most half full.
    private var slots = [UInt32](repeating: 0, count: 1 << 12)

    /// Counts the piece `text[start..<end]`.
    ///
    /// - Complexity: O(length), amortised.
    @inline(__always)
    mutating func add(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, times: Int = 1) {
        let piece = UnsafeBufferPointer(rebasing: text[start..<end])
        let hash = PieceHash.hash(piece)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count &- 1)
        while slots[slot] != 0 {
            let number = Int(slots[slot] &- 1)
            if pieces[number].hash == hash, isSame(number, piece) {
                pieces[number].count &+= times
                return
            }
            slot = (slot &+ 1) & (slots.count &- 1)
        }
        insert(piece, hash, slot, times)
    }

    private func isSame(_ number: Int, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
        guard pieces[number].length == piece.count else { return false }
        let start = pieces[number].start
        for offset in 0..<piece.count where bytes[start &+ offset] != piece[offset] { return false }
        return true
    }

    @inline(never)
    private mutating func insert(_ piece: UnsafeBufferPointer<UInt8>, _ hash: UInt64, _ slot: Int, _ times: Int) {
        pieces.append(Piece(hash: hash, start: bytes.count, length: piece.count, count: times))
        bytes.append(contentsOf: piece)
        slots[slot] = UInt32(pieces.count)
        guard pieces.count * 2 > slots.count else { return }
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for (number, piece) in pieces.enumerated() {
            var slot = Int(truncatingIfNeeded: piece.hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }
}
