import UnicodeText

/// `punctuation_line_modifier`: lines without a sentence's end go.
struct PunctuationLineModifier: RecipeStep {
    static let description = StepDescription(
        "punctuation_line_modifier", "Removes lines that don't end in . ! ? \" or …, white space aside.",
        [.init("remove_ellipses", "true or false", "false", "remove also lines that end in ... or …")])

    private let removesEllipses: Bool
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        removesEllipses = try parameters.bool("remove_ellipses", default: false)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let kept = Lines.filtered(content.utf8.span, strips: false) { bytes, line in
            let end = text.stripEnd(bytes, line)
            guard end > line.lowerBound else { return false }
            switch bytes[end - 1] {
            case 0x21, 0x3F, 0x22: return true
            case 0x2E:
                return
                    !(removesEllipses && end - line.lowerBound >= 3 && bytes.starts(with: Ellipsis.dots, at: end - 3))
            case 0xA6: return !removesEllipses && bytes.starts(with: Ellipsis.sign, at: end - 3)
            default: return false
            }
        }
        if let kept { return page.replaceText(kept, for: name) }
        return content.isEmpty ? drop() : .keep
    }
}
