import JSON
import SentenceSplitting

/// `detect_lang_whole_page_enricher`: adds the page's languages with their probabilities.
struct WholePageLanguageEnricher: RecipeStep {
    static let description = StepDescription(
        "detect_lang_whole_page_enricher",
        "Adds the languages of the page with their probabilities, which fastText may report as slightly above 1.",
        LanguageDetection.parameters + [
            .init("key_prefix", "a string", "language_id_whole_page", "the field added is this, `_` and the model"),
            .init("overwrite", "true or false", "false", "replace a field of that name instead of failing"),
            .init("seed", "a whole number", "0", "langdetect: seed of what it draws"),
        ])

    private let detection: LanguageDetection
    private let key: String
    private let overwrites: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        detection = try LanguageDetection(parameters, seed: try parameters.integer("seed", default: 0))
        key = try parameters.string("key_prefix", default: "language_id_whole_page") + "_" + detection.kind.rawValue
        overwrites = try parameters.bool("overwrite", default: false)
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard overwrites || page.fields[key] == nil else { throw CurationError.fieldExists(step: name, key: key) }
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        page.fields[key] = .object(try detection.languages(bytes, 0..<bytes.count, for: name))
        return .keep
    }
}

/// `detect_lang_paragraph_enricher`: adds the languages of the page's sentences.
struct ParagraphLanguageEnricher: RecipeStep {
    static let description = StepDescription(
        "detect_lang_paragraph_enricher",
        "Adds for each language of the page's sentences the mean probability and the number of sentences.",
        LanguageDetection.parameters + .sentences + [
            .init("key_prefix", "a string", "language_id_paragraph", "the field added is this, `_` and the model"),
            .init("overwrite", "true or false", "false", "replace a field of that name instead of failing"),
            .init("seed", "a whole number", "0", "langdetect: seed of what it draws"),
            .init(
                "strict", "true or false", "true",
                "fasttext: fail on pages with a sentence that holds a line feed, as the reference; false: delete it"),
        ])

    private let detection: LanguageDetection
    private let splitter: SentenceSplitter
    private let key: String
    private let overwrites: Bool
    private let refusesLineFeeds: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        detection = try LanguageDetection(parameters, seed: try parameters.integer("seed", default: 0))
        splitter = try Sentences.splitter(parameters)
        key = try parameters.string("key_prefix", default: "language_id_paragraph") + "_" + detection.kind.rawValue
        overwrites = try parameters.bool("overwrite", default: false)
        refusesLineFeeds = try parameters.bool("strict", default: true) && detection.kind == .fasttext
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard overwrites || page.fields[key] == nil else { throw CurationError.fieldExists(step: name, key: key) }
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var found: [(language: String, sum: Double, sentences: Int)] = []
        for sentence in splitter.sentences(bytes) {
            if refusesLineFeeds, !LanguageDetection.isSpaceOrPunctuation(bytes, sentence),
                sentence.contains(where: { bytes[$0] == 0x0A })
            {
                throw CurationError.wrongField(
                    step: name, key: "text", expected: "sentences without line feeds (or `strict: false`)",
                    found: "a sentence of several lines")
            }
            for (language, value) in try detection.languages(bytes, sentence, for: name) {
                guard let probability = value.doubleValue else { continue }
                if let index = found.firstIndex(where: { $0.language == language }) {
                    found[index].sum += probability
                    found[index].sentences += 1
                } else {
                    found.append((language, probability, 1))
                }
            }
        }
        page.fields[key] = .object(
            JSONObject(
                found.map { language, sum, sentences in
                    let entry: JSONValue = [
                        "average_probability": .number(sum / Double(sentences)),
                        "number_of_sentences": JSONValue(sentences),
                    ]
                    return (language, entry)
                }))
        return .keep
    }
}
