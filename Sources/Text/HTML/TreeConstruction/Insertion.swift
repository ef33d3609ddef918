extension TreeBuilder {
    /// A place in the tree: the last child of `parent`, or just before `sibling`.
    struct Place {
        var parent: UInt32
        var sibling: UInt32 = 0
    }

    // MARK: Links

    mutating func append(_ node: UInt32, to parent: UInt32) {
        let last = nodes[Int(parent)].lastChild
        let base = nodes.base
        base[Int(node)].parent = parent
        base[Int(node)].previousSibling = last
        base[Int(node)].nextSibling = 0
        if last == 0 { base[Int(parent)].firstChild = node } else { base[Int(last)].nextSibling = node }
        base[Int(parent)].lastChild = node
    }

    mutating func insert(_ node: UInt32, at place: Place) {
        if place.sibling == 0 { return append(node, to: place.parent) }
        let base = nodes.base
        let previous = base[Int(place.sibling)].previousSibling
        base[Int(node)].parent = place.parent
        base[Int(node)].previousSibling = previous
        base[Int(node)].nextSibling = place.sibling
        base[Int(place.sibling)].previousSibling = node
        if previous == 0 {
            base[Int(place.parent)].firstChild = node
        } else {
            base[Int(previous)].nextSibling = node
        }
    }

    /// Takes a node out of its parent, if it has one.
    mutating func detach(_ node: UInt32) {
        let base = nodes.base
        let record = base[Int(node)]
        if record.previousSibling == 0 {
            // A detached node has links of 0 only, and nothing comes before the document.
            if base[Int(record.parent)].firstChild == node { base[Int(record.parent)].firstChild = record.nextSibling }
        } else {
            base[Int(record.previousSibling)].nextSibling = record.nextSibling
        }
        if record.nextSibling == 0 {
            if base[Int(record.parent)].lastChild == node {
                base[Int(record.parent)].lastChild = record.previousSibling
            }
        } else {
            base[Int(record.nextSibling)].previousSibling = record.previousSibling
        }
        base[Int(node)].parent = 0
        base[Int(node)].previousSibling = 0
        base[Int(node)].nextSibling = 0
    }

    /// Moves all children of one node behind those of another. Complexity: O(children).
    mutating func moveChildren(of node: UInt32, to target: UInt32) {
        var child = nodes[Int(node)].firstChild
        nodes.base[Int(node)].firstChild = 0
        nodes.base[Int(node)].lastChild = 0
        while child != 0 {
            let next = nodes[Int(child)].nextSibling
            append(child, to: target)
            child = next
        }
    }

    // MARK: Places

    /// The node that holds what is put into an element: itself, or a template's contents.
    @inline(__always)
    func container(_ element: OpenElement) -> UInt32 {
        element.traits & Traits.template == 0 ? element.node : nodes[Int(element.node)].firstChild
    }

    /// The standard's appropriate place for inserting a node.
    @inline(__always)
    func place(in target: OpenElement) -> Place {
        fosterParenting && target.traits & Traits.tablePart != 0 ? fosterPlace() : Place(parent: container(target))
    }

    @inline(never)
    private func fosterPlace() -> Place {
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index > bottom {
            let element = open[index]
            if element.traits & Traits.template != 0 { return Place(parent: container(element)) }
            if element.key == Self.key(.table) {
                let record = nodes[Int(element.node)]
                let isAttached =
                    record.parent != 0 || nodes[0].firstChild == element.node || record.previousSibling != 0
                return isAttached
                    ? Place(parent: record.parent, sibling: element.node) : Place(parent: container(open[index - 1]))
            }
            index -= 1
        }
        return Place(parent: container(open[bottom]))
    }

    // MARK: Elements

    mutating func makeElement(
        _ name: UInt32, _ namespace: Namespace, firstAttribute: Int, attributeCount: Int
    ) -> UInt32 {
        let node = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(
            NodeRecord(
                .element, name: name, namespace: namespace, start: UInt32(truncatingIfNeeded: firstAttribute),
                count: UInt32(truncatingIfNeeded: attributeCount)))
        return node
    }

    /// Inserts an element at the appropriate place; too deep ones beside the element at the limit.
    @inline(__always)
    mutating func insertElement(_ node: UInt32) { insert(node, into: open.count - 1) }

    /// Inserts a node into an open element; too deep ones beside the element at the limit.
    @inline(__always)
    mutating func insert(_ node: UInt32, into index: Int) {
        if index >= options.maximumDepth {
            append(node, to: container(open[max(options.maximumDepth, 1) - 1]))
        } else {
            insert(node, at: place(in: open[index]))
        }
    }

    /// Inserts an HTML element for the token and opens it.
    @inline(__always)
    @discardableResult
    mutating func insertHTML() -> UInt32 { insertHTML(named: name) }

    @inline(__always)
    @discardableResult
    mutating func insertHTML(named name: ElementName) -> UInt32 {
        let first = tokenizer.firstAttribute
        let node = makeElement(
            name.rawValue, .html, firstAttribute: first, attributeCount: tokenizer.attributes.count - first)
        insertElement(node)
        push(node, name)
        return node
    }

    /// Inserts an HTML element without attributes, which no tag asked for, and opens it.
    @discardableResult
    mutating func insertImplied(_ name: ElementName) -> UInt32 {
        let node = makeElement(name.rawValue, .html, firstAttribute: 0, attributeCount: 0)
        insertElement(node)
        push(node, name)
        return node
    }

    /// Inserts an HTML element that has no contents.
    @inline(__always)
    mutating func insertVoid() { insertVoid(named: name) }

    mutating func insertVoid(named name: ElementName) {
        let first = tokenizer.firstAttribute
        insertElement(
            makeElement(name.rawValue, .html, firstAttribute: first, attributeCount: tokenizer.attributes.count - first)
        )
    }

    /// Inserts an element and lets the tokenizer read its contents as text of that kind.
    mutating func insertWithText(_ state: Tokenizer.State) {
        insertHTML()
        tokenizer.state = state
        originalMode = mode
        mode = .text
    }

    /// Gives an element the token's attributes that it lacks.
    mutating func mergeAttributes(into node: UInt32) {
        let record = nodes[Int(node)]
        let (first, count) = (tokenizer.firstAttribute, tokenizer.attributes.count - tokenizer.firstAttribute)
        guard count > 0, Int(record.count) < ParsingOptions.mergedAttributes else { return }
        tokenizer.tagNumber &+= 1
        for index in 0..<Int(record.count) {
            let name = tokenizer.attributes[Int(record.start) + index].name
            tokenizer.lastTag[Int(name)] = tokenizer.tagNumber
        }
        let isNew = (first..<first + count).contains {
            tokenizer.lastTag[Int(tokenizer.attributes[$0].name)] != tokenizer.tagNumber
        }
        guard isNew else { return }
        let start = tokenizer.attributes.count
        tokenizer.attributes.appendOwn(Int(record.start), count: Int(record.count))
        for index in first..<first + count {
            let attribute = tokenizer.attributes[index]
            if tokenizer.lastTag[Int(attribute.name)] != tokenizer.tagNumber { tokenizer.attributes.append(attribute) }
        }
        nodes.base[Int(node)].start = UInt32(truncatingIfNeeded: start)
        nodes.base[Int(node)].count = UInt32(truncatingIfNeeded: tokenizer.attributes.count - start)
    }

    // MARK: Text and comments

    @inline(__always)
    mutating func insertText() { insertText(tokenizer.textStart, tokenizer.textEnd) }

    @inline(__always)
    mutating func insertText(_ start: Int, _ end: Int) {
        let place = place(in: open[open.count - 1])
        let previous =
            place.sibling == 0 ? nodes[Int(place.parent)].lastChild : nodes[Int(place.sibling)].previousSibling
        if previous != 0, nodes[Int(previous)].kind == .text { return extendText(previous, start, end) }
        // The document holds no text.
        if place.parent == 0 { return }
        let node = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(
            NodeRecord(
                .text, start: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: end - start)))
        insert(node, at: place)
    }

    /// Adds bytes to a text node: in place where they follow it, else behind the input.
    @inline(never)
    private mutating func extendText(_ node: UInt32, _ start: Int, _ end: Int) {
        let record = nodes[Int(node)]
        let (oldStart, oldEnd) = (Int(record.start), Int(record.start) + Int(record.count))
        let added = end - start
        if oldEnd == start {
            nodes.base[Int(node)].count += UInt32(added)
            return
        }
        if oldEnd == tokenizer.bytes.count {
            tokenizer.bytes.appendOwn(start, count: added)
            nodes.base[Int(node)].count += UInt32(added)
            return
        }
        if let room = textRoom[node], room >= added {
            (tokenizer.bytes.base + oldEnd).update(from: tokenizer.bytes.base + start, count: added)
            textRoom[node] = room - added
            nodes.base[Int(node)].count += UInt32(added)
            return
        }
        let moved = tokenizer.bytes.count
        tokenizer.bytes.appendOwn(oldStart, count: oldEnd - oldStart)
        tokenizer.bytes.appendOwn(start, count: added)
        nodes.base[Int(node)].start = UInt32(truncatingIfNeeded: moved)
        nodes.base[Int(node)].count += UInt32(added)
        // Text that moves for a second time (other text was written in between) gets room to double, so that the
        // copying stays linear.
        if oldStart >= tokenizer.end {
            let room = oldEnd - oldStart + added
            tokenizer.bytes.append(repeating: 0, count: room)
            textRoom[node] = room
        }
    }

    mutating func insertComment() {
        insertComment(at: place(in: open[open.count - 1]))
    }

    mutating func insertComment(at place: Place) {
        let node = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(
            NodeRecord(
                .comment, start: UInt32(truncatingIfNeeded: tokenizer.textStart),
                count: UInt32(truncatingIfNeeded: tokenizer.textEnd - tokenizer.textStart)))
        insert(node, at: place)
    }
}
