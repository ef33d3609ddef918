import FastText
import JSON
import LanguageIdentification
import UnicodeText

/// `classify_fasttext_hq_prob_enricher`: adds the probability that a page is of high quality.
struct QualityEnricher: RecipeStep {
    static let description = StepDescription(
        "classify_fasttext_hq_prob_enricher",
        "Adds the probability that a fastText classifier gives the page to be of high quality.",
        [
            .init(
                "model_filename", "a file name", "model.bin",
                "a classifier with the label cc for ordinary pages, such as `apus curate train-classifier` makes"),
            .init("key", "a string", "fasttext_hq_prob", "the field added"),
            .init("overwrite", "true or false", "false", "replace a field of that name instead of failing"),
        ])

    private let model: FastTextModel
    private let key: String
    private let overwrites: Bool
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        key = try parameters.string("key", default: "fasttext_hq_prob")
        overwrites = try parameters.bool("overwrite", default: false)
        let path = try parameters.path("model_filename") ?? parameters.baseFolder + "/model.bin"
        do {
            model = try FastTextModel(contentsOf: path)
        } catch {
            throw .modelUnavailable(
                step: parameters.step,
                reason: "\(error) `model_filename` names the classifier; `apus curate train-classifier` makes one.")
        }
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard overwrites || page.fields[key] == nil else { throw CurationError.fieldExists(step: name, key: key) }
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var line: [UInt8] = []
        line.reserveCapacity(bytes.count)
        for (index, piece) in text.splitLines(bytes, text.strip(bytes, 0..<bytes.count)).enumerated() {
            if index > 0 { line.append(0x20) }
            line.append(bytes, piece)
        }
        guard let best = FastTextPredictor(model).predict(line.span).first else {
            throw CurationError.noPrediction(step: name)
        }
        let probability = Double(best.probability)
        page.fields[key] = .number(best.label == "cc" ? 1 - probability : probability)
        return .keep
    }
}
