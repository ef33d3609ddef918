import HTML

/// `html_content_extraction_modifier`: the paragraphs of an HTML page.
///
/// The reference calls jusText, but keeps all of its paragraphs, those classed as boilerplate too; so this step cuts
/// paragraphs as jusText 3.0.2 does and classes none. The tree is the HTML standard's where the reference's is libxml2's.
struct HTMLContentExtractionModifier: RecipeStep {
    static let description = StepDescription(
        "html_content_extraction_modifier",
        "Replaces the HTML in `text` by its paragraphs, with blank lines between; drops pages without any.")

    init(_ parameters: StepParameters) throws(CurationError) {}

    func apply(to page: inout Page) throws -> Verdict {
        let document = try Document(page.content(for: name), for: name)
        var cutter = ParagraphCutter(document)
        let paragraphs = cutter.paragraphs()
        guard !paragraphs.isEmpty else { return drop() }
        page.text = String(decoding: Array(paragraphs.joined(separator: [0x0A, 0x0A])), as: UTF8.self)
        return .keep
    }
}

/// `stackexchange_html_extraction_modifier`: all text of the HTML of question and answers.
///
/// As Beautiful Soup has it: text that is white space only is one line feed if it holds one, else one space, but for that
/// in `pre` and `textarea`; other text stays as it is.
struct StackExchangeHTMLExtractionModifier: RecipeStep {
    static let description = StepDescription(
        "stackexchange_html_extraction_modifier", "Replaces the HTML of question and answers by its text.")

    /// Elements whose text is no text of the page.
    private static let hidden: Set<ElementName> = [.script, .style, .template, .rt, .rp]

    init(_ parameters: StepParameters) throws(CurationError) {}

    func apply(to page: inout Page) throws -> Verdict {
        try Posts(step: name).rewrite(&page) { (text) throws(CurationError) in
            let document = try Document(text, for: name)
            var output: [UInt8] = []
            var nodes = document.descendants(of: document.root)
            while let node = nodes.next() {
                if document.isText(node) {
                    document.withText(of: node) { text in
                        if let first = text.first, Self.isSpace(first), text.allSatisfy(Self.isSpace),
                            !Self.isKept(node, document)
                        {
                            output.append(text.contains(0x0A) ? 0x0A : 0x20)
                        } else {
                            output.append(contentsOf: text)
                        }
                    }
                } else if Self.hidden.contains(document.name(of: node)) {
                    nodes.skipChildren()
                }
            }
            return String(decoding: output, as: UTF8.self)
        }
        return .keep
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0A ~= byte || 0x0C...0x0D ~= byte }

    /// Whether white space counts where a node stands. Complexity: O(depth), which the parser limits.
    private static func isKept(_ node: Node, _ document: Document) -> Bool {
        var above = document.parent(of: node)
        while let element = above {
            if document.isHTML(.pre, element) || document.isHTML(.textarea, element) { return true }
            above = document.parent(of: element)
        }
        return false
    }
}

extension Document {
    /// - Throws: `.wrongField` for text that is too large.
    fileprivate init(_ text: String, for step: String) throws(CurationError) {
        do {
            try self.init(parsing: text)
        } catch {
            throw .wrongField(step: step, key: "text", expected: "HTML", found: "too large: \(error)")
        }
    }
}

/// Cuts a page into paragraphs at block elements and at two line breaks in a row.
///
/// Text between two tags that is blank is left out, even between inline elements; a lone line break is a space.
private struct ParagraphCutter {
    private static let breaking: Set<ElementName> = [
        .body, .blockquote, .caption, .center, .col, .colgroup, .dd, .div, .dl, .dt, .fieldset, .legend, .optgroup,
        .option, .p, .pre,
        .table, .td, .tfoot, .th, .thead, .tr, .ul, .li, .h1, .h2, .h3, .h4, .h5, .h6,
    ]
    private static let removed: Set<ElementName> = [
        .head, .base, .script, .style, .applet, .button, .input, .select, .textarea,
    ]
    /// Elements that are taken away while what is in them stays: they end no run of text.
    private static let unwrapped: Set<ElementName> = [.form, .iframe, .embed, .object, .param]

    private let document: Document
    private var done: [[UInt8]] = []
    private var paragraph: [UInt8] = []
    /// Text since the last tag.
    private var run: [UInt8] = []
    private var followsBreak = false

    init(_ document: Document) { self.document = document }

    mutating func paragraphs() -> [[UInt8]] {
        var node = document.root
        while true {
            if !isRemoved(node) {
                enter(node)
                if let child = document.firstChild(of: node) {
                    node = child
                    continue
                }
                leave(node)
            }
            while document.nextSibling(of: node) == nil, let parent = document.parent(of: node) {
                leave(parent)
                node = parent
            }
            guard let next = document.nextSibling(of: node) else { break }
            node = next
        }
        flush()
        endParagraph()
        return done
    }

    private func isRemoved(_ node: Node) -> Bool {
        switch document.kind(of: node) {
        case .element: Self.removed.contains(document.name(of: node))
        case .comment, .doctype: true
        case .document, .text, .templateContent: false
        }
    }

    private mutating func enter(_ node: Node) {
        if document.isText(node) {
            document.withText(of: node) { run.append(contentsOf: $0) }
            return
        }
        let name = document.name(of: node)
        guard document.isElement(node), !Self.unwrapped.contains(name) else { return }
        flush()
        if Self.breaking.contains(name) || name == .br && followsBreak {
            endParagraph()
        } else {
            followsBreak = name == .br
            if followsBreak { paragraph.append(0x20) }
        }
    }

    private mutating func leave(_ node: Node) {
        let name = document.name(of: node)
        guard document.isElement(node), !Self.unwrapped.contains(name) else { return }
        flush()
        if Self.breaking.contains(name) { endParagraph() }
    }

    private mutating func flush() {
        if !Self.isBlank(run) {
            paragraph.append(contentsOf: run)
            followsBreak = false
        }
        run.removeAll(keepingCapacity: true)
    }

    private mutating func endParagraph() {
        let finished = Self.collapsed(paragraph)
        if !finished.isEmpty { done.append(finished) }
        paragraph.removeAll(keepingCapacity: true)
    }

    private static func isBlank(_ bytes: [UInt8]) -> Bool {
        PythonRules.text.skipSpace(bytes.span, 0..<bytes.count) == bytes.count
    }

    /// Stripped; each run of white space is one line feed if there is a line's end in it, else one space.
    private static func collapsed(_ bytes: [UInt8]) -> [UInt8] {
        let text = PythonRules.text
        let span = bytes.span
        let whole = text.strip(span, 0..<span.count)
        var output: [UInt8] = []
        output.reserveCapacity(whole.count)
        var position = whole.lowerBound
        while position < whole.upperBound {
            var end = position
            var hasLineEnd = false
            while end < whole.upperBound {
                let scalar = span.scalar(at: end)
                guard text.isSpace(scalar.value) else { break }
                hasLineEnd = hasLineEnd || scalar.value == 0x0A || scalar.value == 0x0D
                end += scalar.length
            }
            if end > position {
                output.append(hasLineEnd ? 0x0A : 0x20)
            } else {
                end += span.scalar(at: end).length
                output.append(span, position..<end)
            }
            position = end
        }
        return output
    }
}
