import Files
import JSON

/// A model's evaluation results: the JSON records of DataComp-LM, with labels and scores in `eval_metrics.icl`.
public struct EvaluationRecord: Sendable {
    /// Shares of right answers, by task label.
    public let scores: [String: Double]
    /// Loss in nats a token, by the name of the task's file; empty where it was not measured.
    public let losses: [String: Double]
    /// The record as read, but for `downstream_perplexity`, which has the reference's (misspelt) name.
    public let json: JSONObject

    /// Records beyond this are refused; published ones take some 10 kB.
    private static let fileLimit = 64 << 20
    /// The reference's spelling, and the right one, which is read too.
    private static let lossKeys = (reference: "downstream_perpexity", right: "downstream_perplexity")

    /// - Throws: `FileError`, or `EvaluationError` that names the key.
    public init(contentsOf path: String) throws {
        try self.init(parsing: FileReader.bytes(of: path, limit: Self.fileLimit), file: path)
    }

    /// Reads a record from memory; `file` is for messages.
    public init(parsing bytes: [UInt8], file: String) throws(EvaluationError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .notJSON(file: file, reason: error.description)
        }
        guard var record = value.objectValue else {
            throw .malformed(file: file, key: "the record", expected: "an object, not \(value.kind)")
        }
        guard var metrics = record["eval_metrics"]?.objectValue else {
            throw .malformed(file: file, key: "eval_metrics", expected: "an object that holds ‘icl’")
        }
        guard let icl = metrics["icl"]?.objectValue else {
            throw .malformed(file: file, key: "eval_metrics.icl", expected: "an object of scores by task label")
        }
        var scores: [String: Double] = [:]
        for (task, value) in icl {
            guard let score = value.doubleValue, (0...1).contains(score) else {
                throw .badScore(file: file, task: task, value: value.doubleValue.map { "\($0)" } ?? value.kind)
            }
            scores[task] = score
        }
        // The reference's spelling counts where a record has both.
        let (reference, right) = Self.lossKeys
        let spelling = metrics[reference] == nil ? right : reference
        var losses: [String: Double] = [:]
        if let value = metrics[spelling], value != .null {
            let key = "eval_metrics.\(spelling)"
            guard let object = value.objectValue else {
                throw .malformed(file: file, key: key, expected: "an object of losses by file, not \(value.kind)")
            }
            for (name, value) in object {
                guard let loss = value.doubleValue else {
                    throw .malformed(file: file, key: "\(key).\(name)", expected: "a number, not \(value.kind)")
                }
                losses[name] = loss
            }
        }
        if spelling == right { metrics.rename(right, to: reference) } else { metrics[right] = nil }
        guard BenchmarkAggregate(scores: scores).all != nil else { throw .noKnownTask(file: file) }
        record["eval_metrics"] = .object(metrics)
        self.scores = scores
        self.losses = losses
        json = record
    }

    /// The record's scores as few numbers.
    public func aggregate(_ version: BenchmarkVersion = .current) -> BenchmarkAggregate {
        BenchmarkAggregate(scores: scores, version: version)
    }

    /// The record with its aggregates, under the reference's names.
    ///
    /// Fields without a version are v2's. A complete v1 mean that the record brings stays where it cannot be made again:
    /// older records hold tasks under names that the benchmark has since dropped.
    public func aggregated() -> JSONObject {
        var record = json
        let isOlder = record["eval_version"] == nil
        for version in BenchmarkVersion.allCases {
            let aggregate = aggregate(version)
            for (name, mean) in [("Core", aggregate.core), ("Extended", aggregate.extended)] {
                let key = "\(name)_\(version.rawValue)"
                let stored = record[key]?.doubleValue ?? (isOlder ? record[name]?.doubleValue : nil)
                if version == .v1, mean.value == nil, let stored {
                    record[key] = JSONValue(stored)
                } else {
                    record[key] = mean.json
                }
            }
        }
        let current = aggregate()
        record["Core"] = current.core.json
        record["Extended"] = current.extended.json
        record["missing tasks"] = .string(PythonList.text(current.missingTasks))
        record["aggregated_task_categories_centered"] = .object(
            JSONObject(
                current.categories.sorted { $0.key.rawValue < $1.key.rawValue }
                    .map { ($0.key.rawValue, JSONValue($0.value.centered)) }))
        record["aggregated_centered_results"] = current.all.map { JSONValue($0.centered) }
        record["aggregated_results"] = current.all.map { JSONValue($0.raw) }
        for group in TaskGroup.allCases {
            record[group.rawValue] = current.groups[group].map { JSONValue($0.raw) }
            record["\(group.rawValue)_centered"] = current.groups[group].map { JSONValue($0.centered) }
        }
        record["eval_version"] = .string(BenchmarkVersion.current.rawValue)
        return record
    }
}

extension CompleteMean {
    fileprivate var json: JSONValue { value.map { JSONValue($0) } ?? .string(description) }
}
