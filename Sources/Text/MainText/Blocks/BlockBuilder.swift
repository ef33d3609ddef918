import HTML

/// Walks a document once and writes its blocks. Linear in the document's size, without recursion.
struct BlockBuilder {
    /// Blocks and containers of one page; behind them text goes on in the last ones.
    static let limit = 1 << 18

    /// Whether controls and what is concealed count: main text leaves the first out and judges the second.
    enum Purpose { case mainText, visibleText }

    private let document: Document
    private let purpose: Purpose

    // The block that is being written.
    var block = Block()
    var isOpen = false
    var pendingSpace = false
    var pendingBreaks = 0

    // What the walk is inside of.
    var container: UInt32 = 0
    var inlineHints: ClassHint.Set = 0
    var linkDepth = 0
    var emphasisDepth = 0
    var preDepth = 0
    var listDepth: UInt8 = 0
    var itemIsFresh = false
    var itemNumber: UInt16 = 0
    private var stack: [Frame] = []

    /// What an open element changed, to be undone at its end.
    private struct Frame {
        var node: Node
        var traits: ElementTraits
        var hasContainer: Bool
        var isList: Bool
        var container: UInt32
        var inlineHints: ClassHint.Set
        var listDepth: UInt8
        var itemNumber: UInt16
    }

    private init(_ document: Document, _ purpose: Purpose) {
        self.document = document
        self.purpose = purpose
    }

    static func build(_ document: Document, for purpose: Purpose, into page: inout PageBlocks) {
        page.removeAll()
        var builder = BlockBuilder(document, purpose)
        builder.readTitle(&page)
        builder.walk(&page)
        page.sum()
    }

    private func readTitle(_ page: inout PageBlocks) {
        if let head = document.head {
            for node in document.children(of: head) { StructuredData.read(node, of: document, into: &page.subjects) }
        }
        guard let title = document.title else { return }
        var utf8 = Array(title.utf8)
        if utf8.count > 1000 { utf8.removeLast(utf8.count - 1000) }
        utf8.withUnsafeBufferPointer { bytes in
            TitleWords.forEach(bytes) { page.titleWords.insert($0) }
        }
    }

    private mutating func walk(_ page: inout PageBlocks) {
        page.containers.append(
            Container(
                parent: 0, depth: 0, kind: .container, hints: Levels(), ancestors: Levels(),
                firstBlock: 0))
        let root = document.body ?? document.root
        page.text.reserveCapacity(1 << 14)
        document.withBytes { bytes in
            ElementTraits.withTable { traits in
                ByteStatistics.additions.withUnsafeBufferPointer { additions in
                    ByteStatistics.classes.withUnsafeBufferPointer { classes in
                        var next: Node? = document.firstChild(of: root)
                        while let node = next {
                            next = nil
                            switch document.kind(of: node) {
                            case .text: write(bytes, document.textRange(of: node), additions, classes, &page)
                            case .element: next = enter(node, traits, bytes, &page)
                            default: break
                            }
                            if next != nil { continue }
                            next = document.nextSibling(of: node)
                            while next == nil, let frame = stack.popLast() {
                                leave(frame, &page)
                                next = document.nextSibling(of: frame.node)
                            }
                        }
                    }
                }
            }
        }
        closeBlock(&page)
        page.containers[0].endBlock = UInt32(page.blocks.count)
    }

    // MARK: Elements

    /// Opens an element; gives its first child, or nil where there is nothing to walk.
    private mutating func enter(
        _ node: Node, _ table: UnsafePointer<ElementTraits>, _ bytes: UnsafeBufferPointer<UInt8>,
        _ page: inout PageBlocks
    ) -> Node? {
        let name = document.name(of: node)
        let number = Int(name.rawValue)
        let isKnown = number < ElementTraits.tableCount && name.isKnown
        let traits = isKnown ? table[number] : []
        if !traits.isDisjoint(with: [.hidden, .lineBreak]) {
            if traits.contains(.lineBreak) { breakLine(&page) }
            if name == .script { StructuredData.read(node, of: document, into: &page.subjects) }
            return nil
        }
        if traits.contains(.control), purpose == .mainText || name != .button { return nil }
        let hasContainer = traits.contains(.block) || !isKnown
        if traits.contains(.block) { closeBlock(&page) }
        guard let child = document.firstChild(of: node) else { return nil }
        var hints: ClassHint.Set = 0
        var concealed = false
        var lanes: (Int?, Int?) = (nil, nil)
        if document.attributeCount(of: node) > 0 {
            hints = named(.class, node, bytes) | named(.id, node, bytes) | named(.itemprop, node, bytes)
            concealed = isConcealed(node, bytes)
            if concealed, purpose == .visibleText { return nil }
            if hasContainer { lanes = attributeLanes(node, bytes) }
        }
        let frame = Frame(
            node: node, traits: traits, hasContainer: hasContainer && page.containers.count < Self.limit,
            isList: name == .ul || name == .ol || name == .dir || name == .menu, container: container,
            inlineHints: inlineHints, listDepth: listDepth, itemNumber: itemNumber)
        stack.append(frame)
        if frame.hasContainer {
            open(name, hints, concealed, lanes, signature(node, name, bytes), &page)
        } else {
            inlineHints |= hints
        }
        if traits.contains(.link) {
            linkDepth += 1
            if isOpen, block.links < .max { block.links += 1 }
        }
        if traits.contains(.emphasis) { emphasisDepth += 1 }
        if traits.contains(.preformatted) { preDepth += 1 }
        if frame.isList {
            listDepth = min(listDepth + 1, 32)
            itemNumber = name == .ol ? 1 : 0
        }
        if name == .li {
            itemIsFresh = true
        }
        return child
    }

    private func named(_ attribute: AttributeName, _ node: Node, _ bytes: UnsafeBufferPointer<UInt8>) -> ClassHint.Set {
        guard let range = document.attributeRange(attribute, of: node), !range.isEmpty else { return 0 }
        return HintAutomaton.shared.hints(in: UnsafeBufferPointer(rebasing: bytes[range]))
    }

    private mutating func open(
        _ name: ElementName, _ hints: ClassHint.Set, _ concealed: Bool, _ lanes: (Int?, Int?),
        _ signature: UInt32, _ page: inout PageBlocks
    ) {
        let parent = page.containers[Int(container)]
        var near = parent.hints.deeper
        var all = hints
        while all != 0 {
            near.reach(all.trailingZeroBitCount)
            all &= all - 1
        }
        var ancestors = parent.ancestors.deeper
        if let lane = AncestorKind.lane(of: name) { ancestors.reach(lane) }
        if let lane = lanes.0 { ancestors.reach(lane) }
        if let lane = lanes.1 { ancestors.reach(lane) }
        if concealed { ancestors.reach(AncestorKind.concealed.rawValue) }
        if page.containers[Int(container)].childCount < .max { page.containers[Int(container)].childCount += 1 }
        page.containers.append(
            Container(
                parent: container, depth: parent.depth &+ 1, kind: BlockKind(name), hints: near, ancestors: ancestors,
                firstBlock: UInt32(page.blocks.count)))
        let index = page.containers.count - 1
        let last = Int(parent.lastRun)
        let isNext = last != 0 && page.containers[last].signature == signature
        let run = isNext ? last : index
        page.containers[index].signature = signature
        page.containers[index].run = UInt32(run)
        if page.containers[run].runLength < .max { page.containers[run].runLength += 1 }
        page.containers[Int(container)].lastRun = UInt32(run)
        container = UInt32(index)
    }

    /// A hash of the element's name and its first class without digits.
    private func signature(_ node: Node, _ name: ElementName, _ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash = (2_166_136_261 ^ name.rawValue) &* 16_777_619
        guard let range = document.attributeRange(.class, of: node) else { return hash }
        for byte in bytes[range.prefix(48)] {
            if ASCIIByte.isSpace(byte) { break }
            if !ASCIIByte.isDigit(byte) { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        }
        return hash
    }

    private mutating func leave(_ frame: Frame, _ page: inout PageBlocks) {
        if frame.traits.contains(.block) { closeBlock(&page) }
        if frame.hasContainer {
            page.containers[Int(container)].endBlock = UInt32(page.blocks.count)
            container = frame.container
        }
        inlineHints = frame.inlineHints
        if frame.traits.contains(.link) { linkDepth -= 1 }
        if frame.traits.contains(.emphasis) { emphasisDepth -= 1 }
        if frame.traits.contains(.preformatted) { preDepth -= 1 }
        if frame.isList {
            listDepth = frame.listDepth
            itemNumber = frame.itemNumber
        }
    }

    private func isConcealed(_ node: Node, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if document.hasAttribute(.hidden, node) { return true }
        guard let style = document.attributeRange(.style, of: node), style.count >= 12 else { return false }
        return Style.hides(UnsafeBufferPointer(rebasing: bytes[style]))
    }

    /// Lanes of ancestors that attributes name: the role, and `aria-hidden`.
    private func attributeLanes(_ node: Node, _ bytes: UnsafeBufferPointer<UInt8>) -> (Int?, Int?) {
        var lanes: (Int?, Int?) = (nil, nil)
        if let role = document.attributeRange(.role, of: node) {
            lanes.0 = Roles.lane(UnsafeBufferPointer(rebasing: bytes[role]))
        }
        if let silent = document.attributeRange(.ariaHidden, of: node), silent.count == 4 {
            lanes.1 = AncestorKind.silent.rawValue
        }
        return lanes
    }
}
