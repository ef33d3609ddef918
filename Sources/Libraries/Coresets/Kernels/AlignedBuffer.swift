import Glibc

/// Memory at a 64-byte boundary, so that no vector straddles cache lines.
///
/// Filled by whoever makes it and only read afterwards, or owned by one value at a time.
final class AlignedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    // Unchecked: every user either writes before sharing and never after, or holds it alone (`isKnownUniquelyReferenced`).
    let count: Int
    let pointer: UnsafeMutablePointer<Element>

    convenience init(count: Int, repeating value: Element) {
        self.init(uninitialised: count)
        pointer.initialize(repeating: value, count: count)
    }

    /// Memory whose content is yet to be written, so that its pages are first touched by that.
    init(uninitialised count: Int) {
        self.count = count
        let bytes = max(1, count) * MemoryLayout<Element>.stride
        // Large matrices in large pages: their rows are read in no order, and 4 KiB pages miss the TLB ten times a row.
        let isLarge = bytes >= 8 << 20
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? 2 << 20 : 64)
        if isLarge { _ = madvise(raw, bytes, Int32(MADV_HUGEPAGE)) }
        pointer = raw.bindMemory(to: Element.self, capacity: max(1, count))
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    /// A copy that its owner may write to.
    func copy() -> AlignedBuffer {
        let other = AlignedBuffer(uninitialised: count)
        other.pointer.update(from: pointer, count: count)
        return other
    }
}
