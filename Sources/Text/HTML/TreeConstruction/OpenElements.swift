/// The stack of open elements.
extension TreeBuilder {
    @inline(__always)
    var current: OpenElement { open[open.count - 1] }

    @inline(__always)
    func currentIs(_ name: ElementName) -> Bool { current.key == Self.key(name) }

    /// Puts an HTML element on the stack.
    @inline(__always)
    mutating func push(_ node: UInt32, _ name: ElementName) {
        let isKnown = name.rawValue <= ElementName.knownCount
        openCount.base[isKnown ? Int(name.rawValue) : 0] += 1
        nodes.base[Int(node)].tag |= NodeRecord.openBit
        let bits = isKnown ? traits[Int(name.rawValue)] : 0
        open.append(OpenElement(node: node, key: Self.key(name), traits: bits))
        if bits & Traits.template != 0, nodes[Int(node)].firstChild == 0 { addTemplateContent(to: node) }
    }

    private mutating func addTemplateContent(to node: UInt32) {
        let content = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(NodeRecord(.templateContent))
        append(content, to: node)
    }

    mutating func pushForeign(_ node: UInt32, _ name: ElementName, _ namespace: Namespace, isHTMLPoint: Bool) {
        nodes.base[Int(node)].tag |= NodeRecord.openBit
        let bits = Traits.foreignTraits(name, namespace) | (isHTMLPoint ? Traits.htmlPoint : 0)
        open.append(OpenElement(node: node, key: Self.key(name, namespace), traits: bits))
    }

    @inline(__always)
    private mutating func closed(_ element: OpenElement) {
        nodes.base[Int(element.node)].tag &= ~NodeRecord.openBit
        if element.traits & Traits.foreign == 0 {
            let name = element.key >> 2
            openCount.base[name <= ElementName.knownCount ? Int(name) : 0] -= 1
        }
    }

    /// Closes the current node; the root stays open.
    @inline(__always)
    mutating func pop() {
        guard open.count > 1 else { return }
        closed(open[open.count - 1])
        open.removeLast()
    }

    mutating func removeOpen(at index: Int) {
        closed(open[index])
        open.remove(at: index)
    }

    /// Closes elements until one of that name is closed.
    mutating func pop(through name: ElementName) {
        let key = Self.key(name)
        while open.count > 1 {
            let found = current.key == key
            pop()
            if found { return }
        }
    }

    mutating func pop(toCount count: Int) {
        while open.count > max(count, 1) { pop() }
    }

    /// Closes elements until the current one has one of the traits.
    mutating func popUntil(_ bits: UInt32) {
        while open.count > 1, current.traits & bits == 0 { pop() }
    }

    /// The standard's "clear the stack back to a table (table body, table row) context".
    mutating func popToTable() {
        while open.count > 1, current.traits & Traits.tableScope == 0 { pop() }
    }
    mutating func popToTableBody() {
        while open.count > 1, current.traits & (Traits.tableBody | Traits.template) == 0 { pop() }
    }
    mutating func popToRow() {
        while open.count > 1, !currentIs(.tr), current.traits & Traits.template == 0 { pop() }
    }

    // MARK: Searching

    @inline(__always)
    func isOpen(_ name: ElementName) -> Bool {
        openCount[name.rawValue <= ElementName.knownCount ? Int(name.rawValue) : 0] != 0
    }

    /// The standard's "has an element in scope", with the trait that ends the scope. Looks at most
    /// `ParsingOptions.searchDepth` elements down.
    @inline(__always)
    func hasInScope(_ name: ElementName, _ boundary: UInt32 = Traits.scope) -> Bool {
        isOpen(name) && search(name, boundary)
    }

    @inline(never)
    private func search(_ name: ElementName, _ boundary: UInt32) -> Bool {
        let key = Self.key(name)
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            let element = open[index]
            if element.key == key { return true }
            if element.traits & boundary != 0 { return false }
            index -= 1
        }
        return false
    }

    /// Whether an element with one of the traits is in scope.
    func hasTraitInScope(_ bits: UInt32, _ boundary: UInt32 = Traits.scope) -> Bool {
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            let element = open[index]
            if element.traits & bits != 0 { return true }
            if element.traits & boundary != 0 { return false }
            index -= 1
        }
        return false
    }

    func hasNodeInScope(_ node: UInt32) -> Bool {
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            let element = open[index]
            if element.node == node { return true }
            if element.traits & Traits.scope != 0 { return false }
            index -= 1
        }
        return false
    }

    func hasSelectInScope() -> Bool {
        guard isOpen(.select) else { return false }
        var index = open.count - 1
        while index >= 0, open[index].key == Self.key(.option) || open[index].key == Self.key(.optgroup) { index -= 1 }
        return index >= 0 && open[index].key == Self.key(.select)
    }

    // MARK: Implied end tags

    @inline(__always)
    mutating func closeImplied(except name: ElementName = .nothing) {
        let key = Self.key(name)
        while current.traits & Traits.impliedEnd != 0, current.key != key, open.count > 1 { pop() }
    }

    mutating func closeImpliedThoroughly() {
        while current.traits & Traits.thoroughlyImpliedEnd != 0, open.count > 1 { pop() }
    }

    /// Closes a `p` in button scope, if there is one.
    @inline(__always)
    mutating func closeParagraph() {
        if hasInScope(.p, Traits.buttonScope) {
            closeImplied(except: .p)
            pop(through: .p)
        }
    }

    // MARK: The insertion mode

    /// The standard's "reset the insertion mode appropriately".
    mutating func resetMode() {
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            let isLast = index == 0
            let element = isLast && isFragment ? context : open[index]
            if element.traits & Traits.foreign == 0 {
                switch ElementName(rawValue: element.key >> 2) {
                case .select:
                    var below = index
                    while below > bottom {
                        below -= 1
                        if open[below].traits & Traits.template != 0 { break }
                        if open[below].key == Self.key(.table) {
                            mode = .inSelectInTable
                            return
                        }
                    }
                    mode = .inSelect
                    return
                case .td where !isLast, .th where !isLast: return mode = .inCell
                case .tr: return mode = .inRow
                case .tbody, .thead, .tfoot: return mode = .inTableBody
                case .caption: return mode = .inCaption
                case .colgroup: return mode = .inColumnGroup
                case .table: return mode = .inTable
                case .template: return mode = templateModes.last ?? .inTemplate
                case .head where !isLast: return mode = .inHead
                case .body: return mode = .inBody
                case .frameset: return mode = .inFrameset
                case .html: return mode = head == 0 ? .beforeHead : .afterHead
                default: break
                }
            }
            index -= 1
        }
        mode = .inBody
    }
}
