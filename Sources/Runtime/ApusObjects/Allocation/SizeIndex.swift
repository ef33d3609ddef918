import ApusCore

/// Free extents in order of size, then of offset: a treap in one array.
///
/// A node's priority is a hash of its key, so the shape depends on the contents alone and is balanced in expectation.
///
/// - Complexity: every operation O(log n) expected.
/// - Source: Seidel and Aragon 1996.
struct SizeIndex {
    private struct Node {
        var size: Int
        var offset: Int
        var priority: UInt64
        var left: Int32
        var right: Int32
    }

    private static let none: Int32 = -1

    private var nodes: [Node] = []
    private var root = SizeIndex.none
    /// Places of removed nodes, for the next ones.
    private var vacant: [Int32] = []

    var isEmpty: Bool { root == Self.none }

    /// The smallest extent of at least a size; of several, the one with the lowest offset.
    func first(atLeast size: Int) -> (size: Int, offset: Int)? {
        var best: (Int, Int)?
        var place = root
        while place != Self.none {
            let node = nodes[Int(place)]
            if node.size >= size {
                best = (node.size, node.offset)
                place = node.left
            } else {
                place = node.right
            }
        }
        return best
    }

    /// The size of the largest extent; 0 without any.
    var largest: Int {
        var size = 0
        var place = root
        while place != Self.none {
            size = nodes[Int(place)].size
            place = nodes[Int(place)].right
        }
        return size
    }

    mutating func insert(size: Int, offset: Int) {
        let node = Node(
            size: size, offset: offset,
            priority: SeededGenerator.mix(UInt64(truncatingIfNeeded: size) &* 31 &+ UInt64(truncatingIfNeeded: offset)),
            left: Self.none, right: Self.none)
        let place: Int32
        if let reused = vacant.popLast() {
            place = reused
            nodes[Int(place)] = node
        } else {
            place = Int32(nodes.count)
            nodes.append(node)
        }
        root = inserted(place, under: root)
    }

    /// - Precondition: the extent is there.
    mutating func remove(size: Int, offset: Int) {
        var parent = Self.none
        var place = root
        while place != Self.none, nodes[Int(place)].size != size || nodes[Int(place)].offset != offset {
            parent = place
            place = precedes(size, offset, place) ? nodes[Int(place)].left : nodes[Int(place)].right
        }
        precondition(place != Self.none, "no free extent of \(size) bytes at \(offset)")
        let rest = merged(nodes[Int(place)].left, nodes[Int(place)].right)
        if parent == Self.none {
            root = rest
        } else if nodes[Int(parent)].left == place {
            nodes[Int(parent)].left = rest
        } else {
            nodes[Int(parent)].right = rest
        }
        vacant.append(place)
    }

    private func precedes(_ size: Int, _ offset: Int, _ place: Int32) -> Bool {
        let node = nodes[Int(place)]
        return size != node.size ? size < node.size : offset < node.offset
    }

    private mutating func inserted(_ place: Int32, under tree: Int32) -> Int32 {
        guard tree != Self.none else { return place }
        let (size, offset) = (nodes[Int(place)].size, nodes[Int(place)].offset)
        if nodes[Int(place)].priority > nodes[Int(tree)].priority {
            let (left, right) = split(tree, before: size, offset)
            nodes[Int(place)].left = left
            nodes[Int(place)].right = right
            return place
        }
        if precedes(size, offset, tree) {
            nodes[Int(tree)].left = inserted(place, under: nodes[Int(tree)].left)
        } else {
            nodes[Int(tree)].right = inserted(place, under: nodes[Int(tree)].right)
        }
        return tree
    }

    /// The nodes of a tree before a key, and the others.
    private mutating func split(_ tree: Int32, before size: Int, _ offset: Int) -> (Int32, Int32) {
        guard tree != Self.none else { return (Self.none, Self.none) }
        if precedes(size, offset, tree) {
            let (left, right) = split(nodes[Int(tree)].left, before: size, offset)
            nodes[Int(tree)].left = right
            return (left, tree)
        }
        let (left, right) = split(nodes[Int(tree)].right, before: size, offset)
        nodes[Int(tree)].right = left
        return (tree, right)
    }

    /// One tree of two, all of whose left nodes precede the right ones.
    private mutating func merged(_ left: Int32, _ right: Int32) -> Int32 {
        if left == Self.none { return right }
        if right == Self.none { return left }
        if nodes[Int(left)].priority > nodes[Int(right)].priority {
            nodes[Int(left)].right = merged(nodes[Int(left)].right, right)
            return left
        }
        nodes[Int(right)].left = merged(left, nodes[Int(right)].left)
        return right
    }
}
