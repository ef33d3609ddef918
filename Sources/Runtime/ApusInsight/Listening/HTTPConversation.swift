import ApusCore

/// A visitor at the metrics port: one request of HTTP/1, one answer, the end. Pure.
///
/// - Source: RFC 9112 for the head of requests, RFC 9110 §15 for the status codes.
struct HTTPConversation: Conversation {
    private enum Phase {
        case head(until: Instant)
        case asking(isHead: Bool)
        case sending(until: Instant)
        case closed
    }

    private var phase: Phase
    private var head: [UInt8] = []
    /// Whoever reaches the port may read.
    var isTrusted: Bool { false }

    static let headLimit = 8192
    static let headTime = Duration.seconds(2)
    static let sendTime = Duration.seconds(30)

    init(at now: Instant) { phase = .head(until: now + Self.headTime) }

    mutating func handle(_ event: ConversationEvent, at now: Instant) -> [ConversationEffect] {
        switch (event, phase) {
        case (.bytes(let bytes), .head):
            head.append(contentsOf: bytes)
            guard let end = Self.end(of: head) else {
                return head.count > Self.headLimit ? answer(431, "The request's head is too long.\n", at: now) : []
            }
            return end > Self.headLimit
                ? answer(431, "The request's head is too long.\n", at: now) : request(head[..<end], at: now)
        case (.answer(.text(let text)), .asking(let isHead)):
            return answer(200, text, isHead: isHead, at: now)
        case (.answer, .asking): return answer(500, "The node gave no metrics.\n", at: now)
        case (.sent, .sending):
            phase = .closed
            return [.close]
        case (.tick, .head(let until)), (.tick, .sending(let until)):
            guard now >= until else { return [] }
            phase = .closed
            return [.close]
        default: return []
        }
    }

    /// The length of the head where it is whole; a line may end in a newline alone.
    private static func end(of bytes: [UInt8]) -> Int? {
        var lineIsEmpty = false
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 0x0A:
                if lineIsEmpty { return index + 1 }
                lineIsEmpty = true
            case 0x0D: break
            default: lineIsEmpty = false
            }
        }
        return nil
    }

    private mutating func request(_ head: ArraySlice<UInt8>, at now: Instant) -> [ConversationEffect] {
        let lines = head.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
        let words = lines.first?.split(separator: 0x20) ?? []
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8) else {
            return answer(400, "This is no request of HTTP/1.\n", at: now)
        }
        // A page of the web that a browser was told to fetch from this machine names another host.
        var hosts: [String] = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                return answer(400, "A header has no colon.\n", at: now)
            }
            if Self.text(line[..<colon]).lowercased() == "host" { hosts.append(Self.host(line[(colon + 1)...])) }
        }
        guard hosts.count <= 1, hosts.allSatisfy({ ["localhost", "127.0.0.1", "[::1]"].contains($0) }) else {
            return answer(421, "Metrics are given to this machine only: ask for http://localhost/metrics.\n", at: now)
        }
        let method = Self.text(words[0])
        guard method == "GET" || method == "HEAD" else { return answer(405, "Only GET and HEAD are taken.\n", at: now) }
        let path = Self.text(words[1].prefix { $0 != UInt8(ascii: "?") })
        guard path == "/metrics" else { return answer(404, "There is /metrics, and nothing else.\n", at: now) }
        phase = .asking(isHead: method == "HEAD")
        return [.ask(.metrics)]
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func host(_ value: ArraySlice<UInt8>) -> String {
        var text = text(value.filter { $0 != 0x20 && $0 != 0x09 }).lowercased()
        if let colon = text.lastIndex(of: ":"), text[colon...].dropFirst().allSatisfy(\.isNumber), !text.hasSuffix("]")
        {
            text = String(text[..<colon])
        }
        return text
    }

    private mutating func answer(
        _ code: Int, _ body: String, isHead: Bool = false, at now: Instant
    ) -> [ConversationEffect] {
        phase = .sending(until: now + Self.sendTime)
        let reasons = [
            200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 421: "Misdirected Request",
            431: "Request Header Fields Too Large", 500: "Internal Server Error",
        ]
        let type = code == 200 ? MetricsText.contentType : "text/plain; charset=utf-8"
        let allow = code == 405 ? "Allow: GET, HEAD\r\n" : ""
        let head =
            "HTTP/1.1 \(code) \(reasons[code] ?? "")\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\(allow)Connection: close\r\n\r\n"
        return [.send(Array((isHead ? head : head + body).utf8))]
    }
}
