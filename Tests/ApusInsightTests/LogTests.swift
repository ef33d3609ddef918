import ApusInsight
import Foundation
import Testing

@Suite("Logs and sessions") struct LogTests {
    @Test("a full log begins anew, and five parts are kept")
    func rotation() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/worker.err"
        let log = LogFile(path: path, limit: 100)
        for n in 0..<200 { log.append(Array("line \(1000 + n)".utf8)) }
        #expect(log.lost == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["worker.err", "worker.err.1", "worker.err.2", "worker.err.3", "worker.err.4"])
        var lines: [String] = []
        for name in names.reversed() {
            let text = try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
            #expect(text.utf8.count <= 100)
            lines += text.split(separator: "\n").map(String.init)
        }
        #expect(lines == (200 - lines.count..<200).map { "line \(1000 + $0)" })
        #expect(lines.count >= 40)
    }

    @Test("a log that cannot be written counts what is lost")
    func lost() {
        let log = LogFile(path: "/proc/none/worker.out")
        log.append(Array("gone".utf8))
        #expect(log.lost == 5)
    }

    @Test("the last five sessions are kept, and those that run")
    func sessions() throws {
        let folder = try ScratchFolder()
        let state = try StateFolder(["APUS_STATE": folder.path])
        let running = try SessionFolder(name: "running", in: state)
        for n in 0..<8 { _ = try SessionFolder(name: "ended-\(n)", in: state) }
        let names = SessionFolder.names(in: state)
        #expect(names == ["ended-7", "ended-6", "ended-5", "ended-4", "ended-3", "running"])
        #expect(SessionFolder.isRunning("running", in: state))
        #expect(!SessionFolder.isRunning("ended-7", in: state))
        #expect(try SessionFolder.find(nil, in: state).name == "ended-7")
        #expect(try SessionFolder.find("running", in: state).path == running.path)
        #expect(throws: InsightError.self) { try SessionFolder.find("ended-0", in: state) }
    }

    @Test("a session of a name that runs is refused")
    func taken() throws {
        let folder = try ScratchFolder()
        let state = try StateFolder(["APUS_STATE": folder.path])
        let first = try SessionFolder(name: "one", in: state)
        #expect(throws: InsightError.self) { try SessionFolder(name: "one", in: state) }
        #expect(first.name == "one")
    }
}
