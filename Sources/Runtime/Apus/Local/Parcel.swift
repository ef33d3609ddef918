import ApusCore
import ApusObjects
import ApusTransport

/// How values, and the references inside them, travel in messages between processes.
///
/// A value is a byte that says how it is written, then either its memory as it lies (`PlainTypes`) or a table of the
/// references inside it and its binary form. A reference to an object that exists travels as the object's value, or
/// its place in the store where it is large; one to an object that does not exist yet as a promise of the sender to send
/// the value once it does.
enum Parcel {
    static let plain: UInt8 = 0
    static let coded: UInt8 = 1
    static let stored: UInt8 = 2

    enum ReferenceKind {
        static let value: UInt8 = 0
        static let promise: UInt8 = 1
        static let failure: UInt8 = 2
    }

    // MARK: Writing

    /// Names of objects that a message tells the other side, which is to hold them from then on.
    private typealias Names = [ObjectID]

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
        var names = Names()
        writer.number(coded)
        writer.number(UInt32(payload.references.count))
        for cell in payload.references { try write(reference: cell, into: &writer, &names, to: peer) }
        writer.number(UInt32(payload.attachments.count))
        for attachment in payload.attachments { write(attachment, into: &writer, &names) }
        payload.bytes.withUnsafeBytes { writer.rest($0) }
        lend(names, to: peer)
    }

    /// Writes a value by its name in the store, where it is there, else as it is.
    static func write<Value: Encodable>(
        _ value: Value, _ outgoing: LocalObjects.Outgoing, _ stored: StoredParcel?, into writer: inout ByteWriter,
        to peer: Peer
    ) throws(CodingError) {
        if let stored { return try write(stored.arrival, into: &writer, to: peer) }
        if case .coded(let payload) = outgoing { return try write(payload, into: &writer, to: peer) }
        try write(value, into: &writer, to: peer)
    }

    /// Writes a value as it came, or as it lies in the store. The other side holds what it is given the names of.
    static func write(_ arrival: Arrival, into writer: inout ByteWriter, to peer: Peer) throws(CodingError) {
        var names = Names()
        try write(arrival, into: &writer, &names, to: peer)
        lend(names, to: peer)
    }

    /// One message to the node for all names, before the message that they are in is sent.
    private static func lend(_ names: Names, to peer: Peer) {
        guard !names.isEmpty else { return }
        peer.backend.objects.session.lend(names, to: UInt32(truncatingIfNeeded: peer.id))
    }

    private static func write(
        _ arrival: Arrival, into writer: inout ByteWriter, _ names: inout Names, to peer: Peer
    ) throws(CodingError) {
        writer.number(arrival.encoding)
        if arrival.encoding == stored, let object = arrival.object {
            writer.number(arrival.form.rawValue)
            write(object.id, size: object.size, into: &writer, &names)
        }
        if arrival.encoding != plain {
            writer.number(UInt32(arrival.references.count))
            for reference in arrival.references { try write(reference, into: &writer, &names, to: peer) }
            writer.number(UInt32(arrival.attachments.count))
            for attachment in arrival.attachments {
                switch attachment {
                case .bytes(let bytes): write(bytes, into: &writer, &names)
                case .object(let object):
                    writer.number(AttachmentKind.stored)
                    write(object.id, size: object.size, into: &writer, &names)
                }
            }
        }
        arrival.bytes.withUnsafeBytes { writer.rest($0) }
    }

    private static func write(_ id: ObjectID, size: Int, into writer: inout ByteWriter, _ names: inout Names) {
        names.append(id)
        writer.number(id.owner)
        writer.number(id.number)
        writer.number(UInt64(size))
    }

    private static func write(_ bytes: SharedBytes, into writer: inout ByteWriter, _ names: inout Names) {
        if case .store(let id) = bytes.place {
            writer.number(AttachmentKind.stored)
            write(id, size: bytes.count, into: &writer, &names)
        } else {
            writer.number(AttachmentKind.inline)
            writer.run(bytes.buffer)
        }
    }

    private static func write(
        _ reference: WireReference, into writer: inout ByteWriter, _ names: inout Names, to peer: Peer
    ) throws(CodingError) {
        switch reference {
        case .cell(let cell): try write(reference: cell, into: &writer, &names, to: peer)
        case .promise(let promise): try write(reference: promise.relay(), into: &writer, &names, to: peer)
        case .value(let arrival):
            writer.number(ReferenceKind.value)
            var inner = ByteWriter()
            try write(arrival, into: &inner, &names, to: peer)
            writer.run(inner.bytes)
        case .failure(let error):
            writer.number(ReferenceKind.failure)
            writer.run(try BinaryEncoder().encode(error))
        }
    }

    private static func write(
        reference cell: ObjectCell, into writer: inout ByteWriter, _ names: inout Names, to peer: Peer
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
            if let arrival = cell.arrival {
                try write(arrival, into: &inner, &names, to: peer)
            } else {
                try cell.writeValue(into: &inner, to: peer)
            }
            writer.run(inner.bytes)
        }
    }

    // MARK: Reading

    /// A value as it came, not yet decoded.
    struct Arrival: Sendable {
        let encoding: UInt8
        let references: [WireReference]
        let attachments: [Attachment]
        let bytes: [UInt8]
        /// The object in the store that has the value's bytes, and how they are written.
        let object: HeldObject?
        let form: Form

        /// A value whose bytes are in the store.
        init(form: Form, object: HeldObject, references: [WireReference], attachments: [Attachment]) {
            encoding = Parcel.stored
            self.form = form
            self.object = object
            self.references = references
            self.attachments = attachments
            bytes = []
        }

        /// A value whose bytes are here; its attachments may be in the store.
        init(bytes: [UInt8], references: [WireReference], attachments: [Attachment]) {
            encoding = Parcel.coded
            form = .coded
            object = nil
            self.references = references
            self.attachments = attachments
            self.bytes = bytes
        }

        /// The memory of a plain type's value.
        init(plain bytes: [UInt8]) {
            encoding = Parcel.plain
            form = .coded
            object = nil
            references = []
            attachments = []
            self.bytes = bytes
        }

        /// - Parameter bytes: all of them belong to the value.
        init(_ bytes: UnsafeRawBufferPointer, from peer: Peer) throws {
            var reader = ByteReader(bytes)
            encoding = try reader.number(UInt8.self)
            guard encoding <= Parcel.stored else {
                throw TransportError.malformed(reason: "a value of kind \(encoding)")
            }
            if encoding == Parcel.stored {
                guard let form = Form(rawValue: try reader.number(UInt8.self)) else {
                    throw TransportError.malformed(reason: "an object of an unknown form")
                }
                self.form = form
                object = try Parcel.object(&reader, in: peer.backend.objects)
            } else {
                form = .coded
                object = nil
            }
            if encoding != Parcel.plain {
                references = try WireReference.table(&reader, from: peer)
                let count = try reader.number(UInt32.self)
                attachments = try (0..<count).map { _ in try Parcel.attachment(&reader, in: peer.backend.objects) }
            } else {
                references = []
                attachments = []
            }
            self.bytes = Array(reader.rest())
        }

        var hasPromises: Bool { references.contains { if case .promise = $0 { true } else { false } } }

        /// - Precondition: nothing of it is in the store.
        func decode<Value: Decodable>(_ type: Value.Type, in backend: LocalBackend) throws(CodingError) -> Value {
            try decode(type, in: backend, from: [:])
        }
    }

    /// How the bytes of an object are written: as in a message, or as they lie in memory (`PackedValues`).
    enum Form: UInt8, Sendable {
        case coded, packed
    }

    enum Attachment: Sendable {
        case bytes(SharedBytes)
        case object(HeldObject)
    }

    enum AttachmentKind {
        static let inline: UInt8 = 0
        static let stored: UInt8 = 1
    }

    /// Takes over the hold that the sender lent.
    private static func object(_ reader: inout ByteReader, in objects: LocalObjects) throws -> HeldObject {
        let id = ObjectID(owner: try reader.number(), number: try reader.number())
        let size = try reader.number(UInt64.self)
        return HeldObject(id: id, size: Int(clamping: size), objects: objects)
    }

    private static func attachment(_ reader: inout ByteReader, in objects: LocalObjects) throws -> Attachment {
        switch try reader.number(UInt8.self) {
        case AttachmentKind.inline: .bytes(SharedBytes.heap(copying: try reader.run()))
        case AttachmentKind.stored: .object(try object(&reader, in: objects))
        case let kind: throw TransportError.malformed(reason: "an attachment of kind \(kind)")
        }
    }

    /// Whether a value that came is surely not in the store.
    static func isSmall(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.first == plain }

    /// The memory of a plain type's value, where that is what came.
    static func plainMemory(_ bytes: UnsafeRawBufferPointer) -> PlainBytes? {
        isSmall(bytes) ? PlainBytes(UnsafeRawBufferPointer(rebasing: bytes[1...])) : nil
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
    /// - Precondition: the type is plain, and has that size.
    static func load<Value>(_ type: Value.Type, at bytes: UnsafeRawBufferPointer) -> Value {
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
    /// An object that this process knows already.
    case cell(ObjectCell)

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
        case .value(let arrival):
            guard arrival.isStored else { return ValueCell(value: try arrival.decode(type, in: backend)) }
            return ValueCell(parcel: StoredParcel(arrival, in: backend.objects))
        case .cell(let cell):
            guard let cell = cell as? ValueCell<Value> else { throw .missingReference(index: index) }
            return cell
        case .failure(let error):
            let cell = ValueCell<Value>(phase: .waiting, file: #fileID, line: #line)
            cell.fail(error)
            return cell
        case .promise(let promise): return try promise.cell(of: type)
        }
    }
}
