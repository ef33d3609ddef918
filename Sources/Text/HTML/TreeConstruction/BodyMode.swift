/// "in body": text, and which rule a tag falls under.
extension TreeBuilder {
    mutating func inBody() -> Bool {
        switch tokenizer.kind {
        case .text:
            reconstruct()
            insertText()
            if framesetOK, !isSpace { framesetOK = false }
            return false
        case .startTag:
            let number = tokenizer.name
            return startInBody(number <= ElementName.knownCount ? bodyStart[Int(number)] : .other)
        case .endTag:
            let number = tokenizer.name
            return endInBody(number <= ElementName.knownCount ? bodyEnd[Int(number)] : .other)
        case .comment:
            insertComment()
            return false
        case .null, .doctype: return false
        case .end: return templateModes.isEmpty ? false : inTemplate()
        }
    }

    // MARK: Start tags

    private mutating func startInBody(_ rule: BodyStart) -> Bool {
        switch rule {
        case .other:
            reconstruct()
            insertHTML()
        case .block:
            closeParagraph()
            insertHTML()
        case .formatting:
            reconstruct()
            pushFormatting(insertHTML(), name)
        case .anchor:
            openAnchor()
        case .void:
            reconstruct()
            insertVoid()
            framesetOK = false
        case .listItem:
            openListItem()
        case .heading:
            closeParagraph()
            if current.traits & Traits.heading != 0 { pop() }
            insertHTML()
        case .headContent: return inHead()
        default: return startRarerInBody(rule)
        }
        return false
    }

    @inline(never)
    private mutating func startRarerInBody(_ rule: BodyStart) -> Bool {
        switch rule {
        case .html:
            if !isOpen(.template) { mergeAttributes(into: open[0].node) }
        case .body:
            guard open.count > 1, open[1].key == Self.key(.body), !isOpen(.template) else { return false }
            framesetOK = false
            mergeAttributes(into: open[1].node)
        case .frameset:
            guard open.count > 1, open[1].key == Self.key(.body), framesetOK else { return false }
            let body = open[1].node
            pop(toCount: 1)
            detach(body)
            insertHTML()
            mode = .inFrameset
        case .preformatted:
            closeParagraph()
            insertHTML()
            skipsLineFeed = true
            framesetOK = false
        case .form:
            let isInTemplate = isOpen(.template)
            if form != 0, !isInTemplate { return false }
            closeParagraph()
            let node = insertHTML()
            if !isInTemplate { form = node }
        case .definition:
            openDefinition()
        case .plaintext:
            closeParagraph()
            insertHTML()
            tokenizer.state = .plaintext
        case .button:
            if hasInScope(.button) {
                closeImplied()
                pop(through: .button)
            }
            reconstruct()
            insertHTML()
            framesetOK = false
        case .nobr:
            reconstruct()
            if hasInScope(.nobr) {
                adopt(.nobr)
                reconstruct()
            }
            pushFormatting(insertHTML(), .nobr)
        case .object:
            reconstruct()
            insertHTML()
            pushMarker()
            framesetOK = false
        case .table:
            if quirksMode != .full { closeParagraph() }
            insertHTML()
            framesetOK = false
            mode = .inTable
        case .input:
            reconstruct()
            insertVoid()
            if !hasHiddenType { framesetOK = false }
        case .parameter:
            insertVoid()
        case .rule:
            closeParagraph()
            insertVoid()
            framesetOK = false
        case .image:
            reconstruct()
            insertVoid(named: .img)
            framesetOK = false
        case .textarea:
            insertWithText(.rcdata)
            skipsLineFeed = true
            framesetOK = false
        case .xmp:
            closeParagraph()
            reconstruct()
            framesetOK = false
            insertWithText(.rawtext)
        case .iframe:
            framesetOK = false
            insertWithText(.rawtext)
        case .noembed:
            insertWithText(.rawtext)
        case .noscript:
            if options.scripting {
                insertWithText(.rawtext)
            } else {
                reconstruct()
                insertHTML()
            }
        case .select:
            reconstruct()
            insertHTML()
            framesetOK = false
            switch mode {
            case .inTable, .inCaption, .inTableBody, .inRow, .inCell: mode = .inSelectInTable
            default: mode = .inSelect
            }
        case .option:
            if currentIs(.option) { pop() }
            reconstruct()
            insertHTML()
        case .rubyBase:
            if hasInScope(.ruby) { closeImplied() }
            insertHTML()
        case .rubyText:
            if hasInScope(.ruby) { closeImplied(except: .rtc) }
            insertHTML()
        case .math:
            reconstruct()
            insertForeign(.mathML)
        case .svg:
            reconstruct()
            insertForeign(.svg)
        case .ignored, .other, .block, .formatting, .anchor, .void, .listItem, .heading, .headContent: break
        }
        return false
    }

    /// Whether the token is an `input` of type `hidden`.
    var hasHiddenType: Bool {
        for index in tokenizer.firstAttribute..<tokenizer.attributes.count {
            let attribute = tokenizer.attributes[index]
            if attribute.tag == AttributeName.type.rawValue {
                return attribute.count == 6
                    && NameHash.key(tokenizer.bytes.base + Int(attribute.start), 6) == 0x6E65_6464_6968
            }
        }
        return false
    }

    private mutating func openAnchor() {
        if let index = formattingIndex(named: .a) {
            let node = formatting[index].node
            adopt(.a)
            if let index = formattingIndex(of: node) { formatting.remove(at: index) }
            if nodes[Int(node)].isOpen {
                var index = open.count - 1
                while index > 0, open[index].node != node { index -= 1 }
                if index > 0 { removeOpen(at: index) }
            }
        }
        reconstruct()
        pushFormatting(insertHTML(), .a)
    }

    private mutating func openListItem() {
        framesetOK = false
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            let element = open[index]
            if element.key == Self.key(.li) {
                closeImplied(except: .li)
                pop(through: .li)
                break
            }
            if isBarrier(element) { break }
            index -= 1
        }
        closeParagraph()
        insertHTML()
    }

    private mutating func openDefinition() {
        framesetOK = false
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            let element = open[index]
            if element.key == Self.key(.dd) || element.key == Self.key(.dt) {
                let name = ElementName(rawValue: element.key >> 2)
                closeImplied(except: name)
                pop(through: name)
                break
            }
            if isBarrier(element) { break }
            index -= 1
        }
        closeParagraph()
        insertHTML()
    }

    /// Special, and neither `address`, `div` nor `p`: an item doesn't end one beyond it.
    private func isBarrier(_ element: OpenElement) -> Bool {
        element.traits & Traits.special != 0 && element.key != Self.key(.div) && element.key != Self.key(.p)
            && element.key != Self.key(.address)
    }

    // MARK: End tags

    private mutating func endInBody(_ rule: BodyEnd) -> Bool {
        switch rule {
        case .other: anyOtherEndTag(name)
        case .block:
            guard hasInScope(name) else { return false }
            closeImplied()
            pop(through: name)
        case .formatting: adopt(name)
        case .paragraph:
            if !hasInScope(.p, Traits.buttonScope) { insertImplied(.p) }
            closeParagraph()
        case .listItem:
            guard hasInScope(.li, Traits.listScope) else { return false }
            closeImplied(except: .li)
            pop(through: .li)
        case .definition:
            guard hasInScope(name) else { return false }
            closeImplied(except: name)
            pop(through: name)
        case .heading:
            guard hasTraitInScope(Traits.heading) else { return false }
            closeImplied()
            popUntil(Traits.heading)
            pop()
        case .template: closeTemplate()
        case .body:
            if hasInScope(.body) { mode = .afterBody }
        case .html:
            guard hasInScope(.body) else { return false }
            mode = .afterBody
            return true
        case .form: closeForm()
        case .object:
            guard hasInScope(name) else { return false }
            closeImplied()
            pop(through: name)
            clearToMarker()
        case .lineBreak:
            tokenizer.attributes.truncate(to: tokenizer.firstAttribute)
            reconstruct()
            insertVoid()
            framesetOK = false
        }
        return false
    }

    private mutating func closeForm() {
        if isOpen(.template) {
            guard hasInScope(.form) else { return }
            closeImplied()
            pop(through: .form)
            return
        }
        let node = form
        form = 0
        guard node != 0, nodes[Int(node)].isOpen, hasNodeInScope(node) else { return }
        closeImplied()
        var index = open.count - 1
        while index > 0, open[index].node != node { index -= 1 }
        if index > 0 { removeOpen(at: index) }
    }

    /// The standard's "any other end tag".
    mutating func anyOtherEndTag(_ name: ElementName) {
        guard isOpen(name) else { return }
        let key = Self.key(name)
        var index = open.count - 1
        let bottom = max(1, open.count - ParsingOptions.searchDepth)
        while index >= bottom {
            if open[index].key == key {
                closeImplied(except: name)
                pop(toCount: index)
                return
            }
            if open[index].traits & Traits.special != 0 { return }
            index -= 1
        }
    }
}
