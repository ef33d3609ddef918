import ApusCore
import ApusObjects

/// A value some of which lies in the node's object store: it is decoded each time that it is wanted, and not kept.
package final class StoredParcel: Sendable {
    let arrival: Parcel.Arrival
    let objects: LocalObjects
    /// Which task made it, where this process submitted it.
    let ticket: LineageTicket?

    init(_ arrival: Parcel.Arrival, in objects: LocalObjects, ticket: LineageTicket? = nil) {
        self.arrival = arrival
        self.objects = objects
        self.ticket = ticket
    }

    /// The value. Waits for the disk where it was spilled.
    ///
    /// - Throws: `ObjectStoreError`, `CodingError`, `CancellationError`.
    func load<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        let read = try await objects.read(arrival.objects)
        return try arrival.decode(type, in: objects.backend, from: read)
    }
}

extension Parcel.Arrival {
    /// The objects of the store that are wanted to decode the value.
    var objects: [HeldObject] {
        var all: [HeldObject] = []
        if let object { all.append(object) }
        for case .object(let object) in attachments { all.append(object) }
        return all
    }

    /// Whether some of the value is in the store.
    var isStored: Bool {
        object != nil
            || attachments.contains { attachment in
                if case .object = attachment { true } else { false }
            }
    }

    /// Decodes a value whose objects were read.
    func decode<Value: Decodable>(
        _ type: Value.Type, in backend: LocalBackend, from read: [ObjectID: StoredBytes]
    ) throws(CodingError) -> Value {
        var shared: [SharedBytes] = []
        shared.reserveCapacity(attachments.count)
        for (index, attachment) in attachments.enumerated() {
            switch attachment {
            case .bytes(let bytes): shared.append(bytes)
            case .object(let object):
                guard let pinned = read[object.id] else { throw .missingReference(index: index) }
                shared.append(SharedBytes(pinned, of: object))
            }
        }
        var body = bytes
        if let object {
            guard let pinned = read[object.id] else { throw .missingReference(index: 0) }
            if form == .packed {
                guard let value = PackedValues.read(type, from: pinned.bytes) else {
                    throw .typeMismatch(path: "", expected: "\(type)", found: "\(object.size) bytes of another type")
                }
                return value
            }
            body = Array(pinned.bytes)
        }
        if encoding == Parcel.plain { return try PlainBytes(body).load(type) }
        return try Payload.decode(
            type, from: body, resolver: WireResolver(references: references, backend: backend), attachments: shared,
            userInfo: backend.userInfo)
    }
}

extension Parcel.Arrival {
    /// Whether it, or what it refers to, may be in the store.
    var mayNeedStore: Bool { !references.isEmpty || isStored }

    /// A task with the values of its inputs, those in the store read from there.
    ///
    /// - Throws: `ObjectStoreError`, `CodingError`, `CancellationError`.
    func load<Job: Decodable>(_ type: Job.Type, in backend: LocalBackend) async throws -> Job {
        let job =
            isStored
            ? try await StoredParcel(self, in: backend.objects).load(type) : try decode(type, in: backend)
        let inputs = TaskInputs.of(job)
        if inputs.contains(where: { $0.parcel != nil }) { try await InputFetch.fetch(inputs, in: backend.objects) }
        return job
    }
}

/// Fetches what tasks and calls need before they begin.
enum InputFetch {
    /// Bytes that are read at once, as a share of the store; what is copied out can be read in turn.
    private static let share = 8
    private static let mostAtOnce = 1024

    /// Decodes the values of inputs that lie in the store.
    ///
    /// Values that are read in place must be there together; the others are copied out a part at a time.
    static func fetch(_ inputs: [ObjectCell], in objects: LocalObjects) async throws {
        var inPlace: [ObjectCell] = []
        var copied: [ObjectCell] = []
        for input in inputs {
            guard let parcel = input.parcel else { continue }
            if parcel.arrival.attachments.isEmpty { copied.append(input) } else { inPlace.append(input) }
        }
        if !inPlace.isEmpty {
            let read = try await objects.read(inPlace.flatMap { $0.parcel?.arrival.objects ?? [] })
            for input in inPlace { try input.keep(from: read) }
        }
        try await inParts(copied, of: objects) { part, read in
            for input in part { try input.keep(from: read) }
        }
    }

    /// Calls with parts of cells and their objects in place.
    static func inParts(
        _ cells: [ObjectCell], of objects: LocalObjects,
        _ body: ([ObjectCell], [ObjectID: StoredBytes]) throws -> Void
    ) async throws {
        let limit = objects.session.segment.capacity / share
        var start = 0
        while start < cells.count {
            var end = start
            var bytes = 0
            var wanted: [HeldObject] = []
            while end < cells.count, end - start < mostAtOnce {
                let own = cells[end].parcel?.arrival.objects ?? []
                let more = own.reduce(0) { $0 + $1.size }
                if end > start, bytes + more > limit { break }
                bytes += more
                wanted += own
                end += 1
            }
            try body(Array(cells[start..<end]), try await objects.read(wanted))
            start = end
        }
    }
}
