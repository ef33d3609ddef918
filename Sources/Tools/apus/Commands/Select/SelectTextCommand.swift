import Apus
import ArgumentParser
import Coresets
import Curation
import Files
import Foundation
import JSON

/// `apus select text`: pages that stand for all of them.
struct SelectTextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "text", abstract: "Chooses pages of JSON lines that represent all of them.",
        discussion: """
            Features are hashed n-grams of words, or the embedding that --key names in each page. A core-set of each part
            of the files is chosen in a task of its own, and of their union what is asked for (APUS_CLUSTER, APUS_CPUS).
            Prints {"indices", "weights", …}, pages numbered from 0. --out writes the chosen pages; --selection writes
            what the step `coreset_filter` of a recipe keeps. With --one-pass it is itself a step between two programs: pages
            come from a pipe and are seen once, and the chosen ones go to --out.

            EXAMPLE: apus select text pages.jsonl.zst --count 1000 --selection chosen.jsonl
            EXAMPLE: zstdcat pages.jsonl.zst | apus select text /dev/stdin --one-pass --count 1000 --out chosen.jsonl
            """)

    @Argument(help: "Files of pages, packed or not.", completion: .file()) var files: [String]
    @Option(name: [.long, .customShort("k")], help: "Pages to choose.") var count: Int
    @Option(help: "Member of a page that holds an embedding.") var key: String?
    @Option(help: "Columns of the hashed features.") var columns = 256
    @Option(help: "Words of an n-gram at most.") var words = 2
    @Option(help: "How alike two pages are.") var metric = "cosine"
    @Option(help: "Pages of a part.") var part = 2048
    @Flag(help: "Read the files once, keeping pages that may be chosen: for pipes.") var onePass = false
    @Option(help: "Write the chosen pages to this file, one a line.", completion: .file()) var out: String?
    @Option(help: "Write keys and weights for `coreset_filter` to this file.", completion: .file())
    var selection: String?
    @Flag(help: "Print JSON to a terminal too.") var json = false

    func run() async throws {
        var request = TextSelection(
            count: count, features: try TextFeatures(columns: columns, longest: words), key: key,
            metric: try Similarity(named: metric))
        request.part = part
        request.isOnePass = onePass
        let (chosen, inputs) = (request, files)
        let outcome = try await withCluster(.fromEnvironment) { cluster in
            try await chosen.run(on: cluster, files: inputs)
        }
        func lines(_ values: [JSONValue]) -> String { values.map { $0.text() + "\n" }.joined() }
        if let out {
            try AtomicFile.write(
                lines(
                    outcome.picks.map { pick in
                        var page = pick.page
                        page["coreset_weight"] = JSONValue(pick.weight)
                        return .object(page)
                    }), to: out)
        }
        if let selection {
            try AtomicFile.write(
                lines(
                    outcome.picks.map {
                        .object([
                            "key": .string(CoresetKey.of(Page(fields: $0.page))), "weight": JSONValue($0.weight),
                            "index": JSONValue($0.index),
                        ])
                    }), to: selection)
        }
        guard json || isatty(STDOUT_FILENO) == 0 else {
            print("\(outcome.picks.count) of \(outcome.seen) pages in \(String(format: "%.2f", outcome.seconds)) s")
            return
        }
        print(
            JSONValue.object([
                "indices": .array(outcome.picks.map { JSONValue($0.index) }),
                "weights": .array(outcome.picks.map { JSONValue($0.weight) }), "seen": JSONValue(outcome.seen),
                "parts": JSONValue(outcome.parts), "height": JSONValue(outcome.height),
                "held": JSONValue(outcome.mostHeld),
                "seconds": JSONValue((outcome.seconds * 1e6).rounded() / 1e6),
            ]).text())
    }
}
