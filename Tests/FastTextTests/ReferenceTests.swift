import FastText
import Files
import JSON
import Testing

/// The repository, found from this file.
enum Repository {
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    static func golden(_ name: String) -> String { "\(root)/Tests/Golden/fasttext/\(name)" }
    static let shared = environment("APUS_SHARED") ?? "\(root)/../shared"
    static let models = environment("APUS_MODELS") ?? "\(root)/.deps/models"
    static let languageModel = "\(models)/lid.176.ftz"
    static let sentences = "\(shared)/data/langid/sentences.jsonl"
}

@Suite("FastText against the reference") struct ReferenceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var model: String
        var predictions: [[(label: String, probability: Double)]]
        var testDescription: String { model }
    }

    static let golden = (try? JSONValue(parsing: FileReader.bytes(of: Repository.golden("predictions.json")))) ?? .null
    static let texts = golden["texts"]?.arrayValue?.compactMap(\.stringValue) ?? []
    static let cases: [Case] = (golden["cases"]?.arrayValue ?? []).map { value in
        Case(
            model: value["model"]?.stringValue ?? "",
            predictions: (value["predictions"]?.arrayValue ?? []).map { row in
                (row.arrayValue ?? []).map {
                    ($0.arrayValue?[0].stringValue ?? "", $0.arrayValue?[1].doubleValue ?? -1)
                }
            })
    }

    @Test("labels are the reference's and probabilities within 0.00001", arguments: cases)
    func predictions(_ expected: Case) throws {
        #expect(expected.predictions.count == Self.texts.count && Self.texts.count > 70)
        let predictor = FastTextPredictor(try FastTextModel(contentsOf: Repository.golden(expected.model)))
        var worst = 0.0
        for (text, wanted) in zip(Self.texts, expected.predictions) {
            let got = predictor.predict(text, count: 5)
            #expect(got.count == wanted.count, "\(text)")
            for (one, other) in zip(got, wanted) {
                worst = max(worst, abs(Double(one.probability) - other.probability))
                // Labels whose probabilities are equal come in any order.
                if wanted.count(where: { abs($0.probability - other.probability) < 1e-5 }) == 1 {
                    #expect(one.label == other.label, "\(text)")
                }
            }
        }
        print("FastText \(expected.model): largest difference of probability \(worst)")
        #expect(worst < 1e-5)
    }

    @Test(
        "lid.176.ftz says what the reference says",
        .enabled(
            if: FileReader.exists(Repository.languageModel) && FileReader.exists(Repository.sentences),
            "lid.176.ftz (Scripts/install-models) or ../shared/data/langid is absent"))
    func languageModel() throws {
        let predictor = FastTextPredictor(try FastTextModel(contentsOf: Repository.languageModel))
        var texts: [String: String] = [:]
        for line in try FileReader.text(of: Repository.sentences).split(separator: "\n") {
            let row = try JSONValue(parsing: Array(line.utf8))
            texts[row["id"]?.stringValue ?? ""] = row["text"]?.stringValue
        }
        let expected = try JSONValue(parsing: FileReader.bytes(of: Repository.golden("lid176.json"))).arrayValue ?? []
        #expect(expected.count > 1500)
        var worst = 0.0
        var different = 0
        for row in expected {
            guard let cells = row.arrayValue, let id = cells[0].stringValue, let text = texts[id] else { continue }
            let got = predictor.predict(text.replacing("\n", with: " "), count: 2)
            #expect(got.count == cells.count - 1)
            for (one, other) in zip(got, cells.dropFirst()) {
                worst = max(worst, abs(Double(one.probability) - (other.arrayValue?[1].doubleValue ?? -1)))
            }
            if got.first?.label != cells[1].arrayValue?[0].stringValue { different += 1 }
        }
        print("FastText lid.176.ftz: \(expected.count) texts, \(different) other labels, largest difference \(worst)")
        #expect(different == 0)
        #expect(worst < 1e-5)
    }
}
