import ApusCore
import ApusObjects
import ApusTransport
import CApusSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A journal in memory that belongs to the node: the actor's process writes it, its successor reads it.
///
/// Two nameless files take turns. Each holds one checkpoint and the calls after it:
///
///     epoch  u64   0 while it is not valid; of the two the one with the larger epoch counts
///     end    u64   where the last record that was written whole ends
///     head   u64   length, then the checkpoint and the replies
///     record u32   length, u32 whether it is struck, then the call
///
/// A record counts from the moment that `end` is behind it, a checkpoint from the moment that its epoch is written: a process
/// that is killed in the middle leaves what was before. Writes go to the kernel's pages and need no end of the process to
/// be kept.
final class SharedJournal: ActorJournal, @unchecked Sendable {
    // Used by one call at a time, under the ledger's lock; `load` before the first call.
    private let files: [Int32]
    private unowned let backend: LocalBackend
    private var active = 0
    private var epoch: UInt64 = 0
    private var end = 0
    private var last = 0

    private static let headerLength = 24

    init(files: [Int32], backend: LocalBackend) {
        self.files = files
        self.backend = backend
    }

    deinit { for file in files { close(file) } }

    private struct Head: Codable {
        var checkpoint: [UInt8]?
        var replies: [SavedReply]
    }

    private struct SavedReply: Codable {
        var identity: CallIdentity
        var reply: StoredReply
    }

    // MARK: Reading

    func load() throws -> JournalContents {
        let epochs = try files.map { try words($0, at: 0, count: 1)[0] }
        active = epochs[1] > epochs[0] ? 1 : 0
        epoch = epochs[active]
        guard epoch > 0 else {
            try start(0, Head(checkpoint: nil, replies: []))
            return JournalContents()
        }
        let header = try words(files[active], at: 0, count: 3)
        let headLength = Int(header[2])
        end = Int(header[1])
        guard headLength >= 0, end >= Self.headerLength + headLength else {
            throw TransportError.malformed(reason: "the journal's records begin after their end")
        }
        let bytes = try read(files[active], from: Self.headerLength, to: end)
        let head = try BinaryDecoder().decode(Head.self, from: Array(bytes[..<headLength]))
        var contents = JournalContents(checkpoint: head.checkpoint)
        for saved in head.replies { contents.replies[saved.identity] = saved.reply.reply }
        var at = headLength
        while at < bytes.count {
            guard at + 8 <= bytes.count else { throw TransportError.malformed(reason: "a journal's record is cut off") }
            let (length, flags) = bytes.withUnsafeBytes {
                (
                    $0.loadUnaligned(fromByteOffset: at, as: UInt32.self),
                    $0.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)
                )
            }
            guard at + 8 + Int(length) <= bytes.count else {
                throw TransportError.malformed(reason: "a journal's record is cut off")
            }
            let record = try BinaryDecoder().decode(
                StoredCall.self, from: Array(bytes[(at + 8)..<(at + 8 + Int(length))]))
            contents.entries.append(
                JournalContents.Entry(
                    call: try record.call(in: backend), identity: record.identity, isStruck: flags != 0))
            last = Self.headerLength + at
            at += 8 + Int(length)
        }
        return contents
    }

    private func words(_ file: Int32, at offset: Int, count: Int) throws -> [UInt64] {
        var words = [UInt64](repeating: 0, count: count)
        // What was never written reads as zero.
        let got = words.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, offset) }
        guard got >= 0 else { throw TransportError.last("reading an actor's journal") }
        return words
    }

    private func read(_ file: Int32, from start: Int, to end: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: end - start)
        var done = 0
        while done < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                pread(file, $0.baseAddress.map { $0 + done }, $0.count - done, start + done)
            }
            guard got > 0 else { throw TransportError.last("reading an actor's journal") }
            done += got
        }
        return bytes
    }

    // MARK: Writing

    func append(_ call: ActorCall, _ identity: CallIdentity) throws {
        let body = try BinaryEncoder().encode(try StoredCall(call, identity))
        var record: [UInt8] = []
        record.reserveCapacity(body.count + 8)
        withUnsafeBytes(of: UInt32(body.count)) { record.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(0)) { record.append(contentsOf: $0) }
        record.append(contentsOf: body)
        try write(record, to: files[active], at: end)
        last = end
        end += record.count
        try write(UInt64(end), at: 8, of: files[active])
    }

    func strikeLast() throws {
        var flag = UInt32(1)
        let count = withUnsafeBytes(of: &flag) { pwrite(files[active], $0.baseAddress, $0.count, last + 4) }
        guard count == 4 else { throw TransportError.last("writing an actor's journal") }
    }

    func replace(checkpoint: [UInt8], replies: [CallIdentity: ActorCall.Reply]) throws {
        let saved = replies.map { SavedReply(identity: $0.key, reply: StoredReply($0.value)) }
        try start(1 - active, Head(checkpoint: checkpoint, replies: saved))
    }

    /// Begins a file with a head and no calls; it counts from here on.
    private func start(_ index: Int, _ head: Head) throws {
        let file = files[index]
        let bytes = try BinaryEncoder().encode(head)
        try write(UInt64(0), at: 0, of: file)
        guard ftruncate(file, Self.headerLength) == 0 else { throw TransportError.last("ftruncate") }
        try write(bytes, to: file, at: Self.headerLength)
        try write(UInt64(Self.headerLength + bytes.count), at: 8, of: file)
        try write(UInt64(bytes.count), at: 16, of: file)
        try write(epoch + 1, at: 0, of: file)
        epoch += 1
        active = index
        end = Self.headerLength + bytes.count
        last = end
    }

    private func write(_ word: UInt64, at offset: Int, of file: Int32) throws {
        try withUnsafeBytes(of: word) { try write($0, to: file, at: offset) }
    }

    private func write(_ bytes: [UInt8], to file: Int32, at offset: Int) throws {
        try bytes.withUnsafeBytes { try write($0, to: file, at: offset) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: Int) throws {
        var done = 0
        while done < bytes.count {
            let count = pwrite(file, bytes.baseAddress.map { $0 + done }, bytes.count - done, offset + done)
            guard count > 0 || errno == EINTR else { throw TransportError.last("writing an actor's journal") }
            done += max(0, count)
        }
    }
}

// MARK: What is written

/// A call as the journal keeps it.
private struct StoredCall: Codable {
    var identity: CallIdentity
    var method: String
    var group: String?
    var callers: [ActorIdentifier]
    var substitutions: [String]
    var arguments: [StoredValue]

    init(_ call: ActorCall, _ identity: CallIdentity) throws(CodingError) {
        self.identity = identity
        method = call.method
        group = call.options?.group
        callers = call.callers
        substitutions = try call.substitutions.map { type throws(CodingError) in try TypeNames.name(of: type) }
        arguments = try call.arguments.map { argument throws(CodingError) in
            switch argument {
            case .plain(let bytes): .plain(bytes.array)
            case .arrived(let arrival, _): try StoredValue(arrival, call.name, read: call.read)
            case .encoded(let payload) where payload.references.isEmpty:
                .coded(payload.bytes, attachments: payload.attachments.map { Array($0.buffer) }, references: [])
            case .encoded, .shared:
                throw .rejected(path: call.name, reason: StoredValue.refusal)
            }
        }
    }

    func call(in backend: LocalBackend) throws(CodingError) -> ActorCall {
        ActorCall(
            method: method, arguments: arguments.map { $0.argument(in: backend) },
            substitutions: try substitutions.map { name throws(CodingError) in
                try TypeNames.type(named: name, expected: "a type of the program")
            }, callers: callers, options: group.map { CallOptions(group: $0) })
    }
}

private enum StoredValue: Codable {
    case plain([UInt8])
    indirect case coded([UInt8], attachments: [[UInt8]], references: [StoredReference])

    static let refusal =
        "the arguments of a checkpointed actor's calls must not refer to objects that do not exist yet, since they may be "
        + "needed again after their owner's end: await the objects first, and pass their values"

    /// - Parameter read: what of it is in the object store.
    init(
        _ arrival: Parcel.Arrival, _ path: String, read: [ObjectID: StoredBytes] = [:]
    ) throws(CodingError) {
        guard arrival.encoding != Parcel.plain else {
            self = .plain(arrival.bytes)
            return
        }
        var body = arrival.bytes
        if let object = arrival.object {
            guard arrival.form == .coded, let stored = read[object.id] else {
                throw .rejected(path: path, reason: Self.refusal)
            }
            body = Array(stored.bytes)
        }
        self = .coded(
            body,
            attachments: try arrival.attachments.map { attachment throws(CodingError) in
                switch attachment {
                case .bytes(let bytes): return Array(bytes.buffer)
                case .object(let object):
                    guard let stored = read[object.id] else { throw .rejected(path: path, reason: Self.refusal) }
                    return Array(stored.bytes)
                }
            },
            references: try arrival.references.map { reference throws(CodingError) in
                switch reference {
                case .value(let value): .value(try StoredValue(value, path))
                case .failure(let error): .failure(error)
                case .promise, .cell: throw .rejected(path: path, reason: Self.refusal)
                }
            })
    }

    var arrival: Parcel.Arrival {
        switch self {
        case .plain(let bytes):
            Parcel.Arrival(plain: bytes)
        case .coded(let bytes, let attachments, let references):
            Parcel.Arrival(
                bytes: bytes,
                references: references.map {
                    switch $0 {
                    case .value(let value): .value(value.arrival)
                    case .failure(let error): .failure(error)
                    }
                },
                attachments: attachments.map { bytes in
                    .bytes(bytes.withUnsafeBytes { SharedBytes.heap(copying: $0) })
                })
        }
    }

    func argument(in backend: LocalBackend) -> ActorCall.Argument { .arrived(arrival, backend) }
}

private enum StoredReference: Codable {
    case value(StoredValue)
    case failure(TaskError)
}

private enum StoredReply: Codable {
    case void
    case plain([UInt8])
    case coded([UInt8], attachments: [[UInt8]])
    case failed(CallFailure)

    init(_ reply: ActorCall.Reply) {
        switch reply {
        case .void: self = .void
        case .plain(let bytes): self = .plain(bytes.array)
        case .encoded(let payload) where payload.references.isEmpty:
            self = .coded(payload.bytes, attachments: payload.attachments.map { Array($0.buffer) })
        case .failed(let error): self = .failed(CallFailure(error))
        case .encoded, .value, .arrived:
            let reason = "the reply referred to objects, and was lost with the process that owned them"
            self = .failed(.coding(.rejected(path: "", reason: reason)))
        }
    }

    var reply: ActorCall.Reply {
        switch self {
        case .void: .void
        case .plain(let bytes): .plain(PlainBytes(bytes))
        case .coded(let bytes, let attachments):
            .encoded(
                Payload(
                    bytes: bytes, references: [],
                    attachments: attachments.map { bytes in bytes.withUnsafeBytes { SharedBytes.heap(copying: $0) } }))
        case .failed(let failure): .failed(failure.error)
        }
    }
}
