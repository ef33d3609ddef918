/// The HTML standard's tree construction (section 13.2.6), over the tokens of a `Tokenizer`.
///
/// One file for each group of insertion modes. A mode's function takes the current token from the tokenizer and returns
/// whether the token is to be processed again, in the mode that is then current. Nothing recurses over the tree.
struct TreeBuilder: ~Copyable {
    enum Mode: UInt8 {
        case initial, beforeHTML, beforeHead, inHead, inHeadNoscript, afterHead, inBody, text, inTable, inTableText
        case inCaption, inColumnGroup, inTableBody, inRow, inCell, inSelect, inSelectInTable, inTemplate, afterBody
        case inFrameset, afterFrameset, afterAfterBody, afterAfterFrameset
    }

    /// An element on the stack of open elements.
    struct OpenElement: BitwiseCopyable {
        var node: UInt32
        /// Name and namespace, see `key(_:_:)`.
        var key: UInt32
        var traits: UInt32
    }

    /// An entry of the list of active formatting elements; node 0 is a marker.
    struct FormattingElement: BitwiseCopyable {
        var node: UInt32
        var name: UInt32
    }

    /// A run of characters met in a table.
    struct TextRun: BitwiseCopyable {
        var start: Int
        var end: Int
    }

    var tokenizer: Tokenizer
    let options: ParsingOptions
    var nodes: GrowingBuffer<NodeRecord>
    /// Room that a text node has behind its text, for those written more than once.
    var textRoom: [UInt32: Int] = [:]

    var open = GrowingBuffer<OpenElement>(capacity: 256)
    /// Open HTML elements by name; 0 counts the unknown names.
    var openCount = GrowingBuffer<UInt32>(capacity: 512)
    var formatting = GrowingBuffer<FormattingElement>(capacity: 64)
    var templateModes: [Mode] = []
    var mode = Mode.initial
    var originalMode = Mode.initial
    var head: UInt32 = 0
    var form: UInt32 = 0
    var framesetOK = true
    var fosterParenting = false
    var skipsLineFeed = false
    var tableText = GrowingBuffer<TextRun>(capacity: 16)
    var quirksMode = Document.QuirksMode.none
    /// Copies of formatting elements that may still be made: keeps hostile pages from growing without bound.
    var copiesLeft: Int

    /// The context of a fragment; `isFragment` is false for a whole document.
    var isFragment = false
    var context = OpenElement(node: 0, key: 0, traits: 0)

    let traits = Traits.html
    let bodyStart = BodyTables.start
    let bodyEnd = BodyTables.end

    init(cleaned bytes: consuming GrowingBuffer<UInt8>, options: ParsingOptions) {
        let size = bytes.count
        tokenizer = Tokenizer(cleaned: bytes)
        self.options = options
        nodes = GrowingBuffer(capacity: size / 24 + 64)
        copiesLeft = 10_000 + size / 2
        nodes.append(NodeRecord(.document))
        openCount.append(repeating: 0, count: ElementName.knownCount + 1)
    }

    @inline(__always)
    static func key(_ name: ElementName, _ namespace: Namespace = .html) -> UInt32 {
        name.rawValue << 2 | UInt32(namespace.rawValue)
    }

    // MARK: The token

    @inline(__always) var name: ElementName { ElementName(rawValue: tokenizer.name) }
    @inline(__always) var isStart: Bool { tokenizer.kind == .startTag }
    @inline(__always) var isEnd: Bool { tokenizer.kind == .endTag }

    @inline(__always)
    func isStart(_ wanted: ElementName) -> Bool { tokenizer.kind == .startTag && name == wanted }
    @inline(__always)
    func isEnd(_ wanted: ElementName) -> Bool { tokenizer.kind == .endTag && name == wanted }

    // MARK: Running

    /// Reads all tokens.
    mutating func run() {
        while true {
            tokenizer.allowsCDATA = open.count > 0 && adjustedCurrent.traits & Traits.foreign != 0
            tokenizer.next()
            if skipsLineFeed {
                skipsLineFeed = false
                if tokenizer.kind == .text, tokenizer.byte(tokenizer.textStart) == 0x0A {
                    tokenizer.textStart += 1
                    if tokenizer.textStart == tokenizer.textEnd { continue }
                }
            }
            while process() {}
            if tokenizer.kind == .end { return }
        }
    }

    /// The current node, or a fragment's context where only its root is open.
    @inline(__always)
    var adjustedCurrent: OpenElement {
        open.count == 1 && isFragment ? context : open[open.count - 1]
    }

    /// The standard's tree construction dispatcher.
    @inline(__always)
    private mutating func process() -> Bool {
        if mode == .inBody, open.count > 1, open[open.count - 1].traits & Traits.foreign == 0 { return inBody() }
        return processSlowly()
    }

    @inline(never)
    private mutating func processSlowly() -> Bool {
        if open.count > 0, adjustedCurrent.traits & Traits.foreign != 0, tokenizer.kind != .end {
            let current = adjustedCurrent
            let isText = tokenizer.kind == .text || tokenizer.kind == .null
            let isHTML: Bool
            if current.traits & Traits.mathTextPoint != 0,
                isText || (isStart && name != .mglyph && name != .malignmark)
            {
                isHTML = true
            } else if current.key == Self.key(.annotationXml, .mathML), isStart(.svg) {
                isHTML = true
            } else {
                isHTML = current.traits & Traits.htmlPoint != 0 && (isText || isStart)
            }
            if !isHTML { return inForeignContent() }
        }
        return processInMode()
    }

    mutating func processInMode() -> Bool {
        switch mode {
        case .initial: initial()
        case .beforeHTML: beforeHTML()
        case .beforeHead: beforeHead()
        case .inHead: inHead()
        case .inHeadNoscript: inHeadNoscript()
        case .afterHead: afterHead()
        case .inBody: inBody()
        case .text: inText()
        case .inTable: inTable()
        case .inTableText: inTableText()
        case .inCaption: inCaption()
        case .inColumnGroup: inColumnGroup()
        case .inTableBody: inTableBody()
        case .inRow: inRow()
        case .inCell: inCell()
        case .inSelect: inSelect()
        case .inSelectInTable: inSelectInTable()
        case .inTemplate: inTemplate()
        case .afterBody: afterBody()
        case .inFrameset: inFrameset()
        case .afterFrameset: afterFrameset()
        case .afterAfterBody: afterAfterBody()
        case .afterAfterFrameset: afterAfterFrameset()
        }
    }

    /// The document, once all tokens are read.
    consuming func document() throws(HTMLError) -> Document {
        let limit = Int(UInt32.max)
        guard tokenizer.bytes.count < limit, nodes.count < limit, tokenizer.attributes.count < limit,
            tokenizer.elementNames.count < 1 << 24, tokenizer.attributeNames.count < 1 << 24
        else { throw .documentFull }
        let quirks = quirksMode
        let arena = Arena(
            nodes: nodes, attributes: tokenizer.attributes, bytes: tokenizer.bytes,
            elementNames: tokenizer.elementNames,
            attributeNames: tokenizer.attributeNames)
        return Document(arena: arena, quirksMode: quirks)
    }

    // MARK: White space in text

    /// Bytes of white space at the start of the text token.
    func leadingSpace() -> Int {
        var position = tokenizer.textStart
        while position < tokenizer.textEnd, tokenizer.isSpace(tokenizer.byte(position)) { position += 1 }
        return position - tokenizer.textStart
    }

    var isSpace: Bool { leadingSpace() == tokenizer.textEnd - tokenizer.textStart }

    /// Drops the white space at the start of the text token, after inserting it if asked; whether nothing is left.
    mutating func takeLeadingSpace(inserting: Bool) -> Bool {
        let length = leadingSpace()
        if length > 0, inserting { insertText(tokenizer.textStart, tokenizer.textStart + length) }
        tokenizer.textStart += length
        return tokenizer.textStart == tokenizer.textEnd
    }

    /// Inserts the white space of the text token and drops the rest.
    mutating func insertOnlySpace() {
        var position = tokenizer.textStart
        while position < tokenizer.textEnd {
            let start = position
            while position < tokenizer.textEnd, tokenizer.isSpace(tokenizer.byte(position)) { position += 1 }
            if position > start { insertText(start, position) }
            while position < tokenizer.textEnd, !tokenizer.isSpace(tokenizer.byte(position)) { position += 1 }
        }
    }
}
