import ApusInsight
import ArgumentParser
import Foundation
import JSON

/// `apus cluster`: clusters that run.
struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Tells of clusters that run on this machine.", subcommands: [Status.self])

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Nodes, resources, workers, and what waits and why.",
            discussion: """
                Shows your clusters: those of programs that run `withCluster(.local())`. Without --cluster, all of them.

                EXAMPLE: apus cluster status
                         apus cluster status --cluster train-4711 --metrics
                """)

        @OptionGroup var choice: ClusterChoice
        @Flag(help: "The metrics, as Prometheus reads them.") var metrics = false
        @Flag(help: "One JSON object a cluster, each on a line.") var json = false

        func validate() throws {
            if metrics, json { throw ValidationError("Give --metrics or --json, not both.") }
        }

        func run() throws {
            let names = try choice.cluster.map { [$0] } ?? ClusterAddress.running().map(\.cluster)
            guard !names.isEmpty else {
                // A script asks for what runs, and nothing is an answer; a person wants to know what to do.
                if json { return }
                throw InsightError.noCluster
            }
            for name in names {
                do {
                    try show(try InsightClient.connect(to: name))
                } catch InsightError.ended where choice.cluster == nil {
                    // It ended between the look and the question.
                }
            }
        }

        private func show(_ client: InsightClient) throws {
            if metrics {
                guard case .text(let text) = try client.ask(.metrics) else { throw choice.unexpected(client) }
                print(text, terminator: "")
            } else {
                let report = try choice.report(client)
                print(json ? report.json.text() : report.words)
            }
        }
    }
}

/// Which cluster a command is about.
struct ClusterChoice: ParsableArguments {
    @Option(help: "The cluster's name; the only one that runs where absent.") var cluster: String?

    func connect() throws -> InsightClient { try InsightClient.connect(to: cluster) }

    func report(_ client: InsightClient, tasks: TaskQuery? = nil, objects: Bool = false) throws -> ClusterReport {
        guard case .report(let report) = try client.ask(.report(tasks: tasks, objects: objects)) else {
            throw unexpected(client)
        }
        return report
    }

    func unexpected(_ client: InsightClient) -> InsightError {
        .malformed(cluster: client.cluster, reason: "it answered another question")
    }
}

/// Remarks that are no results.
enum Notes {
    static func print(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}
