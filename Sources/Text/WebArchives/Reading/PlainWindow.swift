import Compression

/// A sliding window over the plain bytes of a file, with marks where packed members begin.
///
/// Memory: the window's capacity, which grows only with what is asked to be in it at once.
final class PlainWindow {
    /// A packed member's start: its offset in the file, and the plain offset of its first byte.
    struct Mark {
        var plain: Int
        var member: Int
    }

    let source: Decompressor
    private var storage: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isEnded = false
    /// Plain offset of the window's first byte.
    private(set) var position = 0
    private(set) var marks: [Mark] = []
    private var nextMark = 0
    /// Whether plain bytes can be passed over without reading them.
    private let canSeek: Bool

    private static let initialCapacity = 1 << 18

    init(_ source: Decompressor, canSeek: Bool) {
        self.source = source
        self.canSeek = canSeek && source.format == .plain
        storage = .allocate(byteCount: Self.initialCapacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    var name: String { source.name }
    var isPacked: Bool { source.format != .plain }
    var count: Int { end - start }

    /// The bytes at hand. Valid until the window is filled or consumed.
    @inline(__always)
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[start..<end]) }

    /// Where a plain offset inside the window lies in the file: itself, or its member's start.
    func fileOffset(of plain: Int) -> Int {
        guard isPacked else { return plain }
        return marks.last { $0.plain <= plain }?.member ?? source.memberOffset
    }

    /// Whether a member begins at the window's first byte.
    var isAtMemberStart: Bool { marks.contains { $0.plain == position } }

    /// The first member that begins after a plain offset, among those in the window.
    func firstMark(after plain: Int) -> Mark? { marks.first { $0.plain > plain } }

    /// Reads more; false at the end of the file.
    ///
    /// - Throws: what the source throws; the bytes at hand stay.
    func fill() throws -> Bool {
        if isEnded { return false }
        makeRoom()
        let got = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
        guard got > 0 else {
            isEnded = true
            return false
        }
        if isPacked, source.memberCount != nextMark {
            nextMark = source.memberCount
            marks.append(Mark(plain: position + count, member: source.memberOffset))
        }
        end += got
        return true
    }

    /// Tries to have `wanted` bytes at hand; fewer at the end of the file.
    func require(_ wanted: Int) throws {
        while count < wanted {
            guard try fill() else { return }
        }
    }

    /// Drops bytes at the front of the window.
    @inline(__always)
    func consume(_ amount: Int) {
        start += amount
        position += amount
        if start == end {
            start = 0
            end = 0
        }
        if marks.count > 1, marks[1].plain <= position { trimMarks() }
    }

    /// Passes over bytes, by seeking where possible; fewer than asked at the end of the file.
    func skip(_ amount: Int) throws -> Int {
        var left = amount
        while left > 0 {
            if count > 0 {
                let step = min(left, count)
                consume(step)
                left -= step
                continue
            }
            // Seeking goes one byte less far, so that a read shows whether the file is that long.
            if canSeek, left > Self.initialCapacity, try source.seek(to: position + left - 1) {
                var last: UInt8 = 0
                let got = try withUnsafeMutableBytes(of: &last) { try source.read(into: $0) }
                guard got == 0 else {
                    position += left
                    return amount
                }
                _ = try source.seek(to: position)
            }
            guard try fill() else { break }
        }
        return amount - left
    }

    /// After an error of the source: forgets the bytes at hand and goes to the next member. False where there is none.
    func skipToNextMember() throws -> Bool {
        position += count
        start = 0
        end = 0
        guard try source.skipToNextMember() else {
            isEnded = true
            return false
        }
        return true
    }

    private func trimMarks() {
        let keep = marks.lastIndex { $0.plain <= position } ?? 0
        marks.removeFirst(keep)
    }

    private func makeRoom() {
        if start > 0, storage.count - end < storage.count / 2 {
            storage.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            end -= start
            start = 0
        }
        if end == storage.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: storage.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            end -= start
            start = 0
            storage.deallocate()
            storage = larger
        }
    }
}
