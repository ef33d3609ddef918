import Files
import Foundation
import JSON
import MainText
import Testing

/// How well texts agree with what people took from 1,880 pages. The models have learnt from these pages: decision 0035
/// has the figures on pages that they have not seen.
@Suite("Main text") struct MainTextScoreTests {
    private static let truths: [String: [String: JSONValue]] = {
        var result: [String: [String: JSONValue]] = [:]
        for file in Set(SharedPage.all.map(\.truth)) {
            for line in (try? Shared.lines("\(Shared.data)/pages/\(file)")) ?? [] {
                if let id = line["id"]?.stringValue { result[file, default: [:]][id] = line }
            }
        }
        return result
    }()

    private static func texts(_ mode: MainTextExtractor.Mode) throws -> [(page: SharedPage, text: String)] {
        let extractor = MainTextExtractor(mode: mode)
        return try SharedPage.all.map { ($0, try extractor.extract(html: try $0.html()).text) }
    }

    private static func score(_ texts: [(page: SharedPage, text: String)]) throws -> PageScorer {
        var scorer = PageScorer()
        for (page, text) in texts {
            scorer.add(page, expected: try #require(truths[page.truth]?[page.truthID]), got: text)
        }
        return scorer
    }

    /// `score.py`'s own figures for the same texts.
    private static func reference(_ texts: [(page: SharedPage, text: String)]) throws -> JSONValue {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let lines = texts.map { JSONValue.object(["id": .string($0.page.id), "text": .string($0.text)]).text() + "\n" }
        try AtomicFile.write(Array(lines.joined().utf8), to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "\(Shared.data)/pages/score.py", "\(Shared.data)/pages", file]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        return try JSONValue(parsing: output)
    }

    /// The best peer's F1 over all pages: resiliparse's for speed, trafilatura's for care.
    @Test(
        "main text is found better than by the best peer", .enabled(if: Shared.hasPages, Shared.noPages),
        arguments: [(MainTextExtractor.Mode.fast, 0.798), (.precise, 0.836)])
    func quality(_ mode: MainTextExtractor.Mode, _ least: Double) throws {
        let texts = try Self.texts(mode)
        let scorer = try Self.score(texts)
        let reference = try Self.reference(texts)
        func format(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "     –" }
        print("main text, \(mode.rawValue), pages learnt from: F1, fragments found, fragments kept out")
        for (name, summary) in scorer.summaries.sorted(by: { $0.key < $1.key }) {
            let label = name.padding(toLength: 22, withPad: " ", startingAt: 0)
            print("  \(label) \(format(summary.f1)) \(format(summary.includeRecall)) \(format(summary.excludeRate))")
            for (key, value) in [
                ("f1", summary.f1), ("include_recall", summary.includeRecall), ("exclude_rate", summary.excludeRate),
            ] {
                guard let value else { continue }
                let theirs = try #require(reference[name]?[key]?.doubleValue, "score.py has no \(key) of \(name)")
                #expect(abs(value - theirs) < 2e-4, "\(name) \(key): \(value), by score.py \(theirs)")
            }
        }
        let all = try #require(scorer.summaries["all"]?.f1)
        #expect(all >= least)
    }

    @Test("shingles are counted as a multiset, with Han by the character")
    func shingles() {
        #expect(PageScorer.shingles("a b, c") == [["a", "b", "c"]: 1])
        #expect(PageScorer.shingles("x x x x x") == [["x", "x", "x", "x"]: 2])
        #expect(PageScorer.shingles("中文 ab_1") == [["中", "文", "ab_1"]: 1])
        let row = PageScorer.compare("a b c d e", "a b c d")
        #expect(row.precision == 1 && row.recall == 0.5)
    }
}
