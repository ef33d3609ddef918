import UnicodeText

/// `citation_removal_modifier`: the marks of Wikipedia's citations go.
struct CitationRemovalModifier: RecipeStep {
    static let description = StepDescription(
        "citation_removal_modifier", "Deletes `[12]`, `[]`, `[edit]` and `[citation needed]` from the text.")

    private let classes = PythonRules.text.classes
    private let marks = [Array("[edit]".utf8), Array("[citation needed]".utf8)]

    init(_ parameters: StepParameters) throws(CurationError) {}

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var output: [UInt8] = []
        var pending = 0
        var position = 0
        while position < bytes.count {
            guard bytes[position] == 0x5B, let end = citationEnd(bytes, from: position) else {
                position += 1
                continue
            }
            output.append(bytes, pending..<position)
            position = end
            pending = end
        }
        guard pending > 0 else { return content.isEmpty ? drop() : .keep }
        output.append(bytes, pending..<bytes.count)
        return page.replaceText(output, for: name)
    }

    private func citationEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var position = start + 1
        while position < bytes.count {
            let scalar = bytes.scalar(at: position)
            guard classes[scalar.value].contains(.decimal) else { break }
            position += scalar.length
        }
        if position < bytes.count, bytes[position] == 0x5D { return position + 1 }
        for mark in marks where bytes.starts(with: mark, at: start) { return start + mark.count }
        return nil
    }
}
