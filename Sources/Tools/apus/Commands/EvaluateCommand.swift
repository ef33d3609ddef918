import ArgumentParser

/// `apus evaluate`: what a model knows.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures models.",
        subcommands: [EvaluateLossCommand.self, EvaluateAggregateCommand.self])
}
