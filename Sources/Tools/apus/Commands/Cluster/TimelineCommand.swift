import ApusInsight
import ArgumentParser
import Files
import JSON

/// `apus timeline`: what ran where and when.
struct TimelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline", abstract: "Writes what ran where and when as a Chrome trace.",
        discussion: """
            Of a cluster that runs, or of the newest one that ended. Open the file in https://ui.perfetto.dev or
            chrome://tracing: a row for each worker, spans for queueing, transfer and run, arrows from where tasks were
            submitted to where they ran.

            EXAMPLE: apus timeline --out trace.json
            """)

    @Option(help: "The cluster's name; the only one that runs, else the newest that ended, where absent.")
    var cluster: String?
    @Option(help: "The file to write.", completion: .file(extensions: ["json"])) var out: String
    @Flag(help: "One JSON object on standard output.") var json = false

    func run() throws {
        let events = try EventSource.load(cluster)
        try AtomicFile.write(ChromeTrace.text(events), to: out)
        let count = events.processes.reduce(0) { $0 + $1.count }
        let lost = events.processes.reduce(0) { $0 + $1.lost }
        if json {
            let summary: JSONValue = [
                "cluster": JSONValue(events.cluster), "processes": JSONValue(events.processes.count),
                "events": JSONValue(count), "lost": JSONValue(lost),
            ]
            print(summary.text())
        } else {
            print("\(out): \(count) events of \(events.processes.count) processes of `\(events.cluster)`")
            if lost > 0 { print("\(lost) earlier events were overwritten: each process keeps its last ones") }
        }
    }
}
