import UnicodeText

/// Lines and paragraphs as `split_paragraphs` of the reference tools has them.
package enum Pieces {
    static func count(_ bytes: Span<UInt8>, separator: [UInt8], removeEmpty: Bool) -> Int {
        let text = PythonRules.text
        let pieces = text.split(bytes, 0..<bytes.count, at: separator)
        guard removeEmpty else { return pieces.count }
        var count = 0
        for piece in pieces where text.skipSpace(bytes, piece) < piece.upperBound { count += 1 }
        return count
    }

    /// The pieces, stripped, without the blank ones.
    package static func stripped(_ bytes: Span<UInt8>, separator: [UInt8]) -> [Range<Int>] {
        let text = PythonRules.text
        var pieces = text.split(bytes, 0..<bytes.count, at: separator)
        var kept = 0
        for index in pieces.indices {
            let piece = text.strip(bytes, pieces[index])
            guard !piece.isEmpty else { continue }
            pieces[kept] = piece
            kept += 1
        }
        pieces.removeLast(pieces.count - kept)
        return pieces
    }
}
