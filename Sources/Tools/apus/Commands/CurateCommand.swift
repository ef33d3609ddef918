import Apus
import ArgumentParser
import Curation
import Foundation
import JSON

/// `apus curate`: run a recipe over a pool, apply one step, list the steps.
struct CurateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "curate", abstract: "Filters and cleans the pages of a pool by a recipe.",
        subcommands: [RunRecipe.self, Apply.self, Steps.self, TrainClassifierCommand.self],
        defaultSubcommand: RunRecipe.self)

    struct RunRecipe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run", abstract: "Runs a recipe over a pool.",
            discussion: """
                Writes OUT/processed_data/shard_*.jsonl.zst and OUT/manifest.json, which accounts for every page. An
                interrupted run goes on when started again.

                EXAMPLE: apus curate Recipes/dclm_baseline_refinedweb.yaml --pool pool.warc.gz --out curated
                """)

        @Argument(help: "The recipe (YAML).", completion: .file()) var recipe: String
        @Option(parsing: .upToNextOption, help: "Pool files or folders.") var pool: [String]
        @Option(help: "The folder to write.") var out: String
        @Option(help: "Seed of everything that is drawn.") var seed: UInt64 = 1
        @Option(help: "Which entry of a recipe that has several.") var source: String?
        @Option(
            name: .customLong("set"), help: "NAME=VALUE: what ${NAME} in the recipe stands for; may be given again.")
        var variables: [String] = []
        @Option(
            name: .customLong("dedup-memory"),
            help: "MiB that exact_dedup's table may take; more units than fit are split on disk.")
        var dedupMemory = 256
        @Flag(help: "One JSON object on standard output.") var json = false
        @Flag(help: "No progress.") var quiet = false

        func validate() throws {
            guard 1...65536 ~= dedupMemory else {
                throw ValidationError("--dedup-memory must be from 1 to 65536 (MiB)")
            }
        }

        func run() async throws {
            let recipe = try Recipe(
                file: recipe, source: source, variables: Dictionary(namedValues(variables, option: "--set")) { $1 })
            var run = CurationRun(recipe: recipe, pool: pool, output: out, seed: seed)
            run.tableBytes = dedupMemory << 20
            let curation = run
            let line = ProgressLine("curate", unit: "pages", isQuiet: quiet)
            let manifest = try await interruptible {
                try await withCluster(.fromEnvironment) { cluster in
                    try await curation.run(on: cluster) {
                        line.update($0.pages, note: "pass \($0.pass) of \($0.passes)")
                    }
                }
            }
            line.finish()
            if json {
                func counts(_ table: [String: Int]) -> JSONValue {
                    .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
                }
                let object: JSONValue = [
                    "read": JSONValue(manifest.read), "kept": JSONValue(manifest.kept),
                    "dropped": counts(manifest.dropped), "failed": counts(manifest.failed),
                ]
                print(object.text())
                return
            }
            print("read     \(manifest.read)\nkept     \(manifest.kept)")
            for (rule, count) in manifest.dropped.sorted(by: { $0.key < $1.key }) { print("dropped  \(rule) \(count)") }
            for (reason, count) in manifest.failed.sorted(by: { $0.key < $1.key }) {
                print("failed   \(reason) \(count)")
            }
            if manifest.kept == 0 {
                FileHandle.standardError.write(
                    Data("curate: no page is left; the samples in \(out)/manifest.json show why\n".utf8))
            }
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "apply", abstract: "Applies one step to pages on standard input (JSON lines).",
            discussion: """
                Dropped pages come out as {"dropped": rule}, failed ones as {"failed": reason}.

                EXAMPLE: apus curate apply page_length_filter --param length_type=word --param min_length=50 < pages.jsonl
                """)

        @Argument(help: "The step's name.") var step: String
        @Option(name: .customLong("param"), parsing: .upToNextOption, help: "key=value; values are YAML or JSON.")
        var parameters: [String] = []
        @Flag(help: "Accepted; the output is JSON lines always.") var json = false

        func run() throws {
            let step = try SingleStep(step, parameters: namedValues(parameters, option: "--param"))
            try StandardLines.forEach { line, output in
                if line.isEmpty { return }
                let values: [JSONValue]
                do { values = try step.lines(for: line) } catch { values = [["failed": .string("\(error)")]] }
                for (index, value) in values.enumerated() {
                    if index > 0 { output.append(10) }
                    value.write(to: &output)
                }
            }
        }
    }

    struct Steps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "steps", abstract: "Lists the steps that recipes can name, with their parameters.")

        @Flag(help: "One JSON object a line.") var json = false

        func run() {
            for step in SingleStep.descriptions.sorted(by: { $0.name < $1.name }) {
                if json {
                    let parameters = step.parameters.map { parameter -> JSONValue in
                        [
                            "key": .string(parameter.key), "kind": .string(parameter.kind),
                            "default": parameter.fallback.map(JSONValue.string) ?? .null,
                            "meaning": .string(parameter.meaning),
                        ]
                    }
                    let object: JSONValue = [
                        "name": .string(step.name), "summary": .string(step.summary), "parameters": .array(parameters),
                    ]
                    print(object.text())
                    continue
                }
                print("\(step.name): \(step.summary)")
                for parameter in step.parameters {
                    print(
                        "    \(parameter.key) (\(parameter.kind)\(parameter.fallback.map { "; \($0)" } ?? "; needed")): \(parameter.meaning)"
                    )
                }
            }
        }
    }
}

/// `key=value` arguments as pairs.
private func namedValues(_ arguments: [String], option: String) throws -> [(String, String)] {
    try arguments.map { text in
        guard let mark = text.firstIndex(of: "=") else {
            throw ValidationError("\(option) needs KEY=VALUE, not \(text)")
        }
        return (String(text[..<mark]), String(text[text.index(after: mark)...]))
    }
}
