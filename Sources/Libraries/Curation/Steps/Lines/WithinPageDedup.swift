import UnicodeText

/// `within_page_dedup`: of equal lines or paragraphs the first stays.
struct WithinPageDedup: RecipeStep {
    static let description = StepDescription(
        "within_page_dedup", "Removes lines or paragraphs that the page already had; empty ones stay.",
        [
            .init("granularity", "line or paragraph", "line", "what is compared"),
            .init("normalize", "true or false", "true", "compare stripped, in lower case"),
        ])

    private enum Granularity: String, CaseIterable { case line, paragraph }

    private let separator: [UInt8]
    private let normalizes: Bool
    private let text = PythonRules.text
    private let lower = PythonRules.lower

    init(_ parameters: StepParameters) throws(CurationError) {
        let granularity = try parameters.choice("granularity", default: Granularity.line)
        separator = granularity == .line ? [0x0A] : [0x0A, 0x0A]
        normalizes = try parameters.bool("normalize", default: true)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var seen: Set<[UInt8]> = []
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var first = true
        for piece in text.split(bytes, 0..<bytes.count, at: separator) {
            var key: [UInt8] = []
            if normalizes {
                lower.append(bytes, text.strip(bytes, piece), to: &key)
            } else {
                key.append(bytes, piece)
            }
            guard seen.insert(key).inserted || key.isEmpty else { continue }
            if !first { output.append(contentsOf: separator) }
            first = false
            output.append(bytes, piece)
        }
        if output.count != bytes.count { page.text = String(decoding: output, as: UTF8.self) }
        return .keep
    }
}
