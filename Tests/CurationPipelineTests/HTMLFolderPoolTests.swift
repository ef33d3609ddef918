import Curation
import Files
import Foundation
import Glibc
import JSON
import Testing
import WebArchives

/// A folder of pages with everything that may be wrong with one.
private func messyFolder(_ scratch: Scratch) throws -> String {
    let folder = scratch.path + "/pages"
    for (name, text) in [
        ("a.html", "<p>one"), ("b/c.htm", "<p>two"), ("b/d.xhtml", "<p>three"), ("note.txt", "no page"),
    ] {
        _ = try scratch.file("pages/" + name, text)
    }
    try AtomicFile.write([0x3C, 0x70, 0x3E, 0xFF, 0xFE, 0xC3], to: folder + "/invalid.html")
    return folder
}

@Suite("Pools from folders of pages") struct HTMLFolderPoolTests {
    @Test("what cannot be read is skipped by reason, and the pages around it are in the pool")
    func messy() throws {
        let scratch = try Scratch()
        let folder = try messyFolder(scratch)
        // A page of 200 MB, and one that unpacks to as much.
        let huge = open(folder + "/huge.html", O_WRONLY | O_CREAT, 0o644)
        #expect(ftruncate(huge, 200 << 20) == 0)
        close(huge)
        let packed = try Shell.run(
            "/bin/sh", ["-c", "head -c 200000000 /dev/zero | gzip -1 > '\(folder)/bomb.html.gz'"])
        #expect(packed.status == 0)
        let whole = try FileReader.bytes(of: folder + "/bomb.html.gz")
        try AtomicFile.write(whole.prefix(500), to: folder + "/cut.html.gz")
        try AtomicFile.write([], to: folder + "/empty.html")
        #expect(symlink("nowhere.html", folder + "/dangling.html") == 0)
        #expect(symlink("a.html", folder + "/twice.html") == 0)
        #expect(symlink("..", folder + "/b/loop") == 0)
        #expect(mkfifo(folder + "/pipe.html", 0o644) == 0)
        var named: [String: String] = [:]
        let path = scratch.path + "/p.warc.gz"
        let outcome = try HTMLFolderPool(folders: [folder]).write(
            to: path, onSkip: { named[Paths.split($0).name] = $1 })
        #expect(outcome.pages == 4)
        #expect(
            named == [
                "huge.html": "too large", "bomb.html.gz": "too large", "cut.html.gz": "corrupt gzip",
                "empty.html": "empty",
                "dangling.html": "unreadable", "twice.html": "linked twice", "pipe.html": "not a file",
            ])
        #expect(outcome.skipped.values.reduce(0, +) == named.count)
        let statistics = try PoolStatistics(of: [path])
        #expect(statistics.pages == 4 && statistics.failed.isEmpty)
    }

    @Test("a folder whose every page is unreadable, and a missing one, are errors, and nothing is written")
    func nothing() throws {
        let scratch = try Scratch()
        try Folder.create(scratch.path + "/pages")
        #expect(symlink("nowhere", scratch.path + "/pages/a.html") == 0)
        let path = scratch.path + "/p.warc.gz"
        #expect(throws: PoolError.noPages(folders: [scratch.path + "/pages"], skipped: 1)) {
            try HTMLFolderPool(folders: [scratch.path + "/pages"]).write(to: path)
        }
        #expect(throws: FileError.self) { try HTMLFolderPool(folders: [scratch.path + "/none"]).write(to: path) }
        #expect(!FileReader.exists(path))
    }

    @Test("a pool folder with a file that cannot be read is an error that names it, and so is a pipe")
    func poolFiles() throws {
        let scratch = try Scratch()
        _ = try scratch.file("pool/a.jsonl", "{\"text\":\"a\"}\n")
        #expect(symlink("..", scratch.path + "/pool/loop") == 0)
        #expect(try PoolFiles.expand([scratch.path + "/pool"]) == [scratch.path + "/pool/a.jsonl"])
        #expect(symlink("nowhere", scratch.path + "/pool/b.warc.gz") == 0)
        let dangling = #expect(throws: PoolError.self) { try PoolFiles.expand([scratch.path + "/pool"]) }
        #expect(dangling == .unreadable(path: scratch.path + "/pool/b.warc.gz", reason: "unreadable"))
        unlink(scratch.path + "/pool/b.warc.gz")
        #expect(mkfifo(scratch.path + "/pool/c.jsonl", 0o644) == 0)
        #expect(throws: PoolError.unreadable(path: scratch.path + "/pool/c.jsonl", reason: "not a file")) {
            try PoolFiles.expand([scratch.path + "/pool"])
        }
        #expect(throws: PoolError.notAFile(path: scratch.path + "/pool/c.jsonl")) {
            try PoolFiles.expand([scratch.path + "/pool/c.jsonl"])
        }
        #expect(throws: PoolError.notAFile(path: "/dev/null")) { try PoolFiles.expand(["/dev/null"]) }
    }

    @Test(
        "warcio finds our pools valid, and every page in them",
        .enabled(if: Shell.warcio != nil, "no warcio: run Benchmarks/archives/run"),
        arguments: ["p.warc.gz", "p.warc"])
    func warcio(name: String) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/" + name
        let outcome = try HTMLFolderPool(folders: [try messyFolder(scratch)]).write(to: path)
        let tool = try #require(Shell.warcio)
        let check = try Shell.run(tool, ["check", "-v", path])
        #expect(check.status == 0, "\(check.output)")
        #expect(!check.output.contains("fail") && check.output.contains("digest pass"), "\(check.output)")
        let index = try Shell.run(
            tool, ["index", "-f", "offset,length,warc-type,warc-target-uri,http:status,mime", path])
        let records = try index.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(records.count == outcome.pages + 1)
        #expect(records.filter { $0["warc-type"]?.stringValue == "response" }.count == outcome.pages)
        #expect(
            records.allSatisfy { $0["warc-type"]?.stringValue != "response" || $0["http:status"]?.stringValue == "200" }
        )
        // Every record lies where the index says, and there is nothing between them.
        let size = try FileReader(path).size
        let ends = records.map {
            (Int($0["offset"]?.stringValue ?? "") ?? -1) + (Int($0["length"]?.stringValue ?? "") ?? -1)
        }
        // The two line ends that close a record count only where it is packed.
        #expect(ends.last == size - (name.hasSuffix(".gz") ? 0 : 4))
        print("warcio: \(records.count) records of \(name) checked")
    }
}

/// Other programs.
enum Shell {
    /// Where `Benchmarks/archives/run` puts warcio; nil where it has not run.
    static let warcio: String? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.path + "/.deps/peers/archives/bin/warcio"
        return FileReader.exists(path) ? path : nil
    }()

    static func run(_ tool: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
