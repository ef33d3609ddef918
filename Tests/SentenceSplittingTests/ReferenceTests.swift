import Files
import Foundation
import JSON
import LanguageIdentification
import SentenceSplitting
import Testing

@Suite("Sentences as the reference tools cut them")
struct ReferenceTests {
    private static let cases: [JSONObject] = {
        let shared =
            ProcessInfo.processInfo.environment["APUS_SHARED"]
            ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared").standardized
            .path()
        guard let bytes = try? FileReader.bytes(of: shared + "/data/dclm_reference/util_cases.jsonl") else { return [] }
        return bytes.split(separator: 0x0A).compactMap { try? JSONValue(parsing: Array($0)).objectValue }
            .filter { $0["function"] == "split_sentences" }
    }()

    @Test(
        "rules", .enabled(if: !cases.isEmpty, "../shared/data/dclm_reference is absent"),
        .enabled(if: has(rules), "Scripts/install-models was not run"))
    func rulesTest() throws {
        try check("blingfire", .rules(RuleTables(contentsOf: InstalledModels.path(of: Self.rules))))
    }

    @Test(
        "Punkt", .enabled(if: !cases.isEmpty, "../shared/data/dclm_reference is absent"),
        .enabled(if: has(punkt), "Scripts/install-models was not run"))
    func punktTest() throws {
        try check("nltk", .punkt(PunktModel(contentsOf: InstalledModels.path(of: Self.punkt))))
    }

    private static let rules = "sentence-rules.bin"
    private static let punkt = "punkt-english.tsv"

    private static func has(_ model: String) -> Bool { (try? InstalledModels.path(of: model)) != nil }

    private func check(_ tokenizer: String, _ splitter: SentenceSplitter) throws {
        var passed = 0
        var messages: [String] = []
        let cases = Self.cases.filter { $0["params"]?["tokenizer"]?.stringValue == tokenizer }
        for fields in cases {
            let text = try #require(fields["input"]?.stringValue)
            let bytes = Array(text.utf8)
            let found = splitter.sentences(bytes.span).map { String(decoding: bytes[$0], as: UTF8.self) }
            let expected = (fields["expected"]?.arrayValue ?? []).compactMap(\.stringValue)
            if found == expected {
                passed += 1
            } else {
                let index = zip(found, expected).prefix { $0 == $1 }.count
                messages.append("\(found.dropFirst(index).prefix(2)) expected \(expected.dropFirst(index).prefix(2))")
            }
        }
        print("sentences, \(tokenizer): \(passed)/\(cases.count)")
        for message in messages.prefix(5) { print("  \(message)") }
        #expect(passed == cases.count && passed > 0)
    }
}
