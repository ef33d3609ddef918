import ApusCore
import Synchronization
import Threads

/// A process's side of its node's store: creates objects in place and reads them in place.
///
/// Whoever reads the daemon's messages passes the answers to `receive`; `end` is called when the connection is lost, and
/// all that waits fails. Thread-safe.
package final class StoreSession: Sendable {
    private typealias Creation = UnsafeContinuation<Result<StoreLocation, StoreError>, Never>
    private typealias Reading = UnsafeContinuation<Result<Found, StoreError>, Never>

    /// Where the objects of a read are.
    private struct Found {
        var located: [StoreLocation]
        var copies: [StoredCopy] = []
        var all: [ObjectID] { located.map(\.object) + copies.map(\.object) }
    }

    private struct State {
        var creations: [ObjectID: Creation] = [:]
        /// nil before the reader has begun to wait.
        var readings: [UInt64: Reading?] = [:]
        /// Readers that gave up before they began to wait, or were answered before.
        var outcomes: [UInt64: Result<Found, StoreError>] = [:]
        var lastTicket: UInt64 = 0
        var isEnded = false
    }

    private let access: StoreAccess
    package var segment: SharedSegment { access.segment }
    private let state = Mutex(State())
    private let send: @Sendable (StoreRequest) -> Void
    private let lost: @Sendable (ObjectID, StoreError) -> Void

    /// - Parameters:
    ///   - send: passes a request on to the daemon, in order of calls; does not wait for the answer.
    ///   - lost: told when an object that this process holds has lost its bytes, so that it can be computed again.
    package init(
        access: StoreAccess, send: @escaping @Sendable (StoreRequest) -> Void,
        lost: @escaping @Sendable (ObjectID, StoreError) -> Void
    ) {
        self.access = access
        self.send = send
        self.lost = lost
    }

    // MARK: Creating

    /// Room for an object, when there is some.
    ///
    /// - Parameters:
    ///   - patience: how long to wait for room in a full store.
    ///   - site: where in the program, for listings and messages.
    /// - Throws: `StoreError`.
    package func create(
        _ id: ObjectID, size: Int, patience: Duration = .seconds(60), site: String
    ) async throws -> StoredCreation {
        precondition(size >= 0, "an object of \(size) bytes")
        let outcome: Result<StoreLocation, StoreError> = await withUnsafeContinuation { continuation in
            let problem: StoreError? = state.withLock { state in
                if state.isEnded { return .clientLeft }
                if state.creations[id] != nil { return .beingCreated(object: id, by: "this process") }
                state.creations[id] = continuation
                return nil
            }
            if let problem {
                continuation.resume(returning: .failure(problem))
            } else {
                send(.create(id, size: size, patience: patience, site: site))
            }
        }
        let location = try outcome.get()
        do {
            return StoredCreation(id: id, bytes: try segment.writableBytes(location.bytes), session: self)
        } catch {
            send(.abort(id))
            throw error
        }
    }

    /// Copies bytes into a new object, which this process holds once, or its heir.
    package func put(
        _ id: ObjectID, _ bytes: UnsafeRawBufferPointer, heir: StoreClient? = nil, patience: Duration = .seconds(60),
        site: String
    ) async throws {
        let creation = try await create(id, size: bytes.count, patience: patience, site: site)
        try segment.write(bytes, to: creation.extent)
        creation.seal(heir: heir)
    }

    fileprivate func seal(_ id: ObjectID, heir: StoreClient?) { send(.seal(id, heir: heir)) }
    fileprivate func sealPinned(_ id: ObjectID) { send(.sealPinned(id)) }
    fileprivate func abort(_ id: ObjectID) { send(.abort(id)) }

    // MARK: Holding

    package func hold(_ ids: [ObjectID]) { send(.hold(ids)) }
    package func release(_ ids: [ObjectID]) { send(.release(ids)) }
    /// Makes another process hold objects that this one holds or reads.
    package func lend(_ ids: [ObjectID], to heir: StoreClient) { send(.lend(ids, heir: heir)) }
    package func transfer(_ ids: [ObjectID], to heir: StoreClient) { send(.transfer(ids, heir: heir)) }

    // MARK: Reading

    /// Objects in memory, all of them at once; each stays there as long as what is returned for it. Where the store has no
    /// room for those that were spilled, and can make none, they are copied into this process's own memory.
    ///
    /// - Parameters:
    ///   - ids: different ones.
    ///   - patience: how long to wait for them to be finished, and for room to read them back into.
    /// - Throws: `StoreError`; `CancellationError`.
    package func read(_ ids: [ObjectID], patience: Duration = .seconds(60)) async throws -> [StoredBytes] {
        let ticket: UInt64? = state.withLock { state in
            if state.isEnded { return nil }
            state.lastTicket += 1
            state.readings[state.lastTicket] = .some(nil)
            return state.lastTicket
        }
        guard let ticket else { throw StoreError.clientLeft }
        send(.pin(ids, ticket: ticket, patience: patience))
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: Reading) in
                let already = state.withLock { state in
                    if let outcome = state.outcomes.removeValue(forKey: ticket) { return Optional(outcome) }
                    state.readings[ticket] = .some(continuation)
                    return nil
                }
                if let already { continuation.resume(returning: already) }
            }
        } onCancel: {
            // Answered or not, the store says so once: pins that come nevertheless are given back there.
            if finish(ticket, .failure(.clientLeft)) { send(.cancel(ticket: ticket)) }
        }
        switch outcome {
        case .success(let found): return try await take(found, in: ids)
        case .failure(let error):
            try Task.checkCancellation()
            throw error
        }
    }

    /// The bytes of what was found, in the order asked for. Each pin is given back, with the bytes or after they were copied.
    private func take(_ found: Found, in order: [ObjectID]) async throws -> [StoredBytes] {
        var taken: [ObjectID: StoredBytes] = [:]
        for (place, location) in found.located.enumerated() {
            do {
                taken[location.object] = StoredBytes(location, try segment.bytes(location.bytes), session: self)
            } catch {
                // Those that were made give theirs back themselves.
                send(.unpin(found.located[place...].map(\.object) + found.copies.map(\.object)))
                throw error
            }
        }
        for (place, copy) in found.copies.enumerated() {
            do {
                taken[copy.object] = try await self.copy(copy)
            } catch {
                send(.unpin(found.copies[(place + 1)...].map(\.object)))
                throw error
            }
        }
        return order.compactMap { taken[$0] }
    }

    /// Copies an object from the spill file, on a thread of its own: the disk is waited for.
    private func copy(_ copy: StoredCopy) async throws -> StoredBytes {
        guard let file = access.spillFile, copy.size >= 0 else {
            send(.unpin([copy.object]))
            throw StoreError.unreadable(object: copy.object, .disabled)
        }
        let bytes: StoredBytes
        do {
            bytes = try await OwnThread.run {
                let bytes = StoredBytes(privateFor: copy)
                try bytes.fill { buffer throws(StoreError) in try file.read(copy, into: buffer) }
                return bytes
            }
        } catch StoreError.corrupt {
            send(.copyDamaged(copy.object, nil))
            throw StoreError.corrupt(object: copy.object)
        } catch StoreError.unreadable(let object, let trouble) {
            send(.copyDamaged(object, trouble))
            throw StoreError.unreadable(object: object, trouble)
        } catch {
            send(.unpin([copy.object]))
            throw error
        }
        send(.unpin([copy.object]))
        return bytes
    }

    fileprivate func unpin(_ id: ObjectID) { send(.unpin([id])) }

    /// Gives a reader its outcome; false where it has one.
    private func finish(_ ticket: UInt64, _ outcome: Result<Found, StoreError>) -> Bool {
        let (isFirst, continuation): (Bool, Reading?) = state.withLock { state in
            guard let reading = state.readings.removeValue(forKey: ticket) else { return (false, nil) }
            if reading == nil { state.outcomes[ticket] = outcome }
            return (true, reading)
        }
        continuation?.resume(returning: outcome)
        return isFirst
    }

    // MARK: The daemon's side

    /// Takes in an answer.
    package func receive(_ answer: StoreAnswer) {
        switch answer {
        case .allocated(let location): finish(location.object, .success(location))
        case .createFailed(let id, let error): finish(id, .failure(error))
        case .located(let ticket, let locations): found(ticket, Found(located: locations))
        case .copies(let ticket, let located, let copies): found(ticket, Found(located: located, copies: copies))
        case .readFailed(let ticket, let error): _ = finish(ticket, .failure(error))
        case .lost(let id, let error): lost(id, error)
        // A mistake of this process's own runtime. The daemon's log names it; nothing here waits for it.
        case .rejected: break
        }
    }

    private func found(_ ticket: UInt64, _ found: Found) {
        // Nobody waits any more: the reader was cancelled meanwhile.
        if !finish(ticket, .success(found)) { send(.unpin(found.all)) }
    }

    private func finish(_ id: ObjectID, _ outcome: Result<StoreLocation, StoreError>) {
        if let creation = state.withLock({ $0.creations.removeValue(forKey: id) }) {
            creation.resume(returning: outcome)
        } else if case .success = outcome {
            send(.abort(id))
        }
    }

    /// The connection is lost: all that waits fails with `StoreError.clientLeft`.
    package func end() {
        let (creations, readings) = state.withLock { state in
            state.isEnded = true
            defer { state.creations = [:] }
            return (Array(state.creations.values), Array(state.readings.keys))
        }
        for creation in creations { creation.resume(returning: .failure(.clientLeft)) }
        for ticket in readings { _ = finish(ticket, .failure(.clientLeft)) }
    }
}

/// An object that this process writes. Sealed once; given up where it goes unsealed.
package final class StoredCreation: @unchecked Sendable {
    // One creator has it at a time; `isOpen` is atomic.
    package let id: ObjectID
    package let bytes: UnsafeMutableRawBufferPointer
    private let session: StoreSession
    private let isOpen = Atomic(true)

    fileprivate init(id: ObjectID, bytes: UnsafeMutableRawBufferPointer, session: StoreSession) {
        self.id = id
        self.bytes = bytes
        self.session = session
    }

    deinit { abort() }

    fileprivate var extent: Extent { session.segment.extent(of: UnsafeRawBufferPointer(bytes)) }

    /// The bytes never change again. The hold is this process's, or the heir's.
    package func seal(heir: StoreClient? = nil) {
        if isOpen.exchange(false, ordering: .acquiringAndReleasing) { session.seal(id, heir: heir) }
    }

    /// Copies all bytes of the object, with several threads where that pays.
    package func write(_ source: UnsafeRawBufferPointer) throws(SegmentError) {
        try session.segment.write(source, to: extent)
    }

    /// Makes the memory ready for whoever writes to it in place.
    package func populate() throws(SegmentError) { try session.segment.populate(extent) }

    /// As `seal`; the bytes stay where they are as long as what is returned. The hold is this process's.
    package func sealPinned() throws(SegmentError) -> StoredBytes {
        let extent = extent
        let bytes = try session.segment.bytes(extent)
        guard isOpen.exchange(false, ordering: .acquiringAndReleasing) else {
            throw .outOfBounds(offset: extent.offset, count: extent.count, capacity: session.segment.capacity)
        }
        session.sealPinned(id)
        return StoredBytes(
            StoreLocation(object: id, offset: extent.offset, size: extent.count), bytes, session: session)
    }

    package func abort() {
        if isOpen.exchange(false, ordering: .acquiringAndReleasing) { session.abort(id) }
    }
}

/// An object's bytes: in place, where they stay in memory as long as this exists, or a copy in this process's own memory.
package final class StoredBytes: @unchecked Sendable {
    // Immutable, and so are the bytes once `fill` has returned, which is called once, by who made the instance.
    package let object: ObjectID
    package let bytes: UnsafeRawBufferPointer
    private enum Source {
        case store(StoreSession)
        case copy(UnsafeMutableRawBufferPointer)
    }
    private let source: Source

    fileprivate init(_ location: StoreLocation, _ bytes: UnsafeRawBufferPointer, session: StoreSession) {
        object = location.object
        self.bytes = bytes
        source = .store(session)
    }

    /// Memory for a copy, aligned as the store's.
    fileprivate init(privateFor copy: StoredCopy) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: max(copy.size, 1), alignment: 64)
        object = copy.object
        bytes = UnsafeRawBufferPointer(rebasing: room[..<copy.size])
        source = .copy(UnsafeMutableRawBufferPointer(rebasing: room[..<copy.size]))
    }

    fileprivate func fill(
        _ read: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        if case .copy(let room) = source { try read(room) }
    }

    deinit {
        switch source {
        case .store(let session): session.unpin(object)
        case .copy(let room): room.deallocate()
        }
    }
}
