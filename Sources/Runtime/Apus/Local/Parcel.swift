import ApusCore
import ApusTransport

/// How values, and the references inside them, travel in messages between processes.
///
/// A value is a byte that says how it is written, then either its memory as it lies (`PlainTypes`) or a table of the
/// references inside it and its binary form. A reference to an object that exists travels as the object's value; one to
/// an object that does not exist yet as a promise of the sender to send the value once it does.
enum Parcel {
    static let plain: UInt8 = 0
    static let coded: UInt8 = 1

    enum ReferenceKind {
        static let value: UInt8 = 0
        static let promise: UInt8 = 1
        static let failure: UInt8 = 2
    }

    // MARK: Writing

    static func write<Value: Encodable>(
        _ value: Value, into writer: inout ByteWriter, to peer: Peer
    ) throws(CodingError) {
        if PlainTypes.contain(Value.self) {
            writer.number(plain)
            if MemoryLayout<Value>.size > 0 { withUnsafeBytes(of: value) { writer.rest($0) } }
            return
        }
        try write(Payload(encoding: value, userInfo: peer.backend.userInfo), into: &writer, to: peer)
    }

    static func write(_ payload: Payload, into writer: inout ByteWriter, to peer: Peer) throws(CodingError) {
        writer.number(coded)
        writer.number(UInt32(payload.references.count))
        for cell in payload.references { try write(reference: cell, into: &writer, to: peer) }
        writer.number(UInt32(payload.attachments.count))
        for attachment in payload.attachments { writer.run(UnsafeRawBufferPointer(attachment.buffer)) }
        payload.bytes.withUnsafeBytes { writer.rest($0) }
    }

    private static func write(
        reference cell: ObjectCell, into writer: inout ByteWriter, to peer: Peer
    ) throws(CodingError) {
        if !cell.isComplete {
            writer.number(ReferenceKind.promise)
            writer.number(peer.promise(cell))
            writer.text(cell.taskName)
            writer.text(cell.origin.file)
            writer.number(UInt32(clamping: cell.origin.line))
        } else if let failure = cell.failure {
            writer.number(ReferenceKind.failure)
            writer.run(try BinaryEncoder().encode(failure.error))
        } else {
            writer.number(ReferenceKind.value)
            var inner = ByteWriter()
            try cell.writeValue(into: &inner, to: peer)
            writer.run(inner.bytes)
        }
    }

    // MARK: Reading

    /// A value as it came, not yet decoded.
    struct Arrival: Sendable {
        let encoding: UInt8
        let references: [WireReference]
        let attachments: [SharedBytes]
        let bytes: [UInt8]

        init(encoding: UInt8, references: [WireReference], attachments: [SharedBytes], bytes: [UInt8]) {
            self.encoding = encoding
            self.references = references
            self.attachments = attachments
            self.bytes = bytes
        }

        /// - Parameter bytes: all of them belong to the value.
        init(_ bytes: UnsafeRawBufferPointer, from peer: Peer) throws {
            var reader = ByteReader(bytes)
            encoding = try reader.number(UInt8.self)
            if encoding == Parcel.coded {
                references = try WireReference.table(&reader, from: peer)
                let count = try reader.number(UInt32.self)
                attachments = try (0..<count).map { _ in SharedBytes.heap(copying: try reader.run()) }
            } else {
                references = []
                attachments = []
            }
            self.bytes = Array(reader.rest())
        }

        var hasPromises: Bool { references.contains { if case .promise = $0 { true } else { false } } }

        func decode<Value: Decodable>(_ type: Value.Type, in backend: LocalBackend) throws(CodingError) -> Value {
            if encoding == Parcel.plain { return try Parcel.load(type, from: bytes) }
            return try Payload.decode(
                type, from: bytes, resolver: WireResolver(references: references, backend: backend),
                attachments: attachments, userInfo: backend.userInfo)
        }
    }

    /// Decodes a value straight from a message.
    ///
    /// - Parameter onPromises: called before the value exists where it refers to objects that do not exist yet.
    static func read<Value: Decodable>(
        _ type: Value.Type, from bytes: UnsafeRawBufferPointer, of peer: Peer, onPromises: (Arrival) -> Void
    ) throws -> Value {
        if bytes.count == MemoryLayout<Value>.size + 1, bytes[0] == plain, PlainTypes.contain(type) {
            return load(type, at: UnsafeRawBufferPointer(rebasing: bytes[1...]))
        }
        let arrival = try Arrival(bytes, from: peer)
        if arrival.hasPromises { onPromises(arrival) }
        return try arrival.decode(type, in: peer.backend)
    }

    /// The bytes of a plain type's value.
    static func memory<Value>(of value: Value) -> [UInt8] {
        MemoryLayout<Value>.size == 0 ? [] : withUnsafeBytes(of: value) { Array($0) }
    }

    static func load<Value>(_ type: Value.Type, from bytes: [UInt8]) throws(CodingError) -> Value {
        guard PlainTypes.contain(type), bytes.count == MemoryLayout<Value>.size else {
            throw .typeMismatch(path: "", expected: "\(type)", found: "\(bytes.count) bytes of another type")
        }
        return bytes.withUnsafeBytes { load(type, at: $0) }
    }

    private static func load<Value>(_ type: Value.Type, at bytes: UnsafeRawBufferPointer) -> Value {
        // Plain types have no invalid bit patterns and own nothing, so that a copy of their bytes is a value.
        withUnsafeTemporaryAllocation(of: type, capacity: 1) { space in
            UnsafeMutableRawBufferPointer(space).copyMemory(from: bytes)
            return space[0]
        }
    }
}

/// A reference as it came in a message.
enum WireReference: Sendable {
    case value(Parcel.Arrival)
    case failure(TaskError)
    case promise(Promise)

    static func table(_ reader: inout ByteReader, from peer: Peer) throws -> [WireReference] {
        let count = Int(try reader.number(UInt32.self))
        // A reference takes two bytes at least: a count that the message cannot hold is not reserved.
        var table: [WireReference] = []
        table.reserveCapacity(min(count, reader.remaining / 2))
        for _ in 0..<count { table.append(try one(&reader, from: peer)) }
        return table
    }

    private static func one(_ reader: inout ByteReader, from peer: Peer) throws -> WireReference {
        switch try reader.number(UInt8.self) {
        case Parcel.ReferenceKind.value: return .value(try Parcel.Arrival(try reader.run(), from: peer))
        case Parcel.ReferenceKind.failure:
            return .failure(try BinaryDecoder().decode(TaskError.self, from: Array(try reader.run())))
        case Parcel.ReferenceKind.promise:
            let number = try reader.number(UInt64.self)
            let name = try reader.text()
            let file = try reader.text()
            let line = Int(try reader.number(UInt32.self))
            return .promise(peer.accept(number, task: name, origin: Origin(file: file, line: line)))
        case let kind: throw TransportError.malformed(reason: "a reference of kind \(kind)")
        }
    }
}

/// Makes the cells of references that came from another process.
struct WireResolver: ReferenceResolver {
    let references: [WireReference]
    let backend: LocalBackend

    func cell<Value: Sendable & Codable>(_ index: Int, of type: Value.Type) throws(CodingError) -> ValueCell<Value> {
        guard references.indices.contains(index) else { throw .missingReference(index: index) }
        switch references[index] {
        case .value(let arrival): return ValueCell(value: try arrival.decode(type, in: backend))
        case .failure(let error):
            let cell = ValueCell<Value>(phase: .waiting, file: #fileID, line: #line)
            cell.fail(error)
            return cell
        case .promise(let promise): return try promise.cell(of: type)
        }
    }
}
