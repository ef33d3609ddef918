import ApusCore
import Distributed
import Synchronization

/// Bytes of a value, with the objects that it refers to: what travels between processes.
package struct Payload: Sendable {
    package let bytes: [UInt8]
    /// What the references inside the bytes count.
    package let references: [ObjectCell]
    /// Large bytes that travel beside the others, and are not copied on the way.
    package let attachments: [SharedBytes]

    package init(bytes: [UInt8], references: [ObjectCell], attachments: [SharedBytes] = []) {
        self.bytes = bytes
        self.references = references
        self.attachments = attachments
    }
}

extension CodingUserInfoKey {
    static let references: CodingUserInfoKey = {
        guard let key = CodingUserInfoKey(rawValue: "apus.references") else { preconditionFailure("any text is a key") }
        return key
    }()

    static let attachments: CodingUserInfoKey = {
        guard let key = CodingUserInfoKey(rawValue: "apus.attachments") else {
            preconditionFailure("any text is a key")
        }
        return key
    }()
}

/// The bytes met while a value is encoded that travel beside it.
final class AttachmentCollector: Sendable {
    private let bytes = Mutex<[SharedBytes]>([])

    func add(_ added: SharedBytes) -> Int {
        bytes.withLock {
            $0.append(added)
            return $0.count - 1
        }
    }

    var all: [SharedBytes] { bytes.withLock { $0 } }
}

/// The bytes that came beside a value.
struct AttachmentTable: Sendable {
    let bytes: [SharedBytes]
}

/// The references met while a value is encoded.
private final class ReferenceCollector: Sendable {
    private let cells = Mutex<[ObjectCell]>([])

    func add(_ cell: ObjectCell) -> Int {
        cells.withLock {
            $0.append(cell)
            return $0.count - 1
        }
    }

    var all: [ObjectCell] { cells.withLock { $0 } }
}

/// Gives the cells of the references inside a value that is decoded.
protocol ReferenceResolver: Sendable {
    func cell<Value: Sendable & Codable>(_ index: Int, of type: Value.Type) throws(CodingError) -> ValueCell<Value>
}

/// References that never left the process.
private struct ReferenceTable: ReferenceResolver {
    let cells: [ObjectCell]

    func cell<Value: Sendable & Codable>(_ index: Int, of type: Value.Type) throws(CodingError) -> ValueCell<Value> {
        guard cells.indices.contains(index), let cell = cells[index] as? ValueCell<Value> else {
            throw .missingReference(index: index)
        }
        return cell
    }
}

extension Payload {
    package init<Value: Encodable>(
        encoding value: Value, userInfo: [CodingUserInfoKey: any Sendable] = [:]
    ) throws(CodingError) {
        let collector = ReferenceCollector()
        var encoder = BinaryEncoder()
        encoder.userInfo = userInfo
        encoder.userInfo[.references] = collector
        let attached = AttachmentCollector()
        encoder.userInfo[.attachments] = attached
        bytes = try encoder.encode(value)
        references = collector.all
        attachments = attached.all
    }

    package func decode<Value: Decodable>(
        _ type: Value.Type, userInfo: [CodingUserInfoKey: any Sendable] = [:]
    ) throws(CodingError) -> Value {
        try Self.decode(
            type, from: bytes, resolver: ReferenceTable(cells: references), attachments: attachments,
            userInfo: userInfo)
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], resolver: any ReferenceResolver,
        attachments: [SharedBytes] = [], userInfo: [CodingUserInfoKey: any Sendable]
    ) throws(CodingError) -> Value {
        var decoder = BinaryDecoder()
        decoder.userInfo = userInfo
        // Handles of actors are resolved by the system of the cluster that decodes them.
        if userInfo[.actorSystemKey] == nil, let cluster = RunContext.current?.cluster {
            decoder.userInfo[.actorSystemKey] = cluster.actorSystem
        }
        decoder.userInfo[.references] = resolver
        decoder.userInfo[.attachments] = AttachmentTable(bytes: attachments)
        return try decoder.decode(type, from: bytes)
    }
}

extension ObjectRef: Codable {
    private enum CodingKeys: String, CodingKey { case inline, reference }

    /// A value held inline is encoded as itself, any other as its place among the references beside the bytes.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if cell is InlineCell<Value> {
            try container.encode(try cell.result(), forKey: .inline)
        } else if let collector = encoder.userInfo[.references] as? ReferenceCollector {
            try container.encode(collector.add(cell), forKey: .reference)
        } else {
            throw CodingError.rejected(
                path: describe(encoder.codingPath),
                reason: "An ObjectRef can only travel in tasks, results and calls of Apus; put its value here instead.")
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.inline) {
            self = .value(try container.decode(Value.self, forKey: .inline))
            return
        }
        let index = try container.decode(Int.self, forKey: .reference)
        guard let resolver = decoder.userInfo[.references] as? any ReferenceResolver else {
            throw CodingError.missingReference(index: index)
        }
        self.init(cell: try resolver.cell(index, of: Value.self))
    }

    private func describe(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
}

/// A task on the wire: its type's name and its encoded properties.
package enum TaskCodec {
    private struct Envelope<Body: Codable>: Codable {
        let type: String
        let body: Body
    }

    private struct Header: Codable {
        let type: String
    }

    package static func encode<Job: RemoteTask>(_ task: Job) throws(CodingError) -> Payload {
        try Payload(encoding: Envelope(type: TypeNames.name(of: Job.self), body: task))
    }

    /// The task that a payload holds. Only types that conform to `RemoteTask` are resolved.
    package static func decode(_ payload: Payload) throws(CodingError) -> any RemoteTask {
        let name = try payload.decode(Header.self).type
        guard let type = try TypeNames.type(named: name, expected: "RemoteTask") as? any RemoteTask.Type else {
            throw .unknownType(name: name, expected: "RemoteTask")
        }
        return try decode(type, from: payload)
    }

    private static func decode<Job: RemoteTask>(_ type: Job.Type, from payload: Payload) throws(CodingError)
        -> any RemoteTask
    {
        try payload.decode(Envelope<Job>.self).body
    }

    /// Runs a task that came as a payload and encodes its result: what a worker process does.
    package static func run(_ payload: Payload) async throws -> Payload {
        try await run(try decode(payload))
    }

    private static func run<Job: RemoteTask>(_ task: Job) async throws -> Payload {
        try Payload(encoding: try await task.run())
    }
}
