extension Tokenizer {
    /// Text of a script up to its end tag or a NUL. The comment-like parts that hide end tags are followed here:
    /// `<!--` … `-->`, and inside it `<script` … `</script>`.
    mutating func nextInScript() {
        var cursor = position
        while true {
            switch scriptPart {
            case .plain:
                cursor = Scan.byte(0x3C, in: bytes.base, from: cursor)
                guard byte(cursor) == 0x3C else { return emitScript(upTo: cursor) }
                if isAppropriateEndTag(at: cursor) { return endScript(at: cursor) }
                if byte(cursor + 1) == 0x21, byte(cursor + 2) == 0x2D, byte(cursor + 3) == 0x2D {
                    scriptPart = .escaped
                    // The two dashes may be those of `-->`.
                    cursor += 2
                } else {
                    cursor += 1
                }
            case .escaped:
                cursor = Scan.any(0x3C, 0x2D, in: bytes.base, from: cursor)
                if byte(cursor) == 0x2D {
                    cursor = afterDashes(cursor)
                } else if byte(cursor) == 0x3C {
                    if isAppropriateEndTag(at: cursor) { return endScript(at: cursor) }
                    cursor += 1
                    if isLetter(byte(cursor)) {
                        let (isScript, after) = word(at: cursor)
                        cursor = after
                        if isScript { scriptPart = .doublyEscaped }
                    }
                } else {
                    return emitScript(upTo: cursor)
                }
            case .doublyEscaped:
                cursor = Scan.any(0x3C, 0x2D, in: bytes.base, from: cursor)
                if byte(cursor) == 0x2D {
                    cursor = afterDashes(cursor)
                } else if byte(cursor) == 0x3C {
                    cursor += 1
                    if byte(cursor) == 0x2F {
                        let (isScript, after) = word(at: cursor + 1)
                        cursor = after
                        if isScript { scriptPart = .escaped }
                    }
                } else {
                    return emitScript(upTo: cursor)
                }
            }
        }
    }

    private mutating func emitScript(upTo cursor: Int) {
        emitText(position, cursor)
        position = cursor
    }

    private mutating func endScript(at cursor: Int) {
        state = .data
        scriptPart = .plain
        if cursor > position { emitScript(upTo: cursor) } else { next() }
    }

    /// The position after a run of dashes; two and a `>` end the comment.
    private mutating func afterDashes(_ start: Int) -> Int {
        var cursor = start
        while byte(cursor) == 0x2D { cursor += 1 }
        if byte(cursor) == 0x3E, cursor - start >= 2 {
            scriptPart = .plain
            cursor += 1
        }
        return cursor
    }

    /// Whether the letters from a position on spell `script`, and white space, `/` or `>` follows.
    private func word(at start: Int) -> (isScript: Bool, after: Int) {
        var cursor = start
        while isLetter(byte(cursor)) { cursor += 1 }
        let after = byte(cursor)
        guard isSpace(after) || after == 0x2F || after == 0x3E else { return (false, cursor) }
        let isScript = cursor - start == 6 && NameHash.key(bytes.base + start, 6) == 0x7470_6972_6373
        return (isScript, cursor + 1)
    }
}
