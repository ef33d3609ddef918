import Compression
import Files
import Foundation
import Testing
import WebArchives

/// A download that broke off anywhere.
@Suite("Archives that are cut off") struct CutArchiveTests {
    private static func archive(_ ending: String) throws -> [UInt8] {
        let path = NSTemporaryDirectory() + "apus-cut-\(UUID().uuidString).\(ending)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = try WARCWriter(path, software: "t", date: "2026-01-31T00:00:00Z")
        for index in 0..<3 {
            try writer.writeResponse(
                target: "http://h/\(index)", date: "2026-01-31T00:00:00Z", contentType: "text/html",
                body: Array("<p>page \(index) has \(index * 7919) words".utf8))
        }
        try writer.commit()
        return try FileReader.bytes(of: path)
    }

    /// Blocks of the responses that come out whole, and the first damage.
    private static func read(_ bytes: [UInt8]) -> (blocks: [[UInt8]], error: ArchiveError?) {
        var blocks: [[UInt8]] = []
        do {
            let reader = try ArchiveReader(MemorySource(bytes, name: "cut"))
            while let record = try reader.next() {
                var block: [UInt8] = []
                try reader.readBlock(into: &block)
                if record.kind == .response { blocks.append(block) }
            }
            return (blocks, reader.takePassedOver().first)
        } catch {
            return (blocks, error as? ArchiveError)
        }
    }

    @Test(
        "at every byte: the whole records before the cut come out, and only a cut between records is no error",
        arguments: [
            "warc", "warc.gz", "warc.zst",
        ])
    func everywhere(ending: String) throws {
        let bytes = try Self.archive(ending)
        let whole = Self.read(bytes)
        #expect(whole.blocks.count == 3 && whole.error == nil)
        var silent = 0
        var counts: [Int] = []
        for cut in 1..<bytes.count {
            let part = Self.read(Array(bytes[..<cut]))
            #expect(part.blocks == Array(whole.blocks.prefix(part.blocks.count)), "cut at \(cut)")
            counts.append(part.blocks.count)
            if part.error == nil { silent += 1 }
        }
        #expect(counts == counts.sorted() && counts.last == 3)
        // A plain record may end before, in or behind the two line ends that close it; the file's own end is no cut.
        #expect(silent == (ending == "warc" ? 4 * 5 - 1 : 3), "\(silent) cuts were not noticed")
        print("archives: \(bytes.count - 1) cuts of a .\(ending), \(bytes.count - 1 - silent) noticed")
    }
}
