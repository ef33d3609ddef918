import ApusCore
import ApusTransport
import CApusSystem
import Synchronization
import Threads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Listens for visitors on a thread of its own, so that nothing they do holds up the node: accepting, reading, checking
/// and slow writing happen here; the node sees whole requests of visitors with the right token.
package final class InsightServer: @unchecked Sendable {
    // `visitors`, `nextVisitor` and `isPaused` belong to the server's thread; `shared` has a lock; the rest is immutable.
    package let address: ClusterAddress
    /// Where metrics are served; nil where they are not.
    package let metricsPort: Int?
    /// Readable when requests wait to be taken.
    package let requestsEvent: Int32
    private let token: ClusterToken
    private let version: String
    private let poll: Int32
    private let listener: Int32
    private let metricsListener: Int32
    private let wake: Int32
    private let clock = MonotonicTime()
    private var visitors: [UInt64: Visitor] = [:]
    private var nextVisitor: UInt64 = 8
    private var isPaused = false
    private var thread: OwnThread?

    private struct Shared {
        var requests: [(visitor: UInt64, request: InsightRequest)] = []
        var answers: [(visitor: UInt64, answer: InsightAnswer)] = []
        var isStopped = false
    }
    private let shared = Mutex(Shared())

    private final class Visitor {
        let descriptor: Int32
        var conversation: any Conversation
        var output: [UInt8] = []
        var written = 0
        var isClosing = false
        init(descriptor: Int32, conversation: any Conversation) {
            self.descriptor = descriptor
            self.conversation = conversation
        }
        deinit { close(descriptor) }
    }

    private enum Tag {
        static let listener: UInt64 = 1
        static let metrics: UInt64 = 2
        static let wake: UInt64 = 3
    }

    /// Visitors at a time. When there are more, the oldest that has not shown its token goes.
    package static let visitorLimit = 64

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - metricsPort: a TCP port on the loopback interface, 0 for any that is free.
    /// - Throws: `InsightError.system`: `EADDRINUSE` where the name or the port is taken.
    package init(
        address: ClusterAddress, token: ClusterToken, version: String, metricsPort: Int? = nil
    ) throws(InsightError) {
        self.address = address
        self.token = token
        self.version = version
        listener = apus_socket_listen(address.socketName)
        guard listener >= 0 else { throw .system(call: "listening on \(address.socketName)", code: errno) }
        var port: Int?
        do throws(InsightError) {
            if let metricsPort {
                (metricsListener, port) = try Self.listen(port: metricsPort)
            } else {
                metricsListener = -1
            }
        } catch {
            close(listener)
            throw error
        }
        self.metricsPort = port
        poll = apus_poll_create()
        wake = apus_event_create()
        requestsEvent = apus_event_create()
        let failure = InsightError.system(call: "epoll_create1", code: errno)
        guard poll >= 0, wake >= 0, requestsEvent >= 0 else { throw failure }
        _ = apus_poll_set(poll, listener, Tag.listener, false)
        if metricsListener >= 0 { _ = apus_poll_set(poll, metricsListener, Tag.metrics, false) }
        _ = apus_poll_set(poll, wake, Tag.wake, false)
        do throws(ThreadError) {
            thread = try OwnThread { self.run() }
        } catch {
            throw .system(call: "pthread_create", code: error.code)
        }
    }

    deinit { for one in [poll, listener, metricsListener, wake, requestsEvent] where one >= 0 { close(one) } }

    private static func listen(port: Int) throws(InsightError) -> (Int32, Int) {
        guard let number = UInt16(exactly: port) else { throw .system(call: "listening on port \(port)", code: EINVAL) }
        let descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw .system(call: "socket", code: errno) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let outcome = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard outcome else {
            let error = InsightError.system(call: "listening on 127.0.0.1:\(port)", code: errno)
            close(descriptor)
            throw error
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    // MARK: The node's side

    /// Takes what visitors asked since the last call.
    package func takeRequests() -> [(visitor: UInt64, request: InsightRequest)] {
        apus_event_clear(requestsEvent)
        return shared.withLock { shared in
            defer { shared.requests = [] }
            return shared.requests
        }
    }

    /// Answers a request. Nothing happens where the visitor has gone.
    package func answer(_ visitor: UInt64, _ answer: InsightAnswer) {
        shared.withLock { $0.answers.append((visitor, answer)) }
        apus_event_raise(wake)
    }

    /// Ends the thread, and all conversations.
    package func stop() {
        let first = shared.withLock { shared in
            defer { shared.isStopped = true }
            return !shared.isStopped
        }
        guard first else { return }
        apus_event_raise(wake)
        thread?.join()
    }

    // MARK: The thread

    private func run() {
        var events = Array(repeating: apus_poll_event(), count: 64)
        var ticked = clock.now()
        while true {
            let count = apus_poll_wait(poll, &events, 64, visitors.isEmpty && !isPaused ? -1 : 100)
            if count < 0 { break }
            for event in events.prefix(Int(count)) {
                switch event.tag {
                case Tag.listener: accept(listener) { self.greet($0) }
                case Tag.metrics: accept(metricsListener) { _ in HTTPConversation(at: self.clock.now()) }
                case Tag.wake: if !takeAnswers() { return visitors = [:] }
                default: handle(event)
                }
            }
            if clock.now() - ticked > .milliseconds(90) {
                ticked = clock.now()
                if isPaused { pause(false) }
                for visitor in visitors.keys { feed(visitor, .tick) }
            }
        }
    }

    private func accept(_ listener: Int32, _ make: (Int32) -> (any Conversation)?) {
        // A few at a time, so that a flood of visitors leaves time for those that are here.
        for _ in 0..<16 {
            let descriptor = apus_socket_accept(listener)
            guard descriptor >= 0 else {
                // Without descriptors the listeners would be readable for ever.
                if errno == EMFILE || errno == ENFILE || errno == ENOMEM { pause(true) }
                return
            }
            guard let conversation = make(descriptor) else {
                close(descriptor)
                continue
            }
            guard visitors.count < Self.visitorLimit || evict() else {
                let busy = InsightProtocol.frame([InsightProtocol.Status.busy.rawValue])
                _ = apus_socket_send(descriptor, busy, busy.count, nil, 0)
                close(descriptor)
                continue
            }
            visitors[nextVisitor] = Visitor(descriptor: descriptor, conversation: conversation)
            _ = apus_poll_set(poll, descriptor, nextVisitor, false)
            nextVisitor += 1
        }
    }

    /// Only the node's own user is let in.
    private func greet(_ descriptor: Int32) -> (any Conversation)? {
        var user: UInt32 = 0
        var process: Int32 = 0
        guard apus_socket_peer(descriptor, &user, &process) == 0, user == address.user else { return nil }
        return VisitorConversation(token: token, version: version, at: clock.now())
    }

    private func evict() -> Bool {
        guard let oldest = visitors.filter({ !$0.value.conversation.isTrusted }).keys.min() else { return false }
        remove(oldest)
        return true
    }

    private func pause(_ pauses: Bool) {
        isPaused = pauses
        for (descriptor, tag) in [(listener, Tag.listener), (metricsListener, Tag.metrics)] where descriptor >= 0 {
            _ = pauses ? apus_poll_remove(poll, descriptor) : apus_poll_set(poll, descriptor, tag, false)
        }
    }

    /// False at the end.
    private func takeAnswers() -> Bool {
        apus_event_clear(wake)
        let (answers, isStopped) = shared.withLock { shared in
            defer { shared.answers = [] }
            return (shared.answers, shared.isStopped)
        }
        for (visitor, answer) in answers { feed(visitor, .answer(answer)) }
        return !isStopped
    }

    private func handle(_ event: apus_poll_event) {
        guard let visitor = visitors[event.tag] else { return }
        if event.writable { write(event.tag, visitor) }
        guard visitors[event.tag] != nil, event.readable || event.ended else { return }
        guard !visitor.isClosing else { return event.ended ? remove(event.tag) : drop(event.tag, visitor) }
        var buffer = [UInt8](repeating: 0, count: 16384)
        let count = recv(visitor.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            buffer.removeLast(buffer.count - count)
            feed(event.tag, .bytes(buffer))
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            remove(event.tag)
        }
    }

    /// Reads and forgets what comes from one that is told to go, so that the last words reach it.
    private func drop(_ number: UInt64, _ visitor: Visitor) {
        var buffer = [UInt8](repeating: 0, count: 16384)
        if recv(visitor.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) == 0 { remove(number) }
    }

    private func feed(_ number: UInt64, _ event: ConversationEvent) {
        guard let visitor = visitors[number] else { return }
        for effect in visitor.conversation.handle(event, at: clock.now()) {
            switch effect {
            case .send(let bytes): visitor.output += bytes
            case .ask(let request):
                shared.withLock { $0.requests.append((number, request)) }
                apus_event_raise(requestsEvent)
            case .close: visitor.isClosing = true
            }
        }
        write(number, visitor)
    }

    private func write(_ number: UInt64, _ visitor: Visitor) {
        let hadOutput = !visitor.output.isEmpty
        while visitor.written < visitor.output.count {
            let count = visitor.output.withUnsafeBytes {
                apus_socket_send(
                    visitor.descriptor, $0.baseAddress.map { $0 + visitor.written }, $0.count - visitor.written, nil, 0)
            }
            guard count >= 0 else {
                if errno == EAGAIN { _ = apus_poll_set(poll, visitor.descriptor, number, true) } else { remove(number) }
                return
            }
            visitor.written += count
        }
        visitor.output = []
        visitor.written = 0
        if visitor.isClosing { return remove(number) }
        guard hadOutput else { return }
        _ = apus_poll_set(poll, visitor.descriptor, number, false)
        feed(number, .sent)
    }

    private func remove(_ number: UInt64) {
        guard let visitor = visitors.removeValue(forKey: number) else { return }
        _ = apus_poll_remove(poll, visitor.descriptor)
        shutdown(visitor.descriptor, Int32(SHUT_RDWR))
    }
}
