import ArgumentParser
import FastText
import JSON
import LanguageIdentification

/// `apus language`: the language of each line of standard input.
struct LanguageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "language",
        abstract: "Names the language of each line of standard input.",
        discussion: """
            Prints CODE<tab>confidence a line: a BCP 47 code, `und` where the language is unknown.

            EXAMPLE: echo 'Wie spät ist es?' | apus language
            """)

    @Option(help: "A fastText classifier (.bin, .ftz) whose labels are codes, or `cld2` for CLD2 alone.")
    var model: String?
    @Flag(help: "One JSON object a line: {\"language\": …, \"confidence\": …}.") var json = false

    func run() async throws {
        if let model, model != "cld2" {
            let predictor = FastTextPredictor(try FastTextModel(contentsOf: model))
            try answer { line in
                predictor.predict(line.span).first.map {
                    IdentifiedLanguage(code: $0.label, confidence: Double($0.probability))
                } ?? .unknown
            }
        } else {
            let identifier = try LanguageIdentifier(model == "cld2" ? .compactOnly : .full)
            try answer { identifier.identify($0.span) }
        }
    }

    private func answer(_ identify: ([UInt8]) -> IdentifiedLanguage) throws {
        try StandardLines.forEach { line, output in
            let found = identify(line)
            let confidence = (found.confidence * 1e6).rounded() / 1e6
            if json {
                JSONValue.object(["language": .string(found.code), "confidence": .number(confidence)]).write(
                    to: &output)
            } else {
                output.append(contentsOf: "\(found.code)\t\(confidence)".utf8)
            }
        }
    }
}
