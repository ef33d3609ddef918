import ApusTensor
import Files
import Foundation
import JSON
import LanguageModels
import Synchronization
import Testing
import Tokenization

/// Sequences made by a rule, which a small model can learn.
struct MadeSequences: SequenceSource {
    var count = 24
    var tokensPerSequence = 17
    var vocabulary = 32
    var identity = "made"
    var name: String { "made sequences" }
    /// Instead of the rule's, for bad data.
    var constant: Int64?

    func read(_ index: Int, into tokens: UnsafeMutableBufferPointer<Int64>) {
        for position in tokens.indices {
            tokens[position] = constant ?? Int64((index * 7 + position * (index % 5 + 1)) % vocabulary)
        }
    }
}

/// What one thread waits for until another opens it; at most a minute.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    func pass() { if semaphore.wait(timeout: .now() + 60) == .timedOut { Issue.record("a gate stayed closed") } }
}

/// A folder that goes with the test.
final class TemporaryFolder: Sendable {
    let path: String
    init() throws {
        path = NSTemporaryDirectory() + "apus-training-\(UUID().uuidString)"
        try Folder.create(path)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { Paths.join(path, name) }
}

@Suite("Training", .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct TrainingTests {
    static let model = ModelConfiguration(vocabulary: 32, width: 32, layers: 2, heads: 2, context: 16)

    static func configuration(steps: Int = 30) -> TrainingConfiguration {
        var configuration = TrainingConfiguration(
            tokens: steps * 8 * 16, sequenceLength: 16, batch: 8, microBatch: 2, learningRate: 1e-2,
            finalLearningRate: 1e-3, warmUpSteps: 5, seed: 3)
        configuration.precision = .float32
        configuration.checkpointInterval = .steps(4)
        return configuration
    }

    static func run(
        _ output: String, _ configuration: TrainingConfiguration = configuration(),
        source: MadeSequences = MadeSequences()
    ) -> TrainingRun {
        TrainingRun(model: model, training: configuration, source: source, output: output)
    }

    /// What decides a log: everything but the speed.
    static func losses(_ folder: String) throws -> [[Double]] {
        try FileReader.text(of: Paths.join(folder, "log.jsonl")).split(separator: "\n").map { line in
            let value = try JSONValue(parsing: String(line))
            return ["step", "tokens", "loss", "zLoss", "learningRate", "gradientNorm"].compactMap {
                value[$0]?.doubleValue
            }
        }
    }

    @Test("a small model learns a rule by heart")
    func overfits() async throws {
        let folder = try TemporaryFolder()
        let result = try await Self.run(folder.path, Self.configuration(steps: 200)).run()
        let losses = try Self.losses(folder.path).map { $0[2] }
        print(
            "training: loss \(losses[0]) → \(result.loss) in \(result.steps) steps, \(Int(result.tokensPerSecond)) tokens/s"
        )
        #expect(losses.count == 200)
        #expect(abs(losses[0] - 3.6) < 0.6)  // ln 32 = 3.47 and what random logits add
        #expect(result.loss < 0.3)
        #expect(result.passes == 200 * 8 / 24.0)
        #expect(result.parameters == Self.model.totalParameterCount)
        #expect(
            FileReader.exists(folder.file("model.safetensors"))
                && !FileReader.exists(folder.file("checkpoint.safetensors")))
    }

    @Test("the same seed gives the same bytes with other threads; another seed does not")
    func deterministic() async throws {
        let folder = try TemporaryFolder()
        var models: [[UInt8]] = []
        for (name, threads, seed) in [("a", 1, 3), ("b", 3, 3), ("c", 2, 4)] {
            var configuration = Self.configuration()
            configuration.threads = threads
            configuration.seed = UInt64(seed)
            _ = try await Self.run(folder.file(name), configuration).run()
            models.append(try FileReader.bytes(of: folder.file("\(name)/model.safetensors")))
        }
        #expect(try Self.losses(folder.file("a")) == Self.losses(folder.file("b")))
        #expect(models[0] == models[1])
        #expect(models[0] != models[2])
    }

    @Test(
        "a run that is cancelled and one that is killed resume to the same losses and the same model",
        arguments: [
            Precision.float32, .bfloat16,
        ])
    func resumes(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        var configuration = Self.configuration()
        configuration.precision = precision
        _ = try await Self.run(folder.file("whole"), configuration).run()

        // After the sixth step, a copy as a killed process leaves the folder: the checkpoint of step 4, the log to step 6 and half
        // a line. The step after it ends when the run has been cancelled.
        let (cancelled, killed) = (folder.file("cancelled"), folder.file("killed"))
        let (isCopied, isCancelled) = (Gate(), Gate())
        let task = Task { [configuration] in
            try await Self.run(cancelled, configuration).run { progress in
                guard progress.last.step == 6 else { return }
                try? FileManager.default.copyItem(atPath: cancelled, toPath: killed)
                if let log = FileHandle(forWritingAtPath: Paths.join(killed, "log.jsonl")) {
                    log.seekToEndOfFile()
                    log.write(Data("{\"step\": 7, \"lo".utf8))
                }
                isCopied.open()
                isCancelled.pass()
            }
        }
        await Task.detached { isCopied.pass() }.value
        task.cancel()
        isCancelled.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try Self.losses(cancelled).count == 6)

        for path in [cancelled, killed] {
            let resumedAt = Mutex(-1)
            _ = try await Self.run(path, configuration).run { progress in resumedAt.withLock { $0 = progress.resumedAt }
            }
            #expect(resumedAt.withLock { $0 } == (path == killed ? 4 : 6))
            #expect(try Self.losses(path) == Self.losses(folder.file("whole")))
            #expect(
                try FileReader.bytes(of: Paths.join(path, "model.safetensors"))
                    == FileReader.bytes(of: folder.file("whole/model.safetensors")))
        }
    }

    @Test("a finished run gives its result again without training")
    func finished() async throws {
        let folder = try TemporaryFolder()
        let first = try await Self.run(folder.path, Self.configuration(steps: 5)).run()
        let second = try await Self.run(folder.path, Self.configuration(steps: 5)).run { _ in
            Issue.record("it trained again")
        }
        #expect(first == second)
    }

    @Test("a folder of other settings is refused by the setting's name")
    func otherSettings() async throws {
        let folder = try TemporaryFolder()
        _ = try await Self.run(folder.path, Self.configuration(steps: 5)).run()
        var seed = Self.configuration(steps: 5)
        seed.seed = 9
        var rate = Self.configuration(steps: 5)
        rate.learningRate = 2e-2
        for (configuration, source, setting) in [
            (seed, MadeSequences(), "training.seed"), (rate, MadeSequences(), "training.learningRate"),
            (Self.configuration(steps: 5), MadeSequences(identity: "other"), "data.identity"),
        ] {
            await #expect {
                _ = try await Self.run(folder.path, configuration, source: source).run()
            } throws: { error in
                guard case LanguageModelError.otherRun(_, setting, _, _) = error else { return false }
                return true
            }
        }
    }

    @Test("two runs do not share a folder at the same time")
    func busy() async throws {
        let folder = try TemporaryFolder()
        let second = Mutex<(any Error)?>(nil)
        _ = try await Self.run(folder.path, Self.configuration(steps: 6)).run { progress in
            guard progress.last.step == 1 else { return }
            do {
                _ = try RunFolder(folder.path)
            } catch {
                second.withLock { $0 = error }
            }
        }
        #expect(second.withLock { $0 as? LanguageModelError } == .busy(folder: folder.path))
    }

    @Test("a loss that is no number ends the run with its step")
    func notFinite() async throws {
        let folder = try TemporaryFolder()
        var configuration = Self.configuration(steps: 60)
        configuration.learningRate = 1e30
        configuration.warmUpSteps = 0
        await #expect {
            _ = try await Self.run(folder.path, configuration).run()
        } throws: { error in
            guard case LanguageModelError.notFinite(_, let step, _) = error else { return false }
            return step >= 2 && "\(error)".contains("smaller learning rate")
        }
    }

    @Test("settings and data that do not fit are refused before a folder is made")
    func misfits() async throws {
        let folder = try TemporaryFolder()
        let out = folder.file("out")
        func refused(_ change: (inout TrainingConfiguration, inout MadeSequences) -> Void, _ text: String) async {
            var (configuration, source) = (Self.configuration(), MadeSequences())
            change(&configuration, &source)
            let run = Self.run(out, configuration, source: source)
            await #expect { _ = try await run.run() } throws: { error in
                error is LanguageModelError && "\(error)".contains(text)
            }
        }
        await refused({ configuration, _ in configuration.tokens = 5 }, "tokens")
        await refused({ configuration, _ in configuration.microBatch = 3 }, "micro-batch")
        await refused({ configuration, _ in configuration.learningRate = .nan }, "learning rate")
        await refused({ configuration, _ in configuration.warmUpSteps = 31 }, "warm-up")
        await refused({ configuration, _ in configuration.repeatsData = false }, "24 sequences")
        await refused({ _, source in source.tokensPerSequence = 33 }, "sequence length")
        await refused({ _, source in source.vocabulary = 64 }, "vocabulary of 64")
        await refused({ _, source in source.count = 0 }, "no sequence")
        #expect(!Folder.exists(out))
        await refused({ _, source in source.constant = 32 }, "token 32")
    }

    @Test("damaged and missing checkpoints are errors that name the file")
    func damaged() async throws {
        let folder = try TemporaryFolder()
        #expect(throws: LanguageModelError.noModel(folder: folder.path, resumable: false)) { try Scorer(folder.path) }
        // A run that stands at a checkpoint.
        let out = folder.file("out")
        let copy = folder.file("copy")
        _ = try await Self.run(out).run { progress in
            if progress.last.step == 6 { try? FileManager.default.copyItem(atPath: out, toPath: copy) }
        }
        #expect(throws: LanguageModelError.noModel(folder: copy, resumable: true)) { try Scorer(copy) }
        let good = try FileReader.bytes(of: Paths.join(copy, "checkpoint.safetensors"))
        for bytes in [Array(good.prefix(good.count / 2)), [], Array("no tensors, only text".utf8)] {
            try AtomicFile.write(bytes, to: Paths.join(copy, "checkpoint.safetensors"))
            await #expect { _ = try await Self.run(copy).run() } throws: { error in
                guard case LanguageModelError.badCheckpoint(let file, _) = error else { return false }
                return file.hasSuffix("checkpoint.safetensors")
            }
        }
        let model = try FileReader.bytes(of: Paths.join(out, "model.safetensors"))
        try AtomicFile.write(model.dropLast(7), to: Paths.join(out, "model.safetensors"))
        #expect {
            try Scorer(out)
        } throws: { error in
            guard case LanguageModelError.badCheckpoint(let file, _) = error else { return false }
            return file.hasSuffix("model.safetensors")
        }
        // A checkpoint is no model.
        try AtomicFile.write(good, to: folder.file("other.safetensors"))
        #expect(throws: LanguageModelError.self) { try Scorer(folder.file("other.safetensors")) }
    }

    @Test("token shards train like the sequences they were cut from")
    func shards() async throws {
        let folder = try TemporaryFolder()
        let writer = try TokenShardWriter(
            folder: folder.file("tokens"),
            options: ShardOptions(sequenceLength: 16, seed: 1, endOfText: 0, vocabularySize: 32))
        for index in 0..<40 { try writer.append((0..<20).map { UInt32((index + $0) % 31 + 1) }) }
        _ = try writer.finish()
        let shards = try TokenShards(folder: folder.file("tokens"))
        let run = TrainingRun(
            model: Self.model, training: Self.configuration(steps: 10), data: shards, output: folder.file("out"))
        let result = try await run.run()
        #expect(result.steps == 10)
        #expect(result.passes == 80 / Double(shards.sequenceCount))
    }
}
