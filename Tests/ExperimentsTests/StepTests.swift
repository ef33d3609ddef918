import Apus
import Experiments
import Files
import Foundation
import JSON
import Testing

/// The steps up to the documents, as tasks on the embedded backend over a small pool of texts.
@Suite("Experiment steps") struct StepTests {
    /// A folder of its own with a pool of `count` documents and a recipe that keeps those with the word "kept".
    struct Site {
        private let temporary: TemporaryFolder
        var folder: String { temporary.path }
        var pool: String { folder + "/pool.jsonl" }
        var recipe: String { folder + "/recipe.yaml" }

        init(count: Int) throws {
            temporary = try TemporaryFolder()
            let lines = (0..<count).map { number -> String in
                // Every word of a document is its own, so that no two overlap.
                let words = (0..<120).map { "word\(number)x\($0)" }.joined(separator: " ")
                let mark = number % 4 == 0 ? "other" : "kept"
                return JSONValue.object([
                    "text": .string("\(mark) \(words)"), "url": .string("http://localhost/\(number)"),
                ]).text()
            }
            try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: pool)
            try AtomicFile.write(
                "- source: a\n  steps:\n    - func: substring_filter\n      banlist: [other]\n", to: recipe)
        }

        func site(_ name: String) -> StepSite { StepSite(name: name, output: folder + "/out", board: nil) }
    }

    private struct Run {
        var curated: Finished<CurateStep.Product>
        var heldOut: Finished<HeldOutStep.Product>
        var documents: Finished<DocumentsStep.Product>
    }

    private func run(_ site: Site, heldOut count: Int = 5, seed: UInt64 = 1) async throws -> Run {
        try await withCluster(.embedded(cpus: 2)) { cluster in
            let pool = try cluster.submit(PoolStep(site: site.site("pool"), paths: [site.pool]))
            let curated = try cluster.submit(
                CurateStep(site: site.site("curate"), recipe: site.recipe, seed: seed, pool: pool))
            let heldOut = try cluster.submit(
                HeldOutStep(
                    site: site.site("held-out"), documents: count, bytesPerDocument: 1000, seed: seed, curated: curated)
            )
            let documents = try cluster.submit(
                DocumentsStep(
                    site: site.site("documents"), overlapWords: 13, overlapShare: 0.2, seed: seed, dataset: "a",
                    recipe: "recipe.yaml", curated: curated, heldOut: heldOut))
            return Run(
                curated: try await curated.value, heldOut: try await heldOut.value, documents: try await documents.value
            )
        }
    }

    @Test("held-out documents are in no training data, and everything is counted")
    func heldOut() async throws {
        let site = try Site(count: 80)
        let run = try await run(site)
        #expect(run.curated.product.funnel.read == 80)
        #expect(run.curated.product.funnel.isBalanced)
        #expect(run.curated.product.documents == 60)
        #expect(run.heldOut.product.documents == 5)
        #expect(run.documents.product.documents == 55)
        #expect(run.documents.product.decontaminated == 5)
        let kept = try HeldOutDocuments(run.heldOut)
        try DocumentFiles(paths: [run.documents.folder + "/" + DocumentsStep.file]).forEach { document in
            #expect(!kept.urls.contains(document.url ?? ""))
        }
    }

    @Test("a copy of a held-out text under another address is left out too")
    func copies() async throws {
        let site = try Site(count: 40)
        let first = try await run(site)
        let kept = try HeldOutDocuments(first.heldOut)
        let text = try FileReader.text(of: site.pool)
        let copies = kept.wholeTexts.enumerated().map { number, text in
            JSONValue.object(["text": .string("Copied: \(text)"), "url": .string("http://localhost/zz-copy\(number)")])
                .text()
        }
        try AtomicFile.write(text + copies.joined(separator: "\n") + "\n", to: site.pool)
        let second = try await run(site)
        // A copy may be drawn itself; either way neither it nor its original goes into training.
        let drawn = try HeldOutDocuments(second.heldOut)
        let index = drawn.wholeTexts.reduce(into: OverlapIndex(length: 13)) { $0.insert($1) }
        try DocumentFiles(paths: [second.documents.folder + "/" + DocumentsStep.file]).forEach { document in
            #expect(index.share(of: document.text) <= 0.2)
        }
        #expect(second.documents.product.decontaminated > drawn.texts.count)
    }

    @Test("finished steps are used again; a change runs only what depends on it")
    func reuse() async throws {
        let site = try Site(count: 40)
        let first = try await run(site)
        #expect(!first.curated.record.reused && !first.documents.record.reused)
        let second = try await run(site)
        #expect(second.curated.record.reused && second.heldOut.record.reused && second.documents.record.reused)
        #expect(second.documents.digest == first.documents.digest)
        let third = try await run(site, heldOut: 6)
        #expect(third.curated.record.reused)
        #expect(!third.heldOut.record.reused && !third.documents.record.reused)
    }

    @Test("a pool's content counts, not its name or time")
    func content() async throws {
        let site = try Site(count: 40)
        let first = try await run(site)
        let text = try FileReader.text(of: site.pool)
        try AtomicFile.write(text, to: site.pool)
        let second = try await run(site)
        #expect(second.curated.record.reused)
        #expect(second.curated.record.key == first.curated.record.key)
    }

    @Test("too few documents to hold out, and a recipe that keeps nothing, are errors that say so")
    func errors() async throws {
        let site = try Site(count: 8)
        await #expect {
            _ = try await run(site, heldOut: 100)
        } throws: { error in
            "\(error)".contains("only 6 documents are left to hold out, 100 are wanted")
        }
        try AtomicFile.write("{\"text\": \"other\"}\n", to: site.pool)
        await #expect(throws: (any Error).self) { _ = try await run(site) }
    }

    @Test("a step.json that is damaged is named with the remedy")
    func damage() async throws {
        let site = try Site(count: 40)
        let first = try await run(site)
        try AtomicFile.write("{", to: first.heldOut.folder + "/step.json")
        await #expect {
            _ = try await run(site)
        } throws: { error in
            "\(error)".contains("step.json is damaged. Remove the folder and run again.")
        }
    }

    @Test("a text is cut at a line's end, and never inside a scalar")
    func cut() {
        #expect(HeldOutStep.cut("short", to: 100) == "short")
        #expect(HeldOutStep.cut("aaaa bbbb\ncccc", to: 12) == "aaaa bbbb")
        for limit in 1...12 {
            let part = HeldOutStep.cut("ää→→漢字", to: limit)
            #expect("ää→→漢字".hasPrefix(part))
            #expect(part.utf8.count <= limit)
        }
    }
}
