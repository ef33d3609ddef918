import ArgumentParser
import Evaluation
import Foundation
import JSON

/// `apus evaluate aggregate`: Core and Extended of benchmark results.
struct EvaluateAggregateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregate", abstract: "Core and Extended scores of DataComp-LM results.",
        discussion: """
            Reads evaluation records: JSON with scores from 0 to 1 by task label in `eval_metrics.icl`. A score is centred by
            the task's chance; Core is the mean of 22 tasks, Extended of all 53. With tasks missing, these are not made, and
            the missing ones are named; the other means are of the tasks that were run.

            EXAMPLE: apus evaluate aggregate evaluation_model_heavy.json
            """)

    @Argument(help: "Evaluation records.", completion: .file(extensions: ["json"])) var files: [String]
    @Flag(help: "One JSON object a record: the record with its means, under the reference's names.") var json = false

    func run() throws {
        for file in files {
            let record = try EvaluationRecord(contentsOf: file)
            if json {
                print(JSONValue.object(record.aggregated()).text())
                continue
            }
            let (v2, v1) = (record.aggregate(.v2), record.aggregate(.v1))
            func row(_ name: String, _ left: Double?, _ right: Double?) {
                func cell(_ value: Double?) -> String { value.map { String(format: "%8.4f", $0) } ?? "       –" }
                print("  \(name.padding(toLength: 26, withPad: " ", startingAt: 0))\(cell(left))\(cell(right))")
            }
            print("\(file): \(v2.all?.count ?? 0) of \(BenchmarkTask.all.count) tasks")
            print("  centred                         v2      v1")
            row("Core", v2.core.value, v1.core.value)
            row("Extended", v2.extended.value, v1.extended.value)
            for category in TaskCategory.allCases {
                row(category.rawValue, v2.categories[category]?.centered, v1.categories[category]?.centered)
            }
            row("all tasks that were run", v2.all?.centered, v1.all?.centered)
            if v2.core.value == nil { print("  Core      \(v2.core)") }
            if v2.extended.value == nil { print("  Extended  \(v2.extended)") }
        }
    }
}
