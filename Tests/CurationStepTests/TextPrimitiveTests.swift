import Curation
import JSON
import Testing
import UnicodeText

@Suite(
    "Reference text primitives",
    .enabled(if: ReferenceData.has("util_cases.jsonl"), "../shared/data/dclm_reference is absent"),
    .enabled(if: ReferenceData.hasModels, "Scripts/install-models was not run"))
struct TextPrimitiveTests {
    private static let text = PythonText()

    @Test("words, pieces and normalisers are the reference's")
    func utilCases() throws {
        var passed: [String: Int] = [:]
        var tried: [String: Int] = [:]
        var messages: [String] = []
        for (line, fields) in try ReferenceData.lines("util_cases.jsonl").enumerated() {
            let function = try #require(fields["function"]?.stringValue)
            // Sentences have a suite of their own (SentenceSplittingTests).
            if function == "split_sentences" { continue }
            let input = try #require(fields["input"]?.stringValue)
            let found = try outcome(function, fields["params"]?.objectValue ?? [:], Array(input.utf8))
            let expected = fields["expected"] ?? .null
            tried[function, default: 0] += 1
            if found.isIdentical(to: expected) {
                passed[function, default: 0] += 1
            } else {
                messages.append(
                    "line \(line + 1), \(function) \(fields["params"]?.text() ?? ""): \(found.text().prefix(200)) expected \(expected.text().prefix(200))"
                )
            }
        }
        for (function, count) in tried.sorted(by: { $0.key < $1.key }) {
            print("text primitives, \(function): \(passed[function, default: 0])/\(count)")
        }
        for message in messages.prefix(10) { print("  \(message)") }
        #expect(messages.isEmpty && tried.count == 7)
    }

    private func outcome(_ function: String, _ parameters: JSONObject, _ bytes: [UInt8]) throws -> JSONValue {
        func flag(_ key: String, _ fallback: Bool) -> Bool { parameters[key]?.boolValue ?? fallback }
        let span = bytes.span
        switch function {
        case "split_words":
            let model = try #require(WordModel(rawValue: parameters["model"]?.stringValue ?? "fasttext"))
            let counting = WordCounting(
                model, ignoresPunctuation: flag("ignore_punctuation", false),
                ignoresWhitespace: flag("ignore_whitespace", true))
            var words: [JSONValue] = []
            var rest = 0..<bytes.count
            while let word = counting.next(span, rest) {
                let text = String(span, word)
                words.append(.string(model == .fasttext && text == "\n" ? "</s>" : text))
                rest = word.upperBound..<bytes.count
            }
            return .array(words)
        case "split_paragraphs":
            let separator = Array((parameters["paragraph_end"]?.stringValue ?? "\n").utf8)
            let pieces =
                flag("remove_empty", true)
                ? Pieces.stripped(span, separator: separator) : Self.text.split(span, 0..<bytes.count, at: separator)
            return .array(pieces.map { .string(String(span, $0)) })
        case "normalize_timestamps": return JSONValue(Normaliser.seconds(bytes))
        default:
            let normaliser = try #require(try Normaliser(named: function))
            return .string(String(decoding: normaliser.bytes(String(decoding: bytes, as: UTF8.self)), as: UTF8.self))
        }
    }

    @Test("times sort as text as they do as numbers")
    func timesSort() throws {
        let normaliser = try #require(try Normaliser(named: "normalize_timestamps"))
        let times = [
            "0001-01-01T00:00:00Z", "1969-12-31T23:59:58Z", "no time", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        ]
        let keys = times.map { normaliser.bytes($0) }
        #expect(zip(keys, keys.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
        #expect(Normaliser.seconds(Array("2024-02-29T12:30:05Z".utf8)) == 1_709_209_805)
        #expect(Normaliser.seconds(Array("2023-02-29T12:30:05Z".utf8)) == -1)
    }
}
