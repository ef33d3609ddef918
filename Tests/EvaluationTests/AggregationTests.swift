import Evaluation
import Files
import Foundation
import JSON
import Testing

/// The published records and their means beside the repository, or where `APUS_SHARED` says.
private enum Published {
    static let root: String = {
        if let path = ProcessInfo.processInfo.environment["APUS_SHARED"] { return path + "/data/dclm_reference/" }
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return repository.deletingLastPathComponent().appendingPathComponent("shared/data/dclm_reference").path + "/"
    }()
    static var isThere: Bool { FileReader.exists(root + "aggregates.csv") }
    static let absent: Comment = "../shared/data/dclm_reference is absent (set APUS_SHARED)"

    /// The rows of a CSV file by column; quoted fields may hold commas.
    static func table(_ name: String) throws -> [[String: String]] {
        let lines = try FileReader.text(of: root + name).split(whereSeparator: \.isNewline).map(fields)
        return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
    }

    private static func fields(_ line: Substring) -> [String] {
        var fields = [""]
        var isQuoted = false
        for character in line {
            switch character {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: fields.append("")
            default: fields[fields.count - 1].append(character)
            }
        }
        return fields
    }
}

@Suite("Aggregation of benchmark results") struct AggregationTests {
    @Test("gives the reference's means of the published records", .enabled(if: Published.isThere, Published.absent))
    func published() throws {
        var compared = 0
        var complete = 0
        var worst = 0.0
        let rows = try Published.table("aggregates.csv")
        for row in rows {
            let record = try EvaluationRecord(contentsOf: Published.root + #require(row["file"]))
            for version in BenchmarkVersion.allCases {
                let aggregate = record.aggregate(version)
                var ours: [String: Double?] = [
                    "Core": aggregate.core.value, "Extended": aggregate.extended.value,
                    "aggregated_results": aggregate.all?.raw, "aggregated_centered_results": aggregate.all?.centered,
                ]
                for group in TaskGroup.allCases {
                    ours[group.rawValue] = aggregate.groups[group]?.raw
                    ours[group.rawValue + "_centered"] = aggregate.groups[group]?.centered
                }
                for category in TaskCategory.allCases {
                    ours["category_centered:" + category.rawValue] = aggregate.categories[category]?.centered
                }
                let suffix = "_" + version.rawValue
                for (name, value) in row where name.hasSuffix(suffix) && !name.hasPrefix("missing_tasks") {
                    let expected = try #require(Double(value))
                    let key = String(name.dropLast(suffix.count))
                    let mine = try #require(ours[key] ?? nil, "\(name)")
                    worst = max(worst, abs(mine - expected))
                    compared += 1
                    if name.hasPrefix("Core") || name.hasPrefix("Extended") { complete += 1 }
                    #expect(abs(mine - expected) < 1e-6, "\(row["file"] ?? ""): \(name)")
                }
                #expect(aggregate.missingTasks.joined(separator: ";") == row["missing_tasks" + suffix])
            }
        }
        print("\(rows.count) published records: \(compared) (\(complete) Core, Extended), worst off by \(worst)")
        #expect(complete == 160 && compared == 1440)
    }

    @Test("gives the means that the records themselves hold", .enabled(if: Published.isThere, Published.absent))
    func stored() throws {
        var compared = 0
        var texts = 0
        for name in try Folder.entries(Published.root + "exp_data/evals") {
            let record = try EvaluationRecord(contentsOf: Published.root + "exp_data/evals/" + name)
            let made = record.aggregated()
            #expect(Set(made.keys) == Set(record.json.keys))
            for (key, value) in record.json where key != "eval_metrics" {
                if let value = value.doubleValue {
                    // Where v1 was aggregated last, the fields without a version are v1's.
                    let other = record.aggregate(.v1)
                    let v1 =
                        TaskGroup.allCases.first { $0.rawValue + "_centered" == key }
                        .flatMap { other.groups[$0]?.centered }
                        ?? (key == "aggregated_centered_results" ? other.all?.centered : nil)
                    let mine = try #require(made[key]?.doubleValue)
                    #expect(abs(mine - value) < 1e-6 || v1.map { abs($0 - value) < 1e-6 } == true, "\(name): \(key)")
                    compared += 1
                }
                if key == "missing tasks" {
                    #expect(made[key] == value, "\(name)")
                    texts += 1
                }
            }
        }
        print("means that published records hold: \(compared) compared, \(texts) lists of missing tasks")
        #expect(compared > 500)
    }

    @Test("gives the worked example's Core", arguments: [(BenchmarkVersion.v2, 0.430402), (.v1, 0.448232)])
    func workedExample(version: BenchmarkVersion, core: Double) throws {
        // The specification's scores in per cent of a model of 7 B parameters, to two digits.
        let percent = [
            "hellaswag_zeroshot": 74.19, "jeopardy": 46.88, "bigbench_qa_wikidata": 71.09, "arc_easy": 75.93,
            "arc_challenge": 49.74, "copa": 80, "commonsense_qa": 60.77, "piqa": 79.54, "openbook_qa": 45.60,
            "lambada_openai": 71.96, "hellaswag": 75.64, "winograd": 84.98, "winogrande": 68.75,
            "bigbench_language_identification": 30.18, "bigbench_dyck_languages": 19.90, "agi_eval_lsat_ar": 24.78,
            "bigbench_cs_algorithms": 43.11, "bigbench_operators": 28.10, "bigbench_repeat_copy_logic": 12.50,
            "squad": 54.30, "coqa": 42.40, "boolq": 72.54,
        ]
        let aggregate = BenchmarkAggregate(scores: percent.mapValues { $0 / 100 }, version: version)
        // Rounding to two digits moves the mean by at most 5e-5, stretched by boolq's baseline at most.
        #expect(abs(try #require(aggregate.core.value) - core) < 5e-5)
        #expect(aggregate.extended.value == nil)
        #expect(aggregate.missingTasks.count == 31)
    }

    @Test("names what is missing in the reference's words")
    func missing() {
        var scores = Dictionary(uniqueKeysWithValues: BenchmarkTask.all.map { ($0.label, 0.5) })
        for task in ["bigbench_language_identification", "coqa", "gsm8k_cot"] { scores[task] = nil }
        let aggregate = BenchmarkAggregate(scores: scores)
        #expect(
            aggregate.core.description == "N/A due to missing tasks: ['coqa', 'bigbench_language_identification']")
        #expect(
            aggregate.extended.description
                == "N/A due to missing tasks: ['gsm8k_cot', 'bigbench_language_identification', 'coqa']")
        #expect(aggregate.all?.count == 50)
        #expect(aggregate.groups[.core]?.count == 20)
    }

    @Test("averages the categories of a task unweighted, unless the task's own score is there")
    func categories() {
        let parts = ["mmlu_fewshot/anatomy": 0.5, "mmlu_fewshot/virology": 0.7, "boolq": 0.62]
        let aggregate = BenchmarkAggregate(scores: parts)
        #expect(abs((aggregate.categories[.worldKnowledge]?.raw ?? 0) - 0.6) < 1e-12)
        let own = BenchmarkAggregate(scores: parts.merging(["mmlu_fewshot": 0.25]) { $1 })
        #expect(own.categories[.worldKnowledge]?.raw == 0.25)
        #expect(own.categories[.worldKnowledge]?.centered == 0)
        #expect(aggregate.categories[.readingComprehension]?.centered == 0)
        #expect(aggregate.categories[.safety] == nil)
    }

    @Test("reads both spellings of the losses' key and writes the reference's")
    func spellings() throws {
        for key in ["downstream_perpexity", "downstream_perplexity"] {
            let text = #"{"name": "x", "eval_metrics": {"icl": {"boolq": 0.7}, "\#(key)": {"boolq": 1.5}}}"#
            let record = try EvaluationRecord(parsing: Array(text.utf8), file: "x.json")
            #expect(record.losses == ["boolq": 1.5])
            #expect(record.json["eval_metrics"]?.objectValue?.keys == ["icl", "downstream_perpexity"])
        }
        let metrics = #"{"downstream_perplexity": {"a": 1}, "icl": {"boolq": 0}, "downstream_perpexity": {"a": 2}}"#
        let both = #"{"eval_metrics": \#(metrics)}"#
        let record = try EvaluationRecord(parsing: Array(both.utf8), file: "x.json")
        #expect(record.losses == ["a": 2])
        #expect(record.json["eval_metrics"]?.objectValue?.keys == ["icl", "downstream_perpexity"])
    }

    @Test("keeps an older record's complete mean as v1 where it cannot be made again")
    func older() throws {
        let text = #"{"Core": 0.25, "Extended": 0.125, "eval_metrics": {"icl": {"boolq": 0.62, "gsm8k": 0.1}}}"#
        let made = try EvaluationRecord(parsing: Array(text.utf8), file: "x.json").aggregated()
        #expect(made["Core_v1"]?.doubleValue == 0.25)
        #expect(made["Extended_v1"]?.doubleValue == 0.125)
        #expect(made["Core"]?.stringValue?.hasPrefix("N/A due to missing tasks: ['hellaswag_zeroshot', ") == true)
        #expect(made["Core_v2"] == made["Core"])
    }

    @Test(
        "refuses what is no record, and says where",
        arguments: [
            ("", EvaluationError.notJSON(file: "x", reason: "the JSON ends early, at byte 0")),
            ("[1]", .malformed(file: "x", key: "the record", expected: "an object, not an array")),
            ("{}", .malformed(file: "x", key: "eval_metrics", expected: "an object that holds ‘icl’")),
            (
                #"{"eval_metrics": {"icl": [0.5]}}"#,
                .malformed(file: "x", key: "eval_metrics.icl", expected: "an object of scores by task label")
            ),
            (#"{"eval_metrics": {"icl": {"boolq": "0.7"}}}"#, .badScore(file: "x", task: "boolq", value: "a string")),
            (#"{"eval_metrics": {"icl": {"boolq": 72.5}}}"#, .badScore(file: "x", task: "boolq", value: "72.5")),
            (#"{"eval_metrics": {"icl": {"boolq": null}}}"#, .badScore(file: "x", task: "boolq", value: "null")),
            (#"{"eval_metrics": {"icl": {"unheard_of": 0.5}}}"#, .noKnownTask(file: "x")),
            (
                #"{"eval_metrics": {"icl": {"boolq": 0.5}, "downstream_perplexity": {"a": "b"}}}"#,
                .malformed(file: "x", key: "eval_metrics.downstream_perplexity.a", expected: "a number, not a string")
            ),
        ])
    func bad(text: String, error: EvaluationError) {
        #expect(throws: error) { try EvaluationRecord(parsing: Array(text.utf8), file: "x") }
    }

    @Test("survives damage to a published record", .enabled(if: Published.isThere, Published.absent))
    func damage() throws {
        let bytes = try FileReader.bytes(of: Published.root + "exp_data/evals/evaluation_Qwen_Qwen2-7B.json")
        var refused = 0
        for trial in 0..<2000 {
            var damaged = bytes
            // A fixed linear congruential sequence, so that a failure comes again.
            var state = UInt64(trial) &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                damaged[Int(state >> 33) % damaged.count] = UInt8(0x20 + (state >> 20) % 95)
            }
            if trial % 4 == 0 { damaged.removeLast(Int(state >> 40) % damaged.count) }
            do { _ = try EvaluationRecord(parsing: damaged, file: "x").aggregated() } catch { refused += 1 }
        }
        print("damaged records: \(refused) of 2000 refused")
        #expect(refused > 500)
    }
}
