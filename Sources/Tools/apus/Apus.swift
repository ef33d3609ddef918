import Apus
import ArgumentParser

@main
struct ApusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "A distributed runtime for machine learning, and the data-centric libraries on it.",
        version: ApusVersion.text,
        subcommands: [
            TokenizeCommand.self, PoolCommand.self, ExtractCommand.self, LanguageCommand.self, BenchCommand.self,
            CurateCommand.self, SelectCommand.self, TrainCommand.self, EvaluateCommand.self, ExperimentCommand.self,
            ReportCommand.self, ClusterCommand.self, ListCommand.self, LogsCommand.self, TimelineCommand.self,
            SimulateCommand.self,
        ])
}
