import UnicodeText

/// `alphanumeric_char_ratio_filter`: pages with too few letters and numbers are dropped.
struct AlphanumericCharRatioFilter: RecipeStep {
    static let description = StepDescription(
        "alphanumeric_char_ratio_filter",
        "Drops empty pages, and those with too small a share of letters and numbers.",
        [
            .init(
                "max_alnum_ratio", "a number", "0.25",
                "the LEAST share kept, in spite of its name, which is the reference's")
        ])

    private let minimum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        minimum = try parameters.number("max_alnum_ratio", default: 0.25)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        guard !bytes.isEmpty else { return drop(nil, limit: minimum) }
        var found = 0
        var total = 0
        var position = 0
        while position < bytes.count {
            let scalar = bytes.scalar(at: position)
            if text.classes[scalar.value].contains(.alphanumeric) { found += 1 }
            total += 1
            position += scalar.length
        }
        let ratio = Double(found) / Double(total)
        return ratio < minimum ? drop(ratio, limit: minimum) : .keep
    }
}
