import ApusInsight
import ArgumentParser
import Glibc

/// `apus logs`: what workers printed.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Shows what workers printed, also after their cluster ended.",
        discussion: """
            The logs of the last \(SessionFolder.kept) clusters are kept in the state folder (APUS_STATE, else
            ~/.local/state/apus). Without --cluster, those of the newest one.

            EXAMPLE: apus logs --worker 3 --errors
                     apus logs --follow
            """)

    @Option(help: "The cluster's name; the newest where absent.") var cluster: String?
    @Option(help: "Only this worker's.") var worker: UInt64?
    @Flag(help: "Only error output.") var errors = false
    @Flag(help: "Goes on with what is printed, until the cluster ends.") var follow = false
    @Flag(help: "Names of kept clusters, the newest first.") var list = false

    func run() throws {
        let state = try StateFolder()
        if list {
            for name in SessionFolder.names(in: state) {
                print(SessionFolder.isRunning(name, in: state) ? "\(name) (runs)" : name)
            }
            return
        }
        let session = try SessionFolder.find(cluster, in: state)
        var reader = LogReader(folder: session.path, worker: worker, errorsOnly: errors)
        while true {
            // Asked before reading: what was written before the end is read after it.
            let goesOn = follow && SessionFolder.isRunning(session.name, in: state)
            try reader.read { line in print(line) }
            fflush(nil)
            guard goesOn else { break }
            usleep(100_000)
        }
        if reader.isEmpty, !follow {
            Notes.print("The cluster `\(session.name)` has no such output.")
        }
    }
}
