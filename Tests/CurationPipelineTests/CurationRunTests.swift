import Apus
import Compression
import Curation
import Files
import Foundation
import JSON
import Synchronization
import Testing
import WebArchives

/// A folder that goes away with its test.
final class Scratch: Sendable {
    let path = NSTemporaryDirectory() + "apus-curation-\(UUID().uuidString)"
    init() throws { try Folder.create(path) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String, _ text: String) throws -> String {
        try AtomicFile.write(text, to: path + "/" + name)
        return path + "/" + name
    }
}

/// Runs on a cluster of its own, whose tasks go through their bytes where `isolation` says so.
func curate(
    _ run: CurationRun, cpus: Quantity = 2, isolation: EmbeddedIsolation = .shared,
    progress: @escaping @Sendable (CurationRun.Progress) -> Void = { _ in }
) async throws -> CurationManifest {
    try await withCluster(.embedded(cpus: cpus, isolation: isolation)) { cluster in
        try await run.run(on: cluster, progress: progress)
    }
}

private func pool(_ scratch: Scratch, pages: Int) throws -> String {
    var text = ""
    for index in 0..<pages {
        let words = index % 5 == 0 ? "the same of page" : "page \(index) of the pool"
        text += "{\"text\":\"\(words)\",\"url\":\"http://h/\(index)\"}\n"
        if index % 50 == 7 { text += "no json\n" }
        if index % 50 == 8 { text += "{\"url\":\"http://h/none\"}\n" }
        if index % 50 == 9 { text += "{\"text\":\"short\"}\n" }
    }
    return try scratch.file("pool.jsonl", text)
}

private let steps = """
    - source: t
      steps:
        - func: page_length_filter
          length_type: word
          min_length: 2
          _aggregate: {url: histogram}
        - func: exact_dedup
        - commit
        - func: stop_word_filter
    """

@Suite("Curation runs") struct CurationRunTests {
    @Test("every page read is kept, dropped or failed")
    func balance() async throws {
        let scratch = try Scratch()
        let recipe = try Recipe(yaml: steps, file: "r.yaml")
        let run = CurationRun(recipe: recipe, pool: [try pool(scratch, pages: 1000)], output: scratch.path + "/out")
        let manifest = try await curate(run)
        #expect(manifest.isBalanced && manifest.read == 1060)
        #expect(manifest.kept == 801)
        #expect(manifest.dropped == ["exact_dedup": 199, "page_length_filter": 20])
        #expect(manifest.failed == ["invalid JSON": 20, "page_length_filter: no field text": 20])
        #expect(manifest.steps.map(\.pagesOut) == [1000, 801, 801])
        let first = try #require(manifest.shards.first)
        let bytes = try FileReader.bytes(of: scratch.path + "/out/" + first.file)
        #expect(SHA256.digest(bytes) == first.sha256)
        #expect(try Decompressor.bytes(of: bytes).filter { $0 == 10 }.count == 801)
    }

    @Test("the output does not depend on how many chunks run at once")
    func parallelism() async throws {
        let scratch = try Scratch()
        let file = try pool(scratch, pages: 3000)
        var manifests: [CurationManifest] = []
        for (width, isolation) in [(1, EmbeddedIsolation.shared), (4, .shared), (2, .encoded)] {
            var run = CurationRun(
                recipe: try Recipe(yaml: steps, file: "r.yaml"), pool: [file],
                output: scratch.path + "/out\(manifests.count)")
            run.width = width
            run.shardBytes = 20_000
            manifests.append(try await curate(run, isolation: isolation))
        }
        #expect(manifests[0] == manifests[1])
        #expect(manifests[0] == manifests[2])
        #expect(manifests[0].shards.count > 2)
    }

    @Test("a cancelled run leaves no shard, and goes on to the same result")
    func resume() async throws {
        let scratch = try Scratch()
        let file = try pool(scratch, pages: 4000)
        let recipe = try Recipe(yaml: steps, file: "r.yaml")
        let whole = try await curate(CurationRun(recipe: recipe, pool: [file], output: scratch.path + "/whole"))
        var run = CurationRun(recipe: recipe, pool: [file], output: scratch.path + "/cut")
        run.width = 1
        let cut = run
        let task = Mutex<Task<CurationManifest, any Error>?>(nil)
        let started = Task {
            try await curate(cut) { progress in
                if progress.pages > 1000 { task.withLock { $0?.cancel() } }
            }
        }
        task.withLock { $0 = started }
        // Cancelled at once where the run was faster than the line above.
        if case .success = await started.result { return }
        #expect(!FileReader.exists(scratch.path + "/cut/manifest.json"))
        #expect(!Folder.exists(scratch.path + "/cut/processed_data"))
        let resumed = try await curate(cut)
        #expect(resumed == whole)
    }

    @Test("a run that is done clears away what one that was killed at its very end left")
    func leftovers() async throws {
        let scratch = try Scratch()
        let run = CurationRun(
            recipe: try Recipe(yaml: steps, file: "r.yaml"), pool: [try pool(scratch, pages: 100)],
            output: scratch.path + "/out")
        let first = try await curate(run)
        let before = try Folder.entries(scratch.path + "/out").sorted()
        _ = try scratch.file("out/.work/key/0-0.json", "{}")
        _ = try scratch.file("out/.manifest.json.1-1.tmp", "{")
        #expect(try await curate(run) == first)
        #expect(try Folder.entries(scratch.path + "/out").sorted() == before)
    }

    @Test("nothing left is a result: no shard, and the account")
    func nothingLeft() async throws {
        let scratch = try Scratch()
        let recipe = try Recipe(
            yaml: "- steps: [{func: page_length_filter, length_type: word, min_length: 9999}]", file: "r.yaml")
        let manifest = try await curate(
            CurationRun(recipe: recipe, pool: [try pool(scratch, pages: 10)], output: scratch.path + "/out"))
        #expect(manifest.kept == 0 && manifest.shards.isEmpty && manifest.isBalanced)
    }

    @Test("damaged archives and large pages are failures, and the rest is read")
    func damage() async throws {
        struct Bytes: PageTextExtractor {
            func text(html: [UInt8], contentType: String?, mode: TextExtraction.Mode) -> String {
                String(decoding: html, as: UTF8.self)
            }
        }
        let scratch = try Scratch()
        let path = scratch.path + "/p.warc.gz"
        let writer = try WARCWriter(path, software: "t", date: "2026-01-31T00:00:00Z")
        for index in 0..<10 {
            let body = index == 4 ? [UInt8](repeating: 97, count: 300_000) : Array("<p>page \(index)".utf8)
            try writer.writeResponse(
                target: "http://h/\(index)", date: "2026-01-31T00:00:00Z", contentType: "text/html", body: body)
        }
        try writer.commit()
        var bytes = try FileReader.bytes(of: path)
        bytes.removeLast(30)
        try AtomicFile.write(bytes, to: path)
        var run = CurationRun(
            recipe: try Recipe(yaml: "- steps: []", file: "r.yaml"), pool: [path], output: scratch.path + "/out",
            extractor: .register(Bytes(), as: "bytes"))
        run.pageLimit = 100_000
        let manifest = try await curate(run)
        #expect(manifest.isBalanced && manifest.kept == 8)
        #expect(manifest.failed == ["page too large": 1, "truncated file": 1])
    }

    @Test(
        "a misspelt step or key is an error with its line and the name that was meant",
        arguments: [
            ("- source: a\n  stepps: []", "r.yaml:2: unknown key `stepps`. Did you mean `steps`?"),
            (
                "- steps:\n    - func: exact_dedupp",
                "r.yaml:2: There is no step `exact_dedupp`. Did you mean `exact_dedup`?"
            ),
            (
                "- steps:\n    - func: exact_dedup\n      content_keyy: x",
                "r.yaml:2: exact_dedup has no parameter `content_keyy`. Did you mean `content_key`?"
            ),
        ])
    func misspelt(yaml: String, message: String) {
        let error = #expect(throws: RecipeError.self) { try Recipe(yaml: yaml, file: "r.yaml") }
        #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(message))
    }
}
