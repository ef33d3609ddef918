import ApusCore
import ApusTransport

/// How calls travel between processes.
extension ActorCall {
    /// Reads a call from a message.
    ///
    /// - Throws: `TransportError`; `CodingError` where it names what this program lacks.
    convenience init(_ reader: inout ByteReader, from peer: Peer) throws {
        let actor = ActorIdentifier(owner: try reader.number(), number: try reader.number())
        let number = try reader.number(UInt64.self)
        let method = try peer.method(try reader.number())
        let group = try reader.run()
        let callers = try Self.list(&reader) { reader in
            ActorIdentifier(owner: try reader.number(), number: try reader.number())
        }
        let substitutions = try Self.list(&reader) { reader in
            try TypeNames.type(named: try reader.text(), expected: "a type of the program")
        }
        let arguments = try Self.list(&reader) { reader in
            let bytes = try reader.run()
            if let memory = Parcel.plainMemory(bytes) { return Argument.plain(memory) }
            return .arrived(try Parcel.Arrival(bytes, from: peer), peer.backend)
        }
        self.init(
            method: method.name, known: method.distributed, arguments: arguments, substitutions: substitutions,
            callers: callers,
            options: group.isEmpty ? nil : CallOptions(group: String(decoding: group, as: UTF8.self)),
            sender: Sender(peer: peer, actor: actor, number: number, eventName: method.eventName))
    }

    private static func list<Element>(
        _ reader: inout ByteReader, _ element: (inout ByteReader) throws -> Element
    ) throws -> [Element] {
        let count = Int(try reader.number(UInt16.self))
        guard count > 0 else { return [] }
        guard count <= reader.remaining else { throw TransportError.malformed(reason: "a list of \(count)") }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try element(&reader)) }
        return elements
    }

    /// Writes a call as a message to the process where its actor lives.
    func write(
        on actor: ActorIdentifier, number: UInt64, method: Peer.SentMethod, into writer: inout ByteWriter, to peer: Peer
    ) throws(CodingError) {
        writer.number(actor.owner)
        writer.number(actor.number)
        writer.number(number)
        writer.number(method.number)
        writer.text(options?.group ?? "")
        writer.number(UInt16(clamping: callers.count))
        for caller in callers {
            writer.number(caller.owner)
            writer.number(caller.number)
        }
        writer.number(UInt16(clamping: substitutions.count))
        for type in substitutions { writer.text(try TypeNames.name(of: type)) }
        writer.number(UInt16(clamping: arguments.count))
        for argument in arguments {
            var inner = ByteWriter()
            switch argument {
            case .plain(let bytes):
                writer.number(UInt64(bytes.count + 1))
                writer.number(Parcel.plain)
                bytes.withUnsafeBytes { writer.rest($0) }
                continue
            case .encoded(let payload): try Parcel.write(payload, into: &inner, to: peer)
            case .arrived(let arrival, _): try Parcel.write(arrival, into: &inner, to: peer)
            case .shared: throw .unnamableType("an argument that was not encoded")
            }
            writer.run(inner.bytes)
        }
    }
}
