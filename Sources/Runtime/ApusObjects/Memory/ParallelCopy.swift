import CApusSystem
import Glibc
import Synchronization
import Threads

/// A copy of many bytes that several threads share.
///
/// The threads take a mebibyte at a time, so that one which the system lets wait holds up no more than that; one that
/// comes late finds nothing to do. Pages are asked for by the mebibyte as well: they are in the cache when the copy
/// comes.
///
/// On two cores of a Xeon (Sapphire Rapids), one thread copies 16 MiB at 14.8 GB/s past the caches where `memcpy` makes
/// 8.1, and 512 MiB at 13.1 of 12.5. Into memory that only another process wrote, every page faults once: then asking for
/// the pages makes 5.2 GB/s of 2.1. See `apus bench store` and Benchmarks/objects.
package final class ParallelCopy: Sendable {
    private static let chunk = 1 << 20
    /// Bytes that pay for one more thread: 20 µs to start it, 400 µs of copying.
    private static let share = 4 << 20
    private static let threadLimit = 8
    /// From this many bytes on, what is written will not be found in the caches anyway.
    private static let streamed = 8 << 20
    private static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Addresses: what they point to outlives `copy`, and no thread uses them once all chunks were taken.
    private let source: UInt
    private let target: UInt
    private let count: Int
    private let populates: Bool
    private let chunks: Int
    private let taken = Atomic(0)
    private let finished = Atomic(0)

    /// - Parameter source: nil to map the target's pages only.
    private init(source: UnsafeRawPointer?, target: UnsafeMutableRawPointer, count: Int, populates: Bool) {
        self.source = UInt(bitPattern: source)
        self.target = UInt(bitPattern: target)
        self.count = count
        self.populates = populates
        chunks = (count + Self.chunk - 1) / Self.chunk
    }

    /// Copies into memory of the process's own, which may be fresh: large pages are asked for where there are any, since
    /// faults of small ones cost more than the copy.
    package static func copyToHeap(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        if source.count >= streamed { adviseLargePages(target) }
        copy(source, to: target, populates: source.count >= streamed)
    }

    /// Asks for large pages in the whole ones that lie inside some memory.
    package static func adviseLargePages(_ memory: UnsafeMutableRawBufferPointer) {
        let page = UInt(2 << 20)
        let base = UInt(bitPattern: memory.baseAddress)
        let start = (base + page - 1) & ~(page - 1)
        let end = (base + UInt(memory.count)) & ~(page - 1)
        guard start < end else { return }
        madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_HUGEPAGE)
    }

    /// Maps the pages of a target that others will write to, with several threads.
    static func populate(_ target: UnsafeMutableRawBufferPointer) {
        guard let to = target.baseAddress else { return }
        ParallelCopy(source: nil, target: to, count: target.count, populates: true).run()
    }

    /// - Parameter populates: whether pages of the target may not be mapped yet.
    static func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, populates: Bool
    ) {
        precondition(source.count <= target.count)
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        ParallelCopy(source: from, target: to, count: source.count, populates: populates).run()
    }

    private func run() {
        let helpers = min(Self.processors, Self.threadLimit, max(1, count / Self.share)) - 1
        for _ in 0..<helpers { startHelper() }
        work()
        // Others are at their last chunk.
        while finished.load(ordering: .acquiring) < chunks { sched_yield() }
    }

    private func startHelper() {
        // Without it the others copy all.
        try? OwnThread { self.work() }.detach()
    }

    private func work() {
        while true {
            let number = taken.wrappingAdd(1, ordering: .relaxed).oldValue
            guard number < chunks else { return }
            let start = number * Self.chunk
            let size = min(Self.chunk, count - start)
            if let to = UnsafeMutableRawPointer(bitPattern: target + UInt(start)) {
                // Where the kernel cannot, the copy itself faults the pages in.
                if populates { _ = apus_memory_populate(to, size) }
                if source != 0, let from = UnsafeRawPointer(bitPattern: source + UInt(start)) {
                    if count >= Self.streamed { apus_copy_streaming(to, from, size) } else { memcpy(to, from, size) }
                }
            }
            finished.wrappingAdd(1, ordering: .releasing)
        }
    }
}
