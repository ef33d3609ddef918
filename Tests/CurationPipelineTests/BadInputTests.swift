import Compression
import Curation
import Files
import Foundation
import Glibc
import Testing
import WebArchives

private let keepAll = "- steps: []"

private struct Verbatim: PageTextExtractor {
    func text(html: [UInt8], contentType: String?, mode: TextExtraction.Mode) -> String {
        String(decoding: html, as: UTF8.self)
    }
}

private func run(_ scratch: Scratch, _ pool: [String], yaml: String = keepAll, output: String = "out") throws
    -> CurationRun
{
    CurationRun(
        recipe: try Recipe(yaml: yaml, file: "r.yaml"), pool: pool, output: scratch.path + "/" + output,
        extractor: .register(Verbatim(), as: "verbatim"))
}

/// A WARC of small pages; `unpacked` writes it without gzip.
private func archive(_ scratch: Scratch, pages: Int, _ name: String = "p.warc.gz") throws -> String {
    let path = scratch.path + "/" + name
    let writer = try WARCWriter(path, software: "t", date: "2026-01-31T00:00:00Z")
    for index in 0..<pages {
        try writer.writeResponse(
            target: "http://h/\(index)", date: "2026-01-31T00:00:00Z", contentType: "text/html",
            body: Array("<p>page \(index) of the pool".utf8))
    }
    try writer.commit()
    return path
}

/// What may be wrong with a pool: an error that says what to do, or pages counted as failed; never a crash, and the
/// account is always exact.
@Suite("Bad input to curation") struct BadInputTests {
    @Test("a folder without pool files, and a missing one, are errors with the remedy")
    func folders() async throws {
        let scratch = try Scratch()
        try Folder.create(scratch.path + "/empty")
        await #expect(throws: PoolError.noFiles(path: scratch.path + "/empty")) {
            try await curate(try run(scratch, [scratch.path + "/empty"]))
        }
        let error = await #expect(throws: FileError.self) {
            try await curate(try run(scratch, [scratch.path + "/none"]))
        }
        #expect(error.map { "\($0)" }?.hasSuffix("No such file or directory. Check the path.") == true)
        #expect(!FileReader.exists(scratch.path + "/out/manifest.json"))
    }

    @Test(
        "a file that may not be read is an error that names it",
        .enabled(if: geteuid() != 0, "root may read every file"))
    func unreadable() async throws {
        let scratch = try Scratch()
        let path = try scratch.file("p.jsonl", "{\"text\":\"a\"}\n")
        chmod(path, 0)
        let error = await #expect(throws: FileError.self) { try await curate(try run(scratch, [path])) }
        #expect(error.map { "\($0)" }?.contains("Check its permissions") == true)
    }

    @Test("an empty file is an empty pool")
    func emptyFile() async throws {
        let scratch = try Scratch()
        let manifest = try await curate(try run(scratch, [try scratch.file("p.jsonl", "")]))
        #expect(manifest.read == 0 && manifest.isBalanced && manifest.shards.isEmpty)
    }

    @Test("gzip that is cut off anywhere gives the pages before the cut, and one failure")
    func cutGzip() async throws {
        let scratch = try Scratch()
        let whole = try FileReader.bytes(of: try archive(scratch, pages: 60))
        var kept: [Int] = []
        for cut in stride(from: 40, to: whole.count, by: 613) {
            let path = scratch.path + "/cut\(cut).warc.gz"
            try AtomicFile.write(whole.prefix(cut), to: path)
            let manifest = try await curate(try run(scratch, [path], output: "out\(cut)"))
            #expect(manifest.isBalanced, "cut at \(cut)")
            #expect(manifest.failed.values.reduce(0, +) <= 1)
            kept.append(manifest.kept)
        }
        #expect(kept == kept.sorted() && (kept.last ?? 0) > 50)
    }

    @Test("a plain WARC that is cut in a record gives the pages before it, and one failure")
    func cutRecord() async throws {
        let scratch = try Scratch()
        let whole = try FileReader.bytes(of: try archive(scratch, pages: 20, "p.warc"))
        let path = scratch.path + "/cut.warc"
        try AtomicFile.write(whole.prefix(whole.count - 25), to: path)
        let manifest = try await curate(try run(scratch, [path]))
        #expect(manifest.isBalanced && manifest.read == 20 && manifest.kept == 19)
        #expect(manifest.failed == ["truncated block": 1])
    }

    @Test("invalid UTF-8 is a failed page in JSON lines, and U+FFFD in text")
    func invalidUTF8() async throws {
        let scratch = try Scratch()
        var bytes = Array("{\"text\":\"good\"}\n{\"text\":\"".utf8)
        bytes += [0xFF, 0xFE, 0xC3]
        bytes += Array("\"}\n{\"text\":\"good too\"}\n".utf8)
        try AtomicFile.write(bytes, to: scratch.path + "/p.jsonl")
        let manifest = try await curate(try run(scratch, [scratch.path + "/p.jsonl"]))
        #expect(manifest.isBalanced && manifest.read == 3 && manifest.kept == 2)
        #expect(manifest.failed == ["invalid JSON": 1])
    }

    @Test("a page of 200 MB is counted as failed without being held, in lines and in archives")
    func hugePage() async throws {
        let scratch = try Scratch()
        let megabyte = [UInt8](repeating: 97, count: 1 << 20)
        let lines = try CompressedFile(scratch.path + "/p.jsonl.zst")
        try lines.write(Array("{\"text\":\"small\"}\n{\"text\":\"".utf8))
        for _ in 0..<200 { try lines.write(megabyte) }
        try lines.write(Array("\"}\n{\"text\":\"small too\"}\n".utf8))
        try lines.commit()
        let records = try CompressedFile(scratch.path + "/p.warc.zst")
        for size in [20, 200 << 20, 20] {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
            try records.write(
                Array(
                    """
                    WARC/1.1\r
                    WARC-Type: response\r
                    WARC-Target-URI: http://h/\r
                    WARC-Date: 2026-01-31T00:00:00Z\r
                    WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r
                    Content-Type: application/http; msgtype=response\r
                    Content-Length: \(head.utf8.count + size)\r
                    \r
                    \(head)
                    """.utf8))
            for start in stride(from: 0, to: size, by: megabyte.count) {
                try records.write(Array(megabyte.prefix(size - start)))
            }
            try records.write(Array("\r\n\r\n".utf8))
        }
        try records.commit()
        let manifest = try await curate(
            try run(scratch, [scratch.path + "/p.jsonl.zst", scratch.path + "/p.warc.zst"]))
        #expect(manifest.isBalanced && manifest.read == 6 && manifest.kept == 4)
        #expect(manifest.failed == ["page too large": 2])
    }

    @Test("a folder in which another run writes is refused, and free again afterwards")
    func lock() async throws {
        let scratch = try Scratch()
        let first = try run(scratch, [try scratch.file("p.jsonl", "{\"text\":\"a page\"}\n")])
        // Another process's run, as far as the system can tell.
        try Folder.create(scratch.path + "/out")
        let held = open(scratch.path + "/out/.lock", O_RDWR | O_CREAT, 0o644)
        #expect(flock(held, LOCK_EX | LOCK_NB) == 0)
        await #expect(throws: CurationRunError.inUse(folder: scratch.path + "/out")) { try await curate(first) }
        close(held)
        #expect(try await curate(first).kept == 1)
    }
}
