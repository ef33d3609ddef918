import JSON

/// `random_sampling_filter`: a share of the pages is kept.
struct RandomSamplingFilter: RecipeStep {
    static let description = StepDescription(
        "random_sampling_filter",
        "Keeps a share of the pages, chosen by a hash of seed and page: the same every time.",
        [
            .init("keep_probability", "a number from 0 to 1", "0.1", "the share kept"),
            .init("seed", "a whole number", "0", "another seed chooses other pages"),
        ])

    private let probability: Double
    private let seed: Int

    init(_ parameters: StepParameters) throws(CurationError) {
        probability = try parameters.number("keep_probability", default: 0.1)
        if !(0...1 ~= probability), let value = parameters["keep_probability"] {
            throw parameters.wrong("keep_probability", "a number from 0 to 1", value)
        }
        seed = try parameters.integer("seed", default: 0)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let key = page.fields["id"]?.stringValue ?? page.fields["url"]?.stringValue ?? ""
        let draw = SeededDraw.unit(seed: seed, key: key + "\n" + (page.text ?? ""))
        return draw < probability ? .keep : drop(draw, limit: probability)
    }
}
