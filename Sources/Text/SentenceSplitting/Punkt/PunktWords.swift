import UnicodeText

/// Cuts a line into Punkt's words.
struct PunktWords {
    private let text = PythonText()

    /// The next word of a line; nil where only white space is left.
    func next(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Range<Int>? {
        let start = text.skipSpace(bytes, line)
        guard start < line.upperBound else { return nil }
        if let end = runEnd(bytes, start, line.upperBound) { return start..<end }
        let first = bytes.scalar(at: start)
        if first.value < 0x80, PunktCharacters.startsNoWord(bytes[start]) { return start..<start + 1 }
        var end = start + first.length
        while end < line.upperBound, !endsWord(bytes, end, line.upperBound) { end += bytes.scalar(at: end).length }
        return start..<end
    }

    /// The end of two or more hyphens or full stops, or of three or more full stops with a white space between each.
    private func runEnd(_ bytes: Span<UInt8>, _ start: Int, _ limit: Int) -> Int? {
        let byte = bytes[start]
        guard byte == 0x2D || byte == 0x2E, start + 1 < limit else { return nil }
        if bytes[start + 1] == byte {
            var end = start + 2
            while end < limit, bytes[end] == byte { end += 1 }
            return end
        }
        guard byte == 0x2E else { return nil }
        var (stops, end, position) = (1, start + 1, start + 1)
        while position < limit {
            let space = bytes.scalar(at: position)
            guard text.isSpace(space.value) else { break }
            position += space.length
            guard position < limit, bytes[position] == 0x2E else { break }
            position += 1
            stops += 1
            end = position
        }
        return stops >= 3 ? end : nil
    }

    /// Whether a word ends before a byte: at white space, what no word holds, a run, or a comma before any of these.
    private func endsWord(_ bytes: Span<UInt8>, _ position: Int, _ limit: Int) -> Bool {
        let byte = bytes[position]
        if 0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte { return false }
        if byte == 0x2C {
            return position + 1 == limit || bytes[position + 1] != 0x2C && endsWord(bytes, position + 1, limit)
        }
        if PunktCharacters.isOutsideWords(byte) || text.isSpace(bytes.scalar(at: position).value) { return true }
        return runEnd(bytes, position, limit) != nil
    }
}
