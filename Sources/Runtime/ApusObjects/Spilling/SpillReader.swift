import ApusCore
import Glibc

/// Reads objects straight from a node's spill file, for processes that find no room for them in its memory.
package final class SpillReader: Sendable {
    private let descriptor: Int32

    /// - Parameter descriptor: of the spill file, for reading; closed with the reader.
    package init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Copies an object into memory of its size, and checks it. Waits for the disk.
    ///
    /// - Throws: `StoreError.corrupt`, `.unreadable`.
    package func read(_ copy: StoredCopy, into bytes: UnsafeMutableRawBufferPointer) throws(StoreError) {
        let sum: UInt64?
        do throws(SpillTrouble) {
            sum = try SpillInput.sum(reading: descriptor, at: copy.fileOffset, into: bytes, folder: "the spill folder")
        } catch {
            throw .unreadable(object: copy.object, error)
        }
        guard sum == copy.checksum else { throw .corrupt(object: copy.object) }
    }
}

/// What a process reads its node's objects through.
package struct StoreAccess: Sendable {
    package let segment: SharedSegment
    /// nil where the store has no spill file.
    package let spillFile: SpillReader?

    package init(segment: SharedSegment, spillFile: SpillReader?) {
        self.segment = segment
        self.spillFile = spillFile
    }
}

enum SpillInput {
    /// Bytes that are read and summed up at a time: they stay in the cache meanwhile.
    static let chunk = 1 << 20

    /// Fills memory from a file and sums it up; nil where the file ends early.
    static func sum(
        reading descriptor: Int32, at offset: Int, into bytes: UnsafeMutableRawBufferPointer, folder: String
    ) throws(SpillTrouble) -> UInt64? {
        var sum: UInt64 = 0
        var done = 0
        while done < bytes.count {
            let part = UnsafeMutableRawBufferPointer(rebasing: bytes[done..<min(done + chunk, bytes.count)])
            let count = pread(descriptor, part.baseAddress, part.count, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .last("pread", folder) }
            if count == 0 { return nil }
            sum = Checksum.update(sum, UnsafeRawBufferPointer(rebasing: part[..<count]))
            done += count
        }
        return sum
    }
}
