/// Tables, from the table down to its cells.
extension TreeBuilder {
    mutating func inTable() -> Bool {
        switch tokenizer.kind {
        case .text, .null:
            guard current.traits & (Traits.tablePart | Traits.template) != 0 else { break }
            tableText.truncate(to: 0)
            originalMode = mode
            mode = .inTableText
            return true
        case .comment:
            insertComment()
            return false
        case .doctype: return false
        case .startTag:
            switch name {
            case .caption:
                popToTable()
                pushMarker()
                insertHTML()
                mode = .inCaption
                return false
            case .colgroup:
                popToTable()
                insertHTML()
                mode = .inColumnGroup
                return false
            case .col:
                popToTable()
                insertImplied(.colgroup)
                mode = .inColumnGroup
                return true
            case .tbody, .tfoot, .thead:
                popToTable()
                insertHTML()
                mode = .inTableBody
                return false
            case .td, .th, .tr:
                popToTable()
                insertImplied(.tbody)
                mode = .inTableBody
                return true
            case .table: return closeTable()
            case .style, .script, .template: return inHead()
            case .input where hasHiddenType:
                insertVoid()
                return false
            case .form:
                if form == 0, !isOpen(.template) {
                    form = insertHTML()
                    pop()
                }
                return false
            default: break
            }
        case .endTag:
            switch name {
            case .table:
                _ = closeTable()
                return false
            case .body, .caption, .col, .colgroup, .html, .tbody, .td, .tfoot, .th, .thead, .tr: return false
            case .template: return inHead()
            default: break
            }
        case .end: return inBody()
        }
        return fostering()
    }

    /// "in body" with what doesn't belong into a table put before it.
    private mutating func fostering() -> Bool {
        fosterParenting = true
        let again = inBody()
        fosterParenting = false
        return again
    }

    /// Closes the table, if one is in table scope; whether it did.
    private mutating func closeTable() -> Bool {
        guard hasInScope(.table, Traits.tableScope) else { return false }
        pop(through: .table)
        resetMode()
        return true
    }

    /// Gathers characters; at the first other token decides where they go.
    mutating func inTableText() -> Bool {
        if tokenizer.kind == .null { return false }
        if tokenizer.kind == .text {
            tableText.append(TextRun(start: tokenizer.textStart, end: tokenizer.textEnd))
            return false
        }
        let isAllSpace = (0..<tableText.count).allSatisfy { index in
            (tableText[index].start..<tableText[index].end).allSatisfy { tokenizer.isSpace(tokenizer.byte($0)) }
        }
        for index in 0..<tableText.count {
            let run = tableText[index]
            if isAllSpace {
                insertText(run.start, run.end)
            } else {
                fosterParenting = true
                reconstruct()
                insertText(run.start, run.end)
                fosterParenting = false
                framesetOK = false
            }
        }
        tableText.truncate(to: 0)
        mode = originalMode
        return true
    }

    mutating func inCaption() -> Bool {
        switch tokenizer.kind {
        case .startTag:
            switch name {
            case .caption, .col, .colgroup, .tbody, .td, .tfoot, .th, .thead, .tr: return closeCaption()
            default: return inBody()
            }
        case .endTag:
            switch name {
            case .caption:
                _ = closeCaption()
                return false
            case .table: return closeCaption()
            case .body, .col, .colgroup, .html, .tbody, .td, .tfoot, .th, .thead, .tr: return false
            default: return inBody()
            }
        default: return inBody()
        }
    }

    private mutating func closeCaption() -> Bool {
        guard hasInScope(.caption, Traits.tableScope) else { return false }
        closeImplied()
        pop(through: .caption)
        clearToMarker()
        mode = .inTable
        return true
    }

    mutating func inColumnGroup() -> Bool {
        switch tokenizer.kind {
        case .text where takeLeadingSpace(inserting: true): return false
        case .comment:
            insertComment()
            return false
        case .doctype: return false
        case .startTag:
            switch name {
            case .html: return inBody()
            case .col:
                insertVoid()
                return false
            case .template: return inHead()
            default: break
            }
        case .endTag:
            switch name {
            case .colgroup:
                if currentIs(.colgroup) {
                    pop()
                    mode = .inTable
                }
                return false
            case .col: return false
            case .template: return inHead()
            default: break
            }
        case .end: return inBody()
        default: break
        }
        guard currentIs(.colgroup) else { return false }
        pop()
        mode = .inTable
        return true
    }

    mutating func inTableBody() -> Bool {
        switch tokenizer.kind {
        case .startTag:
            switch name {
            case .tr:
                popToTableBody()
                insertHTML()
                mode = .inRow
                return false
            case .th, .td:
                popToTableBody()
                insertImplied(.tr)
                mode = .inRow
                return true
            case .caption, .col, .colgroup, .tbody, .tfoot, .thead: return closeTableBody()
            default: return inTable()
            }
        case .endTag:
            switch name {
            case .tbody, .tfoot, .thead:
                guard hasInScope(name, Traits.tableScope) else { return false }
                popToTableBody()
                pop()
                mode = .inTable
                return false
            case .table: return closeTableBody()
            case .body, .caption, .col, .colgroup, .html, .td, .th, .tr: return false
            default: return inTable()
            }
        default: return inTable()
        }
    }

    private mutating func closeTableBody() -> Bool {
        guard hasTraitInScope(Traits.tableBody, Traits.tableScope) else { return false }
        popToTableBody()
        pop()
        mode = .inTable
        return true
    }

    mutating func inRow() -> Bool {
        switch tokenizer.kind {
        case .startTag:
            switch name {
            case .th, .td:
                popToRow()
                insertHTML()
                mode = .inCell
                pushMarker()
                return false
            case .caption, .col, .colgroup, .tbody, .tfoot, .thead, .tr: return closeRow()
            default: return inTable()
            }
        case .endTag:
            switch name {
            case .tr:
                _ = closeRow()
                return false
            case .table: return closeRow()
            case .tbody, .tfoot, .thead: return hasInScope(name, Traits.tableScope) && closeRow()
            case .body, .caption, .col, .colgroup, .html, .td, .th: return false
            default: return inTable()
            }
        default: return inTable()
        }
    }

    private mutating func closeRow() -> Bool {
        guard hasInScope(.tr, Traits.tableScope) else { return false }
        popToRow()
        pop()
        mode = .inTableBody
        return true
    }

    mutating func inCell() -> Bool {
        switch tokenizer.kind {
        case .startTag:
            switch name {
            case .caption, .col, .colgroup, .tbody, .td, .tfoot, .th, .thead, .tr:
                guard hasInScope(.td, Traits.tableScope) || hasInScope(.th, Traits.tableScope) else { return false }
                closeCell()
                return true
            default: return inBody()
            }
        case .endTag:
            switch name {
            case .td, .th:
                guard hasInScope(name, Traits.tableScope) else { return false }
                closeImplied()
                pop(through: name)
                clearToMarker()
                mode = .inRow
                return false
            case .body, .caption, .col, .colgroup, .html: return false
            case .table, .tbody, .tfoot, .thead, .tr:
                guard hasInScope(name, Traits.tableScope) else { return false }
                closeCell()
                return true
            default: return inBody()
            }
        default: return inBody()
        }
    }

    private mutating func closeCell() {
        closeImplied()
        while open.count > 1 {
            let isCell = currentIs(.td) || currentIs(.th)
            pop()
            if isCell { break }
        }
        clearToMarker()
        mode = .inRow
    }
}
