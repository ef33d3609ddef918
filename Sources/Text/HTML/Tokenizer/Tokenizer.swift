/// The HTML standard's tokenizer over cleaned bytes (`Source`). The whole input is there, so the standard's states fold
/// into a few functions, one for each construct; only the content models remain as states.
///
/// `next()` leaves the token in the fields. Text and values are ranges of `bytes`: of the input where they stand there
/// as they are, else of what is appended behind it. Parse errors are not reported.
struct Tokenizer: ~Copyable {
    /// The content model.
    enum State: UInt8 { case data, rcdata, rawtext, scriptData, plaintext, cdata }

    enum TokenKind: UInt8 { case text, null, startTag, endTag, comment, doctype, end }

    var bytes: GrowingBuffer<UInt8>
    var attributes = GrowingBuffer<AttributeRecord>(capacity: 256)
    var elementNames = NameTable(ElementName.knownNames)
    var attributeNames = NameTable(AttributeName.knownNames)

    /// Where the input ends; padding follows.
    let end: Int
    var position = 0
    var state = State.data
    /// Where a script stands: hidden in a comment, hidden in a script hidden in a comment, or neither.
    enum ScriptPart: UInt8 { case plain, escaped, doublyEscaped }
    var scriptPart = ScriptPart.plain
    /// Whether `<![CDATA[` starts a section: the adjusted current node is foreign.
    var allowsCDATA = false
    /// The name of the last start tag, which an end tag must have to end RCDATA, raw text and scripts.
    var lastStartTag: UInt32 = 0

    // The token.
    var kind = TokenKind.end
    /// Tags: the element name's number.
    var name: UInt32 = 0
    var isSelfClosing = false
    /// Tags: the first attribute; the token's attributes reach to the end of `attributes`.
    /// Doctypes: name, public and system identifier as three attributes.
    var firstAttribute = 0
    /// Text and comments: positions in `bytes`.
    var textStart = 0
    var textEnd = 0
    var forcesQuirks = false

    /// For each attribute name, the tag that had it last: finds repeated attributes.
    var lastTag = GrowingBuffer<UInt32>(capacity: 512)
    var tagNumber: UInt32 = 0
    /// The first NUL, or the end, from where it was last looked for.
    var nextNull = -1
    /// What `nameWithNull` read.
    var pendingName: UInt32 = 0
    let classes = ByteClass.table

    /// - Parameter bytes: as `Source.clean` makes them.
    init(cleaned bytes: consuming GrowingBuffer<UInt8>) {
        end = bytes.count - Source.padding
        self.bytes = bytes
        lastTag.append(repeating: 0, count: AttributeName.knownCount + 1)
    }

    @inline(__always)
    func byte(_ position: Int) -> UInt8 { bytes.base[position] }

    @inline(__always)
    func isSpace(_ byte: UInt8) -> Bool { classes[Int(byte)] & ByteClass.space != 0 }
    @inline(__always)
    func isLetter(_ byte: UInt8) -> Bool { classes[Int(byte)] & ByteClass.letter != 0 }

    @inline(__always)
    mutating func emitText(_ start: Int, _ end: Int) {
        kind = .text
        textStart = start
        textEnd = end
    }

    mutating func emitReplacementCharacter() {
        let start = bytes.count
        appendReplacementCharacter()
        emitText(start, start + 3)
    }

    mutating func appendReplacementCharacter() {
        bytes.append(0xEF)
        bytes.append(0xBF)
        bytes.append(0xBD)
    }

    /// Reads the next token. Complexity: O(bytes of the token).
    @inline(__always)
    mutating func next() {
        if state == .data { nextInData() } else { nextInSpecialState() }
    }

    @inline(__always)
    private mutating func nextInData() {
        while true {
            let first = byte(position)
            if first != 0x3C {
                let stop = Scan.text(bytes.base, from: position)
                if stop > position {
                    emitText(position, stop)
                    position = stop
                    return
                }
                if first == 0x26 { return reference() }
                if position >= end {
                    kind = .end
                    return
                }
                kind = .null
                position += 1
                return
            }
            let second = byte(position + 1)
            if isLetter(second) {
                return tag(.startTag, from: position + 1)
            }
            if second == 0x2F {
                let third = byte(position + 2)
                if isLetter(third) { return tag(.endTag, from: position + 2) }
                if third == 0x3E {
                    position += 3
                    continue
                }
                if position + 2 < end { return bogusComment(from: position + 2) }
                emitText(position, position + 2)
                position += 2
                return
            }
            if second == 0x21 { return markupDeclaration() }
            if second == 0x3F { return bogusComment(from: position + 1) }
            emitText(position, position + 1)
            position += 1
            return
        }
    }

    @inline(never)
    private mutating func nextInSpecialState() {
        if position >= end {
            kind = .end
            return
        }
        let first = byte(position)
        if first == 0 {
            position += 1
            if state == .cdata { kind = .null } else { emitReplacementCharacter() }
            return
        }
        switch state {
        case .data: nextInData()
        case .rcdata:
            if first == 0x26 { return reference() }
            nextBeforeEndTag(isRCDATA: true)
        case .rawtext: nextBeforeEndTag(isRCDATA: false)
        case .scriptData: nextInScript()
        case .plaintext:
            let stop = Scan.byte(0, in: bytes.base, from: position)
            emitText(position, stop)
            position = stop
        case .cdata: nextInCDATA()
        }
    }

    /// Text up to the end tag, a NUL or (RCDATA) a `&`.
    private mutating func nextBeforeEndTag(isRCDATA: Bool) {
        var stop = position
        while true {
            stop = isRCDATA ? Scan.text(bytes.base, from: stop) : Scan.byte(0x3C, in: bytes.base, from: stop)
            guard byte(stop) == 0x3C else { break }
            if isAppropriateEndTag(at: stop) {
                state = .data
                break
            }
            stop += 1
        }
        if stop == position { return nextInData() }
        emitText(position, stop)
        position = stop
    }

    /// Whether `</` and the name of the last start tag stand at a `<`, so that the tag ends the text.
    func isAppropriateEndTag(at position: Int) -> Bool {
        guard byte(position + 1) == 0x2F, isLetter(byte(position + 2)) else { return false }
        var stop = position + 3
        while classes[Int(byte(stop))] & ByteClass.endsTagName == 0 { stop += 1 }
        guard stop < end else { return false }
        return byte(stop) != 0 && lastStartTag != 0
            && elementNames.find(bytes.base + position + 2, stop - position - 2) == lastStartTag
    }

    private mutating func nextInCDATA() {
        var stop = position
        while true {
            stop = Scan.byte(0x5D, in: bytes.base, from: stop)
            guard byte(stop) == 0x5D else { break }
            if byte(stop + 1) == 0x5D, byte(stop + 2) == 0x3E {
                if stop > position { break }
                state = .data
                position += 3
                return nextInData()
            }
            stop += 1
        }
        emitText(position, stop)
        position = stop
    }

    // MARK: Character references in text

    /// A `&` in text: emits what it stands for, or itself.
    @inline(never)
    private mutating func reference() {
        if let (length, first, second) = decodeReference(at: position, inAttribute: false) {
            let start = bytes.count
            appendScalar(first)
            if second != 0 { appendScalar(second) }
            emitText(start, bytes.count)
            position += length
            return
        }
        // Itself, and the text behind it.
        let stop = Scan.text(bytes.base, from: position + 1)
        emitText(position, stop)
        position = stop
    }
}
