extension Tokenizer {
    /// `<!`: a comment, a doctype, a CDATA section, or what is taken for a comment.
    @inline(never)
    mutating func markupDeclaration() {
        let start = position + 2
        if byte(start) == 0x2D, byte(start + 1) == 0x2D { return comment(from: start + 2) }
        if NameHash.key(bytes.base + start, 7) == 0x65_7079_7463_6F64 { return doctype(from: start + 7) }
        if allowsCDATA, matches("[CDATA[", at: start) {
            position = start + 7
            state = .cdata
            return next()
        }
        bogusComment(from: start)
    }

    private func matches(_ word: StaticString, at start: Int) -> Bool {
        (0..<word.utf8CodeUnitCount).allSatisfy { byte(start + $0) == word.utf8Start[$0] }
    }

    /// A comment from behind its `<!--`.
    private mutating func comment(from start: Int) {
        if byte(start) == 0x3E { return emitComment(start, start, resumingAt: start + 1) }
        if byte(start) == 0x2D, byte(start + 1) == 0x3E { return emitComment(start, start, resumingAt: start + 2) }
        var cursor = start
        while cursor < end {
            cursor = Scan.byte(0x2D, in: bytes.base, from: cursor)
            if byte(cursor) == 0x2D, byte(cursor + 1) == 0x2D {
                if byte(cursor + 2) == 0x3E { return emitComment(start, cursor, resumingAt: cursor + 3) }
                if byte(cursor + 2) == 0x21, byte(cursor + 3) == 0x3E {
                    return emitComment(start, cursor, resumingAt: cursor + 4)
                }
            }
            cursor += 1
        }
        // The input ends: what may have begun to end the comment isn't part of it.
        var stop = end
        if stop - start >= 3, byte(stop - 1) == 0x21, byte(stop - 2) == 0x2D, byte(stop - 3) == 0x2D {
            stop -= 3
        } else {
            for _ in 0..<2 where stop > start && byte(stop - 1) == 0x2D { stop -= 1 }
        }
        emitComment(start, stop, resumingAt: end)
    }

    mutating func bogusComment(from start: Int) {
        var stop = start
        while true {
            stop = Scan.byte(0x3E, in: bytes.base, from: stop)
            if byte(stop) == 0x3E || stop >= end { break }
            stop += 1
        }
        emitComment(start, stop, resumingAt: min(stop + 1, end))
    }

    private mutating func emitComment(_ start: Int, _ stop: Int, resumingAt next: Int) {
        position = next
        kind = .comment
        (textStart, textEnd) = withoutNull(start, stop)
    }

    /// The range itself, or that of a copy with U+FFFD for NUL.
    private mutating func withoutNull(_ start: Int, _ stop: Int) -> (Int, Int) {
        // Looked for once for all constructs before it: a search of its own for each would be quadratic.
        if nextNull < start { nextNull = Scan.byte(0, in: bytes.base, from: start) }
        guard nextNull < stop else { return (start, stop) }
        return replacingNull(start, stop, lowering: false)
    }

    private mutating func replacingNull(_ start: Int, _ stop: Int, lowering: Bool) -> (Int, Int) {
        let written = bytes.count
        for cursor in start..<stop {
            let byte = byte(cursor)
            if byte == 0 {
                appendReplacementCharacter()
            } else {
                bytes.append(lowering && byte &- 0x41 < 26 ? byte | 0x20 : byte)
            }
        }
        return (written, bytes.count)
    }

    // MARK: Doctypes

    /// A doctype from behind its keyword.
    private mutating func doctype(from start: Int) {
        kind = .doctype
        forcesQuirks = false
        firstAttribute = attributes.count
        for _ in 0..<3 { attributes.append(AttributeRecord(tag: 0, start: 0, count: AttributeRecord.missing)) }
        var cursor = skipSpace(start)
        if cursor >= end || byte(cursor) == 0x3E {
            forcesQuirks = true
            position = min(cursor + 1, end)
            return
        }
        let name = cursor
        while cursor < end, !isSpace(byte(cursor)), byte(cursor) != 0x3E { cursor += 1 }
        setDoctype(part: 0, replacingNull(name, cursor, lowering: true))
        cursor = skipSpace(cursor)
        if cursor >= end {
            forcesQuirks = true
        } else if byte(cursor) != 0x3E {
            cursor = doctypeIdentifiers(from: cursor)
        }
        position = min(cursor + 1, end)
    }

    private mutating func setDoctype(part: Int, _ range: (Int, Int)) {
        attributes[firstAttribute + part] = AttributeRecord(
            tag: 0, start: UInt32(truncatingIfNeeded: range.0), count: UInt32(truncatingIfNeeded: range.1 - range.0))
    }

    private func skipSpace(_ start: Int) -> Int {
        var cursor = start
        while isSpace(byte(cursor)) { cursor += 1 }
        return cursor
    }

    /// Reads `PUBLIC` or `SYSTEM` and what follows; returns the position of the `>` or the end.
    private mutating func doctypeIdentifiers(from start: Int) -> Int {
        let keyword = NameHash.key(bytes.base + start, 6)
        let isPublic = keyword == 0x6369_6C62_7570
        guard isPublic || keyword == 0x6D65_7473_7973 else { return bogusDoctype(from: start, forcing: true) }
        var cursor = skipSpace(start + 6)
        var part = isPublic ? 1 : 2
        while part <= 2 {
            let quote = byte(cursor)
            if quote == 0x3E || cursor >= end {
                // A public identifier may stand alone.
                if part == 1 || !isPublic || cursor >= end { forcesQuirks = true }
                return cursor
            }
            guard quote == 0x22 || quote == 0x27 else { return bogusDoctype(from: cursor, forcing: true) }
            let value = cursor + 1
            cursor = value
            while cursor < end, byte(cursor) != quote, byte(cursor) != 0x3E { cursor += 1 }
            setDoctype(part: part, withoutNull(value, cursor))
            if cursor >= end || byte(cursor) == 0x3E {
                forcesQuirks = true
                return cursor
            }
            cursor = skipSpace(cursor + 1)
            part += 1
        }
        if cursor >= end { forcesQuirks = true }
        return cursor >= end || byte(cursor) == 0x3E ? cursor : bogusDoctype(from: cursor, forcing: false)
    }

    /// Skips junk up to the `>`. Junk behind the identifiers forces no quirks, even if the input ends in it.
    private mutating func bogusDoctype(from start: Int, forcing: Bool) -> Int {
        if forcing { forcesQuirks = true }
        var cursor = start
        while cursor < end, byte(cursor) != 0x3E { cursor += 1 }
        return cursor
    }
}
