import LanguageIdentification
import SentenceSplitting

/// The sentence splitters that steps' parameters name.
enum Sentences {
    static let rulesFile = "sentence-rules.bin"
    static let punktFile = "punkt-english.tsv"

    private enum Tokenizer: String, CaseIterable { case blingfire, nltk }

    /// - Throws: `.modelUnavailable` where the splitter's file is absent or damaged.
    static func splitter(_ parameters: StepParameters) throws(CurationError) -> SentenceSplitter {
        let language = try parameters.string("tokenizer_lang")
        do {
            switch try parameters.choice("tokenizer", default: Tokenizer.blingfire) {
            case .blingfire: return .rules(try RuleTables(contentsOf: try InstalledModels.path(of: rulesFile)))
            case .nltk:
                guard language == "en" || language == "english" else { return .punkt(.untrained) }
                return .punkt(try PunktModel(contentsOf: try InstalledModels.path(of: punktFile)))
            }
        } catch let error as CurationError {
            throw error
        } catch {
            throw .modelUnavailable(step: parameters.step, reason: "\(error)")
        }
    }
}

extension [StepDescription.Parameter] {
    /// The parameters that say how sentences are cut.
    static var sentences: [StepDescription.Parameter] {
        [
            .init(
                "tokenizer", "blingfire or nltk", "blingfire", "how text is cut into sentences: by rules, or by Punkt"),
            .init(
                "tokenizer_lang", "a string", "none",
                "nltk: en or english for the English model, else one that knows no abbreviations"),
        ]
    }
}
