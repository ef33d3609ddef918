import ApusInsight
import CApusSystem
import Foundation
import Synchronization
import Testing

/// A folder for one test.
final class ScratchFolder {
    let path: String
    init() throws {
        path = NSTemporaryDirectory() + "apus-insight-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A server whose node answers every question with the same text.
final class AnsweringServer: Sendable {
    let server: InsightServer
    let token: ClusterToken
    private let isEnded = Atomic(false)

    init(answer: String, metricsPort: Int? = nil) throws {
        let secret = try ClusterToken(text: "0123456789abcdefghij", source: "the test")
        token = secret
        server = try InsightServer(
            address: ClusterAddress(cluster: "test-\(UUID().uuidString)"), token: secret, version: "1.2.3",
            metricsPort: metricsPort)
    }

    /// Answers until `body` is done.
    func run<Result>(_ text: String, _ body: () throws -> Result) rethrows -> Result {
        let thread = Thread { [self] in
            while !isEnded.load(ordering: .acquiring) {
                var wanted = pollfd(fd: server.requestsEvent, events: Int16(POLLIN), revents: 0)
                guard poll(&wanted, 1, 20) > 0 else { continue }
                for (visitor, _) in server.takeRequests() { server.answer(visitor, .text(text)) }
            }
        }
        thread.start()
        defer {
            isEnded.store(true, ordering: .releasing)
            server.stop()
        }
        return try body()
    }

    func client() throws -> InsightClient {
        try InsightClient(address: server.address, token: token)
    }
}

/// A socket that is connected to a port of this machine, where that was taken.
func connection(to port: Int) -> (descriptor: Int32, isConnected: Bool) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let outcome = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    return (descriptor, outcome == 0)
}

/// Sends bytes to the port and returns all that comes back.
func exchange(_ port: Int, _ bytes: [UInt8]) throws -> String {
    let (descriptor, isConnected) = connection(to: port)
    defer { close(descriptor) }
    try #require(isConnected)
    _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        answer += buffer[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
}
