/// The list of active formatting elements.
extension TreeBuilder {
    mutating func pushMarker() {
        formatting.append(FormattingElement(node: 0, name: 0))
        dropOldestFormatting()
    }

    /// Keeps the list bounded: beyond the limit, the oldest entry is forgotten.
    private mutating func dropOldestFormatting() {
        if formatting.count > ParsingOptions.formattingElements { formatting.remove(at: 0) }
    }

    mutating func clearToMarker() {
        while formatting.count > 0 {
            let node = formatting[formatting.count - 1].node
            formatting.removeLast()
            if node == 0 { return }
        }
    }

    func formattingIndex(of node: UInt32) -> Int? {
        var index = formatting.count - 1
        while index >= 0 {
            if formatting[index].node == node { return index }
            index -= 1
        }
        return nil
    }

    /// The last entry of that name behind the last marker.
    func formattingIndex(named name: ElementName) -> Int? {
        var index = formatting.count - 1
        while index >= 0, formatting[index].node != 0 {
            if formatting[index].name == name.rawValue { return index }
            index -= 1
        }
        return nil
    }

    /// Adds an element; of four alike behind the last marker, the first goes ("Noah's Ark").
    mutating func pushFormatting(_ node: UInt32, _ name: ElementName) {
        var (alike, earliest) = (0, 0)
        var index = formatting.count - 1
        while index >= 0, formatting[index].node != 0 {
            if formatting[index].name == name.rawValue, haveSameAttributes(formatting[index].node, node) {
                alike += 1
                earliest = index
            }
            index -= 1
        }
        if alike >= 3 { formatting.remove(at: earliest) }
        formatting.append(FormattingElement(node: node, name: name.rawValue))
        dropOldestFormatting()
    }

    private func haveSameAttributes(_ one: UInt32, _ other: UInt32) -> Bool {
        let (first, second) = (nodes[Int(one)], nodes[Int(other)])
        // Elements with more attributes than anyone writes count as different, or the comparison could take for ever.
        guard first.count == second.count, first.count <= 64 else { return false }
        for index in 0..<Int(first.count) {
            let attribute = tokenizer.attributes[Int(first.start) + index]
            let isFound = (0..<Int(second.count)).contains {
                let candidate = tokenizer.attributes[Int(second.start) + $0]
                return candidate.tag == attribute.tag && candidate.count == attribute.count
                    && haveSameBytes(Int(candidate.start), Int(attribute.start), Int(attribute.count))
            }
            if !isFound { return false }
        }
        return true
    }

    private func haveSameBytes(_ one: Int, _ other: Int, _ count: Int) -> Bool {
        for offset in 0..<count where tokenizer.byte(one + offset) != tokenizer.byte(other + offset) { return false }
        return true
    }

    /// A new element like another one.
    mutating func copyElement(_ node: UInt32) -> UInt32 {
        let record = nodes[Int(node)]
        copiesLeft -= 1
        return makeElement(
            record.name, record.namespace, firstAttribute: Int(record.start), attributeCount: Int(record.count))
    }

    /// Opens again the formatting elements that were closed without their end tags.
    @inline(__always)
    mutating func reconstruct() {
        guard formatting.count > 0 else { return }
        let last = formatting[formatting.count - 1]
        if last.node == 0 || nodes[Int(last.node)].isOpen { return }
        reconstructSlowly()
    }

    @inline(never)
    private mutating func reconstructSlowly() {
        var index = formatting.count - 1
        while index > 0, formatting[index - 1].node != 0, !nodes[Int(formatting[index - 1].node)].isOpen { index -= 1 }
        while index < formatting.count, copiesLeft > 0 {
            let entry = formatting[index]
            let node = copyElement(entry.node)
            insertElement(node)
            push(node, ElementName(rawValue: entry.name))
            formatting[index].node = node
            index += 1
        }
    }

    // MARK: The adoption agency

    /// The standard's adoption agency algorithm for an end tag (or the second of two nested `a` or `nobr`).
    mutating func adopt(_ subject: ElementName) {
        if currentIs(subject), formattingIndex(of: current.node) == nil {
            pop()
            return
        }
        for _ in 0..<8 {
            guard let entry = formattingIndex(named: subject) else { return anyOtherEndTag(subject) }
            let element = formatting[entry].node
            guard nodes[Int(element)].isOpen else {
                formatting.remove(at: entry)
                return
            }
            // From the top down to the element: a scope boundary hides it; the last special element met is the block.
            var index = open.count - 1
            var block: Int?
            var isHidden = false
            let bottom = max(1, open.count - ParsingOptions.searchDepth)
            while index >= bottom, open[index].node != element {
                if open[index].traits & Traits.scope != 0 { isHidden = true }
                if open[index].traits & Traits.special != 0 { block = index }
                index -= 1
            }
            if isHidden || index < bottom || copiesLeft <= 0 { return }
            guard let block else {
                pop(toCount: index)
                formatting.remove(at: entry)
                return
            }
            rearrange(element: element, at: index, entry: entry, block: block)
        }
    }

    /// One round of the algorithm, once the formatting element and the furthest block are known.
    private mutating func rearrange(element: UInt32, at elementIndex: Int, entry: Int, block: Int) {
        let blockNode = open[block].node
        var bookmark = entry
        var blockIndex = block
        var index = block
        var lastNode = blockNode
        var round = 0
        while true {
            round += 1
            index -= 1
            if index == elementIndex { break }
            let node = open[index].node
            var found = formattingIndex(of: node)
            if round > 3, let position = found {
                formatting.remove(at: position)
                if position < bookmark { bookmark -= 1 }
                found = nil
            }
            guard let position = found else {
                removeOpen(at: index)
                blockIndex -= 1
                continue
            }
            let copy = copyElement(node)
            formatting[position].node = copy
            replaceOpen(at: index, with: copy)
            if lastNode == blockNode { bookmark = position + 1 }
            detach(lastNode)
            append(lastNode, to: copy)
            lastNode = copy
        }
        detach(lastNode)
        insert(lastNode, into: elementIndex - 1)
        let copy = copyElement(element)
        moveChildren(of: blockNode, to: copy)
        append(copy, to: blockNode)
        // The element's entry may have moved when others were dropped.
        if let position = formattingIndex(of: element) {
            let name = formatting[position].name
            formatting.remove(at: position)
            if position < bookmark { bookmark -= 1 }
            formatting.insert(FormattingElement(node: copy, name: name), at: min(bookmark, formatting.count))
        }
        let opened = open[elementIndex]
        removeOpen(at: elementIndex)
        insertOpen(OpenElement(node: copy, key: opened.key, traits: opened.traits), at: blockIndex)
    }

    private mutating func replaceOpen(at index: Int, with node: UInt32) {
        nodes.base[Int(open[index].node)].tag &= ~NodeRecord.openBit
        nodes.base[Int(node)].tag |= NodeRecord.openBit
        open[index].node = node
    }

    private mutating func insertOpen(_ element: OpenElement, at index: Int) {
        nodes.base[Int(element.node)].tag |= NodeRecord.openBit
        let name = element.key >> 2
        openCount.base[name <= ElementName.knownCount ? Int(name) : 0] += 1
        open.insert(element, at: index)
    }
}
