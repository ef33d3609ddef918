import UnicodeText

/// Many fixed strings, found in one walk: a trie over bytes.
///
/// Nodes are a flat array with first-child and next-sibling links; the first byte is looked up in a table, so that
/// most positions of a text cost one load.
struct LiteralSet: Sendable {
    private struct Node: Sendable {
        var byte: UInt8
        var firstChild: Int32
        var nextSibling: Int32
        /// The first item that ends here; -1 for none.
        var item: Int32
    }

    private var nodes: [Node] = [Node(byte: 0, firstChild: -1, nextSibling: -1, item: -1)]
    private var roots = [Int32](repeating: -1, count: 256)
    /// Whether the empty string is an item.
    private(set) var holdsEmpty = false

    init(_ items: [[UInt8]]) {
        for (index, item) in items.enumerated() { insert(item, Int32(clamping: index)) }
    }

    private mutating func insert(_ item: [UInt8], _ index: Int32) {
        guard let first = item.first else {
            holdsEmpty = true
            return
        }
        var node = Int(roots[Int(first)])
        if node < 0 {
            node = append(first)
            roots[Int(first)] = Int32(node)
        }
        for byte in item.dropFirst() {
            var child = Int(nodes[node].firstChild)
            while child >= 0, nodes[child].byte != byte { child = Int(nodes[child].nextSibling) }
            if child < 0 {
                child = append(byte)
                nodes[child].nextSibling = nodes[node].firstChild
                nodes[node].firstChild = Int32(child)
            }
            node = child
        }
        if nodes[node].item < 0 { nodes[node].item = index }
    }

    private mutating func append(_ byte: UInt8) -> Int {
        nodes.append(Node(byte: byte, firstChild: -1, nextSibling: -1, item: -1))
        return nodes.count - 1
    }

    @inline(__always)
    func canStart(with byte: UInt8) -> Bool { roots[Int(byte)] >= 0 }

    /// The longest item at a byte whose end the caller accepts.
    @inline(__always)
    func longest(
        _ bytes: Span<UInt8>, _ range: Range<Int>, at start: Int, _ accepts: (Int) -> Bool
    ) -> (item: Int, end: Int)? {
        guard start < range.upperBound else { return nil }
        var node = Int(roots[Int(bytes[start])])
        var position = start + 1
        var best: (item: Int, end: Int)?
        while node >= 0 {
            if nodes[node].item >= 0, accepts(position) { best = (Int(nodes[node].item), position) }
            guard position < range.upperBound else { break }
            let byte = bytes[position]
            node = Int(nodes[node].firstChild)
            while node >= 0, nodes[node].byte != byte { node = Int(nodes[node].nextSibling) }
            position += 1
        }
        return best
    }

    /// Whether any item stands at a byte with an end that the caller accepts.
    @inline(__always)
    func matches(_ bytes: Span<UInt8>, _ range: Range<Int>, at start: Int, _ accepts: (Int) -> Bool) -> Bool {
        longest(bytes, range, at: start, accepts) != nil
    }
}
