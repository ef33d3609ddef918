extension Document {
    /// The children of a node, in order.
    public struct Children: Sequence, IteratorProtocol, Sendable {
        let arena: Arena
        var upcoming: UInt32

        public mutating func next() -> Node? {
            guard upcoming != 0 else { return nil }
            let node = Node(index: upcoming)
            upcoming = arena.nodes[Int(upcoming)].nextSibling
            return node
        }
    }

    /// Nodes below a node in document order, the node itself left out.
    public struct Descendants: Sequence, IteratorProtocol, Sendable {
        let document: Document
        let root: Node
        var last: Node

        /// Complexity: O(1), amortised over the whole walk.
        public mutating func next() -> Node? {
            guard let node = document.following(last, within: root, descending: true) else { return nil }
            last = node
            return node
        }

        /// Leaves out the nodes below the one given last.
        public mutating func skipChildren() {
            var node = last
            while let child = document.lastChild(of: node) { node = child }
            last = node
        }
    }

    public func children(of node: Node) -> Children { Children(arena: arena, upcoming: record(node).firstChild) }

    /// Nodes below a node in document order (pre-order), without recursion.
    public func descendants(of node: Node) -> Descendants { Descendants(document: self, root: node, last: node) }

    /// The next node in document order within the subtree of `root`; nil at its end.
    ///
    /// - Parameter descending: false skips what is below `node`.
    /// - Complexity: O(1), amortised over a walk.
    public func following(_ node: Node, within root: Node, descending: Bool = false) -> Node? {
        let nodes = arena.nodes.base
        var current = Int(record(node).parent)
        if descending, nodes[Int(node.index)].firstChild != 0 { return Node(index: nodes[Int(node.index)].firstChild) }
        if node == root { return nil }
        if nodes[Int(node.index)].nextSibling != 0 { return Node(index: nodes[Int(node.index)].nextSibling) }
        while current != Int(root.index), current != 0 {
            if nodes[current].nextSibling != 0 { return Node(index: nodes[current].nextSibling) }
            current = Int(nodes[current].parent)
        }
        return nil
    }
}
