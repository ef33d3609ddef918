import Curation
import Files
import Foundation
import JSON
import Testing

@Suite("Pages that a selection chose") struct CoresetFilterTests {
    @Test("chosen pages stay with the number of pages they stand for, the others go, and a broken file is named")
    func filter() throws {
        let folder = NSTemporaryDirectory() + "coreset-filter-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let chosen = Page(text: "kept", url: "https://example.org/a")
        // MD5 of "https://example.org/a\nkept".
        let key = CoresetKey.of(chosen)
        #expect(key.count == 32 && key != CoresetKey.of(Page(text: "kept")))
        try AtomicFile.write("{\"key\": \"\(key)\", \"weight\": 12}\n", to: folder + "/chosen.jsonl")
        let step = try StepRegistry.make(
            "coreset_filter", parameters: ["selection": "chosen.jsonl"], baseFolder: folder)
        var page = chosen
        #expect(try step.apply(to: &page) == .keep)
        #expect(page.fields["coreset_weight"]?.doubleValue == 12)
        var other = Page(text: "another", url: "https://example.org/a")
        #expect(try step.apply(to: &other) == .drop(DropReason("coreset_filter")))
        try AtomicFile.write("[1]\n", to: folder + "/broken.jsonl")
        #expect {
            try StepRegistry.make("coreset_filter", parameters: ["selection": "broken.jsonl"], baseFolder: folder)
        } throws: { "\($0)".contains("line 1") && "\($0)".contains("apus select text") }
        #expect(throws: CurationError.self) { try StepRegistry.make("coreset_filter", parameters: [:]) }
    }
}
