import Files
import Glibc
import JSON
import LanguageIdentification
import Testing

/// The repository, found from this file.
enum Repository {
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    static let shared = getenv("APUS_SHARED").map { String(cString: $0) } ?? "\(root)/../shared"
    static func texts(_ name: String) -> String { "\(shared)/data/langid/\(name).jsonl" }
    static var hasModel: Bool { (try? InstalledModels.path(of: InstalledModels.languageNgrams)) != nil }
}

/// One identifier for all tests: its model is large.
enum Shared {
    static let full = Result { try LanguageIdentifier() }
}

@Suite("Language identification on real texts") struct AccuracyTests {
    /// A file with the best reference's accuracy over all languages, from the folder's README.
    struct File: Sendable, CustomTestStringConvertible {
        var name: String
        var reference: Double
        var testDescription: String { name }
    }

    static let files = [
        File(name: "sentences", reference: 0.961), File(name: "udhr", reference: 0.304),
        File(name: "tldr", reference: 0.997), File(name: "docs", reference: 1.0),
    ]

    /// Codes that count as the same, as the folder's README says.
    static func folded(_ code: String) -> String {
        let base = String(code.prefix { $0 != "-" })
        return [
            "iw": "he", "no": "nb", "fil": "tl", "cmn": "zh", "in": "id", "jw": "jv", "arb": "ar", "pes": "fa",
            "prs": "fa",
        ][base] ?? base
    }

    @Test(
        "accuracy is at least the best reference's less a point",
        .enabled(
            if: Repository.hasModel && FileReader.exists(Repository.texts("docs")),
            "the n-gram model (Scripts/install-models) or ../shared/data/langid is absent"),
        arguments: files)
    func accuracy(_ file: File) throws {
        let identifier = try Shared.full.get()
        var right = 0
        var total = 0
        var perLanguage: [String: (right: Int, wrong: Int, claimed: Int)] = [:]
        for line in try FileReader.text(of: Repository.texts(file.name)).split(separator: "\n") {
            let row = try JSONValue(parsing: Array(line.utf8))
            let text = try #require(row["text"]?.stringValue)
            let wanted = Self.folded(try #require(row["lang"]?.stringValue))
            let got = Self.folded(identifier.identify(text).code)
            total += 1
            if got == wanted {
                right += 1
                perLanguage[wanted, default: (0, 0, 0)].right += 1
            } else {
                perLanguage[wanted, default: (0, 0, 0)].wrong += 1
                perLanguage[got, default: (0, 0, 0)].claimed += 1
            }
        }
        let scores = perLanguage.values.filter { $0.right + $0.wrong > 0 }
            .map { 2 * Double($0.right) / Double(2 * $0.right + $0.wrong + $0.claimed) }
        let accuracy = Double(right) / Double(total)
        print(
            "Language identification, \(file.name): accuracy \(accuracy), macro-F1 "
                + "\(scores.reduce(0, +) / Double(scores.count)), \(total) texts; best reference \(file.reference)")
        #expect(total > 90)
        #expect(accuracy >= file.reference - 0.01)
    }
}
