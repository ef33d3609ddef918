/// From the start of the document to the end of its head.
extension TreeBuilder {
    mutating func initial() -> Bool {
        switch tokenizer.kind {
        case .text where takeLeadingSpace(inserting: false): return false
        case .comment:
            insertComment(at: Place(parent: 0))
            return false
        case .doctype:
            insertDoctype()
            mode = .beforeHTML
            return false
        default:
            quirksMode = .full
            mode = .beforeHTML
            return true
        }
    }

    private mutating func insertDoctype() {
        let node = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(NodeRecord(.doctype, start: UInt32(truncatingIfNeeded: tokenizer.firstAttribute), count: 3))
        append(node, to: 0)
        quirksMode = doctypeQuirks()
    }

    mutating func beforeHTML() -> Bool {
        switch tokenizer.kind {
        case .doctype: return false
        case .comment:
            insertComment(at: Place(parent: 0))
            return false
        case .text where takeLeadingSpace(inserting: false): return false
        case .startTag where name == .html:
            let first = tokenizer.firstAttribute
            openRoot(firstAttribute: first, attributeCount: tokenizer.attributes.count - first)
            mode = .beforeHead
            return false
        case .endTag where name != .head && name != .body && name != .html && name != .br: return false
        default:
            openRoot(firstAttribute: 0, attributeCount: 0)
            mode = .beforeHead
            return true
        }
    }

    mutating func openRoot(firstAttribute: Int, attributeCount: Int) {
        let node = makeElement(
            ElementName.html.rawValue, .html, firstAttribute: firstAttribute, attributeCount: attributeCount)
        append(node, to: 0)
        push(node, .html)
    }

    mutating func beforeHead() -> Bool {
        switch tokenizer.kind {
        case .text where takeLeadingSpace(inserting: false): return false
        case .comment:
            insertComment()
            return false
        case .doctype: return false
        case .startTag where name == .html: return inBody()
        case .startTag where name == .head:
            head = insertHTML()
            mode = .inHead
            return false
        case .endTag where name != .head && name != .body && name != .html && name != .br: return false
        default:
            head = insertImplied(.head)
            mode = .inHead
            return true
        }
    }

    mutating func inHead() -> Bool {
        switch tokenizer.kind {
        case .text where takeLeadingSpace(inserting: true): return false
        case .comment:
            insertComment()
            return false
        case .doctype: return false
        case .startTag:
            switch name {
            case .html: return inBody()
            case .base, .basefont, .bgsound, .link, .meta:
                insertVoid()
                return false
            case .title:
                insertWithText(.rcdata)
                return false
            case .noscript where !options.scripting:
                insertHTML()
                mode = .inHeadNoscript
                return false
            case .noscript, .noframes, .style:
                insertWithText(.rawtext)
                return false
            case .script:
                insertWithText(.scriptData)
                return false
            case .template:
                insertHTML()
                pushMarker()
                framesetOK = false
                mode = .inTemplate
                templateModes.append(.inTemplate)
                return false
            case .head: return false
            default: break
            }
        case .endTag:
            switch name {
            case .head:
                pop()
                mode = .afterHead
                return false
            case .body, .html, .br: break
            case .template:
                closeTemplate()
                return false
            default: return false
            }
        default: break
        }
        pop()
        mode = .afterHead
        return true
    }

    mutating func closeTemplate() {
        guard isOpen(.template) else { return }
        closeImpliedThoroughly()
        pop(through: .template)
        clearToMarker()
        templateModes.removeLast()
        resetMode()
    }

    mutating func inHeadNoscript() -> Bool {
        switch tokenizer.kind {
        case .doctype: return false
        case .text where takeLeadingSpace(inserting: true): return false
        case .comment: return inHead()
        case .startTag:
            switch name {
            case .html: return inBody()
            case .basefont, .bgsound, .link, .meta, .noframes, .style: return inHead()
            case .head, .noscript: return false
            default: break
            }
        case .endTag:
            if name == .noscript {
                pop()
                mode = .inHead
                return false
            }
            if name != .br { return false }
        default: break
        }
        pop()
        mode = .inHead
        return true
    }

    mutating func afterHead() -> Bool {
        switch tokenizer.kind {
        case .text where takeLeadingSpace(inserting: true): return false
        case .comment:
            insertComment()
            return false
        case .doctype: return false
        case .startTag:
            switch name {
            case .html: return inBody()
            case .body:
                insertHTML()
                framesetOK = false
                mode = .inBody
                return false
            case .frameset:
                insertHTML()
                mode = .inFrameset
                return false
            case .base, .basefont, .bgsound, .link, .meta, .noframes, .script, .style, .template, .title:
                push(head, .head)
                let depth = open.count - 1
                let again = inHead()
                if depth < open.count, open[depth].node == head { removeOpen(at: depth) }
                return again
            case .head: return false
            default: break
            }
        case .endTag:
            switch name {
            case .template: return inHead()
            case .body, .html, .br: break
            default: return false
            }
        default: break
        }
        insertImplied(.body)
        mode = .inBody
        return true
    }

    /// "text": the contents of a raw text element, a title or the like.
    mutating func inText() -> Bool {
        if tokenizer.kind == .text {
            insertText()
            return false
        }
        let isEnd = tokenizer.kind == .end
        pop()
        mode = originalMode
        return isEnd
    }
}
