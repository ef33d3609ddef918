import ApusInsight
import ApusObjects
import ArgumentParser
import JSON

/// `apus list`: what a running cluster has.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists a running cluster's tasks, actors, objects or workers.",
        discussion: """
            EXAMPLE: apus list tasks --state queued --name Tokenize
                     apus list workers --json
            """, subcommands: [Tasks.self, Actors.self, Objects.self, Workers.self])

    /// What all lists have in common.
    struct Filter: ParsableArguments {
        @OptionGroup var choice: ClusterChoice
        @Option(help: "Only those whose name contains this.") var name: String?
        @Option(help: "At most so many.") var limit = 10_000
        @Flag(help: "JSON lines.") var json = false

        func validate() throws {
            if limit < 1 || limit > 100_000 { throw ValidationError("--limit must be from 1 to 100000, not \(limit).") }
        }

        func takes(_ name: String?) -> Bool { self.name.map { (name ?? "").contains($0) } ?? true }

        /// Prints the lines, and says on standard error how many found no room.
        func show(_ lines: [JSONValue], _ columns: [String], leftOut: Int = 0) {
            let shown = lines.prefix(limit)
            if json {
                for line in shown { print(line.text()) }
            } else {
                for row in TextTable.rows(Array(shown), columns) { print(row) }
            }
            let rest = leftOut + lines.count - shown.count
            if rest > 0 { Notes.print("\(rest) more are not shown: raise --limit, or filter by --state or --name.") }
        }
    }

    struct Tasks: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tasks, where they are and why they wait.",
            discussion: """
                States: waiting (for inputs), queued (for a worker), sent (with a worker, behind another task), running,
                suspended (runs, and waits for an object). Of those that are over (succeeded, failed, cancelled) the last
                are known from recorded events; they are shown where --state names them.

                EXAMPLE: apus list tasks --state queued --state waiting
                """)

        @OptionGroup var filter: Filter
        @Option(help: "Only these states: \(TaskLine.State.allCases.map(\.rawValue).joined(separator: ", ")).")
        var state: [TaskLine.State] = []

        func run() throws {
            let states = state.isEmpty ? TaskLine.State.allCases.filter { !$0.isOver } : state
            let report = try filter.choice.report(
                filter.choice.connect(), tasks: TaskQuery(states: states, name: filter.name, limit: filter.limit))
            filter.show(
                (report.tasks ?? []).map(\.json),
                ["task", "name", "state", "worker", "attempts", "seconds", "origin", "reason"],
                leftOut: report.tasksLeftOut)
            for process in report.silent {
                Notes.print("Process \(process) did not tell of its tasks in time: its main thread is busy.")
            }
        }
    }

    struct Actors: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Actors, and where they live.")

        @OptionGroup var filter: Filter
        @Option(help: "Only these states: \(ActorLine.State.allCases.map(\.rawValue).joined(separator: ", ")).")
        var state: [ActorLine.State] = []

        func run() throws {
            let report = try filter.choice.report(filter.choice.connect())
            let actors = report.actors.filter { state.isEmpty || state.contains($0.state) }
                .filter { filter.takes($0.name ?? $0.type) }
            filter.show(actors.map(\.json), ["actor", "name", "type", "state", "worker", "restartsLeft", "reason"])
        }
    }

    struct Objects: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Objects in the node's store, and who holds them.",
            discussion: """
                Values of less than 64 KiB live in the memory of the processes that refer to them, and are not listed.
                States: queued (waits for room), writing, memory, spilling, spilled (on the disk), restoring, lost (is
                made again, or cannot be). An object that is read in place cannot be spilled.

                EXAMPLE: apus list objects --state memory --name train.swift --json
                """)

        @OptionGroup var filter: Filter
        @Option(help: "Only these states: \(StoreEntry.State.allCases.map(\.rawValue).joined(separator: ", ")).")
        var state: [StoreEntry.State] = []

        func run() throws {
            let report = try filter.choice.report(filter.choice.connect(), objects: true)
            let objects = (report.objects ?? []).filter { object in
                state.isEmpty || state.contains { $0.rawValue == object.state }
            }
            .filter { filter.takes($0.site) }
            filter.show(
                objects.map { filter.json ? $0.json : $0.row }, ["object", "bytes", "state", "holders", "site"])
        }
    }

    struct Workers: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Worker processes.")

        @OptionGroup var filter: Filter
        @Option(help: "Only these states: \(WorkerLine.State.allCases.map(\.rawValue).joined(separator: ", ")).")
        var state: [WorkerLine.State] = []

        func run() throws {
            let report = try filter.choice.report(filter.choice.connect())
            let workers = report.nodes.flatMap(\.workers).filter { state.isEmpty || state.contains($0.state) }
                .filter { filter.takes($0.name) }
            filter.show(workers.map(\.json), ["worker", "pid", "state", "name", "leases", "memory"])
        }
    }
}

extension StoreEntry.State: ExpressibleByArgument {}
extension TaskLine.State: ExpressibleByArgument {}
extension ActorLine.State: ExpressibleByArgument {}
extension WorkerLine.State: ExpressibleByArgument {}
