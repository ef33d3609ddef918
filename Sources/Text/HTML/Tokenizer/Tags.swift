extension Tokenizer {
    /// A tag whose name starts at a letter. At the end of the input an unfinished tag vanishes.
    @inline(__always)
    mutating func tag(_ kind: TokenKind, from nameStart: Int) {
        self.kind = kind
        isSelfClosing = false
        firstAttribute = attributes.count
        let base = UnsafePointer(bytes.base)
        var cursor = nameStart + 1
        while classes[Int(base[cursor])] & ByteClass.endsTagName == 0 { cursor &+= 1 }
        if base[cursor] == 0 {
            if cursor >= end { return finishAtEnd() }
            cursor = nameWithNull(from: nameStart, endingWith: ByteClass.endsTagName, isElement: true)
            name = pendingName
        } else {
            name = elementNames.intern(base + nameStart, cursor - nameStart)
        }
        if bytes.base[cursor] == 0x3E {
            position = cursor + 1
        } else {
            tagNumber &+= 1
            parseAttributes(from: cursor)
            if self.kind == .end { return }
        }
        if kind == .startTag { lastStartTag = name } else { attributes.truncate(to: firstAttribute) }
    }

    mutating func finishAtEnd() {
        attributes.truncate(to: firstAttribute)
        position = end
        kind = .end
    }

    /// Attributes up to and with the `>`.
    @inline(never)
    private mutating func parseAttributes(from start: Int) {
        var cursor = start
        while true {
            var base = UnsafePointer(bytes.base)
            while classes[Int(base[cursor])] & ByteClass.space != 0 { cursor &+= 1 }
            if base[cursor] == 0x3E {
                position = cursor + 1
                return
            }
            if base[cursor] == 0x2F {
                cursor &+= 1
                if base[cursor] == 0x3E {
                    isSelfClosing = true
                    position = cursor + 1
                    return
                }
                continue
            }
            if base[cursor] == 0, cursor >= end { return finishAtEnd() }

            // The name; an equals sign may only start it.
            let nameStart = cursor
            if base[cursor] == 0x3D { cursor &+= 1 }
            while classes[Int(base[cursor])] & ByteClass.endsAttributeName == 0 { cursor &+= 1 }
            let number: UInt32
            if base[cursor] == 0 {
                if cursor >= end { return finishAtEnd() }
                cursor = nameWithNull(from: nameStart, endingWith: ByteClass.endsAttributeName, isElement: false)
                number = pendingName
                base = UnsafePointer(bytes.base)
                if cursor >= end { return finishAtEnd() }
            } else {
                number = attributeNames.intern(base + nameStart, cursor - nameStart)
            }

            // The value.
            while classes[Int(base[cursor])] & ByteClass.space != 0 { cursor &+= 1 }
            var (valueStart, valueEnd) = (0, 0)
            if base[cursor] == 0x3D {
                cursor &+= 1
                while classes[Int(base[cursor])] & ByteClass.space != 0 { cursor &+= 1 }
                let quote = base[cursor]
                if quote == 0x22 || quote == 0x27 {
                    valueStart = cursor + 1
                    cursor = Scan.any(quote, 0x26, in: base, from: valueStart)
                    if base[cursor] == quote {
                        valueEnd = cursor
                    } else {
                        (valueStart, valueEnd, cursor) = valueWithReferences(from: valueStart, at: cursor, quote: quote)
                    }
                    if cursor >= end { return finishAtEnd() }
                    cursor &+= 1
                } else if quote != 0x3E {
                    valueStart = cursor
                    while classes[Int(base[cursor])] & ByteClass.endsUnquoted == 0 { cursor &+= 1 }
                    valueEnd = cursor
                    if base[cursor] == 0x26 || base[cursor] == 0 {
                        (valueStart, valueEnd, cursor) = valueWithReferences(from: valueStart, at: cursor, quote: 0)
                    }
                    if cursor >= end { return finishAtEnd() }
                }
            }

            // The first of several with one name counts.
            if Int(number) >= lastTag.count { lastTag.append(repeating: 0, count: max(64, lastTag.count)) }
            if lastTag[Int(number)] != tagNumber {
                lastTag[Int(number)] = tagNumber
                attributes.append(
                    AttributeRecord(
                        tag: number, start: UInt32(truncatingIfNeeded: valueStart),
                        count: UInt32(truncatingIfNeeded: valueEnd &- valueStart)))
            }
        }
    }

    /// A value in which a `&` or NUL was found at `stop`.
    ///
    /// - Parameter quote: 0 for an unquoted value.
    /// - Returns: the value's range, and the position of the byte that ended it.
    @inline(never)
    private mutating func valueWithReferences(
        from start: Int, at stop: Int, quote: UInt8
    ) -> (start: Int, end: Int, cursor: Int) {
        var cursor = stop
        // What isn't yet written behind the input starts here.
        var pending = start
        let written = bytes.count
        while true {
            let byte = byte(cursor)
            if byte == 0x26 {
                if let (length, first, second) = decodeReference(at: cursor, inAttribute: true) {
                    bytes.appendOwn(pending, count: cursor - pending)
                    appendScalar(first)
                    if second != 0 { appendScalar(second) }
                    cursor += length
                    pending = cursor
                } else {
                    cursor += 1
                }
            } else if byte == 0, cursor < end {
                bytes.appendOwn(pending, count: cursor - pending)
                appendReplacementCharacter()
                cursor += 1
                pending = cursor
            } else if byte == quote || byte == 0 || (quote == 0 && classes[Int(byte)] & ByteClass.endsUnquoted != 0) {
                break
            }
            if quote != 0 {
                cursor = Scan.any(quote, 0x26, in: bytes.base, from: cursor)
            } else {
                while classes[Int(self.byte(cursor))] & ByteClass.endsUnquoted == 0 { cursor += 1 }
            }
        }
        if bytes.count == written { return (start, cursor, cursor) }
        bytes.appendOwn(pending, count: cursor - pending)
        return (written, bytes.count, cursor)
    }

    /// Reads a name with NUL bytes in it into `pendingName`, and returns where it ends.
    @inline(never)
    private mutating func nameWithNull(from start: Int, endingWith ends: UInt8, isElement: Bool) -> Int {
        let written = bytes.count
        var cursor = start
        while true {
            let byte = byte(cursor)
            if byte == 0, cursor < end {
                appendReplacementCharacter()
            } else if classes[Int(byte)] & ends != 0, cursor > start || byte != 0x3D {
                break
            } else {
                bytes.append(byte)
            }
            cursor += 1
        }
        bytes.reserve(16)
        let length = bytes.count - written
        pendingName =
            isElement
            ? elementNames.intern(bytes.base + written, length) : attributeNames.intern(bytes.base + written, length)
        bytes.truncate(to: written)
        return cursor
    }
}
