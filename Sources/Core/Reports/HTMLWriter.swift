/// Writes HTML with every text escaped; structure comes from nesting closures, so that tags always close.
package struct HTMLWriter {
    package private(set) var html = ""

    package init() {}

    /// A cell of a table.
    package enum Cell {
        case text(String)
        case code(String)
        case name(String, swatch: Int, isBest: Bool)
    }

    package mutating func text(_ text: String) { html += Self.escaped(text) }

    /// Markup that is already right, as drawings are.
    package mutating func raw(_ markup: String) { html += markup }

    package mutating func element(
        _ tag: String, class name: String? = nil, id: String? = nil, _ content: (inout HTMLWriter) -> Void
    ) {
        html += "<\(tag)"
        if let name { html += " class=\"\(Self.escaped(name))\"" }
        if let id { html += " id=\"\(Self.escaped(id))\"" }
        html += ">"
        content(&self)
        html += "</\(tag)>\n"
    }

    package mutating func document(title: String, style: String, _ content: (inout HTMLWriter) -> Void) {
        html += "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        html += "<title>\(Self.escaped(title))</title>\n<style>\(style)</style>\n</head>\n<body>\n"
        content(&self)
        html += "</body>\n</html>\n"
    }

    /// What every report begins with: its kind, what it is about, and what it says in one sentence.
    package mutating func reportHeader(kind: String, subject: String, verdict: String) {
        element("header") { page in
            page.element("p", class: "kicker") { $0.text(kind) }
            page.element("h1") { $0.text(subject) }
            page.element("p", class: "verdict") { $0.text(verdict) }
        }
    }

    package mutating func section(_ title: String, id: String, _ content: (inout HTMLWriter) -> Void) {
        element("section", id: id) { page in
            page.element("h2") { $0.text(title) }
            content(&page)
        }
    }

    package mutating func figure(_ caption: String, _ content: (inout HTMLWriter) -> Void) {
        element("figure") { page in
            page.element("figcaption") { $0.text(caption) }
            content(&page)
        }
    }

    package mutating func details(_ summary: String, isOpen: Bool, _ content: (inout HTMLWriter) -> Void) {
        html += isOpen ? "<details open>" : "<details>"
        element("summary") { $0.text(summary) }
        content(&self)
        html += "</details>\n"
    }

    package mutating func swatch(_ colour: Int) { html += "<span class=\"swatch c\(colour)\"></span>" }

    /// A table in a box of its own that scrolls where the window is narrow.
    package mutating func table(head: [String], numeric: Set<Int>, rows: [[Cell]]) {
        element("div", class: "scroll") { page in
            page.element("table") { page in
                page.element("thead") { page in
                    page.element("tr") { page in
                        for (column, title) in head.enumerated() {
                            page.element("th", class: numeric.contains(column) ? "number" : nil) { $0.text(title) }
                        }
                    }
                }
                page.element("tbody") { page in
                    for row in rows {
                        page.element("tr") { page in
                            for (column, cell) in row.enumerated() {
                                page.element("td", class: numeric.contains(column) ? "number" : nil) { $0.cell(cell) }
                            }
                        }
                    }
                }
            }
        }
    }

    private mutating func cell(_ cell: Cell) {
        switch cell {
        case .text(let value): text(value)
        case .code(let value): element("code") { $0.text(value) }
        case .name(let value, let colour, let isBest):
            swatch(colour)
            text(value)
            if isBest { html += " <span class=\"best\">best</span>" }
        }
    }

    /// Text with the characters that mean something in HTML written as references; controls that XML forbids are
    /// shown as U+FFFD.
    package static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\u{0}"..<"\u{9}", "\u{B}"..<" ", "\u{7F}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
