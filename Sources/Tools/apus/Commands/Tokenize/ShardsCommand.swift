import ArgumentParser
import JSON
import Tokenization

extension ShardFormat: ExpressibleByArgument {}

struct ShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards",
        abstract: "Cut documents into shuffled training sequences of one length.",
        discussion: """
            Inputs are JSON-lines files (.jsonl, also .zst, .gz, .lz4), or folders of them; each line's “text” is a document.
            The same inputs, tokenizer and seed give the same bytes.

            Example: apus tokenize shards curated --tokenizer tokenizer.json --out tokens --sequence-length 256 --seed 1
            """)

    @Argument(help: "Files and folders.", completion: .file()) var inputs: [String]
    @Option(help: "A Hugging Face tokenizer.json (byte-level BPE).") var tokenizer: String
    @Option(help: "The folder to write.") var out: String
    @Option(help: "Tokens a model predicts in a sequence; a sequence has one more.") var sequenceLength: Int
    @Option(help: "Decides the order of the sequences.") var seed: UInt64 = 1
    @Option(help: "flat (memory-mapped, for Apus), or tar (webdataset, as DataComp-LM writes it).") var format =
        ShardFormat.flat
    @Option(help: "The id that fills the last sequence; without it the remainder is dropped.") var pad: UInt32?
    @Option(help: "The id after each document; the tokenizer's own end of text where absent.") var endOfText: UInt32?
    @Flag(help: "End sequences with each input file, rather than letting them run on into the next.") var perFile =
        false
    @Option(help: "Sequences in a shard.") var shardSequences = 8192
    @Option(help: "Parts that sequences are dealt to before each is shuffled.") var cells = 128
    @Flag(help: "One JSON object on standard output: the manifest.") var json = false
    @Flag(help: "No progress.") var quiet = false

    func run() async throws {
        let files = try DocumentFiles.list(inputs)
        let tokenizer = try Tokenizer(contentsOf: tokenizer)
        var options = try ShardOptions(
            for: tokenizer, sequenceLength: sequenceLength, seed: seed, format: format, padding: pad,
            endOfText: endOfText)
        options.endsWithInputs = perFile
        options.shardSequences = shardSequences
        options.cells = cells
        let builder = ShardBuilder(inputs: files, tokenizer: tokenizer, output: out, options: options)
        let line = ProgressLine("tokenize", unit: "documents", isQuiet: quiet)
        let manifest = try await interruptible {
            try await builder.run { line.update($0.documents, note: percent($0)) }
        }
        line.finish()
        if json { return print(manifest.json.text()) }
        let read = manifest.counts
        print(
            "\(out): \(manifest.sequenceCount) sequences of \(manifest.contextLength) tokens in \(manifest.shards.count) shards"
        )
        print("from \(read.documents) documents, \(read.textBytes) bytes, \(read.tokens) tokens")
        print("remainders: \(read.padded) padding tokens added, \(read.dropped) tokens dropped")
        for (reason, count) in read.failed.sorted(by: { $0.key < $1.key }) { print("failed: \(reason) \(count)") }
    }
}

struct ShardStatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Read folders of token shards to the end, check them, and tell what they hold.",
        discussion: """
            Reads flat and tar shards; of tar shards also those that other tools wrote (manifest.jsonl).

            Example: apus tokenize stat tokens
            """)

    @Argument(help: "Folders of shards.", completion: .directory) var folders: [String]
    @Flag(help: "One JSON object a folder.") var json = false

    func run() throws {
        for folder in folders {
            let statistics = try ShardStatistics(folder: folder)
            if json {
                print(statistics.json.text())
                continue
            }
            print("\(folder): \(statistics.layout.rawValue), \(statistics.shards) shards, whole")
            print("sequences      \(statistics.sequences) of \(statistics.contextLength) tokens")
            print("tokens         \(statistics.tokens)")
            if let ends = statistics.endsOfText { print("ends of text   \(ends)") }
            print("largest id     \(statistics.largestIdentifier)")
            guard let manifest = statistics.manifest else { continue }
            print("vocabulary     \(manifest.vocabularySize)\nseed           \(manifest.seed)")
            if let digest = manifest.tokenizerDigest { print("tokenizer      \(digest)") }
            for shard in manifest.shards { print("\(shard.file)  \(shard.sequences)  \(shard.sha256)") }
        }
    }
}
