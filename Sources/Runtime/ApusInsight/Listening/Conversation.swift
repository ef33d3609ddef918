import ApusCore
import ApusTransport

/// What happens to a conversation with a visitor.
enum ConversationEvent {
    case bytes([UInt8])
    case answer(InsightAnswer)
    /// All that was to be sent is with the system.
    case sent
    case tick
}

enum ConversationEffect {
    case send([UInt8])
    case ask(InsightRequest)
    /// After what is to be sent; nothing is read any more.
    case close
}

/// The node's side of what is said with one visitor. Pure: bytes, answers and time come in as events.
protocol Conversation {
    mutating func handle(_ event: ConversationEvent, at now: Instant) -> [ConversationEffect]
    /// Whether the visitor has shown who it is, or need not.
    var isTrusted: Bool { get }
}

/// A visitor at the node's own socket.
///
/// It must say hello within two seconds, and each further message within five of its first byte; one message is answered at
/// a time.
struct VisitorConversation: Conversation {
    private enum Phase {
        case stranger(until: Instant)
        case open(until: Instant)
        /// Bytes that come meanwhile wait; there may be few.
        case asking
        case sending(until: Instant)
        case closed
    }

    private let token: ClusterToken
    private let version: String
    private var phase: Phase
    private var reader = FrameReader(limit: InsightProtocol.helloLimit)
    private(set) var isTrusted = false

    static let helloTime = Duration.seconds(2)
    static let messageTime = Duration.seconds(5)
    static let idleTime = Duration.seconds(60)
    static let sendTime = Duration.seconds(30)

    init(token: ClusterToken, version: String, at now: Instant) {
        self.token = token
        self.version = version
        phase = .stranger(until: now + Self.helloTime)
    }

    mutating func handle(_ event: ConversationEvent, at now: Instant) -> [ConversationEffect] {
        switch (event, phase) {
        case (_, .closed): return []
        case (.bytes(let bytes), _):
            bytes.withUnsafeBytes { reader.append($0) }
            guard reader.pending <= InsightProtocol.requestLimit + 4 else {
                return refuse(.malformed, "more was sent before the answer came")
            }
            return read(at: now)
        case (.answer(let answer), .asking):
            phase = .sending(until: now + Self.sendTime)
            do {
                let bytes = try BinaryEncoder().encode(answer)
                guard bytes.count < InsightProtocol.answerLimit else {
                    return refuse(.malformed, "the answer has \(bytes.count) bytes: ask for less")
                }
                return [.send(InsightProtocol.frame([InsightProtocol.Status.fine.rawValue] + bytes))]
            } catch {
                return refuse(.malformed, "\(error)")
            }
        case (.answer, _): return []
        case (.sent, .sending):
            phase = .open(until: now + Self.idleTime)
            return read(at: now)
        case (.sent, _): return []
        case (.tick, .stranger(let until)), (.tick, .open(let until)), (.tick, .sending(let until)):
            guard now >= until else { return [] }
            phase = .closed
            return [.close]
        case (.tick, _): return []
        }
    }

    private mutating func read(at now: Instant) -> [ConversationEffect] {
        do {
            switch phase {
            case .stranger:
                guard let hello = try reader.next() else { return [] }
                return greet(hello, at: now)
            case .open(let until):
                guard let bytes = try reader.next() else {
                    if reader.pending > 0 { phase = .open(until: min(until, now + Self.messageTime)) }
                    return []
                }
                let request = try BinaryDecoder().decode(InsightRequest.self, from: bytes)
                phase = .asking
                return [.ask(request)]
            case .asking, .sending, .closed: return []
            }
        } catch {
            return refuse(.malformed, "\(error)")
        }
    }

    private mutating func greet(_ hello: [UInt8], at now: Instant) -> [ConversationEffect] {
        guard hello.count >= 8, hello[..<4].elementsEqual(InsightProtocol.magic) else {
            return refuse(.malformed, "the first message is no greeting")
        }
        let theirs = (0..<4).reduce(UInt32(0)) { $0 | UInt32(hello[4 + $1]) << UInt32(8 * $1) }
        guard token.matches(hello[8...]) else { return refuse(.wrongToken, "") }
        guard theirs == InsightProtocol.version else { return refuse(.otherVersion, version) }
        isTrusted = true
        reader.raise(limit: InsightProtocol.requestLimit)
        phase = .sending(until: now + Self.sendTime)
        return [.send(InsightProtocol.frame([InsightProtocol.Status.fine.rawValue] + Array(version.utf8)))]
    }

    private mutating func refuse(_ status: InsightProtocol.Status, _ reason: String) -> [ConversationEffect] {
        phase = .closed
        return [.send(InsightProtocol.frame([status.rawValue] + Array(reason.utf8.prefix(1000)))), .close]
    }
}
