import CApusSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A message to send on a control socket, with descriptors that travel with it.
package struct ControlFrame: Sendable {
    package var bytes: [UInt8]
    /// Owned by whoever holds the frame: to be closed or passed on.
    package var descriptors: [Int32]

    package init(bytes: [UInt8], descriptors: [Int32] = []) {
        self.bytes = bytes
        self.descriptors = descriptors
    }
}

/// Cuts a stream of bytes into frames: four bytes of length, then the message. Pure.
package struct FrameReader {
    private var buffer: [UInt8] = []
    private var start = 0
    private var limit: Int

    package init(limit: Int) { self.limit = limit }

    /// From now on frames may be longer: the other side has shown who it is.
    package mutating func raise(limit: Int) { self.limit = max(self.limit, limit) }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0, start == buffer.count || start > 1 << 16 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole frame.
    ///
    /// - Throws: `TransportError.tooLong`; the stream is of no use then.
    package mutating func next() throws(TransportError) -> [UInt8]? {
        guard buffer.count - start >= 4 else { return nil }
        var length = 0
        for index in 0..<4 { length |= Int(buffer[start + index]) << (8 * index) }
        guard length <= limit else { throw .tooLong(bytes: length, limit: limit) }
        guard buffer.count - start - 4 >= length else { return nil }
        defer { start += 4 + length }
        return Array(buffer[start + 4..<start + 4 + length])
    }

    /// Bytes that are no whole frame yet.
    package var pending: Int { buffer.count - start }
}

/// One end of a control connection. Sending blocks while the other side does not read, or, on a non-blocking socket, keeps
/// what does not fit.
package final class ControlSocket: @unchecked Sendable {
    // `outbox` has a lock; `reader` and `received` are only touched by the one thread that receives.
    package let descriptor: Int32
    private var reader: FrameReader
    private var received: [Int32] = []

    private struct Outbox {
        var bytes: [UInt8] = []
        var sent = 0
        /// Descriptors, each with the place in `bytes` of the frame that it travels with.
        var descriptors: [(at: Int, descriptors: [Int32])] = []
        var isClosed = false
    }

    private let outbox = Mutex(Outbox())

    /// The longest message.
    package static let limit = 256 << 20

    /// - Parameter descriptor: a connected stream socket, owned by the new instance.
    package init(descriptor: Int32, isBlocking: Bool, limit: Int = ControlSocket.limit) {
        self.descriptor = descriptor
        reader = FrameReader(limit: limit)
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, isBlocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK)
    }

    deinit {
        for one in received { Glibc.close(one) }
        outbox.withLock { outbox in
            for (_, descriptors) in outbox.descriptors { for one in descriptors { Glibc.close(one) } }
        }
        Glibc.close(descriptor)
    }

    /// Ends the connection for both sides; receiving returns the end.
    package func shutdown() {
        outbox.withLock { $0.isClosed = true }
        Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Sends a frame. Its descriptors are closed here once they were sent.
    ///
    /// - Throws: `TransportError.tooLong` where the other side would not take it; nothing was sent then.
    /// - Returns: whether all was sent; else `flush` is to be called when the socket is writable.
    @discardableResult
    package func send(_ frame: ControlFrame) throws(TransportError) -> Bool {
        let result: Result<Bool, TransportError> = outbox.withLock { outbox in
            guard !outbox.isClosed else {
                for one in frame.descriptors { Glibc.close(one) }
                return .failure(.closed)
            }
            guard frame.bytes.count <= Self.limit else {
                for one in frame.descriptors { Glibc.close(one) }
                return .failure(.tooLong(bytes: frame.bytes.count, limit: Self.limit))
            }
            if !frame.descriptors.isEmpty { outbox.descriptors.append((outbox.bytes.count, frame.descriptors)) }
            let length = UInt32(frame.bytes.count)
            for index in 0..<4 { outbox.bytes.append(UInt8(truncatingIfNeeded: length >> (8 * UInt32(index)))) }
            outbox.bytes.append(contentsOf: frame.bytes)
            return Swift.Result { () throws(TransportError) in try write(&outbox) }
        }
        return try result.get()
    }

    /// Sends what is left.
    ///
    /// - Returns: whether nothing is left.
    package func flush() throws(TransportError) -> Bool {
        let result: Result<Bool, TransportError> = outbox.withLock { outbox in
            Swift.Result { () throws(TransportError) in try write(&outbox) }
        }
        return try result.get()
    }

    private func write(_ outbox: inout Outbox) throws(TransportError) -> Bool {
        while outbox.sent < outbox.bytes.count {
            // Descriptors go with the first byte of their frame; what is before it goes first.
            var passed: [Int32] = []
            var end = outbox.bytes.count
            if let next = outbox.descriptors.first {
                if next.at == outbox.sent {
                    passed = next.descriptors
                    if outbox.descriptors.count > 1 { end = outbox.descriptors[1].at }
                } else {
                    end = next.at
                }
            }
            let count = outbox.bytes.withUnsafeBytes { bytes in
                apus_socket_send(
                    descriptor, bytes.baseAddress.map { $0 + outbox.sent }, end - outbox.sent, passed,
                    Int32(passed.count))
            }
            if count < 0 {
                if errno == EAGAIN || errno == EWOULDBLOCK { return false }
                outbox.isClosed = true
                throw errno == EPIPE || errno == ECONNRESET ? .closed : .last("sendmsg")
            }
            if !passed.isEmpty {
                for one in passed { Glibc.close(one) }
                outbox.descriptors.removeFirst()
            }
            outbox.sent += count
        }
        outbox.bytes.removeAll(keepingCapacity: outbox.bytes.count < 1 << 16)
        outbox.sent = 0
        return true
    }

    /// Reads once and hands out the messages that are complete. A blocking socket waits for bytes. Descriptors come no
    /// later than their message, which says how many to take by `takeDescriptors`.
    ///
    /// - Returns: false at the end of the stream.
    package func receive(_ body: ([UInt8]) -> Void) throws(TransportError) -> Bool {
        var passed: (Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32) = (0, 0, 0, 0, 0, 0, 0, 0)
        var count: Int32 = 0
        let outcome: Result<Bool, TransportError> = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) {
            space in
            let got = withUnsafeMutablePointer(to: &passed) { pointer in
                pointer.withMemoryRebound(to: Int32.self, capacity: 8) {
                    apus_socket_receive(descriptor, space.baseAddress, space.count, $0, &count)
                }
            }
            if got < 0 {
                if errno == EAGAIN || errno == EWOULDBLOCK { return .success(true) }
                return .failure(errno == ECONNRESET ? .closed : .last("recvmsg"))
            }
            if got == 0 { return .success(false) }
            reader.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<got]))
            return .success(true)
        }
        withUnsafeBytes(of: passed) { bytes in
            for index in 0..<Int(count) { received.append(bytes.load(fromByteOffset: index * 4, as: Int32.self)) }
        }
        guard try outcome.get() else { return false }
        while let bytes = try reader.next() {
            body(bytes)
        }
        return true
    }

    /// Waits, on a blocking socket, until there are messages.
    ///
    /// - Throws: `TransportError.closed` at the end of the stream.
    package func receiveFirst() throws(TransportError) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while messages.isEmpty {
            guard try receive({ messages.append($0) }) else { throw .closed }
        }
        return messages
    }

    /// Takes descriptors that came, in order; the frame says how many are its own.
    package func takeDescriptors(_ count: Int) throws(TransportError) -> [Int32] {
        guard count <= received.count else {
            throw .malformed(reason: "\(count) descriptors were announced, \(received.count) came")
        }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }
}
