import ApusCore
import ApusTransport
import Synchronization

/// Another process that this one exchanges messages with.
final class Peer: ChannelReceiver, @unchecked Sendable {
    // `sentTypes`, `sentMethods` and `flights` are each touched under the lock named beside them; what was received only
    // by the thread that hands out messages; the rest is immutable or has its own lock.
    let id: UInt64
    let channel: Channel
    unowned let backend: LocalBackend

    /// Types whose names the other side knows, by number. Guarded by `typeLock`.
    @exclusivity(unchecked) private var sentTypes: [ObjectIdentifier: UInt32] = [:]
    @exclusivity(unchecked) private var lastType: (key: ObjectIdentifier, number: UInt32)?
    private let typeLock = Mutex(())
    @exclusivity(unchecked) private var receivedTypes: [ServedType] = []

    /// Methods, as the types.
    @exclusivity(unchecked) private var sentMethods: [String: SentMethod] = [:]
    @exclusivity(unchecked) private var lastMethod: (name: String, method: SentMethod)?
    @exclusivity(unchecked) private var receivedMethods: [ReceivedMethod] = []

    /// Tasks sent to this process and not yet answered, by slot. Guarded by the task owner's lock.
    @exclusivity(unchecked) var flights = FlightTable()

    private enum Outcome {
        case value(Parcel.Arrival)
        case failure(TaskError)
    }

    private struct Promises {
        var next: UInt64 = 0
        /// Objects that this side will send once they exist.
        var given: [UInt64: ObjectCell] = [:]
        /// Objects that the other side will send.
        var accepted: [UInt64: Promise] = [:]
        /// Objects that came before the message that refers to them: another thread of the other side was faster.
        var early: [UInt64: Outcome] = [:]
        var isClosed = false
    }

    private let promises = Mutex(Promises())

    init(id: UInt64, channel: Channel, backend: LocalBackend) {
        self.id = id
        self.channel = channel
        self.backend = backend
    }

    // MARK: Types

    /// The number under which the other side knows a type; its name is sent before the first use.
    func number(of type: Any.Type) throws(CodingError) -> UInt32 {
        let key = ObjectIdentifier(type)
        let known: UInt32? = typeLock.withLock { _ in
            if let last = lastType, last.key == key { return last.number }
            guard let number = sentTypes[key] else { return nil }
            lastType = (key, number)
            return number
        }
        if let known { return known }
        let name = try TypeNames.name(of: type)
        return typeLock.withLock { _ in
            if let number = sentTypes[key] { return number }
            let number = UInt32(sentTypes.count)
            sentTypes[key] = number
            var writer = ByteWriter()
            writer.number(number)
            writer.text(name)
            // Under the lock, so that no task with the number overtakes its definition.
            channel.send(kind: WireKind.defineType, writer.bytes)
            return number
        }
    }

    private func define(_ reader: inout ByteReader) throws {
        let number = try reader.number(UInt32.self)
        guard Int(number) == receivedTypes.count else {
            throw TransportError.malformed(reason: "type \(number) was defined out of order")
        }
        receivedTypes.append(ServedType(name: try reader.text()))
    }

    // MARK: Methods

    struct SentMethod {
        /// Under which the other side knows it.
        let number: UInt32
        /// Among the names of this process's events.
        let eventName: UInt16
    }

    /// How a method is named in messages and events; the other side is told its name before the first use.
    func sentMethod(_ name: String) -> SentMethod {
        typeLock.withLock { _ in
            if let last = lastMethod, last.name == name { return last.method }
            let method: SentMethod
            if let known = sentMethods[name] {
                method = known
            } else {
                method = SentMethod(
                    number: UInt32(sentMethods.count), eventName: backend.recorder.name(MethodNames.text(name)))
                sentMethods[name] = method
                var writer = ByteWriter()
                writer.number(method.number)
                writer.text(name)
                channel.send(kind: WireKind.defineMethod, writer.bytes)
            }
            lastMethod = (name, method)
            return method
        }
    }

    private func defineMethod(_ reader: inout ByteReader) throws {
        let number = try reader.number(UInt32.self)
        guard Int(number) == receivedMethods.count else {
            throw TransportError.malformed(reason: "method \(number) was defined out of order")
        }
        let name = try reader.text()
        receivedMethods.append(
            ReceivedMethod(
                name: name, distributed: DistributedMethod.named(name),
                eventName: backend.recorder.name(MethodNames.text(name))))
    }

    struct ReceivedMethod {
        let name: String
        let distributed: DistributedMethod?
        /// Among the names of this process's events.
        let eventName: UInt16
    }

    func method(_ number: UInt32) throws(TransportError) -> ReceivedMethod {
        guard receivedMethods.indices.contains(Int(number)) else {
            throw .malformed(reason: "method \(number) is not defined")
        }
        return receivedMethods[Int(number)]
    }

    func servedType(_ number: UInt32) throws(TransportError) -> ServedType {
        guard receivedTypes.indices.contains(Int(number)) else {
            throw .malformed(reason: "type \(number) is not defined")
        }
        return receivedTypes[Int(number)]
    }

    // MARK: Results that are made again

    /// The names that the results of tasks are to have that are about to come. As the types.
    @exclusivity(unchecked) private var resultNames: [UInt64: ResultNames] = [:]

    private static func place(_ slot: UInt32, _ generation: UInt32) -> UInt64 {
        UInt64(slot) << 32 | UInt64(generation)
    }

    /// Says how the result of the task is to be named that is sent next to a slot.
    func send(_ names: ResultNames, slot: UInt32, generation: UInt32) throws(CodingError) {
        var writer = ByteWriter()
        writer.number(Self.place(slot, generation))
        writer.run(try BinaryEncoder().encode(names))
        channel.send(kind: WireKind.resultNames, writer.bytes)
    }

    private func accept(names reader: inout ByteReader) throws {
        let place = try reader.number(UInt64.self)
        resultNames[place] = try BinaryDecoder().decode(ResultNames.self, from: Array(try reader.run()))
    }

    func takeNames(slot: UInt32, generation: UInt32) -> ResultNames? {
        resultNames.isEmpty ? nil : resultNames.removeValue(forKey: Self.place(slot, generation))
    }

    // MARK: Promises

    private final class PromiseWaiter: Waiter, @unchecked Sendable {
        // Immutable.
        let peer: Peer
        let number: UInt64
        init(peer: Peer, number: UInt64) { (self.peer, self.number) = (peer, number) }
        override func objectCompleted() { peer.keep(number) }
    }

    /// Promises to send an object once it exists.
    ///
    /// - Returns: the promise's number, for one reference in one message.
    func promise(_ cell: ObjectCell) -> UInt64 {
        let number = promises.withLock { promises in
            promises.next += 1
            promises.given[promises.next] = cell
            return promises.next
        }
        if !cell.add(PromiseWaiter(peer: self, number: number)) { keep(number) }
        return number
    }

    private func keep(_ number: UInt64) {
        guard let cell = promises.withLock({ $0.given.removeValue(forKey: number) }) else { return }
        var writer = ByteWriter()
        writer.number(number)
        do throws(CodingError) {
            if let failure = cell.failure {
                writer.number(UInt8(1))
                writer.run(try BinaryEncoder().encode(failure.error))
            } else {
                writer.number(UInt8(0))
                try cell.writeValue(into: &writer, to: self)
            }
        } catch {
            writer = ByteWriter()
            writer.number(number)
            writer.number(UInt8(1))
            // A task error of names and numbers always encodes; without it the other side would wait for ever.
            writer.run((try? BinaryEncoder().encode(cell.error(.coding(error)))) ?? [])
        }
        channel.send(kind: WireKind.exported, writer.bytes)
    }

    /// Notes that the other side will send an object.
    func accept(_ number: UInt64, task: String, origin: Origin) -> Promise {
        let promise = Promise(peer: self, number: number, task: task, origin: origin)
        let (early, isClosed): (Outcome?, Bool) = promises.withLock { promises in
            let early = promises.early.removeValue(forKey: number)
            if early == nil, !promises.isClosed { promises.accepted[number] = promise }
            return (early, promises.isClosed)
        }
        switch early {
        case .value(let arrival): promise.keep(arrival)
        case .failure(let error): promise.fail(error)
        case nil: if isClosed { promise.fail(.objectLost(reason: "the process that owned it ended")) }
        }
        return promise
    }

    private func exported(_ reader: inout ByteReader) throws {
        let number = try reader.number(UInt64.self)
        let outcome: Outcome =
            try reader.number(UInt8.self) == 1
            ? .failure(try BinaryDecoder().decode(TaskError.self, from: Array(try reader.run())))
            : .value(try Parcel.Arrival(reader.rest(), from: self))
        let promise: Promise? = promises.withLock { promises in
            if let promise = promises.accepted.removeValue(forKey: number) { return promise }
            promises.early[number] = outcome
            return nil
        }
        switch outcome {
        case .value(let arrival): promise?.keep(arrival)
        case .failure(let error): promise?.fail(error)
        }
    }

    /// Whether the other process waits for no object of this one.
    var owesNothing: Bool { promises.withLock { $0.given.isEmpty } }

    private func cancelExport(_ reader: inout ByteReader) throws {
        let number = try reader.number(UInt64.self)
        if let cell = promises.withLock({ $0.given[number] }) { backend.cancel(cell.producer) }
    }

    /// Objects of the other process that this one waits for.
    var awaited: [ObjectCell] {
        promises.withLock { Array($0.accepted.values) }.compactMap(\.waitingCell)
    }

    // MARK: Messages

    func received(kind: UInt32, payload: UnsafeRawBufferPointer, on channel: Channel) {
        var reader = ByteReader(payload)
        do {
            switch kind {
            case WireKind.task: try backend.server.received(&reader, from: self)
            case WireKind.result: try backend.owner.result(&reader, from: self)
            case WireKind.defineType: try define(&reader)
            case WireKind.defineMethod: try defineMethod(&reader)
            case WireKind.cancelTask: try backend.server.cancel(&reader, from: self)
            case WireKind.leaseSuspended: backend.owner.suspended(try reader.number(UInt64.self))
            case WireKind.leaseResumed: backend.owner.resumed(try reader.number(UInt64.self))
            case WireKind.exported: try exported(&reader)
            case WireKind.cancelExport: try cancelExport(&reader)
            case WireKind.streamItem: try backend.owner.streamItem(&reader, from: self)
            case WireKind.timedOut: try backend.owner.timedOut(&reader, from: self)
            case WireKind.resultNames: try accept(names: &reader)
            case WireKind.streamCredit: try backend.server.streamCredit(&reader, from: self)
            case WireKind.call: try backend.actors.received(&reader, from: self)
            case WireKind.cancelCall: try backend.actors.cancel(&reader, from: self)
            case WireKind.reply: try backend.actors.reply(&reader, from: self)
            default: throw TransportError.malformed(reason: "its kind is \(kind)")
            }
        } catch {
            backend.protocolError(error, from: self)
        }
    }

    func damaged(_ channel: Channel) {
        backend.protocolError(TransportError.malformed(reason: "the shared memory holds no message"), from: self)
    }

    /// The process ended: what it promised will not come.
    func ended(reason: String) {
        let broken = promises.withLock { promises in
            promises.isClosed = true
            defer {
                promises.accepted = [:]
                promises.given = [:]
                promises.early = [:]
            }
            return Array(promises.accepted.values)
        }
        for promise in broken { promise.lost(reason: reason) }
    }
}

/// An object that another process will send.
final class Promise: Sendable {
    private enum State {
        case open
        case waiting(ObjectCell)
        case kept(Parcel.Arrival)
        case broken(TaskError)
        /// What comes is another's: it took this one's place when its owner ended.
        case standing(for: Promise)
    }

    private let state = Mutex(State.open)
    private struct Rebuilding {
        var lineage: (of: ResultLineage, index: Int)?
        var successor: Promise?
    }
    private let rebuilding = Mutex(Rebuilding())
    /// Told the outcome beside the cell; for processes that the reference was passed on to.
    private let relays = Mutex<[RelayCell]>([])
    private unowned let peer: Peer
    private let number: UInt64
    private let task: String
    private let origin: Origin

    init(peer: Peer, number: UInt64, task: String, origin: Origin) {
        self.peer = peer
        self.number = number
        self.task = task
        self.origin = origin
    }

    /// The object's cell, where something waits for it.
    var waitingCell: ObjectCell? { state.withLock { if case .waiting(let cell) = $0 { cell } else { nil } } }

    /// The object's cell in this process: always the same one.
    func cell<Value: Sendable & Codable>(of type: Value.Type) throws(CodingError) -> ValueCell<Value> {
        let outcome: Result<(ValueCell<Value>, State), CodingError> = state.withLock { state in
            if case .waiting(let cell) = state {
                guard let cell = cell as? ValueCell<Value> else { return .failure(.missingReference(index: 0)) }
                return .success((cell, .open))
            }
            let before = state
            let cell = BorrowedCell<Value>(
                task: task, origin: origin,
                cancel: { [weak self] in self?.cancel() })
            if case .open = state { state = .waiting(cell) }
            return .success((cell, before))
        }
        let (cell, before) = try outcome.get()
        switch before {
        case .kept(let arrival): cell.complete(arrival, in: peer.backend)
        case .broken(let error): cell.fail(error)
        case .open, .waiting, .standing: break
        }
        return cell
    }

    private enum Receiver {
        case cell(ObjectCell)
        case promise(Promise)
        case later
    }

    /// The object without its type, to pass the reference on.
    func relay() -> ObjectCell {
        let relay = RelayCell(task: task, origin: origin)
        let settled: State? = state.withLock { state in
            switch state {
            case .open:
                relays.withLock { $0.append(relay) }
                return nil
            case .waiting, .kept, .broken, .standing: return state
            }
        }
        switch settled {
        case .waiting(let cell): return cell
        case .kept(let arrival): relay.complete(arrival, in: peer.backend)
        case .broken(let error): relay.fail(error)
        case .open, .standing, nil: break
        }
        return relay
    }

    private func takeRelays() -> [RelayCell] {
        relays.withLock { relays in
            defer { relays = [] }
            return relays
        }
    }

    func keep(_ arrival: Parcel.Arrival) {
        let receiver: Receiver = state.withLock { state in
            switch state {
            case .waiting(let cell): return .cell(cell)
            case .standing(let other): return .promise(other)
            case .open, .kept, .broken:
                state = .kept(arrival)
                return .later
            }
        }
        switch receiver {
        case .cell(let cell): cell.complete(arrival, in: peer.backend)
        case .promise(let other): other.keep(arrival)
        case .later: break
        }
        for relay in takeRelays() { relay.complete(arrival, in: peer.backend) }
    }

    /// Tells the owner that the object is not wanted any more.
    func cancel() {
        if let successor = rebuilding.withLock({ $0.successor }) { return successor.cancel() }
        var writer = ByteWriter()
        writer.number(number)
        peer.channel.send(kind: WireKind.cancelExport, writer.bytes)
    }

    /// Notes how the object is computed again should its owner end.
    func setLineage(_ lineage: ResultLineage, index: Int) { rebuilding.withLock { $0.lineage = (lineage, index) } }

    /// The owner ended: the object is computed again where that is possible and somebody wants it.
    func lost(reason: String) {
        let isWanted = state.withLock { state in
            guard case .waiting(var cell) = state else { return true }
            // This promise alone does not want it.
            state = .open
            defer { state = .waiting(cell) }
            return !isKnownUniquelyReferenced(&cell)
        }
        if isWanted, let lineage = rebuilding.withLock({ $0.lineage }) {
            return lineage.of.rebuild(self, at: lineage.index, reason: reason)
        }
        fail(.objectLost(reason: "the process that owned it ended: \(reason)"))
    }

    /// What comes for this promise goes to one whose owner ended.
    func stand(for other: Promise) {
        other.rebuilding.withLock { $0.successor = self }
        let before = state.withLock { state in
            let before = state
            if case .open = state { state = .standing(for: other) }
            return before
        }
        switch before {
        case .kept(let arrival): other.keep(arrival)
        case .broken(let error): other.fail(error)
        case .open, .waiting, .standing: break
        }
    }

    func fail(_ cause: TaskError.Cause) { fail(TaskError(cause: cause, task: task, origin: origin, attempts: 0)) }

    func fail(_ error: TaskError) {
        let receiver: Receiver = state.withLock { state in
            switch state {
            case .waiting(let cell): return .cell(cell)
            case .standing(let other): return .promise(other)
            case .open, .kept, .broken:
                state = .broken(error)
                return .later
            }
        }
        switch receiver {
        case .cell(let cell): cell.fail(error)
        case .promise(let other): other.fail(error)
        case .later: break
        }
        for relay in takeRelays() { relay.fail(error) }
    }
}

/// A reference to an object that another process owns and that does not exist yet.
final class BorrowedCell<Value: Sendable & Codable>: ValueCell<Value>, @unchecked Sendable {
    // Immutable.
    private let name: String
    private let place: Origin
    private let cancelAtOwner: @Sendable () -> Void

    init(task: String, origin: Origin, cancel: @escaping @Sendable () -> Void) {
        name = task
        place = origin
        cancelAtOwner = cancel
        super.init(phase: .waiting, file: #fileID, line: #line)
    }

    override var taskName: String { name }
    override var origin: Origin { place }
    override func interrupt(_ reason: Stop) -> Bool {
        cancelAtOwner()
        return true
    }
}

/// A reference that is passed on before this process knew its type.
final class RelayCell: ObjectCell, @unchecked Sendable {
    // `kept` is written once before the cell is complete; the rest is immutable.
    private let name: String
    private let place: Origin
    private var kept: Parcel.Arrival?

    init(task: String, origin: Origin) {
        name = task
        place = origin
        super.init(phase: .waiting, file: #fileID, line: #line)
    }

    override var taskName: String { name }
    override var origin: Origin { place }
    override var arrival: Parcel.Arrival? { kept }

    override func complete(_ arrival: Parcel.Arrival, in backend: LocalBackend) { finish { kept = arrival } }

    override func writeValue(into writer: inout ByteWriter, to peer: Peer) throws(CodingError) {
        guard let arrival else { throw .missingReference(index: 0) }
        try Parcel.write(arrival, into: &writer, to: peer)
    }
}
