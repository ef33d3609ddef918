import ArgumentParser
import Curation
import Foundation

/// `apus pool`: make a pool, and look into one.
struct PoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool", abstract: "Makes pools of web pages, and tells what is in one.",
        subcommands: [FromHTML.self, Stat.self])

    struct FromHTML: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "from-html", abstract: "Makes a WARC 1.1 pool from folders of HTML files.",
            discussion: """
                Takes .html, .htm and .xhtml files below the folders, also packed (.gz), in the order of their paths.
                The same files give the same bytes.

                EXAMPLE: apus pool from-html /usr/share/doc --out pool.warc.gz
                """)

        @Argument(help: "Folders of pages.", completion: .directory) var folders: [String]
        @Option(help: "The pool to write: .warc.gz, .warc.zst or .warc.") var out: String
        @Option(
            name: .customLong("base-url"),
            help: "Address that stands for the folders, instead of http://localhost/FOLDER.")
        var baseURL: String?
        @Option(help: "Date of all records (2026-01-31), instead of the files' times.") var date: String?
        @Option(name: .customLong("max-bytes"), help: "Leaves out larger pages.") var maxBytes = 64 << 20
        @Flag(help: "One JSON object on standard output.") var json = false
        @Flag(help: "No progress.") var quiet = false

        func validate() throws {
            if folders.isEmpty { throw ValidationError("name at least one folder of pages") }
            if maxBytes < 1 { throw ValidationError("--max-bytes must be positive") }
        }

        func run() throws {
            var pool = HTMLFolderPool(folders: folders)
            pool.baseURL = baseURL
            pool.date = try date.map(HTMLFolderPool.date)
            pool.pageLimit = maxBytes
            pool.software = "Apus \(ApusCommand.configuration.version)"
            let progress = ProgressLine("pool", unit: "files", isQuiet: quiet)
            let outcome = try pool.write(to: out, progress: { progress.update($0, of: $1) }) { path, reason in
                FileHandle.standardError.write(Data("pool: skipped \(path): \(reason)\n".utf8))
            }
            progress.finish()
            if json {
                print(outcome.json.text())
            } else {
                print("\(out): \(outcome.pages) pages, \(outcome.bytes) bytes of HTML")
                for (reason, count) in outcome.skipped.sorted(by: { $0.key < $1.key }) {
                    print("  skipped, \(reason): \(count)")
                }
            }
        }
    }

    struct Stat: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stat", abstract: "Counts records, pages and failures of pools.",
            discussion: """
                Reads WARC, ARC, WACZ and JSONL, plain or packed with gzip, zstd or LZ4; of folders, every pool file
                below them. A file is read up to its first damage, or, with --skip-damaged, on from the next record.

                EXAMPLE: apus pool stat pool.warc.gz --json
                """)

        @Argument(help: "Pool files or folders.", completion: .file()) var files: [String]
        @Flag(name: .customLong("skip-damaged"), help: "Goes on behind damage.") var skipDamaged = false
        @Flag(name: .customLong("check-digests"), help: "Compares blocks and payloads with their digests.")
        var checkDigests = false
        @Flag(help: "One JSON object on standard output.") var json = false

        func validate() throws {
            if files.isEmpty { throw ValidationError("name at least one pool") }
        }

        func run() throws {
            var options = PoolStatistics.Options()
            options.skipsDamage = skipDamaged
            options.checksDigests = checkDigests
            let statistics = try PoolStatistics(of: try PoolFiles.expand(files), options: options) { message in
                FileHandle.standardError.write(Data((message + "\n").utf8))
            }
            if json {
                print(statistics.json.text())
                return
            }
            print("bytes    \(statistics.bytes)")
            print("pages    \(statistics.pages)")
            for (type, count) in statistics.records.sorted(by: { $0.key < $1.key }) {
                print("records  \(type) \(count)")
            }
            for (reason, count) in statistics.failed.sorted(by: { $0.key < $1.key }) {
                print("failed   \(reason) \(count)")
            }
        }
    }
}
