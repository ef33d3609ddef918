import UnicodeText

/// `line_length_modifier`: lines with too few or too many words go.
struct LineLengthModifier: RecipeStep {
    static let description = StepDescription(
        "line_length_modifier", "Removes lines with fewer or more words than given; both limits are inclusive.",
        [
            .init("min_length", "a number", "0", "the fewest words kept"),
            .init("max_length", "a number", "no limit", "the most words kept"),
        ])

    private let minimum: Double
    private let maximum: Double
    private let limit: Int
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        minimum = try parameters.number("min_length", default: 0)
        maximum = try parameters.number("max_length", default: .infinity)
        // Counting stops where nothing more can change: at the minimum, where there is no maximum.
        let enough = maximum == .infinity ? minimum : maximum + 1
        limit = enough < 1e9 ? Int(max(enough, 0).rounded(.up)) : .max
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let kept = Lines.filtered(content.utf8.span, strips: false) { bytes, line in
            let words = Double(text.wordCount(bytes, line, upTo: limit))
            return minimum <= words && words <= maximum
        }
        if let kept { return page.replaceText(kept, for: name) }
        return content.isEmpty ? drop() : .keep
    }
}

/// `word_length_modifier`: lines with an overlong word go.
struct WordLengthModifier: RecipeStep {
    static let description = StepDescription(
        "word_length_modifier", "Removes lines that hold a word longer than given.",
        [.init("max_length", "a number", "1000", "the longest word kept, in characters")]
            + .words(ignorePunctuation: false))

    private let maximum: Double
    private let counting: WordCounting

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.number("max_length", default: 1000)
        counting = try WordCounting(parameters)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let kept = Lines.filtered(content.utf8.span, strips: false) { bytes, line in
            // A line of fewer bytes than the limit holds no longer word.
            if Double(line.count) <= maximum { return true }
            var rest = line
            while let word = counting.next(bytes, rest) {
                if Double(bytes.scalarCount(word)) > maximum { return false }
                rest = word.upperBound..<line.upperBound
            }
            return true
        }
        if let kept { return page.replaceText(kept, for: name) }
        return content.isEmpty ? drop() : .keep
    }
}
