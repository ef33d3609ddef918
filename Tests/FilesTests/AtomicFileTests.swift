import Files
import Foundation
import Testing

@Suite("Atomic file") struct AtomicFileTests {
    let folder = FileManager.default.temporaryDirectory.path + "/apus-files-\(UUID().uuidString)"

    @Test("a committed file holds what was written, in folders made on the way")
    func commit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/a/b.txt"
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        try AtomicFile.write(bytes, to: path)
        #expect(try FileReader.bytes(of: path) == bytes)
        #expect(try Folder.entries(folder + "/a") == ["b.txt"])
    }

    @Test("an uncommitted file leaves the old one and nothing else")
    func discard() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/x"
        try AtomicFile.write("old", to: path)
        do {
            let file = try AtomicFile(path)
            try file.write("half of the n")
        }
        #expect(try FileReader.text(of: path) == "old")
        #expect(try Folder.entries(folder) == ["x"])
    }

    @Test("a file that cannot take its name leaves nothing behind")
    func taken() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Folder.create(folder + "/x")
        #expect(throws: FileError.self) { try AtomicFile.write("new", to: folder + "/x") }
        #expect(try Folder.entries(folder) == ["x"])
    }

    @Test("missing files and folders in place of files are errors")
    func unreadable() {
        #expect(throws: FileError.self) { try FileReader.bytes(of: "/nowhere/at/all") }
        #expect(throws: FileError.self) { try FileReader.bytes(of: "/tmp") }
    }
}
