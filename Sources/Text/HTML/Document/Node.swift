/// The number of a node in its document, from 0 (the document itself) in the order of creation.
///
/// Index side tables with it: `marks[Int(node.index)]`, of size `document.nodeCount`.
@frozen
public struct Node: Hashable, Sendable {
    public let index: UInt32

    @inlinable @inline(__always)
    public init(index: UInt32) { self.index = index }
}

/// What a node is.
public enum NodeKind: UInt8, Sendable {
    case document, doctype, element, text, comment
    /// The contents of a `template` element: its only child, whose children are the contents.
    case templateContent
}

/// The namespace of an element.
public enum Namespace: UInt8, Sendable {
    case html, svg, mathML
}

/// One node: 32 bytes. Links are node numbers, 0 for none (the document is nobody's child or sibling).
struct NodeRecord: BitwiseCopyable {
    var parent: UInt32 = 0
    var firstChild: UInt32 = 0
    var lastChild: UInt32 = 0
    var previousSibling: UInt32 = 0
    var nextSibling: UInt32 = 0
    /// Bits 0–2: kind. 3–4: namespace. 5: on the parser's stack of open elements. 8–31: element name.
    var tag: UInt32
    /// Text, comment: first byte. Element, doctype: first attribute.
    var start: UInt32 = 0
    /// Text, comment: bytes. Element, doctype: attributes.
    var count: UInt32 = 0

    static var openBit: UInt32 { 1 << 5 }

    @inline(__always)
    init(_ kind: NodeKind, name: UInt32 = 0, namespace: Namespace = .html, start: UInt32 = 0, count: UInt32 = 0) {
        tag = name << 8 | UInt32(namespace.rawValue) << 3 | UInt32(kind.rawValue)
        self.start = start
        self.count = count
    }

    @inline(__always)
    var kind: NodeKind {
        switch tag & 7 {
        case 0: .document
        case 1: .doctype
        case 2: .element
        case 3: .text
        case 4: .comment
        default: .templateContent
        }
    }

    @inline(__always)
    var namespace: Namespace {
        switch tag >> 3 & 3 {
        case 0: .html
        case 1: .svg
        default: .mathML
        }
    }

    @inline(__always) var name: UInt32 { tag >> 8 }
    @inline(__always) var isOpen: Bool { tag & Self.openBit != 0 }
    /// Whether this is an HTML element of that name.
    @inline(__always)
    func isHTML(_ name: ElementName) -> Bool { tag & ~Self.openBit == name.rawValue << 8 | 2 }
}

/// One attribute: 12 bytes.
struct AttributeRecord: BitwiseCopyable {
    /// Bits 0–23: name. 24–31: namespace.
    var tag: UInt32
    var start: UInt32
    /// `missing` for the identifiers that a doctype lacks.
    var count: UInt32

    static var missing: UInt32 { .max }

    @inline(__always) var name: UInt32 { tag & 0xFF_FFFF }
    @inline(__always) var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}
