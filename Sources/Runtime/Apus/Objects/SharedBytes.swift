import ApusCore
import ApusObjects

/// Bytes that never change, outside of Swift's own values: in this process's heap or in the node's object store.
///
/// A payload carries them beside its own bytes, so that they are not copied: a backend of processes passes on the name of
/// those in the store, and puts those on the heap there.
package final class SharedBytes: @unchecked Sendable {
    // Immutable, and so are the bytes, which `release` lets go of when nobody reads them any more.

    package enum Place: Sendable, Hashable {
        case heap
        /// This process keeps the object pinned as long as the bytes exist.
        case store(ObjectID)
    }

    package let start: UnsafeRawPointer
    package let count: Int
    package let place: Place
    private let release: @Sendable () -> Void

    /// Values of fewer bytes travel with the others instead of beside them.
    package static let inlineLimit = 64 << 10

    package init(start: UnsafeRawPointer, count: Int, place: Place, release: @escaping @Sendable () -> Void) {
        self.start = start
        self.count = count
        self.place = place
        self.release = release
    }

    deinit { release() }

    package var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
}

/// Where values are made in place.
package protocol SharedMemory: Sendable {
    /// Room for bytes, aligned to 64. The object store waits for room under pressure.
    func allocate(_ count: Int) async throws -> any SharedAllocation
}

/// Room that one creator writes, once. It is sealed or abandoned.
package protocol SharedAllocation: AnyObject {
    var bytes: UnsafeMutableRawBufferPointer { get }
    /// The bytes are written and never change again.
    func seal() throws -> SharedBytes
    func abandon()
}

/// Memory of this process.
package struct HeapMemory: SharedMemory {
    package static let alignment = 64

    package init() {}

    package func allocate(_ count: Int) async throws -> any SharedAllocation { HeapAllocation(count) }
}

final class HeapAllocation: SharedAllocation {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ count: Int) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: HeapMemory.alignment)
        bytes = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
        if count >= 8 << 20 { ParallelCopy.adviseLargePages(bytes) }
    }

    /// The address as a number, which may be passed to whichever thread lets go last.
    private var address: UInt { UInt(bitPattern: bytes.baseAddress) }

    func seal() -> SharedBytes {
        guard let base = bytes.baseAddress else { preconditionFailure("no allocation is without an address") }
        let address = address
        return SharedBytes(start: base, count: bytes.count, place: .heap) {
            UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        }
    }

    func abandon() { bytes.baseAddress?.deallocate() }
}

extension SharedBytes {
    /// A copy in this process's memory.
    static func heap(copying source: UnsafeRawBufferPointer) -> SharedBytes {
        let allocation = HeapAllocation(source.count)
        allocation.bytes.copyMemory(from: source)
        return allocation.seal()
    }
}
