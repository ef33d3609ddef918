import UnicodeText

/// `line_length_filter`: pages whose longest or mean line is too long are dropped.
struct LineLengthFilter: RecipeStep {
    static let description = StepDescription(
        "line_length_filter", "Drops empty pages, and those whose longest or mean line is too long.",
        [
            .init("length_type", "max or avg", "max", "the line length that counts"),
            .init("max_length", "a number", "1000", "the greatest length kept, in characters"),
        ])

    private enum Statistic: String, CaseIterable { case max, avg }

    private let statistic: Statistic
    private let maximum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        statistic = try parameters.choice("length_type", default: .max)
        maximum = try parameters.number("max_length", default: 1000)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        guard !bytes.isEmpty else { return drop(0, limit: maximum) }
        let lines = text.splitLines(bytes, 0..<bytes.count)
        var longest = 0
        var total = 0
        for line in lines {
            let length = bytes.scalarCount(line)
            longest = max(longest, length)
            total += length
        }
        let length = statistic == .max ? Double(longest) : Double(total) / Double(lines.count)
        return length > maximum ? drop(length, limit: maximum) : .keep
    }
}
