import ApusInsight
import CApusSystem
import Foundation
import Testing

@Suite("Addresses, tokens and folders") struct AddressTests {
    @Test("only sockets that listen, of this user, with names that are ours are found")
    func table() {
        let table = """
            Num       RefCount Protocol Flags    Type St Inode Path
            00000000989023f0: 00000002 00000000 00010000 0001 01 287677 @apus/1000/train-12
            0000000051c89d14: 00000003 00000000 00000000 0001 03 268701 @apus/1000/connected
            0000000051c89d15: 00000002 00000000 00010000 0001 01 268702 @apus/1001/other
            0000000051c89d16: 00000002 00000000 00010000 0001 01 268703 @apus/1000/bad name
            0000000051c89d17: 00000002 00000000 00010000 0001 01 268704 @apus/1000/
            0000000051c89d18: 00000002 00000000 00010000 0001 01 268705 /run/apus/1000/file
            0000000051c89d19: 00000002 00000000 00010000 0001 01 268706
            0000000051c89d1a: 00000002 00000000 00010000 0001 01 268707 @apus/1000/a.b_c
            """
        let found = ClusterAddress.listening(in: Array(table.utf8), user: 1000)
        #expect(found.map(\.cluster) == ["a.b_c", "train-12"])
    }

    @Test("a cluster that listens is found, and gone with its socket")
    func live() throws {
        let address = ClusterAddress(cluster: "found-\(UUID().uuidString)")
        let socket = apus_socket_listen(address.socketName)
        try #require(socket >= 0)
        #expect(try ClusterAddress.running().contains(address))
        close(socket)
        #expect(try !ClusterAddress.running().contains(address))
    }

    @Test("names become plain and short")
    func names() {
        #expect(ClusterAddress(cluster: "my program/1").cluster == "my-program-1")
        #expect(ClusterAddress(cluster: "").cluster == "cluster")
        #expect(ClusterAddress(cluster: String(repeating: "x", count: 500)).cluster.utf8.count == 64)
    }

    @Test("a token is made once, for the user alone, however many ask at once")
    func token() throws {
        let folder = try ScratchFolder()
        let results = Results(count: 32)
        let path = folder.path
        DispatchQueue.concurrentPerform(iterations: 32) { index in
            results.set(index, try? ClusterToken(["APUS_STATE": path]).bytes)
        }
        let made = results.values.compactMap { $0 }
        #expect(made.count == 32)
        #expect(Set(made).count == 1)
        #expect(made[0].count == 64)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/token")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["token"])
    }

    private final class Results: @unchecked Sendable {
        // Guarded by the lock.
        private let lock = NSLock()
        private var stored: [[UInt8]?]
        init(count: Int) { stored = Array(repeating: nil, count: count) }
        func set(_ index: Int, _ value: [UInt8]?) { lock.withLock { stored[index] = value } }
        var values: [[UInt8]?] { lock.withLock { stored } }
    }

    @Test("a token or folder that others can reach is refused, with the remedy")
    func exposed() throws {
        let folder = try ScratchFolder()
        _ = try ClusterToken(["APUS_STATE": folder.path])
        chmod(folder.path + "/token", 0o644)
        #expect {
            try ClusterToken(["APUS_STATE": folder.path])
        } throws: { error in
            guard case .exposed? = error as? InsightError else { return false }
            return "\(error)".contains("chmod go= '\(folder.path)/token'")
        }
        chmod(folder.path + "/token", 0o600)
        chmod(folder.path, 0o777)
        #expect(throws: InsightError.self) { try ClusterToken(["APUS_STATE": folder.path]) }
        chmod(folder.path, 0o700)
    }

    @Test(
        "tokens that are too short, too long or of other characters are refused",
        arguments: [
            "", "short", String(repeating: "a", count: 129), "0123456789abcdef ghij", "0123456789abcdef\u{e9}",
        ])
    func invalid(text: String) {
        #expect(throws: InsightError.self) { try ClusterToken(["APUS_TOKEN": text]) }
    }

    @Test("tokens are the same or not")
    func comparison() throws {
        let token = try ClusterToken(text: "abcdefghijklmnop", source: "")
        #expect(token.matches(Array("abcdefghijklmnop".utf8)))
        for other in [
            "abcdefghijklmnoq", "bbcdefghijklmnop", "abcdefghijklmno", "abcdefghijklmnopabcdefghijklmnop", "",
        ] {
            #expect(!token.matches(Array(other.utf8)))
        }
    }

    @Test("without a home there is an error that says so")
    func homeless() {
        #expect {
            try StateFolder([:])
        } throws: { "\($0)".contains("APUS_STATE") }
    }
}
