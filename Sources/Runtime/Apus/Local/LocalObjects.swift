import ApusCore
import ApusObjects
import Synchronization

/// This process's part in its node's object store: large values go there once, and travel by name.
final class LocalObjects: SharedMemory {
    let session: StoreSession
    let process: UInt64
    unowned let backend: LocalBackend
    /// How the results were made that this process's tasks have in the store.
    let lineage: StoredLineage
    private let lastNumber = Atomic<UInt64>(0)

    /// Values of so many bytes or more go to the store; smaller ones travel inside messages.
    static let limit = SharedBytes.inlineLimit

    init(store: StoreAccess, process: UInt64, node: NodeClient, backend: LocalBackend) {
        self.process = process
        self.backend = backend
        let lineage = StoredLineage(backend: backend)
        self.lineage = lineage
        session = StoreSession(
            access: store, send: { node.send(.store($0)) }, lost: { object, _ in lineage.lost(object) })
    }

    private func newObject() -> ObjectID {
        ObjectID(owner: process, number: lastNumber.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Room for a new object; waits for it while the store is full.
    ///
    /// - Parameter name: of an object that was lost and is made again.
    /// - Throws: `ObjectStoreError`; `CancellationError`.
    private func create(_ size: Int, site: Site, as name: ObjectID? = nil) async throws -> StoredCreation {
        let id = name ?? newObject()
        do {
            return try await RunContext.lending { try await session.create(id, size: size, site: site.text) }
        } catch StoreError.exists where name != nil {
            // Another attempt made it already.
            return try await create(size, site: site)
        } catch let error as StoreError {
            throw ObjectStoreError(error)
        }
    }

    private func held(_ creation: StoredCreation) -> HeldObject {
        let size = creation.bytes.count
        creation.seal()
        return HeldObject(id: creation.id, size: size, objects: self)
    }

    // MARK: Values

    /// How a value leaves the process.
    enum Outgoing {
        case plain
        /// So many bytes.
        case packed(Int)
        case coded(Payload)

        /// Whether it is to go to the store.
        var isLarge: Bool {
            switch self {
            case .plain: false
            case .packed(let count): count >= LocalObjects.limit
            case .coded(let payload): payload.isLarge
            }
        }
    }

    /// How a value is to leave. One whose type does not tell its size is encoded.
    ///
    /// - Complexity: O(1) for numbers, strings and arrays of numbers.
    func outgoing<Value: Encodable>(_ value: Value) throws(CodingError) -> Outgoing {
        if PlainTypes.contain(Value.self) { return .plain }
        if let count = PackedValues.count(of: value) { return .packed(count) }
        return .coded(try Payload(encoding: value, userInfo: backend.userInfo))
    }

    /// Puts a value into the store.
    ///
    /// - Parameter names: of the objects that were lost, where the value is made again.
    func store<Value: Encodable>(
        _ value: Value, _ outgoing: Outgoing, site: Site, as names: ResultNames? = nil
    ) async throws -> StoredParcel {
        switch outgoing {
        case .plain:
            return try await store(try Payload(encoding: value, userInfo: backend.userInfo), site: site, as: names)
        case .packed(let count):
            let creation = try await create(count, site: site, as: names?.body)
            try PackedValues.write(value, into: creation)
            return StoredParcel(
                Parcel.Arrival(form: .packed, object: held(creation), references: [], attachments: []), in: self)
        case .coded(let payload): return try await store(payload, site: site, as: names)
        }
    }

    /// Puts an encoded value into the store: its bytes, where they are many, and each attachment.
    func store(_ payload: Payload, site: Site, as names: ResultNames? = nil) async throws -> StoredParcel {
        var attachments: [Parcel.Attachment] = []
        attachments.reserveCapacity(payload.attachments.count)
        for (index, bytes) in payload.attachments.enumerated() {
            let name = names?.attachment(index)
            // What was made in place has a name of its own; where another is asked for, it is copied.
            if case .store(let id) = bytes.place, name == nil {
                session.hold([id])
                attachments.append(.object(HeldObject(id: id, size: bytes.count, objects: self)))
            } else {
                let creation = try await create(bytes.count, site: site, as: name)
                try creation.write(bytes.buffer)
                attachments.append(.object(held(creation)))
            }
        }
        let references = payload.references.map { WireReference.cell($0) }
        guard payload.bytes.count >= Self.limit else {
            let arrival = Parcel.Arrival(bytes: payload.bytes, references: references, attachments: attachments)
            return StoredParcel(arrival, in: self)
        }
        let creation = try await create(payload.bytes.count, site: site, as: names?.body)
        try payload.bytes.withUnsafeBytes { try creation.write($0) }
        return StoredParcel(
            Parcel.Arrival(form: .coded, object: held(creation), references: references, attachments: attachments),
            in: self)
    }

    // MARK: Reading

    /// Objects in place, all of them at once. One that is lost is waited for while somebody makes it again.
    ///
    /// - Throws: `ObjectStoreError`; `CancellationError`.
    func read(_ objects: [HeldObject]) async throws -> [ObjectID: StoredBytes] {
        var ids = Set<ObjectID>()
        let wanted = objects.map(\.id).filter { ids.insert($0).inserted }
        guard !wanted.isEmpty else { return [:] }
        return try await RunContext.lending {
            while true {
                do {
                    let read = try await session.read(wanted)
                    return Dictionary(uniqueKeysWithValues: read.map { ($0.object, $0) })
                } catch let error as StoreError {
                    guard let lost = error.lostObject else { throw ObjectStoreError(error) }
                    let answer = await backend.node.ask { .recover(request: $0, lost) }
                    guard case .recovered(let failure)? = answer else { throw ObjectStoreError(.clientLeft) }
                    if let failure { throw ObjectStoreError(error, failure: failure) }
                    try Task.checkCancellation()
                }
            }
        }
    }

    // MARK: Shared arrays

    func allocate(_ count: Int) async throws -> any SharedAllocation {
        // Less than what travels inside messages need not be shared.
        guard count >= Self.limit else { return HeapAllocation(count) }
        let creation = try await create(count, site: .sharedArray)
        try creation.populate()
        return StoreAllocation(creation, objects: self)
    }

    private final class StoreAllocation: SharedAllocation {
        let creation: StoredCreation
        let objects: LocalObjects

        init(_ creation: StoredCreation, objects: LocalObjects) {
            self.creation = creation
            self.objects = objects
        }

        var bytes: UnsafeMutableRawBufferPointer { creation.bytes }

        func seal() throws -> SharedBytes {
            let pinned = try creation.sealPinned()
            return SharedBytes(pinned, of: HeldObject(id: creation.id, size: pinned.bytes.count, objects: objects))
        }

        func abandon() { creation.abort() }
    }
}

/// The names under which objects of a result are made again that were lost; nil for those that were not.
struct ResultNames: Sendable, Codable {
    var body: ObjectID?
    var attachments: [ObjectID?]

    init(of arrival: Parcel.Arrival, lost: Set<ObjectID>) {
        func name(_ object: HeldObject) -> ObjectID? { lost.contains(object.id) ? object.id : nil }
        body = arrival.object.flatMap(name)
        attachments = arrival.attachments.map { if case .object(let object) = $0 { name(object) } else { nil } }
    }

    func attachment(_ index: Int) -> ObjectID? { attachments.indices.contains(index) ? attachments[index] : nil }

    var all: [ObjectID] { ([body] + attachments).compactMap { $0 } }
}

extension StoreError {
    /// The object whose bytes are gone.
    fileprivate var lostObject: ObjectID? {
        switch self {
        case .corrupt(let object), .unreadable(let object, _), .abandoned(let object, _): object
        default: nil
        }
    }
}

/// Where in the program an object was made, for listings: the place, and the task that made it.
struct Site: Sendable {
    let text: String

    init(_ origin: Origin, task: String? = nil) { text = task.map { "\(origin) (\($0))" } ?? "\(origin)" }

    /// Where the running code's task was submitted.
    static var current: Site {
        guard let context = RunContext.current else { return Site(text: "the driver") }
        if let actor = context.actors.last { return Site(text: "actor \(actor)") }
        return Site(text: context.cell?.taskName ?? "the driver")
    }

    static var sharedArray: Site { Site(text: "SharedArray in \(current.text)") }

    private init(text: String) { self.text = text }
}

/// An object that this process holds. The hold is given back with the last reference.
final class HeldObject: Sendable {
    let id: ObjectID
    let size: Int
    let objects: LocalObjects

    /// - Parameter objects: the process has the hold that the new instance stands for.
    init(id: ObjectID, size: Int, objects: LocalObjects) {
        self.id = id
        self.size = size
        self.objects = objects
    }

    deinit { objects.session.release([id]) }
}

extension SharedBytes {
    /// Bytes of the store, which stay in place as long as the instance.
    convenience init(_ pinned: StoredBytes, of object: HeldObject) {
        // Of an empty object: any address serves, and the alignment is one, since it is not 0.
        self.init(
            start: pinned.bytes.baseAddress ?? UnsafeRawPointer(bitPattern: HeapMemory.alignment).unsafelyUnwrapped,
            count: pinned.bytes.count, place: .store(object.id)
        ) {
            // Let go of here, one after the other.
            withExtendedLifetime((pinned, object)) {}
        }
    }
}

extension Payload {
    /// Whether some of it is to go to the store. Attachments are large, or there already.
    var isLarge: Bool { bytes.count >= LocalObjects.limit || !attachments.isEmpty }
}

/// Why a value did not find its way into the node's object store, or out of it.
public struct ObjectStoreError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable, Codable {
        /// The store stayed full: too much is in use, or nothing more can be spilled.
        case full
        /// The value is larger than the whole store.
        case tooLarge
        /// The values that are wanted at once are larger together than the whole store.
        case tooMuchAtOnce
        /// The value is gone.
        case lost
        /// The node ended.
        case left
    }

    public let kind: Kind
    /// What happened, who keeps most of the store, and what to do.
    public let message: String

    public var description: String { message }

    /// - Parameter failure: why it was not made again.
    init(_ error: StoreError, failure: String) {
        kind = .lost
        message = "\(error) That is not possible: \(failure)."
    }

    init(_ error: StoreError) {
        kind =
            switch error {
            case .tooLarge: .tooLarge
            case .full, .busy: .full
            case .workingSetTooLarge: .tooMuchAtOnce
            case .exists, .beingCreated, .notSealed, .unknown, .abandoned, .corrupt, .unreadable: .lost
            case .clientLeft: .left
            }
        message = "\(error)"
    }
}
