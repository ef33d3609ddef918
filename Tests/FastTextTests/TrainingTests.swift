import FastText
import Files
import Foundation
import JSON
import Testing

/// Documents of `../shared/data/corpus`: every fifth held out, as the golden script does.
private enum Corpus {
    static let folder = "\(Repository.shared)/data/corpus"
    static let exists = FileReader.exists(folder + "/good.jsonl")

    static let documents: (train: [(String, String)], test: [(String, String)]) = {
        var train: [(String, String)] = []
        var test: [(String, String)] = []
        for (label, name) in [("hq", "good"), ("cc", "bad")] {
            let text = (try? FileReader.text(of: "\(folder)/\(name).jsonl")) ?? ""
            for (number, line) in text.split(separator: "\n").enumerated() {
                // One line: predicting ends at the first newline, as the reference's does.
                let text = ((try? JSONValue(parsing: Array(line.utf8)))?["text"]?.stringValue ?? "")
                    .replacing("\n", with: " ").replacing("\r", with: " ")
                if number % 5 == 0 { test.append((label, text)) } else { train.append((label, text)) }
            }
        }
        return (train, test)
    }()
}

private let peer = "\(Repository.root)/.deps/peers/classifier/bin/python"

@Suite("Training of fastText classifiers", .serialized) struct TrainingTests {
    static func options(_ json: JSONValue?) -> FastTextTrainingOptions {
        var options = FastTextTrainingOptions()
        options.wordNgrams = json?["wordNgrams"]?.intValue ?? 1
        options.buckets = json?["bucket"]?.intValue ?? 2_000_000
        options.dimension = json?["dim"]?.intValue ?? 100
        options.characterNgrams = (json?["minn"]?.intValue ?? 0)...(json?["maxn"]?.intValue ?? 0)
        switch json?["loss"]?.stringValue {
        case "hs": options.loss = .hierarchicalSoftmax
        case "ova": options.loss = .oneVersusAll
        default: options.loss = .softmax
        }
        options.shuffles = true
        return options
    }

    static func accuracy(_ model: FastTextModel) -> Double {
        let predictor = FastTextPredictor(model)
        let test = Corpus.documents.test
        return Double(test.count { predictor.predict($0.1).first?.label == $0.0 }) / Double(test.count)
    }

    @Test(
        "held-out accuracy is the reference's within 0.3 points",
        .enabled(if: Corpus.exists, "../shared/data/corpus is absent"),
        arguments: ["words", "pairs", "characters", "pairs-hs", "pairs-ova"])
    func accuracy(_ variant: String) throws {
        let golden = try JSONValue(parsing: FileReader.bytes(of: Repository.golden("corpus.json")))
        #expect(golden["train"]?.intValue == Corpus.documents.train.count)
        let result = try #require(golden["results"]?[variant])
        let theirs = (result["accuracies"]?.arrayValue ?? []).compactMap(\.doubleValue)
        let reference = theirs.reduce(0, +) / Double(theirs.count)
        var ours: [Double] = []
        for seed in 0..<UInt64(variant == "pairs" || variant == "words" ? 3 : 1) {
            var options = Self.options(result["options"])
            options.seed = seed
            var trainer = try FastTextTrainer(options)
            for (label, text) in Corpus.documents.train { try trainer.add(text, label: label) }
            ours.append(Self.accuracy(try trainer.train()))
        }
        let mean = ours.reduce(0, +) / Double(ours.count)
        print("Classifier \(variant) on corpus: accuracy \(mean), the reference's \(reference)")
        #expect(abs(mean - reference) <= 0.003)
    }

    private static func small(_ change: (inout FastTextTrainingOptions) -> Void = { _ in }) throws -> FastTextModel {
        var options = FastTextTrainingOptions()
        options.dimension = 12
        options.wordNgrams = 2
        options.buckets = 500
        options.epochs = 20
        options.rate = 0.3
        options.shuffles = true
        change(&options)
        var trainer = try FastTextTrainer(options)
        for index in 0..<400 {
            try trainer.add("the \(index % 7) tide \(["rises", "falls"][index % 2]) wave \(index % 13)", label: "sea")
            try trainer.add(
                "Küste \(index % 5) oven \(["whisk", "butter"][index % 2]) the \(index % 11) 鍋", label: "kitchen")
            if index % 3 == 0 { try trainer.add("oak clamp \(index % 4) the glue", label: "workshop") }
        }
        return try trainer.train()
    }

    private static func bytes(_ model: FastTextModel) throws -> [UInt8] {
        let path = NSTemporaryDirectory() + "apus-model-\(UUID().uuidString).bin"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        return try FileReader.bytes(of: path)
    }

    @Test("equal seeds give equal files, other seeds others")
    func deterministic() throws {
        let first = try Self.bytes(try Self.small())
        #expect(first == (try Self.bytes(try Self.small())))
        #expect(first != (try Self.bytes(try Self.small { $0.seed = 9 })))
    }

    @Test(
        "a model that was written and read predicts as before",
        arguments: [
            FastTextLoss.softmax, .hierarchicalSoftmax, .oneVersusAll,
        ])
    func roundTrip(_ loss: FastTextLoss) throws {
        let model = try Self.small {
            $0.loss = loss
            $0.characterNgrams = 2...3
            $0.minimumCount = 2
        }
        let read = try FastTextModel(bytes: Self.bytes(model))
        #expect(read.labels == ["sea", "kitchen", "workshop"] && read.loss == loss)
        for text in ["the tide rises", "butter the oven", "oak and glue", "", "unseen"] {
            #expect(model.predict(text, count: 3) == read.predict(text, count: 3))
        }
        #expect(model.predict("the tide falls").first?.label == "sea")
        #expect(model.predict("whisk butter").first?.label == "kitchen")
    }

    @Test(
        "the reference reads our file and predicts the same",
        .enabled(if: FileReader.exists(peer), "PyPI fasttext-wheel is absent (Benchmarks/classifier/run installs it)"),
        arguments: [FastTextLoss.softmax, .hierarchicalSoftmax, .oneVersusAll])
    func readByReference(_ loss: FastTextLoss) throws {
        let model = try Self.small {
            $0.loss = loss
            $0.characterNgrams = 2...4
        }
        let path = NSTemporaryDirectory() + "apus-model-\(UUID().uuidString).bin"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        let texts = ["the tide rises", "butter 鍋 oven", "oak clamp glue", "unseen", "", "Küste wave 3 the", "</s>"]
        let script = """
            import fasttext, json, sys
            model = fasttext.load_model(sys.argv[1])
            print(json.dumps([[[l[9:], p] for p, l in model.f.predict(t + "\\n", 3, 0.0, "strict")] for t in json.loads(sys.argv[2])]))
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: peer)
        process.arguments = ["-W", "ignore", "-c", script, path, JSONValue.array(texts.map(JSONValue.string)).text()]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let answer = try JSONValue(parsing: [UInt8](output.fileHandleForReading.readDataToEndOfFile()))
        process.waitUntilExit()
        let rows = try #require(answer.arrayValue)
        #expect(rows.count == texts.count)
        var worst = 0.0
        for (text, row) in zip(texts, rows) {
            let got = model.predict(text, count: 3)
            #expect(got.count == row.arrayValue?.count)
            for (one, other) in zip(got, row.arrayValue ?? []) {
                #expect(one.label == other.arrayValue?[0].stringValue, "\(text)")
                worst = max(worst, abs(Double(one.probability) - (other.arrayValue?[1].doubleValue ?? -1)))
            }
        }
        print("FastText trained by Apus (\(loss)), read by the reference: largest difference of probability \(worst)")
        #expect(worst < 1e-5)
    }

    @Test("what the progress throws ends the training")
    func interrupted() throws {
        struct Stop: Error {}
        var options = FastTextTrainingOptions()
        options.dimension = 4
        options.epochs = 1000
        var trainer = try FastTextTrainer(options)
        for _ in 0..<100 {
            try trainer.add("one two three", label: "a")
            try trainer.add("four five six", label: "b")
        }
        var calls = 0
        #expect(throws: Stop.self) {
            _ = try trainer.train { _, _ in
                calls += 1
                if calls == 3 { throw Stop() }
            }
        }
        #expect(calls == 3)
    }

    @Test("one label, none, or an option out of range is an error that says what to do")
    func refused() throws {
        var trainer = try FastTextTrainer()
        try trainer.add("text", label: "a")
        #expect(throws: FastTextError.nothingToTrainOn(examples: 1, labels: 1)) { _ = try trainer.train() }
        #expect(throws: FastTextError.label("a b")) {
            var trainer = try FastTextTrainer()
            try trainer.add("text", label: "a b")
        }
        var options = FastTextTrainingOptions()
        options.dimension = 0
        #expect(throws: FastTextError.self) { try FastTextTrainer(options) }
    }
}
