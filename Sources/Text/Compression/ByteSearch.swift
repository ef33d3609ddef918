import Glibc

/// Searches over bytes by the C library's vectorised routines.
public enum ByteSearch {
    /// Where a byte first stands in `start ..< end`; nil where it does not.
    @inline(__always)
    public static func first(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
        guard start < end, let base = bytes.baseAddress, let found = memchr(base + start, Int32(byte), end - start)
        else {
            return nil
        }
        return UnsafeRawPointer(found) - base
    }
}
