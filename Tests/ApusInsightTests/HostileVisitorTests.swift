import ApusCore
import ApusInsight
import ApusTransport
import CApusSystem
import Foundation
import Testing

@Suite("Visitors", .timeLimit(.minutes(5)), .serialized) struct HostileVisitorTests {
    private func ask(_ client: InsightClient) throws -> String {
        guard case .text(let text) = try client.ask(.metrics) else { return "" }
        return text
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32) {
        _ = apus_socket_send(descriptor, bytes, bytes.count, nil, 0)
    }

    /// Whether the other side ends the connection within a time.
    private func isEnded(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
        let deadline = ContinuousClock.now + .milliseconds(Int(milliseconds))
        var buffer = [UInt8](repeating: 0, count: 4096)
        while ContinuousClock.now < deadline {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wanted, 1, 100) > 0 else { continue }
            if recv(descriptor, &buffer, buffer.count, 0) <= 0 { return true }
        }
        return false
    }

    @Test("the right token is let in and answered, many times")
    func answers() throws {
        let text = String(repeating: "answer ", count: 100_000)
        let server = try AnsweringServer(answer: text)
        try server.run(text) {
            let client = try server.client()
            for _ in 0..<20 { #expect(try ask(client) == text) }
        }
    }

    @Test("wrong tokens are refused, with what to do")
    func wrongToken() throws {
        let server = try AnsweringServer(answer: "")
        try server.run("") {
            for text in [
                "0123456789abcdefghik", "0123456789abcdefghi", "0123456789abcdefghij0", "zzzzzzzzzzzzzzzzzzzz",
            ] {
                let token = try ClusterToken(text: text, source: "APUS_TOKEN")
                #expect {
                    try InsightClient(address: server.server.address, token: token)
                } throws: { error in
                    guard case .wrongToken(_, source: "APUS_TOKEN")? = error as? InsightError else { return false }
                    return "\(error)".contains("APUS_TOKEN")
                }
            }
        }
    }

    @Test("another version is told both")
    func version() throws {
        let server = try AnsweringServer(answer: "")
        server.run("") {
            let descriptor = apus_socket_connect(server.server.address.socketName)
            defer { close(descriptor) }
            send(InsightProtocol.frame(InsightProtocol.hello(token: server.token.bytes, version: 999)), to: descriptor)
            var buffer = [UInt8](repeating: 0, count: 100)
            let count = recv(descriptor, &buffer, 100, 0)
            #expect(count == 4 + 1 + 5)
            #expect(buffer[4] == InsightProtocol.Status.otherVersion.rawValue)
            #expect(String(decoding: buffer[5..<10], as: UTF8.self) == "1.2.3")
        }
    }

    @Test("random bytes, half messages and damaged ones end their own connection only")
    func fuzz() throws {
        let server = try AnsweringServer(answer: "fine")
        try server.run("fine") {
            var random = SeededNumbers()
            let good = try server.client()
            let hello = InsightProtocol.frame(InsightProtocol.hello(token: server.token.bytes))
            let request = InsightProtocol.frame(
                try BinaryEncoder().encode(InsightRequest.report(tasks: TaskQuery(), objects: true)))
            for round in 0..<400 {
                let descriptor = apus_socket_connect(server.server.address.socketName)
                guard descriptor >= 0 else { continue }
                defer { close(descriptor) }
                var bytes: [UInt8]
                switch random.next() % 5 {
                case 0:
                    bytes = (0..<Int.random(in: 0...400, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                case 1: bytes = Array(hello.prefix(Int.random(in: 0..<hello.count, using: &random)))
                case 2: bytes = hello + request.prefix(Int.random(in: 0..<request.count, using: &random))
                case 3:
                    bytes = hello + request
                    for _ in 0..<3 {
                        bytes[Int.random(in: hello.count..<bytes.count, using: &random)] ^= UInt8.random(
                            in: 1...255, using: &random)
                    }
                default: bytes = hello + [255, 255, 255, 127] + request
                }
                send(bytes, to: descriptor)
                if round % 20 == 0 { #expect(try ask(good) == "fine", random.replay) }
            }
            #expect(try ask(good) == "fine", random.replay)
        }
    }

    @Test("a message longer than allowed is refused before it is sent")
    func long() throws {
        let server = try AnsweringServer(answer: "")
        server.run("") {
            for head: [UInt8] in [[0, 0, 0, 255], [255, 255, 255, 255], [200, 0, 0, 0]] {
                let descriptor = apus_socket_connect(server.server.address.socketName)
                defer { close(descriptor) }
                send(head, to: descriptor)
                #expect(isEnded(descriptor, within: 1500))
            }
        }
    }

    @Test("whoever says nothing, or says it slowly, is shown out, and keeps nobody waiting")
    func slow() throws {
        let server = try AnsweringServer(answer: "fine")
        try server.run("fine") { () throws -> Void in
            let silent = apus_socket_connect(server.server.address.socketName)
            let slow = apus_socket_connect(server.server.address.socketName)
            defer {
                close(silent)
                close(slow)
            }
            let hello = InsightProtocol.frame(InsightProtocol.hello(token: server.token.bytes))
            let clock = ContinuousClock()
            let start = clock.now
            var sent = 0
            var ended = false
            while clock.now - start < .seconds(8), !ended {
                if sent < 10 { send([hello[sent]], to: slow) }
                sent += 1
                #expect(try ask(server.client()) == "fine")
                ended = isEnded(slow, within: 300)
            }
            #expect(ended)
            #expect(isEnded(silent, within: 4000))
        }
    }

    @Test("thousands of connections leave room for the next visitor")
    func crowd() throws {
        _ = apus_descriptor_limit_raise()
        let server = try AnsweringServer(answer: "fine")
        try server.run("fine") { () throws -> Void in
            var crowd: [Int32] = []
            defer { for one in crowd { close(one) } }
            for n in 0..<3000 {
                let descriptor = apus_socket_connect(server.server.address.socketName)
                if descriptor >= 0 { crowd.append(descriptor) }
                if crowd.count >= 400 { close(crowd.removeFirst()) }
                if n % 500 == 499 { #expect(try ask(server.client()) == "fine") }
            }
            #expect(try ask(server.client()) == "fine")
        }
    }

    @Test("visitors that show their token and stay are not turned out; one more is told that there are too many")
    func full() throws {
        let server = try AnsweringServer(answer: "fine")
        try server.run("fine") {
            var guests: [InsightClient] = []
            for _ in 0..<InsightServer.visitorLimit { guests.append(try server.client()) }
            #expect {
                try server.client()
            } throws: { if case .busy? = $0 as? InsightError { true } else { false } }
            for guest in guests { #expect(try ask(guest) == "fine") }
        }
    }

    @Test("the end of the node is told as such")
    func end() throws {
        let server = try AnsweringServer(answer: "fine")
        let client = try server.run("fine") { try server.client() }
        #expect {
            try client.ask(.metrics)
        } throws: { if case .ended? = $0 as? InsightError { true } else { false } }
    }
}
