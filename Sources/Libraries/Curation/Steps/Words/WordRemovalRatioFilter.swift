import JSON

/// `word_removal_ratio_filter`: pages that lost too many words since they were counted are dropped.
struct WordRemovalRatioFilter: RecipeStep {
    static let description = StepDescription(
        "word_removal_ratio_filter", "Drops pages that lost too many of the words counted before.",
        [
            .init("prev_word_count_key", "a string", nil, "the field that holds the earlier count"),
            .init("new_word_count_key", "a string", "none", "the field with the count now; counted where absent"),
            .init("max_removed_ratio", "a number", "0.05", "the greatest share lost"),
        ] + .words(ignorePunctuation: true))

    private let previousKey: String
    private let newKey: String?
    private let maximum: Double
    private let counting: WordCounting

    init(_ parameters: StepParameters) throws(CurationError) {
        guard let key = try parameters.string("prev_word_count_key") else {
            throw .missingParameter(step: parameters.step, key: "prev_word_count_key")
        }
        previousKey = key
        newKey = try parameters.string("new_word_count_key")
        maximum = try parameters.number("max_removed_ratio", default: 0.05)
        counting = try WordCounting(parameters, ignorePunctuation: true)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let previous = try page.number(previousKey, for: name)
        guard previous != 0 else { return drop(nil, limit: maximum) }
        let now: Double
        if let newKey, !newKey.isEmpty, page.fields[newKey] != nil {
            now = try page.number(newKey, for: name)
        } else {
            now = Double(counting.count(try page.content(for: name)))
        }
        let ratio = (previous - now) / previous
        return ratio > maximum ? drop(ratio, limit: maximum) : .keep
    }
}
