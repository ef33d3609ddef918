import UnicodeText

/// `uppercase_ratio_line_modifier`: lines in capitals go.
struct UppercaseRatioLineModifier: RecipeStep {
    static let description = StepDescription(
        "uppercase_ratio_line_modifier", "Removes lines with too large a share of capitals; strips the text.",
        [.init("max_ratio", "a number", "0.5", "the greatest share of characters kept")])

    private let ratio: LineRatio

    init(_ parameters: StepParameters) throws(CurationError) {
        ratio = LineRatio(.uppercase, maximum: try parameters.number("max_ratio", default: 0.5))
    }

    func apply(to page: inout Page) throws -> Verdict {
        try ratio.apply(to: &page, for: name) { 0x41...0x5A ~= $0 }
    }
}

/// `numeric_ratio_line_modifier`: lines of digits go.
struct NumericRatioLineModifier: RecipeStep {
    static let description = StepDescription(
        "numeric_ratio_line_modifier", "Removes lines with too large a share of digits; strips the text.",
        [
            .init(
                "max_ratio", "a number", "1.0",
                "the greatest share of characters kept; 0.999999 removes lines of digits only")
        ])

    private let ratio: LineRatio

    init(_ parameters: StepParameters) throws(CurationError) {
        ratio = LineRatio(.digit, maximum: try parameters.number("max_ratio", default: 1))
    }

    func apply(to page: inout Page) throws -> Verdict {
        try ratio.apply(to: &page, for: name) { 0x30...0x39 ~= $0 }
    }
}

/// The share of a line's scalars that are of a class.
private struct LineRatio: Sendable {
    let wanted: ScalarClass
    let maximum: Double
    let classes = PythonRules.text.classes

    init(_ wanted: ScalarClass, maximum: Double) {
        self.wanted = wanted
        self.maximum = maximum
    }

    @inline(__always)
    func apply(to page: inout Page, for step: String, isASCII: (UInt8) -> Bool) throws -> Verdict {
        let content = try page.content(for: step)
        let kept = Lines.filtered(content.utf8.span, strips: true) { bytes, line in
            var found = 0
            var scalars = 0
            var position = line.lowerBound
            while position < line.upperBound {
                let byte = bytes[position]
                scalars += 1
                if byte < 0x80 {
                    if isASCII(byte) { found += 1 }
                    position += 1
                } else {
                    let scalar = bytes.scalar(at: position)
                    if classes[scalar.value].contains(wanted) { found += 1 }
                    position += scalar.length
                }
            }
            return Double(found) / Double(scalars) <= maximum
        }
        if let kept { return page.replaceText(kept, for: step) }
        return content.isEmpty ? .drop(DropReason(step)) : .keep
    }
}
