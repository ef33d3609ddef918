import Apus
import ApusCore
import ApusTensor
import Experiments
import Files
import Foundation
import JSON
import Synchronization
import Testing

/// Whole experiments, small ones: texts of a made-up language, clean and noisy.
@Suite("Experiments", .enabled(if: TensorLibrary.isAvailable, "libtorch is absent; Scripts/bootstrap installs it"))
struct ExperimentTests {
    /// A pool of sentences whose words follow one another by rule, half of the documents mixed with noise.
    private struct Site {
        private let temporary: TemporaryFolder
        var folder: String { temporary.path }
        var configuration: ExperimentConfiguration

        init(seeds: [Int] = [1], tokens: Int = 12_288) throws {
            temporary = try TemporaryFolder()
            let folder = temporary.path
            var lines: [String] = []
            for number in 0..<240 {
                var generator = SeededGenerator(seed: 9, stream: UInt64(number))
                var word = generator.below(40)
                let isNoisy = number % 2 == 1
                let words = (0..<150).map { _ -> String in
                    // The next word is one of three; in noise any, and marked.
                    word =
                        isNoisy && generator.below(3) > 0 ? generator.below(4000) : (word * 7 + generator.below(3)) % 40
                    return "word"
                        + String(word, radix: 26).map {
                            String(UnicodeScalar(UInt8(97 + (Int(String($0), radix: 26) ?? 0))))
                        }.joined()
                }
                let text = (isNoisy ? "noise " : "") + words.joined(separator: " ") + "."
                lines.append(
                    JSONValue.object(["text": .string(text), "url": .string("http://localhost/\(number)")]).text())
            }
            try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: folder + "/pool.jsonl")
            try AtomicFile.write("- source: a\n  steps: []\n", to: folder + "/all.yaml")
            try AtomicFile.write(
                "- source: a\n  steps:\n    - func: substring_filter\n      banlist: [noise]\n",
                to: folder + "/clean.yaml")
            let yaml = """
                name: trial
                pools: {texts: pool.jsonl}
                datasets:
                  all: {pool: texts, recipe: all.yaml}
                  clean: {pool: texts, recipe: clean.yaml}
                heldOut: {pool: texts, recipe: clean.yaml, documents: 20}
                tokenizer: {vocabularySize: 400}
                training: {scale: tiny, tokens: \(tokens), sequenceLength: 64, batch: 8, seeds: \(seeds), maximumEpochs: 50}
                evaluation: {clozeQuestions: 40, bootstrapSamples: 200}
                """
            try AtomicFile.write(yaml, to: folder + "/experiment.yaml")
            configuration = try ExperimentConfiguration(file: folder + "/experiment.yaml")
        }

        func run(
            in output: String, event: @escaping @Sendable (Experiment.Event) -> Void = { _ in }
        ) async throws -> ExperimentResult {
            let experiment = Experiment(configuration, output: folder + "/" + output)
            return try await withCluster(.embedded(cpus: 2)) { try await experiment.run(on: $0, event: event) }
        }
    }

    /// What must be equal: everything but times.
    private static func essence(_ result: ExperimentResult) -> ExperimentResult {
        var result = result
        result.steps = result.steps.map { step in
            var step = step
            step.seconds = 0
            step.reused = false
            return step
        }
        result.models = result.models.map { model in
            var model = model
            model.seconds = 0
            return model
        }
        return result
    }

    @Test("two runs give the same shards, losses and figures; everything adds up")
    func deterministic() async throws {
        let site = try Site()
        let first = try await site.run(in: "one")
        let second = try await site.run(in: "two")
        #expect(Self.essence(first) == Self.essence(second))
        #expect(first.datasets.allSatisfy { $0.funnel.isBalanced })
        #expect(first.datasets.map(\.funnel.read) == [240, 240])
        #expect(first.datasets.map(\.funnel.kept) == [240, 120])
        #expect(first.models.allSatisfy { $0.losses.count == $0.steps && $0.steps == 24 })
        #expect(
            first.evaluations.allSatisfy {
                $0.bitsPerByte.lower <= $0.bitsPerByte.value && $0.bitsPerByte.value <= $0.bitsPerByte.upper
            })
        let written = try JSONDecoder().decode(
            ExperimentResult.self, from: Data(FileReader.bytes(of: site.folder + "/one/result.json")))
        #expect(written == first)
        #expect(try FileReader.text(of: site.folder + "/one/report.html").hasSuffix("</html>\n"))
    }

    @Test("run again, every step is used as it is; another seed of training trains anew and nothing else")
    func reuse() async throws {
        var site = try Site()
        _ = try await site.run(in: "out")
        let again = try await site.run(in: "out")
        #expect(again.steps.allSatisfy { $0.reused })
        site.configuration.training.seeds = [2]
        let other = try await site.run(in: "out")
        for step in other.steps {
            #expect(step.reused == !(step.name.hasPrefix("train") || step.name.hasPrefix("score")), "\(step.name)")
        }
    }

    @Test("an experiment cancelled while it trains goes on to the result of one that was not")
    func interrupted() async throws {
        let site = try Site(tokens: 40_960)
        let whole = try await site.run(in: "whole")
        for _ in 0..<2 {
            // Cancelled by the training itself, whose thread then gives those a chance that are to stop it.
            let running = RunningExperiment()
            let task = Task {
                try await site.run(in: "cut") { event in
                    if case .progress(let step, let done, _, _, _) = event, step.hasPrefix("train"), done > 5 {
                        running.cancel()
                        Thread.sleep(forTimeInterval: 0.1)
                    }
                }
            }
            running.keep(task)
            await #expect(throws: (any Error).self) { _ = try await task.value }
            #expect(!FileReader.exists(site.folder + "/cut/result.json"))
        }
        let resumed = try await site.run(in: "cut")
        #expect(Self.essence(resumed) == Self.essence(whole))
    }

    @Test("a recipe that keeps nothing, too few tokens, and a folder at work are errors that say what to do")
    func errors() async throws {
        var site = try Site()
        try AtomicFile.write(
            "- source: a\n  steps:\n    - func: substring_filter\n      banlist: [word]\n",
            to: site.folder + "/none.yaml")
        site.configuration.datasets[0].recipe = "none.yaml"
        await #expect {
            _ = try await site.run(in: "none")
        } throws: {
            "\($0)".contains("data set ‘all’: no page is left after none.yaml; most were dropped by substring_filter")
        }
        site = try Site()
        site.configuration.training.maximumEpochs = 0.01
        await #expect {
            _ = try await site.run(in: "few")
        } throws: {
            "\($0)".contains("too few for 12288 in 0.01 passes. Lower training.tokens")
        }
        site = try Site()
        site.configuration.training.scale = "tyni"
        await #expect {
            _ = try await site.run(in: "scale")
        } throws: {
            "\($0)".contains("tiny")
        }
    }
}

/// An experiment that its own progress cancels.
private final class RunningExperiment: Sendable {
    private let task = Mutex<Task<ExperimentResult, any Error>?>(nil)
    func keep(_ task: Task<ExperimentResult, any Error>) { self.task.withLock { $0 = task } }
    func cancel() { task.withLock { $0 }?.cancel() }
}
