import Curation
import Foundation
import Testing

@Suite("Documentation of steps")
struct DocumentationTests {
    private static let article = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Libraries/Curation/Curation.docc/Curation.md").standardized

    @Test(
        "the article lists each step that recipes can name, and no other, with the sentence that `apus curate steps` prints"
    )
    func steps() throws {
        let text = try String(contentsOf: Self.article, encoding: .utf8)
        let listed = text.components(separatedBy: "\n").filter { $0.hasPrefix("- `") && $0.contains("`: ") }
        let expected = SingleStep.descriptions.map { "- `\($0.name)`: \($0.summary)".lowercased() }
        #expect(Set(listed.map { $0.lowercased() }) == Set(expected))
        #expect(listed.count == expected.count)
    }

    @Test("what the article says of one step by itself is so")
    func example() throws {
        let step = try StepRegistry.make("stop_word_filter", parameters: ["min_stop_word": 3])
        var page = Page(text: "No such word here.")
        #expect(try step.apply(to: &page) == .drop(DropReason("stop_word_filter", value: 0, limit: 3)))
    }

    @Test("each step's summary is a sentence, and each parameter has a meaning")
    func sentences() {
        for step in SingleStep.descriptions {
            #expect(step.summary.hasSuffix("."), "\(step.name)")
            for parameter in step.parameters {
                #expect(!parameter.meaning.isEmpty && !parameter.kind.isEmpty, "\(step.name)")
            }
        }
    }
}
