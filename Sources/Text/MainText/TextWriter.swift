/// Joins blocks into text.
struct TextWriter {
    private let page: PageBlocks
    /// Whether items get their signs.
    private let isPlain: Bool

    private enum Boundary { case cell, line, paragraph }

    init(_ page: PageBlocks, isPlain: Bool) {
        self.page = page
        self.isPlain = isPlain
    }

    func text(of chosen: some Sequence<Int>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(page.text.count + 64)
        var previous: Int?
        for index in chosen {
            let block = page.blocks[index]
            if let previous {
                switch boundary(previous, index) {
                case .cell: bytes.append(9)
                case .line: bytes.append(10)
                case .paragraph: bytes.append(contentsOf: [10, 10])
                }
            }
            if isPlain, block.isItemStart {
                bytes.append(contentsOf: repeatElement(32, count: 2 * max(0, Int(block.listDepth) - 1)))
                bytes.append(contentsOf: (block.number > 0 ? "\(block.number). " : "- ").utf8)
            }
            bytes.append(contentsOf: page.text[block.range])
            previous = index
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func boundary(_ left: Int, _ right: Int) -> Boundary {
        let (first, second) = (page.blocks[left], page.blocks[right])
        let kinds = (first.kind, second.kind)
        switch kinds {
        case (.cell, .cell), (.headerCell, .cell), (.headerCell, .headerCell), (.cell, .headerCell):
            let rows = (page.containers[Int(first.container)].parent, page.containers[Int(second.container)].parent)
            if rows.0 == rows.1 { return first.container == second.container ? .line : .cell }
            return page.containers[Int(rows.0)].parent == page.containers[Int(rows.1)].parent ? .line : .paragraph
        case (.item, .item), (.definitionTerm, .definition), (.definition, .definition), (.definition, .definitionTerm):
            return .line
        case (.division, .division), (.other, .other), (.division, .other), (.other, .division),
            (.container, .division),
            (.division, .container), (.container, .container):
            return .line
        default:
            if first.listDepth > 0, second.listDepth > 0 { return .line }
            return .paragraph
        }
    }
}
