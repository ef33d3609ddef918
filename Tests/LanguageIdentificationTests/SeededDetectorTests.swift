import Files
import Foundation
import JSON
import LanguageIdentification
import Testing

@Suite(
    "langdetect with a seed",
    .enabled(
        if: (try? InstalledModels.path(of: SeededLanguageDetector.file)) != nil, "Scripts/install-models was not run"))
struct SeededDetectorTests {
    /// Made by `Tests/Golden/langdetect_cases.py` with langdetect 1.0.9 on Python 3.11.
    @Test("gives the same languages and probabilities")
    func golden() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../Golden/langdetect/cases.jsonl"
        )
        .standardized.path()
        var detectors: [Int64: SeededLanguageDetector] = [:]
        var cases = 0
        var furthest = 0.0
        for line in try FileReader.bytes(of: file).split(separator: 0x0A) {
            let fields = try #require(try JSONValue(parsing: Array(line)).objectValue)
            let seed = Int64(try #require(fields["seed"]?.intValue))
            let detector = try detectors[seed] ?? SeededLanguageDetector(seed: Int(seed))
            detectors[seed] = detector
            let text = try #require(fields["text"]?.stringValue)
            let found = detector.probabilities(text)
            let expected = try #require(fields["languages"]?.objectValue)
            #expect(found.map(\.language) == expected.map(\.key), "\(text.prefix(80))")
            for (language, probability) in found {
                furthest = max(furthest, abs(probability - (expected[language]?.doubleValue ?? 2)))
            }
            cases += 1
        }
        print("langdetect: \(cases) cases, probabilities within \(furthest)")
        #expect(cases > 300 && furthest < 1e-9)
    }
}
