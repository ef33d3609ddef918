extension Document {
    /// The HTML of a node's children, by the standard's fragment serialisation algorithm (what `innerHTML` gives).
    ///
    /// - Parameter scripting: whether the contents of `noscript` are written as text, as for a page parsed so.
    /// - Complexity: O(nodes and bytes below), without recursion.
    public func innerHTML(of node: Node, scripting: Bool = false) -> [UInt8] {
        var writer = HTMLWriter(scripting: scripting)
        for child in children(of: node) { writer.write(child, of: self) }
        return writer.output
    }

    /// The HTML of a node with what is below it (what `outerHTML` gives).
    public func outerHTML(of node: Node, scripting: Bool = false) -> [UInt8] {
        if kind(of: node) == .document || kind(of: node) == .templateContent {
            return innerHTML(of: node, scripting: scripting)
        }
        var writer = HTMLWriter(scripting: scripting)
        writer.write(node, of: self)
        return writer.output
    }
}

/// Writes nodes as HTML.
private struct HTMLWriter {
    let scripting: Bool
    var output: [UInt8] = []

    init(scripting: Bool) { self.scripting = scripting }

    /// Writes a node and what is below it.
    mutating func write(_ root: Node, of document: Document) {
        var node = root
        while true {
            let isOpen = begin(node, of: document)
            if isOpen, let child = document.firstChild(of: node) {
                node = child
                continue
            }
            if isOpen { end(node, of: document) }
            while node != root, document.nextSibling(of: node) == nil {
                guard let parent = document.parent(of: node) else { return }
                node = parent
                end(node, of: document)
            }
            guard node != root, let sibling = document.nextSibling(of: node) else { return }
            node = sibling
        }
    }

    /// Writes what comes before a node's children; whether the node can have any.
    private mutating func begin(_ node: Node, of document: Document) -> Bool {
        switch document.kind(of: node) {
        case .document, .templateContent: return true
        case .doctype:
            output += "<!DOCTYPE \(document.doctype(node)?.name ?? "")>".utf8
            return false
        case .comment:
            output += "<!--".utf8
            document.withText(of: node) { output += $0 }
            output += "-->".utf8
            return false
        case .text:
            let isRaw = document.parent(of: node).map { holdsRawText($0, document) } ?? false
            document.withText(of: node) { if isRaw { output += $0 } else { escape($0, inAttribute: false) } }
            return false
        case .element:
            output.append(0x3C)
            output += document.spelling(of: document.name(of: node)).utf8
            for attribute in document.attributes(of: node) {
                output.append(0x20)
                output += spelling(attribute, document).utf8
                output += "=\"".utf8
                document.withBytes {
                    escape(UnsafeBufferPointer(rebasing: $0[attribute.valueRange]), inAttribute: true)
                }
                output.append(0x22)
            }
            output.append(0x3E)
            return document.traits(of: node) & Traits.void == 0
        }
    }

    /// Attributes in a namespace are spelled with its prefix already.
    private func spelling(_ attribute: Document.Attribute, _ document: Document) -> String {
        document.spelling(of: attribute.name)
    }

    private mutating func end(_ node: Node, of document: Document) {
        guard document.kind(of: node) == .element else { return }
        output += "</".utf8
        output += document.spelling(of: document.name(of: node)).utf8
        output.append(0x3E)
    }

    private func holdsRawText(_ node: Node, _ document: Document) -> Bool {
        document.traits(of: node) & Traits.rawText != 0 || (scripting && document.isHTML(.noscript, node))
    }

    private mutating func escape(_ bytes: UnsafeBufferPointer<UInt8>, inAttribute: Bool) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x26: output += "&amp;".utf8
            case 0x3C: output += "&lt;".utf8
            case 0x3E: output += "&gt;".utf8
            case 0x22 where inAttribute: output += "&quot;".utf8
            case 0xC2 where index + 1 < bytes.count && bytes[index + 1] == 0xA0:
                output += "&nbsp;".utf8
                index += 1
            default: output.append(byte)
            }
            index += 1
        }
    }
}

extension Document {
    fileprivate func traits(of node: Node) -> UInt32 {
        let record = record(node)
        return record.kind == .element && record.namespace == .html ? Traits.of(record.name) : 0
    }
}
