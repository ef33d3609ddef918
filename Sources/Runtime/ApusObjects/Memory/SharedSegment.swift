import ApusCore
import CApusSystem
import Glibc
import Synchronization

/// The memory of a node's object store: nameless, so that it is gone when the last process that has it is.
///
/// The daemon creates it and passes its descriptor to the node's processes. Each maps it once for reading, and once for
/// writing when it first creates an object; the mappings stay, so that recycled memory needs no new page faults.
package final class SharedSegment: Sendable {
    /// Owned by the segment.
    package let descriptor: Int32
    /// Bytes; a multiple of the page size.
    package let capacity: Int
    private let readable: UInt
    private let writable = Mutex(Writable())

    private struct Writable {
        /// The address of the mapping; 0 until it is needed.
        var address: UInt = 0
        /// Granules whose pages this process asked for. Those that the daemon gave back since fault in one by one.
        var populated: [Bool] = []
    }

    private static let granule = 1 << 20

    /// Makes a segment.
    ///
    /// - Parameter capacity: bytes, rounded up to pages. No memory is taken before it is written to.
    /// - Throws: `SegmentError.notEnoughMemory` where the system or its control group has not as much available.
    package convenience init(
        capacity: Int, available: AvailableMemory = .read()
    ) throws(SegmentError) {
        guard capacity > 0, capacity <= Int.max / 2 else { throw .badCapacity(capacity) }
        let size = (capacity + Arena.page - 1) & ~(Arena.page - 1)
        guard size <= AvailableMemory.largestStore(of: available.bytes) else {
            throw .notEnoughMemory(wanted: size, available: available.bytes, limitedBy: available.limitedBy)
        }
        let descriptor = apus_memory_create("apus-objects")
        guard descriptor >= 0 else { throw .last("memfd_create") }
        guard ftruncate(descriptor, size) == 0, apus_memory_seal_size(descriptor) == 0 else {
            let error = SegmentError.last("ftruncate")
            close(descriptor)
            throw error
        }
        try self.init(descriptor: descriptor, capacity: size)
    }

    /// Maps a segment that another process made.
    ///
    /// - Parameter descriptor: the segment closes it, even when this throws.
    package init(descriptor: Int32, capacity: Int) throws(SegmentError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = SegmentError.last("fstat")
            close(descriptor)
            throw error
        }
        guard status.st_size == capacity, capacity > 0 else {
            close(descriptor)
            throw .notASegment(size: Int(status.st_size), expected: capacity)
        }
        self.descriptor = descriptor
        self.capacity = capacity
        do {
            readable = try Self.map(descriptor, capacity, PROT_READ)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        munmap(UnsafeMutableRawPointer(bitPattern: readable), capacity)
        let address = writable.withLock { $0.address }
        if address != 0 { munmap(UnsafeMutableRawPointer(bitPattern: address), capacity) }
        close(descriptor)
    }

    private static func map(_ descriptor: Int32, _ capacity: Int, _ protection: Int32) throws(SegmentError) -> UInt {
        guard let base = mmap(nil, capacity, protection, MAP_SHARED | MAP_NORESERVE, descriptor, 0),
            base != MAP_FAILED
        else { throw .last("mmap") }
        // Where the system offers large pages for shared memory, fewer faults; elsewhere this changes nothing.
        madvise(base, capacity, MADV_HUGEPAGE)
        return UInt(bitPattern: base)
    }

    private func check(_ extent: Extent) throws(SegmentError) {
        guard extent.offset >= 0, extent.count >= 0, extent.offset <= capacity, extent.count <= capacity - extent.offset
        else { throw .outOfBounds(offset: extent.offset, count: extent.count, capacity: capacity) }
    }

    /// The bytes of an extent, for reading in place. The caller has the object pinned as long as it uses them, and keeps
    /// the segment.
    package func bytes(_ extent: Extent) throws(SegmentError) -> UnsafeRawBufferPointer {
        try check(extent)
        return UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: readable + UInt(extent.offset)), count: extent.count)
    }

    /// The bytes of an extent that was allocated to the caller, for writing until the object is sealed.
    package func writableBytes(_ extent: Extent) throws(SegmentError) -> UnsafeMutableRawBufferPointer {
        try check(extent)
        let base = try writable.withLock { state throws(SegmentError) -> UInt in
            if state.address == 0 {
                state.address = try Self.map(descriptor, capacity, PROT_READ | PROT_WRITE)
                state.populated = Array(repeating: false, count: (capacity + Self.granule - 1) / Self.granule)
            }
            return state.address
        }
        return UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: base + UInt(extent.offset)), count: extent.count)
    }

    /// Whether an extent has granules that this process has not asked the pages of yet; from now on it has.
    private func becomesPopulated(_ extent: Extent) -> Bool {
        guard extent.count >= Self.granule else { return false }
        let granules = (extent.offset + Self.granule - 1) / Self.granule..<extent.end / Self.granule
        return writable.withLock { state in
            var isNew = false
            for index in granules where !state.populated[index] {
                state.populated[index] = true
                isNew = true
            }
            return isNew
        }
    }

    /// Where bytes that `writableBytes` gave lie.
    func extent(of bytes: UnsafeRawBufferPointer) -> Extent {
        let base = writable.withLock { $0.address }
        let address = UInt(bitPattern: bytes.baseAddress)
        precondition(base != 0 && address >= base && address - base <= capacity, "bytes of another place")
        return Extent(offset: Int(address - base), count: bytes.count)
    }

    /// Calls with the bytes of an extent as a span.
    package func withSpan<Result>(
        _ extent: Extent, _ body: (RawSpan) throws -> Result
    ) throws -> Result {
        try body(bytes(extent).bytes)
    }

    /// Copies bytes into an extent that was allocated to the caller, with several threads where that pays.
    package func write(_ source: UnsafeRawBufferPointer, to extent: Extent) throws(SegmentError) {
        guard source.count <= extent.count else {
            throw .outOfBounds(offset: extent.offset, count: source.count, capacity: extent.count)
        }
        let target = try writableBytes(Extent(offset: extent.offset, count: source.count))
        ParallelCopy.copy(source, to: target, populates: becomesPopulated(extent))
    }

    /// Maps the pages of an extent that was allocated to the caller and that somebody else writes to in place: faults one
    /// by one cost more than the writing.
    package func populate(_ extent: Extent) throws(SegmentError) {
        let target = try writableBytes(extent)
        if becomesPopulated(extent) { ParallelCopy.populate(target) }
    }

    /// Gives the whole pages inside an extent that nobody uses back to the system; they read as zero afterwards.
    package func returnPages(of extent: Extent) throws(SegmentError) {
        try check(extent)
        let start = (extent.offset + Arena.page - 1) & ~(Arena.page - 1)
        let end = extent.end & ~(Arena.page - 1)
        guard start < end else { return }
        guard apus_memory_punch(descriptor, Int64(start), Int64(end - start)) == 0 else { throw .last("fallocate") }
    }

    /// Bytes of the segment that take memory at present, in all processes together.
    package var residentBytes: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }
}

extension SegmentError {
    /// What `errno` says.
    static func last(_ call: String) -> SegmentError {
        let code = errno
        return .system(call: call, code: code, message: String(cString: strerror(code)))
    }
}
