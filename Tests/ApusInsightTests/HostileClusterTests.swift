import Apus
import ApusCore
import ApusInsight
import CApusSystem
import Foundation
import Synchronization
import Testing

/// A real node under attack from clients of its own user, while its driver works.
@Suite("A cluster with hostile visitors", .timeLimit(.minutes(5))) struct HostileClusterTests {
    /// What one attacker does to the node's two sockets.
    private struct Attacker {
        let socketName: String
        let port: Int
        let token: [UInt8]
        var random: SeededNumbers
        /// Connections that are kept open and say nothing more.
        var kept: [Int32] = []

        private mutating func bytes(_ limit: UInt64) -> [UInt8] {
            (0..<random.below(limit)).map { _ in UInt8(random.below(256)) }
        }

        private func send(_ bytes: [UInt8], to descriptor: Int32) {
            _ = apus_socket_send(descriptor, bytes, bytes.count, nil, 0)
        }

        private func frame(length: UInt32) -> [UInt8] {
            [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) }
        }

        mutating func attack() throws {
            let hello = InsightProtocol.frame(InsightProtocol.hello(token: token))
            var query = TaskQuery(states: [.running], name: String(repeating: "x", count: 100), limit: .max)
            if random.below(2) == 0 { query = TaskQuery() }
            let request = InsightProtocol.frame(
                try BinaryEncoder().encode(
                    [InsightRequest.report(tasks: query, objects: true), .events, .metrics][Int(random.below(3))]))
            if random.below(8) == 0 { return http() }
            let descriptor = apus_socket_connect(socketName)
            guard descriptor >= 0 else { return }
            switch random.below(9) {
            case 0: send(bytes(5000), to: descriptor)
            case 1:
                var wrong = token
                wrong[Int(random.below(UInt64(wrong.count)))] ^= 1
                send(InsightProtocol.frame(InsightProtocol.hello(token: wrong)) + request, to: descriptor)
            case 2: send(Array(hello.prefix(Int(random.below(UInt64(hello.count))))), to: descriptor)
            case 3: send(hello + request.prefix(Int(random.below(UInt64(request.count)))), to: descriptor)
            case 4: send(frame(length: UInt32(truncatingIfNeeded: random.next())) + bytes(100), to: descriptor)
            case 5:
                send(hello + frame(length: .max - UInt32(random.below(1000))) + bytes(1000), to: descriptor)
            case 6:
                var damaged = hello + request
                for _ in 0...random.below(4) {
                    damaged[hello.count + Int(random.below(UInt64(request.count)))] = UInt8(random.below(256))
                }
                send(damaged, to: descriptor)
            case 7:
                // Many questions, and none of the answers is read.
                for _ in 0..<20 { send(hello + request + request, to: descriptor) }
            default: break
            }
            kept.append(descriptor)
            while kept.count > Int(random.below(40)) { close(kept.remove(at: Int(random.below(UInt64(kept.count))))) }
        }

        private mutating func http() {
            let (descriptor, isConnected) = connection(to: port)
            if isConnected {
                send(
                    random.below(2) == 0 ? bytes(9000) : Array("GET /metrics HTTP/1.1\r\nHost: localh".utf8),
                    to: descriptor)
            }
            kept.append(descriptor)
        }
    }

    /// Attackers that are not done.
    private final class Running: Sendable { let count = Atomic(4) }

    private static func memory(of process: Int32) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    private static func descriptors(of process: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
    }

    @Test("random bytes, wrong tokens, cut and endless frames, and many connections leave the driver's work alone")
    func attacked() async throws {
        _ = TestState.path
        let name = "hostile-\(UUID().uuidString)"
        let seeds = SeededNumbers()
        try await withCluster(.local(cpus: 2, name: name, metricsPort: 0)) { cluster async throws in
            guard
                case .report(let report) = try InsightClient.connect(to: name).ask(.report(tasks: nil, objects: false)),
                let node = report.nodes.first, let port = report.metricsPort
            else {
                Issue.record("no report")
                return
            }
            _ = try await cluster.get((0..<200).map { try cluster.submit(Give(value: $0)) })
            let (memory, descriptors) = (Self.memory(of: node.pid), Self.descriptors(of: node.pid))
            let address = ClusterAddress(cluster: name)
            let token = try ClusterToken().bytes
            let running = Running()
            for number in 0..<4 {
                let seed = seeds.seed &+ UInt64(number)
                Thread {
                    var attacker = Attacker(
                        socketName: address.socketName, port: port, token: token, random: SeededNumbers(seed: seed))
                    for _ in 0..<400 { try? attacker.attack() }
                    for one in attacker.kept { close(one) }
                    running.count.subtract(1, ordering: .sequentiallyConsistent)
                }.start()
            }
            let keeper = try await cluster.create(NewKeeper())
            var rounds = 0
            while running.count.load(ordering: .sequentiallyConsistent) > 0 || rounds < 3 {
                let values = try await cluster.get((0..<100).map { try cluster.submit(Give(value: $0)) })
                #expect(values == Array(0..<100), seeds.replay)
                #expect(try await keeper.touch() == 1)
                rounds += 1
            }
            // It goes on for those who know the token, and has given back what the others took.
            guard case .report(let after) = try InsightClient.connect(to: name).ask(.report(tasks: nil, objects: false))
            else {
                Issue.record("no report", severity: .error)
                return
            }
            #expect(after.nodes.first?.pid == node.pid, seeds.replay)
            #expect(try MetricsParser(try await cluster.metrics()).value("apus_tasks_failed_total") == nil)
            #expect(Self.memory(of: node.pid) < memory + (400 << 10), seeds.replay)
            let deadline = ContinuousClock.now + .seconds(60)
            while Self.descriptors(of: node.pid) > descriptors + 40, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(Self.descriptors(of: node.pid) <= descriptors + 40, seeds.replay)
        }
    }
}
