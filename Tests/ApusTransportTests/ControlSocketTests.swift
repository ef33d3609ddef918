import ApusTransport
import CApusSystem
import Foundation
import Testing

@Suite("Control sockets", .timeLimit(.minutes(5))) struct ControlSocketTests {
    private func pair() throws -> (ControlSocket, ControlSocket) {
        var ends: [Int32] = [0, 0]
        try #require(apus_socket_pair(&ends) == 0)
        return (
            ControlSocket(descriptor: ends[0], isBlocking: false), ControlSocket(descriptor: ends[1], isBlocking: false)
        )
    }

    @Test("frames and their descriptors arrive in order, through a full socket too")
    func order() throws {
        let (left, right) = try pair()
        var sizes: [Int] = []
        for n in 0..<200 {
            let size = n % 7 == 0 ? 100_000 : n
            sizes.append(size)
            var descriptors: [Int32] = []
            if n % 3 == 0 {
                let memory = try SharedMapping.create(label: "test", length: 4096 * (n + 1))
                descriptors.append(memory)
            }
            _ = try left.send(ControlFrame(bytes: Array(repeating: UInt8(n), count: size), descriptors: descriptors))
        }
        var received: [[UInt8]] = []
        while received.count < sizes.count {
            _ = try left.flush()
            #expect(try right.receive { received.append($0) })
        }
        #expect(received.map(\.count) == sizes)
        for n in stride(from: 0, to: 200, by: 3) {
            let descriptor = try #require(try right.takeDescriptors(1).first)
            let mapping = try SharedMapping(descriptor: descriptor, length: 4096 * (n + 1))
            #expect(mapping.length == 4096 * (n + 1))
            close(descriptor)
        }
        #expect(throws: TransportError.self) { try right.takeDescriptors(1) }
        left.shutdown()
        #expect(try right.receive { _ in } == false)
        #expect(throws: TransportError.self) { try left.send(ControlFrame(bytes: [1])) }
    }

    @Test("a frame longer than the limit is refused before it is read")
    func long() {
        var reader = FrameReader(limit: 100)
        ([101, 0, 0, 0] as [UInt8]).withUnsafeBytes { reader.append($0) }
        #expect(throws: TransportError.self) { try reader.next() }
    }
}

@Suite("Processes", .timeLimit(.minutes(5))) struct ProcessTests {
    @Test("what cannot be started says why")
    func failures() {
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("x"), nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { free(arguments[0]) }
        #expect(apus_process_start("/nonexistent", &arguments, &environment, nil, -1, -1, -1, nil, 0, true) == -1)
        #expect(errno == ENOENT)
        #expect(
            apus_process_start("/bin/true", &arguments, &environment, "/nonexistent", -1, -1, -1, nil, 0, true) == -1)
        #expect(errno == ENOENT)
    }

    @Test("a process gets its descriptors in order, and its end is seen")
    func descriptors() throws {
        var ends: [Int32] = [0, 0]
        try #require(apus_socket_pair(&ends) == 0)
        var words = ["sh", "-c", "echo hello >&3; exit 7"].map { (text: String) in strdup(text) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for word in words { free(word) } }
        let process = apus_process_start("/bin/sh", &words, &environment, "/", -1, 1, 2, [ends[1]], 1, false)
        try #require(process > 0)
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(ends[0], &bytes, 64)
        #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "hello\n")
        let descriptor = apus_process_descriptor(process)
        #expect(descriptor >= 0)
        var status: Int32 = 0
        while apus_process_reap(process, &status) == 0 { usleep(1000) }
        var code: Int32 = 0
        #expect(apus_status_exited(status, &code) && code == 7)
        close(descriptor)
        close(ends[0])
    }
}
