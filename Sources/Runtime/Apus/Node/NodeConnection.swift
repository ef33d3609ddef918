import ApusCore
import ApusScheduling
import ApusTransport

/// A driver or worker as its node knows it.
final class NodeConnection {
    let process: UInt64
    let socket: ControlSocket
    let isDriver: Bool
    /// The descriptor of its inbox, to be given to those that send to it.
    let inbox: Int32
    /// Of a worker: its number for the scheduler, the process, and a descriptor that is readable when it ended.
    var worker: WorkerID?
    var pid: Int32 = 0
    var pidDescriptor: Int32 = -1
    var isReady = false
    /// It was told to end.
    var isRetiring = false
    /// Lines of output that are not whole yet, by descriptor.
    var outputs: [Int32: LineBuffer] = [:]
    /// The processes that it is connected to, and its own place for each.
    var slots: [UInt64: Int] = [:]
    private var freeSlots: [Int] = []
    private var nextSlot = 0
    /// The classes of which it wants leases, by its own numbers, and the numbers.
    var classes: [Int: SchedulingClass] = [:]
    var shapes: [SchedulingClass: Int] = [:]
    /// The actor that lives in it.
    var actor: ActorIdentifier?
    /// Bytes that it had in memory at most; known once it ended.
    var peakMemory: Int64 = 0
    /// Why the node ends it.
    var endReason: String?
    /// Where it is ended for want of memory.
    var shortage: MemoryShortage?
    let startedAt: Instant

    init(process: UInt64, socket: ControlSocket, isDriver: Bool, inbox: Int32, now: Instant) {
        startedAt = now
        self.process = process
        self.socket = socket
        self.isDriver = isDriver
        self.inbox = inbox
    }

    /// A place in its inbox for a connection to another process; nil where it has too many.
    func takeSlot(for peer: UInt64) -> Int? {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            guard nextSlot < Inbox.capacity else { return nil }
            slot = nextSlot
            nextSlot += 1
        }
        slots[peer] = slot
        return slot
    }

    func freeSlot(of peer: UInt64) {
        if let slot = slots.removeValue(forKey: peer) { freeSlots.append(slot) }
    }
}

/// Cuts output into lines.
struct LineBuffer {
    let isError: Bool
    private var bytes: [UInt8] = []
    /// A longer line is cut.
    private static let limit = 1 << 16

    init(isError: Bool) { self.isError = isError }

    mutating func append(_ more: UnsafeRawBufferPointer, _ body: (String) -> Void) {
        for byte in more {
            if byte == UInt8(ascii: "\n") {
                flush(body)
            } else {
                bytes.append(byte)
                if bytes.count >= Self.limit { flush(body) }
            }
        }
    }

    mutating func flush(_ body: (String) -> Void) {
        body(String(decoding: bytes, as: UTF8.self))
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func end(_ body: (String) -> Void) { if !bytes.isEmpty { flush(body) } }
}
