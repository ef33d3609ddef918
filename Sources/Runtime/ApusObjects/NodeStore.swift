import ApusCore

/// The object store as a node's daemon runs it: the deciding core with its memory and its file.
///
/// The daemon's loop passes events in, calls `collect` when `readiness` is readable or `nextDeadline` has come, and tells
/// the clients what comes out. Nothing in here waits.
package struct NodeStore: ~Copyable, Sendable {
    package private(set) var core: StoreCore
    package let segment: SharedSegment
    private let spill: SpillFile?

    /// - Parameters:
    ///   - capacity: bytes; nil for three tenths of the memory that is available.
    ///   - spillFolder: a folder on a disk; nil to spill nothing.
    ///   - spillCapacity: bytes that the spill file may have.
    /// - Throws: `SegmentError`, `SpillTrouble`.
    package init(capacity: Int? = nil, spillFolder: String?, spillCapacity: Int = 1 << 40) throws {
        let available = AvailableMemory.read()
        let segment = try SharedSegment(
            capacity: capacity ?? AvailableMemory.standardStore(of: available.bytes), available: available)
        let spill = try spillFolder.map { try SpillFile(folder: $0, segment: segment) }
        self.init(
            StoreCore.Configuration(capacity: segment.capacity, spillCapacity: spill == nil ? 0 : spillCapacity),
            segment: segment, spill: spill)
    }

    package init(_ configuration: StoreCore.Configuration, segment: SharedSegment, spill: SpillFile?) {
        var configuration = configuration
        if spill.map({ $0.readingDescriptor < 0 }) ?? true { configuration.copyPatience = nil }
        core = StoreCore(configuration)
        self.segment = segment
        self.spill = spill
    }

    deinit { spill?.stop() }

    /// A descriptor that is readable when `collect` has something to do; nil without a spill file.
    package var readiness: Int32? { spill?.readiness }

    /// The spill file, for reading, to be passed on as a copy to each process; nil where there is none.
    package var spillDescriptor: Int32? {
        guard let spill, spill.readingDescriptor >= 0 else { return nil }
        return spill.readingDescriptor
    }

    /// When `collect` is to be called at the latest; nil while nothing waits for time to pass.
    package var nextDeadline: Instant? { core.nextDeadline }

    /// Takes in an event of a client, does what the node itself is to do, and appends what clients are to be told:
    /// `allocated`, `createFailed`, `located`, `copies`, `readFailed`, `freed`, `lost` and `rejected`.
    package mutating func handle(_ event: StoreEvent, at now: Instant, into effects: inout [StoreEffect]) {
        let first = effects.count
        core.handle(event, at: now, into: &effects)
        perform(from: first, &effects)
    }

    /// Takes in what the spill file finished and that time has passed.
    package mutating func collect(at now: Instant, into effects: inout [StoreEffect]) {
        if let spill {
            for event in spill.takeEvents() { handle(event, at: now, into: &effects) }
        }
        if let due = core.nextDeadline, due <= now { handle(.tick, at: now, into: &effects) }
    }

    /// Carries out the effects from a place on that are not for clients, and takes them away.
    private func perform(from first: Int, _ effects: inout [StoreEffect]) {
        var kept = first
        for place in first..<effects.count {
            switch effects[place] {
            case .startSpill(let operation, let items): spill?.spill(operation, items)
            case .startRestore(let operation, let item): spill?.restore(operation, item)
            // What cannot be given back is only kept.
            case .returnMemory(let extent): try? segment.returnPages(of: extent)
            case .returnFile(let extent): spill?.returnRoom(extent)
            default:
                effects.swapAt(kept, place)
                kept += 1
            }
        }
        effects.removeSubrange(kept...)
    }
}
