import ApusCore

/// What a visitor asks a node.
package enum InsightRequest: Codable, Sendable {
    /// The state of the node; with tasks where a query is given.
    case report(tasks: TaskQuery?, objects: Bool)
    case events
    /// The metrics as text.
    case metrics
}

/// Which tasks to list.
package struct TaskQuery: Codable, Sendable {
    package var states: [TaskLine.State]
    /// Part of a name; all where nil.
    package var name: String?
    package var limit: Int

    package init(states: [TaskLine.State] = [], name: String? = nil, limit: Int = 10_000) {
        self.states = states
        self.name = name
        self.limit = limit
    }

    package func takes(_ state: TaskLine.State, _ name: String) -> Bool {
        guard states.isEmpty || states.contains(state) else { return false }
        guard let wanted = self.name, !wanted.isEmpty else { return true }
        return name.utf8.count >= wanted.utf8.count && Self.contains(Array(name.utf8), Array(wanted.utf8))
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
    }
}

package enum InsightAnswer: Codable, Sendable {
    case report(ClusterReport)
    case events(ClusterEvents)
    case text(String)
}

/// The frames between a visitor and a node: four bytes of length, then the message.
///
/// The visitor's first is `hello`; the node answers each message by one, which begins with a `Status`.
package enum InsightProtocol {
    /// Changes with anything that the two sides must agree on.
    package static let version: UInt32 = 1
    static let magic = Array("APUS".utf8)
    static let helloLimit = 4 + 4 + ClusterToken.lengths.upperBound
    static let requestLimit = 1 << 16
    package static let answerLimit = 256 << 20

    package enum Status: UInt8, Sendable {
        case fine = 0
        case wrongToken = 1
        case busy = 2
        case otherVersion = 3
        case malformed = 4
    }

    package static func hello(token: [UInt8], version: UInt32 = version) -> [UInt8] {
        var bytes = magic
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: version >> shift)) }
        return bytes + token
    }

    package static func frame(_ bytes: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(bytes.count + 4)
        for shift in [0, 8, 16, 24] as [UInt32] {
            frame.append(UInt8(truncatingIfNeeded: UInt32(bytes.count) >> shift))
        }
        return frame + bytes
    }
}
