import ApusCore
import ApusTransport
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A visitor's connection to a running cluster. Blocks; one request at a time.
package final class InsightClient {
    package let cluster: String
    private let descriptor: Int32
    private var reader = FrameReader(limit: InsightProtocol.answerLimit)
    private let limit: Duration

    /// The cluster of that name, or the only one that runs.
    ///
    /// - Throws: `InsightError.noCluster`, `.severalClusters`, `.unknownCluster`, and as `init`.
    package static func connect(to name: String?) throws(InsightError) -> InsightClient {
        let running = try ClusterAddress.running()
        let address: ClusterAddress
        if let name {
            guard let found = running.first(where: { $0.cluster == name }) else {
                throw .unknownCluster(name: name, running: running.map(\.cluster))
            }
            address = found
        } else {
            guard let first = running.first else { throw .noCluster }
            guard running.count == 1 else { throw .severalClusters(running.map(\.cluster)) }
            address = first
        }
        return try InsightClient(address: address, token: try ClusterToken())
    }

    /// - Parameter limit: how long each answer may take.
    /// - Throws: `InsightError.foreignSocket`, `.wrongToken`, `.otherVersion`, `.busy`, `.silent`, `.ended`, `.malformed`.
    package init(
        address: ClusterAddress, token: ClusterToken, limit: Duration = .seconds(10)
    ) throws(InsightError) {
        cluster = address.cluster
        self.limit = limit
        descriptor = apus_socket_connect(address.socketName)
        guard descriptor >= 0 else {
            throw errno == ECONNREFUSED ? .ended(cluster: address.cluster) : .system(call: "connect", code: errno)
        }
        // Any user can take a name first: the token goes to nobody else.
        var user: UInt32 = 0
        var process: Int32 = 0
        guard apus_socket_peer(descriptor, &user, &process) == 0 else { throw .system(call: "getsockopt", code: errno) }
        guard user == address.user else { throw .foreignSocket(cluster: cluster, user: user) }
        do throws(InsightError) {
            _ = try exchange(InsightProtocol.hello(token: token.bytes))
        } catch {
            if case .wrongToken = error { throw .wrongToken(cluster: cluster, source: token.source) }
            throw error
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    package func ask(_ request: InsightRequest) throws(InsightError) -> InsightAnswer {
        do {
            return try BinaryDecoder().decode(
                InsightAnswer.self, from: Array(try exchange(try BinaryEncoder().encode(request))))
        } catch {
            throw error as? InsightError ?? .malformed(cluster: cluster, reason: "\(error)")
        }
    }

    private func exchange(_ message: [UInt8]) throws(InsightError) -> ArraySlice<UInt8> {
        let deadline = ContinuousClock.now + limit
        try send(InsightProtocol.frame(message))
        let answer = try receive(until: deadline)
        guard let status = answer.first.flatMap(InsightProtocol.Status.init(rawValue:)) else {
            throw .malformed(cluster: cluster, reason: "its answer has no status")
        }
        let text = String(decoding: answer.dropFirst().prefix(1000), as: UTF8.self)
        switch status {
        case .fine: return answer.dropFirst()
        case .wrongToken: throw .wrongToken(cluster: cluster, source: "this user")
        case .busy: throw .busy(cluster: cluster)
        case .otherVersion: throw .otherVersion(cluster: cluster, theirs: text, ours: ApusVersion.text)
        case .malformed: throw .malformed(cluster: cluster, reason: text)
        }
    }

    private func send(_ bytes: [UInt8]) throws(InsightError) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                apus_socket_send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, nil, 0)
            }
            // The other side may have said why before it left.
            guard count >= 0 else { return }
            sent += count
        }
    }

    private func receive(until deadline: ContinuousClock.Instant) throws(InsightError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            do throws(TransportError) {
                if let frame = try reader.next() { return frame }
            } catch { throw .malformed(cluster: cluster, reason: "\(error)") }
            let left = max(0, (deadline - ContinuousClock.now) / .milliseconds(1))
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wanted, 1, Int32(min(left.rounded(.up), 1e6)))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw .silent(cluster: cluster, after: limit) }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .ended(cluster: cluster) }
            buffer.withUnsafeBytes { reader.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
