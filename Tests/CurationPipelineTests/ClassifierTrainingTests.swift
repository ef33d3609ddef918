import Compression
import Curation
import Files
import Foundation
import JSON
import Testing

@Suite("Training of quality classifiers") struct ClassifierTrainingTests {
    private static func lines(_ words: [String], _ count: Int) -> String {
        (0..<count).map {
            "{\"text\":\"\(words[$0 % words.count]) and\\n\(words[($0 * 7 + 1) % words.count]) \($0)\"}\n"
        }.joined()
    }

    private func training(_ scratch: Scratch) throws -> ClassifierTraining {
        let good = try scratch.file("good.jsonl", Self.lines(["swift", "wing", "nest", "sky"], 300))
        let bad = scratch.path + "/bad/part.jsonl.zst"
        let file = try CompressedFile(bad)
        try file.write(
            Array(
                (Self.lines(["buy", "cheap", "click", "win"], 300) + "no json\n{\"url\":\"u\"}\n{\"text\":\" \"}\n")
                    .utf8))
        try file.commit()
        var training = ClassifierTraining(
            positives: [good], negatives: [scratch.path + "/bad"], output: scratch.path + "/m.bin")
        training.options.buckets = 1000
        training.options.dimension = 8
        training.options.epochs = 20
        training.options.seed = 3
        return training
    }

    @Test("every line is trained on, held out or failed, and the same seed gives the same file")
    func account() async throws {
        let scratch = try Scratch()
        let training = try training(scratch)
        let first = try await training.run()
        #expect(first.examples + first.heldOut == 600)
        #expect((40...80).contains(first.heldOut) && first.accuracy == 1)
        #expect(first.failed == ["invalid JSON": 1, "no text": 1, "blank text": 1])
        let digest = try SHA256.digest(file: training.output)
        #expect(try await training.run() == first)
        #expect(try SHA256.digest(file: training.output) == digest)
    }

    @Test("the shipped recipe keeps the pages that a trained classifier takes for good, at the threshold given")
    func recipe() async throws {
        let scratch = try Scratch()
        var training = try training(scratch)
        training.heldOut = 0
        _ = try await training.run()
        let file =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/Recipes/quality_classifier.yaml"
        var random = SystemRandomNumberGenerator()
        func page(_ topics: [String]) -> String {
            // No two words follow each other twice, which the repetition filters would see.
            let words = (0..<60).map {
                "\(topics[Int.random(in: 0..<4, using: &random)]) \($0)w\(Int.random(in: 0..<1 << 40, using: &random))"
            }
            return "{\"text\":\"\(words.joined(separator: " "))\"}\n"
        }
        let good = (0..<20).map { _ in page(["swift", "wing", "nest", "sky"]) }
        let bad = (0..<30).map { _ in page(["buy", "cheap", "click", "win"]) }
        let pool = try scratch.file("pool.jsonl", (good + bad).joined())
        for (threshold, kept) in [("0.5", 20), ("0", 50), ("1.01", 0)] {
            let recipe = try Recipe(file: file, variables: ["MODEL": training.output, "THRESHOLD": threshold])
            let manifest = try await curate(
                CurationRun(recipe: recipe, pool: [pool], output: scratch.path + "/out-" + threshold))
            #expect(
                manifest.kept == kept && manifest.isBalanced,
                "threshold \(threshold): \(manifest.dropped) \(manifest.failed)")
            #expect(manifest.dropped["quality_filter"] ?? 0 == 50 - kept)
        }
        let error = #expect(throws: RecipeError.self) { try Recipe(file: file, variables: ["MODEL": training.output]) }
        #expect(error.map { "\($0)" }?.contains("THRESHOLD") == true)
    }

    @Test("a side without texts, or an archive, is an error that says what to do")
    func refused() async throws {
        let scratch = try Scratch()
        var training = try training(scratch)
        training.positives = [try scratch.file("empty.jsonl", "\n")]
        await #expect(throws: ClassifierError.self) { try await training.run() }
        training.positives = [try scratch.file("page.warc", "WARC/1.0\r\n")]
        await #expect(throws: ClassifierError.noLines(file: training.positives[0])) { try await training.run() }
        training.positives = [scratch.path + "/nowhere.jsonl"]
        await #expect(throws: FileError.self) { try await training.run() }
        #expect(!FileReader.exists(training.output))
    }

    @Test("a training that is cancelled writes nothing")
    func cancelled() async throws {
        let scratch = try Scratch()
        var training = try training(scratch)
        training.options.epochs = 10_000
        let run = training
        let task = Task { try await run.run { _ in withUnsafeCurrentTask { $0?.cancel() } } }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!FileReader.exists(training.output))
    }
}
