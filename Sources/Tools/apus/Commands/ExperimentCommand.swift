import Apus
import ArgumentParser
import Experiments
import Files
import Foundation
import JSON

/// `apus experiment`: from pools to a report.
struct ExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "experiment", abstract: "Compares data sets by the models trained on them.",
        subcommands: [Run.self, Check.self], defaultSubcommand: Run.self)

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Curates, tokenises, trains, evaluates and reports, as one graph of tasks.",
            discussion: """
                Writes OUT/report.html and OUT/result.json; OUT/steps keeps what each step made. Run again, finished steps are
                used as they are, also after an interruption, and only what a change touches is done anew.

                EXAMPLE: apus experiment run Examples/Experiments/documentation.yaml --out demo
                EXAMPLE: apus experiment run experiment.yaml --pool web=crawl.warc.gz --out out
                """)

        @Argument(help: "The experiment (YAML).", completion: .file(extensions: ["yaml", "yml"])) var file: String
        @Option(help: "The folder to write.") var out: String
        @Option(help: "NAME=PATH: another pool in the place of one that the file names; may be given again.") var pool:
            [String] = []
        @Flag(help: "The result as one JSON object on standard output.") var json = false
        @Flag(help: "No progress.") var quiet = false

        func run() async throws {
            var configuration = try ExperimentConfiguration(file: file)
            for pair in pool {
                guard let mark = pair.firstIndex(of: "=") else {
                    throw ValidationError("--pool needs NAME=PATH, not \(pair)")
                }
                try configuration.replacePool(
                    String(pair[..<mark]), with: [String(pair[pair.index(after: mark)...])], file: file)
            }
            let experiment = Experiment(configuration, output: out)
            let progress = StepLines(isQuiet: quiet)
            let result = try await interruptible {
                try await withCluster(.fromEnvironment) { cluster in
                    try await experiment.run(on: cluster) { progress.show($0) }
                }
            }
            progress.finish()
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(result), as: UTF8.self))
            } else {
                print(ResultSummary(result).text)
                print("\nreport: \(out)/report.html")
            }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads an experiment and its recipes, and says what is wrong with them.",
            discussion: "EXAMPLE: apus experiment check experiment.yaml")

        @Argument(help: "The experiment (YAML).", completion: .file(extensions: ["yaml", "yml"])) var file: String

        func run() throws {
            try Experiment(ExperimentConfiguration(file: file), output: ".").check()
            print("\(file): nothing wrong")
        }
    }
}
