/// Selects, templates, framesets, and what follows the body.
extension TreeBuilder {
    mutating func inSelect() -> Bool {
        switch tokenizer.kind {
        case .text:
            insertText()
        case .comment:
            insertComment()
        case .null, .doctype: break
        case .end: return inBody()
        case .startTag:
            switch name {
            case .html: return inBody()
            case .option:
                if currentIs(.option) { pop() }
                insertHTML()
            case .optgroup:
                if currentIs(.option) { pop() }
                if currentIs(.optgroup) { pop() }
                insertHTML()
            case .hr:
                if currentIs(.option) { pop() }
                if currentIs(.optgroup) { pop() }
                insertVoid()
            case .select:
                _ = closeSelect()
            case .input, .keygen, .textarea: return closeSelect()
            case .script, .template: return inHead()
            default: break
            }
        case .endTag:
            switch name {
            case .optgroup:
                if currentIs(.option), open.count > 1, open[open.count - 2].key == Self.key(.optgroup) { pop() }
                if currentIs(.optgroup) { pop() }
            case .option:
                if currentIs(.option) { pop() }
            case .select:
                _ = closeSelect()
            case .template: return inHead()
            default: break
            }
        }
        return false
    }

    private mutating func closeSelect() -> Bool {
        guard hasSelectInScope() else { return false }
        pop(through: .select)
        resetMode()
        return true
    }

    mutating func inSelectInTable() -> Bool {
        switch name {
        case .caption, .table, .tbody, .tfoot, .thead, .tr, .td, .th:
            guard isStart || isEnd else { return inSelect() }
            if isEnd, !hasInScope(name, Traits.tableScope) { return false }
            pop(through: .select)
            resetMode()
            return true
        default: return inSelect()
        }
    }

    mutating func inTemplate() -> Bool {
        switch tokenizer.kind {
        case .text, .null, .comment, .doctype: return inBody()
        case .startTag:
            let next: Mode
            switch name {
            case .base, .basefont, .bgsound, .link, .meta, .noframes, .script, .style, .template, .title:
                return inHead()
            case .caption, .colgroup, .tbody, .tfoot, .thead: next = .inTable
            case .col: next = .inColumnGroup
            case .tr: next = .inTableBody
            case .td, .th: next = .inRow
            default: next = .inBody
            }
            if !templateModes.isEmpty { templateModes[templateModes.count - 1] = next }
            mode = next
            return true
        case .endTag: return name == .template ? inHead() : false
        case .end:
            guard isOpen(.template) else { return false }
            pop(through: .template)
            clearToMarker()
            if !templateModes.isEmpty { templateModes.removeLast() }
            resetMode()
            return true
        }
    }

    mutating func afterBody() -> Bool {
        switch tokenizer.kind {
        case .text where isSpace: return inBody()
        case .comment:
            insertComment(at: Place(parent: open[0].node))
            return false
        case .doctype: return false
        case .startTag where name == .html: return inBody()
        case .endTag where name == .html:
            if !isFragment { mode = .afterAfterBody }
            return false
        case .end: return false
        default:
            mode = .inBody
            return true
        }
    }

    mutating func inFrameset() -> Bool {
        switch tokenizer.kind {
        case .text:
            insertOnlySpace()
        case .comment:
            insertComment()
        case .startTag:
            switch name {
            case .html: return inBody()
            case .frameset: insertHTML()
            case .frame: insertVoid()
            case .noframes: return inHead()
            default: break
            }
        case .endTag where name == .frameset:
            guard open.count > 1 else { return false }
            pop()
            if !isFragment, !currentIs(.frameset) { mode = .afterFrameset }
        default: break
        }
        return false
    }

    mutating func afterFrameset() -> Bool {
        switch tokenizer.kind {
        case .text:
            insertOnlySpace()
        case .comment:
            insertComment()
        case .startTag where name == .html: return inBody()
        case .startTag where name == .noframes: return inHead()
        case .endTag where name == .html: mode = .afterAfterFrameset
        default: break
        }
        return false
    }

    mutating func afterAfterBody() -> Bool {
        switch tokenizer.kind {
        case .comment:
            insertComment(at: Place(parent: 0))
            return false
        case .doctype: return inBody()
        case .text where isSpace: return inBody()
        case .startTag where name == .html: return inBody()
        case .end: return false
        default:
            mode = .inBody
            return true
        }
    }

    mutating func afterAfterFrameset() -> Bool {
        switch tokenizer.kind {
        case .comment:
            insertComment(at: Place(parent: 0))
        case .text:
            insertOnlySpace()
        case .startTag where name == .html: return inBody()
        case .startTag where name == .noframes: return inHead()
        default: break
        }
        return false
    }
}
