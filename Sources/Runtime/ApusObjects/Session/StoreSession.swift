import ApusCore
import Synchronization

/// A process's side of its node's store: creates objects in place and reads them in place.
///
/// Whoever reads the daemon's messages passes the answers to `receive`; `end` is called when the connection is lost, and
/// all that waits fails. Thread-safe.
package final class StoreSession: Sendable {
    private typealias Creation = UnsafeContinuation<Result<StoreLocation, StoreError>, Never>
    private typealias Reading = UnsafeContinuation<Result<[StoreLocation], StoreError>, Never>

    private struct State {
        var creations: [ObjectID: Creation] = [:]
        /// nil before the reader has begun to wait.
        var readings: [UInt64: Reading?] = [:]
        /// Readers that gave up before they began to wait, or were answered before.
        var outcomes: [UInt64: Result<[StoreLocation], StoreError>] = [:]
        var lastTicket: UInt64 = 0
        var isEnded = false
    }

    package let segment: SharedSegment
    private let state = Mutex(State())
    private let send: @Sendable (StoreRequest) -> Void
    private let lost: @Sendable (ObjectID, StoreError) -> Void

    /// - Parameters:
    ///   - send: passes a request on to the daemon, in order of calls; does not wait for the answer.
    ///   - lost: told when an object that this process holds has lost its bytes, so that it can be computed again.
    package init(
        segment: SharedSegment, send: @escaping @Sendable (StoreRequest) -> Void,
        lost: @escaping @Sendable (ObjectID, StoreError) -> Void
    ) {
        self.segment = segment
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

    /// Objects in memory, all of them at once; each stays there as long as what is returned for it.
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
        case .success(let locations):
            var read: [StoredBytes] = []
            read.reserveCapacity(locations.count)
            for (place, location) in locations.enumerated() {
                do {
                    read.append(StoredBytes(location, try segment.bytes(location.bytes), session: self))
                } catch {
                    // Those that were made give theirs back themselves.
                    send(.unpin(locations[place...].map(\.object)))
                    throw error
                }
            }
            return read
        case .failure(let error):
            try Task.checkCancellation()
            throw error
        }
    }

    fileprivate func unpin(_ id: ObjectID) { send(.unpin([id])) }

    /// Gives a reader its outcome; false where it has one.
    private func finish(_ ticket: UInt64, _ outcome: Result<[StoreLocation], StoreError>) -> Bool {
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
        case .located(let ticket, let locations):
            // Nobody waits any more: the reader was cancelled meanwhile.
            if !finish(ticket, .success(locations)) { send(.unpin(locations.map(\.object))) }
        case .readFailed(let ticket, let error): _ = finish(ticket, .failure(error))
        case .lost(let id, let error): lost(id, error)
        // A mistake of this process's own runtime. The daemon's log names it; nothing here waits for it.
        case .rejected: break
        }
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

/// An object's bytes in place: they stay in memory as long as this exists.
package final class StoredBytes: @unchecked Sendable {
    // Immutable, and so are the bytes.
    package let object: ObjectID
    package let bytes: UnsafeRawBufferPointer
    private let session: StoreSession

    fileprivate init(_ location: StoreLocation, _ bytes: UnsafeRawBufferPointer, session: StoreSession) {
        object = location.object
        self.bytes = bytes
        self.session = session
    }

    deinit { session.unpin(object) }
}
