import ApusCore
import ApusScheduling
import ApusTransport
import CApusSystem
import Synchronization

/// This process's connection to its node.
final class NodeClient: @unchecked Sendable {
    // `socket` is thread-safe; the rest has locks.
    let socket: ControlSocket
    private struct Waiting {
        var next: UInt64 = 1
        var continuations: [UInt64: UnsafeContinuation<NodeAnswer?, Never>] = [:]
        var isClosed = false
    }
    private let waiting = Mutex(Waiting())
    /// Classes of which the node does not know yet what they stand for.
    private let classes = Mutex<[Int: SchedulingClass]>([:])

    init(socket: ControlSocket) { self.socket = socket }

    /// - Parameter descriptors: travel with the request, and are closed here.
    func send(_ request: NodeRequest, _ descriptors: [Int32] = []) {
        do {
            _ = try socket.send(
                ControlFrame(bytes: try BinaryEncoder().encode(request), descriptors: descriptors))
        } catch {
            // The end of the connection is seen where it is received; requests have their answer there.
        }
    }

    /// Sends a request and waits for its answer; nil where the node ended.
    func ask(_ make: (UInt64) -> NodeRequest) async -> NodeAnswer? {
        await withUnsafeContinuation { continuation in
            let number: UInt64? = waiting.withLock { waiting in
                guard !waiting.isClosed else { return nil }
                defer { waiting.next += 1 }
                waiting.continuations[waiting.next] = continuation
                return waiting.next
            }
            if let number { send(make(number)) } else { continuation.resume(returning: nil) }
        }
    }

    func answered(_ request: UInt64, _ answer: NodeAnswer) {
        waiting.withLock { $0.continuations.removeValue(forKey: request) }?.resume(returning: answer)
    }

    func ended() {
        let left = waiting.withLock { waiting in
            waiting.isClosed = true
            defer { waiting.continuations = [:] }
            return Array(waiting.continuations.values)
        }
        for continuation in left { continuation.resume(returning: nil) }
    }

    /// Says what a class stands for, before leases of it are wanted.
    func define(_ shape: Shape, _ value: SchedulingClass) { classes.withLock { $0[shape.index] = value } }

    func want(_ shape: Shape, _ count: Int) {
        let value = classes.withLock { $0.removeValue(forKey: shape.index) }
        send(.want(shape: shape.index, value, count: count))
    }

    func giveBack(_ lease: UInt64) { send(.giveBack(lease: lease)) }
    func blocked(_ lease: UInt64) { send(.blocked(lease: lease)) }
    func unblocked(_ lease: UInt64) { send(.unblocked(lease: lease)) }
}
