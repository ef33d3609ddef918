/// The Huffman tree of hierarchical softmax, built from the labels' counts as the reference builds it.
struct LabelTree: Sendable {
    struct Node: Sendable {
        var parent: Int32 = -1
        var left: Int32 = -1
        var right: Int32 = -1
        var count: Int64 = 1_000_000_000_000_000
        var isRight = false
    }
    /// Leaves (labels) first; the root is last.
    let nodes: [Node]
    let leaves: Int

    /// - Parameter counts: at least one; descending, as a model file stores labels.
    init(counts: [Int64]) {
        leaves = counts.count
        var nodes = [Node](repeating: Node(), count: 2 * leaves - 1)
        for (index, count) in counts.enumerated() { nodes[index].count = count }
        var leaf = leaves - 1
        var inner = leaves
        for index in leaves..<max(leaves, 2 * leaves - 1) {
            var least = (0, 0)
            for side in 0..<2 {
                let chosen: Int
                // `inner` may reach the node being made only if the counts are not descending; leaves come first then.
                if leaf >= 0 && (inner >= index || nodes[leaf].count < nodes[inner].count) {
                    chosen = leaf
                    leaf -= 1
                } else {
                    chosen = min(inner, index - 1)
                    inner += 1
                }
                if side == 0 { least.0 = chosen } else { least.1 = chosen }
            }
            nodes[index].left = Int32(least.0)
            nodes[index].right = Int32(least.1)
            nodes[index].count = nodes[least.0].count &+ nodes[least.1].count
            nodes[least.0].parent = Int32(index)
            nodes[least.1].parent = Int32(index)
            nodes[least.1].isRight = true
        }
        self.nodes = nodes
    }

    /// Inner nodes from a label to the root, each with whether the path comes from its right side.
    func path(of label: Int) -> [(row: Int, isRight: Bool)] {
        var path: [(row: Int, isRight: Bool)] = []
        var node = label
        while nodes[node].parent >= 0 {
            let parent = Int(nodes[node].parent)
            path.append((parent - leaves, nodes[node].isRight))
            node = parent
        }
        return path
    }
}
