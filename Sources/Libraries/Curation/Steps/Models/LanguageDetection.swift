import FastText
import JSON
import LanguageIdentification
import UnicodeText

/// The language identifiers that steps' parameters name.
struct LanguageDetection: Sendable {
    enum Kind: String, CaseIterable {
        /// fastText's model for 176 languages: the likeliest one.
        case fasttext
        /// langdetect's 55 languages: all with a share worth naming.
        case langdetect
        /// `LanguageIdentifier`: the three likeliest.
        case apus
    }

    private enum Model: Sendable {
        case fasttext(FastTextModel)
        case langdetect(SeededLanguageDetector)
        case apus(LanguageIdentifier)
    }

    let kind: Kind
    private let model: Model

    static let parameters: [StepDescription.Parameter] = [
        .init("model", Kind.allCases.map(\.rawValue).joined(separator: ", "), nil, "which identifier"),
        .init(
            "model_file", "a file name", InstalledModels.fastTextLanguages + " of Scripts/install-models",
            "fasttext: another model, such as lid.176.bin"),
    ]

    /// - Throws: `.modelUnavailable` where the model's file is absent or damaged.
    init(_ parameters: StepParameters, seed: Int = 0) throws(CurationError) {
        guard parameters["model"] != nil else { throw .missingParameter(step: parameters.step, key: "model") }
        kind = try parameters.choice("model", default: .fasttext)
        let file = try parameters.path("model_file")
        do {
            switch kind {
            case .fasttext:
                let path = if let file { file } else { try InstalledModels.path(of: InstalledModels.fastTextLanguages) }
                model = .fasttext(try FastTextModel(contentsOf: path))
            case .langdetect: model = .langdetect(try SeededLanguageDetector(seed: seed))
            case .apus: model = .apus(try LanguageIdentifier())
            }
        } catch {
            throw .modelUnavailable(step: parameters.step, reason: "\(error)")
        }
    }

    /// Languages with their probabilities; nothing where the text is only spaces and ASCII punctuation.
    ///
    /// - Throws: `.noPrediction` where the model knows nothing of the text.
    func languages(_ bytes: Span<UInt8>, _ range: Range<Int>, for step: String) throws(CurationError) -> JSONObject {
        if Self.isSpaceOrPunctuation(bytes, range) { return [:] }
        var languages = JSONObject()
        switch model {
        case .fasttext(let model):
            // Line feeds are deleted, not replaced: so the reference glues words of neighbouring lines together.
            var line: [UInt8] = []
            line.reserveCapacity(range.count)
            for position in range where bytes[position] != 0x0A { line.append(bytes[position]) }
            guard let best = FastTextPredictor(model).predict(line.span).first else { throw .noPrediction(step: step) }
            languages[best.label] = .number(Double(best.probability))
        case .langdetect(let detector):
            let found = detector.probabilities(String(bytes, range))
            if found.isEmpty { throw .noPrediction(step: step) }
            for (language, probability) in found { languages[language] = .number(probability) }
        case .apus(let identifier):
            for language in identifier.candidates(String(bytes, range)) {
                languages[language.code] = .number(language.confidence)
            }
        }
        return languages
    }

    /// Only spaces (no other white space) and ASCII punctuation, or empty.
    static func isSpaceOrPunctuation(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for position in range {
            switch bytes[position] {
            case 0x20...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: break
            default: return false
            }
        }
        return true
    }
}
