/// A parsed page: a tree whose nodes are numbers, over one arena of bytes. Immutable, cheap to copy, safe to share.
///
/// ```swift
/// let document = try Document(parsing: bytes)
/// for node in document.descendants(of: document.root) where document.name(of: node) == .p {
///     print(document.textContent(of: node))
/// }
/// ```
/// No operation recurses over the tree, so depth is no danger.
public struct Document: Sendable {
    /// How a browser would lay out the page, by its doctype.
    public enum QuirksMode: Sendable { case none, limited, full }

    let arena: Arena
    public let quirksMode: QuirksMode

    init(arena: Arena, quirksMode: QuirksMode) {
        self.arena = arena
        self.quirksMode = quirksMode
    }

    /// The document node.
    public var root: Node { Node(index: 0) }
    /// Nodes ever made, those that the parser took out of the tree again included: numbers are below it.
    public var nodeCount: Int { arena.nodes.count }

    @inline(__always)
    func record(_ node: Node) -> NodeRecord {
        precondition(Int(node.index) < arena.nodes.count, "the node belongs to another document")
        return arena.nodes.base[Int(node.index)]
    }

    // MARK: Nodes

    public func kind(of node: Node) -> NodeKind { record(node).kind }
    public func isElement(_ node: Node) -> Bool { record(node).kind == .element }
    public func isText(_ node: Node) -> Bool { record(node).kind == .text }
    /// The name of an element; `.nothing` for other nodes.
    public func name(of node: Node) -> ElementName { ElementName(rawValue: record(node).name) }
    public func namespace(of node: Node) -> Namespace { record(node).namespace }

    /// Whether a node is the HTML element of that name.
    public func isHTML(_ name: ElementName, _ node: Node) -> Bool { record(node).isHTML(name) }

    /// The name as text, in lower case (SVG's as SVG spells them).
    public func spelling(of name: ElementName) -> String {
        String(decoding: arena.elementNames.bytes(name.rawValue), as: UTF8.self)
    }

    public func spelling(of name: AttributeName) -> String {
        String(decoding: arena.attributeNames.bytes(name.rawValue), as: UTF8.self)
    }

    // MARK: Links

    public func parent(of node: Node) -> Node? {
        let record = record(node)
        // The document's number 0 also means "none", so a child of the document needs telling from a detached node.
        return record.parent != 0 || isChildOfRoot(node, record) ? Node(index: record.parent) : nil
    }

    private func isChildOfRoot(_ node: Node, _ record: NodeRecord) -> Bool {
        guard node.index != 0, record.parent == 0 else { return false }
        return record.previousSibling != 0 ? true : arena.nodes[0].firstChild == node.index
    }

    public func firstChild(of node: Node) -> Node? { link(record(node).firstChild) }
    public func lastChild(of node: Node) -> Node? { link(record(node).lastChild) }
    public func nextSibling(of node: Node) -> Node? { link(record(node).nextSibling) }
    public func previousSibling(of node: Node) -> Node? { link(record(node).previousSibling) }

    @inline(__always)
    func link(_ index: UInt32) -> Node? { index == 0 ? nil : Node(index: index) }

    // MARK: Text

    /// Gives all bytes of the document to the closure; `textRange` and `attributeRange` are positions in them.
    /// The bytes are valid UTF-8 within every such range.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result = try body(UnsafeBufferPointer(start: arena.bytes.base, count: arena.bytes.count))
        extendLifetime(arena)
        return result
    }

    /// Where the text of a text node or comment lies in the document's bytes; empty for other nodes.
    public func textRange(of node: Node) -> Range<Int> {
        let record = record(node)
        guard record.kind == .text || record.kind == .comment else { return 0..<0 }
        return Int(record.start)..<Int(record.start) + Int(record.count)
    }

    /// Gives the bytes of a text node or comment to the closure; none for other nodes.
    public func withText<Result, Failure: Error>(
        of node: Node, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let range = textRange(of: node)
        return try withBytes { (bytes) throws(Failure) in try body(UnsafeBufferPointer(rebasing: bytes[range])) }
    }

    /// The text of a text node or comment; empty for other nodes.
    public func text(of node: Node) -> String {
        withText(of: node) { String(decoding: $0, as: UTF8.self) }
    }

    /// The text of all text nodes at or below a node, in document order (templates' contents left out).
    public func textContent(of node: Node) -> String {
        var bytes: [UInt8] = []
        withBytes { all in
            appendText(of: node, from: all, to: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func appendText(of node: Node, from all: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        var next: Node? = node
        while let current = next {
            let record = record(current)
            if record.kind == .text { bytes.append(contentsOf: all[textRange(of: current)]) }
            next =
                record.kind == .templateContent
                ? following(current, within: node) : following(current, within: node, descending: true)
        }
    }

    /// The text of the first HTML `title` element with white space stripped and collapsed, as `document.title` gives it;
    /// nil if there is none.
    public var title: String? {
        guard let node = descendants(of: root).first(where: { isHTML(.title, $0) }) else { return nil }
        let words = textContent(of: node).utf8.split { $0 == 0x20 || ($0 >= 0x09 && $0 <= 0x0D && $0 != 0x0B) }
        return words.map { String(Substring($0)) }.joined(separator: " ")
    }

    /// The `html` element; the parser makes one for every document, but not for fragments.
    public var documentElement: Node? { children(of: root).first { isElement($0) } }
    /// The `body` (or `frameset`) element.
    public var body: Node? {
        documentElement.flatMap { html in
            children(of: html).first { isHTML(.body, $0) || isHTML(.frameset, $0) }
        }
    }
    public var head: Node? {
        documentElement.flatMap { html in children(of: html).first { isHTML(.head, $0) } }
    }
}
