import ArgumentParser

struct TokenizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Turn text into token ids and back, train vocabularies, and cut pools into training sequences.",
        subcommands: [
            EncodeCommand.self, DecodeCommand.self, TrainTokenizerCommand.self, ShardsCommand.self,
            ShardStatCommand.self,
        ])
}
