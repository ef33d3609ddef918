import JSON
import UnicodeText

/// `language_filter`: pages in other languages are dropped.
struct LanguageFilter: RecipeStep {
    static let description = StepDescription(
        "language_filter", "Keeps pages that have one of the languages with more than the threshold's probability.",
        [
            .init("keep_languages", "a list of strings", nil, "the languages kept"),
            .init("key", "a string", "language_id_whole_page_langdetect", "the field with the probabilities"),
            .init("threshold", "a number", "0", "the probability that must be exceeded"),
        ])

    private let languages: [String]
    private let key: String
    private let threshold: Double

    init(_ parameters: StepParameters) throws(CurationError) {
        guard let value = parameters["keep_languages"] else {
            throw .missingParameter(step: parameters.step, key: "keep_languages")
        }
        guard value.arrayValue != nil, let languages = try parameters.strings("keep_languages") else {
            throw parameters.wrong("keep_languages", "a list of strings", value)
        }
        self.languages = languages
        key = try parameters.string("key", default: "language_id_whole_page_langdetect")
        threshold = try parameters.number("threshold", default: 0)
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard let value = page.fields[key] else { throw CurationError.missingField(step: name, key: key) }
        guard let scores = value.objectValue else {
            throw CurationError.wrongField(step: name, key: key, expected: "an object", found: value.kind)
        }
        var best: Double?
        for language in languages {
            guard let score = scores[language] else { continue }
            guard let probability = score.doubleValue else {
                throw CurationError.wrongField(
                    step: name, key: "\(key).\(language)", expected: "a number", found: score.kind)
            }
            if probability > threshold { return .keep }
            best = max(best ?? probability, probability)
        }
        return drop(best, limit: threshold)
    }
}

/// `quality_filter`: pages with a bad score are dropped.
struct QualityFilter: RecipeStep {
    static let description = StepDescription(
        "quality_filter", "Drops pages whose score is below the threshold.",
        [
            .init("key", "a string", "fasttext_hq_prob", "the field with the score"),
            .init("threshold", "a number", "0", "the limit, which itself is kept"),
            .init("lower_better", "true or false", "false", "drop scores above the threshold instead"),
            .init("key_must_exist", "true or false", "true", "fail on pages without the field, instead of dropping"),
        ])

    private let key: String
    private let threshold: Double
    private let lowerIsBetter: Bool
    private let mustExist: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        key = try parameters.string("key", default: "fasttext_hq_prob")
        threshold = try parameters.number("threshold", default: 0)
        lowerIsBetter = try parameters.bool("lower_better", default: false)
        mustExist = try parameters.bool("key_must_exist", default: true)
    }

    func apply(to page: inout Page) throws -> Verdict {
        if !mustExist, page.fields[key] == nil {
            // A missing score counts as the worst one, which only an infinite threshold keeps.
            return threshold == (lowerIsBetter ? .infinity : -.infinity) ? .keep : drop(nil, limit: threshold)
        }
        let score = try page.number(key, for: name)
        return (lowerIsBetter ? score <= threshold : score >= threshold) ? .keep : drop(score, limit: threshold)
    }
}

/// `github_extension_filter`: files that hold no source code are dropped.
struct GitHubExtensionFilter: RecipeStep {
    static let description = StepDescription(
        "github_extension_filter", "Drops files without one of the endings.",
        [
            .init("filename_key", "a string", "filename", "the field with the file's name"),
            .init("allowed_extensions", "a list of strings", "60 of source code", "the endings kept"),
        ])

    private let key: String
    private let endings: [[UInt8]]

    init(_ parameters: StepParameters) throws(CurationError) {
        key = try parameters.string("filename_key", default: "filename")
        endings = (try parameters.strings("allowed_extensions") ?? Self.sourceCode).map { Array($0.utf8) }
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard let value = page.fields[key] else { return endings.contains([]) ? .keep : drop() }
        guard let file = value.stringValue else {
            throw CurationError.wrongField(step: name, key: key, expected: "a string", found: value.kind)
        }
        let bytes = file.utf8.span
        return endings.contains { bytes.starts(with: $0, at: bytes.count - $0.count) } ? .keep : drop()
    }

    /// RedPajama's choice of endings, by language.
    private static let sourceCode: [String] = {
        let extensions = """
            asm bat cmd c h cs cpp hpp c++ h++ cc hh C H cmake css dockerfile f90 f f03 f08 f77 f95 for fpp go hs html \
            java js jl lua md markdown php php3 php4 php5 phps phpt pl pm pod perl ps1 psd1 psm1 py rb rs sql scala sh \
            bash command zsh ts tsx tex vb xml rst m smali
            """
        return extensions.split(separator: " ").map { "." + $0 } + ["Dockerfile", "Makefile"]
    }()
}
