import Glibc

/// Copies of many bytes, shared among threads.
enum ParallelCopy {
    /// Below this, one thread copies: starting another costs more than it saves.
    static let threshold = 8 << 20

    static func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        precondition(source.count <= target.count)
        target.copyMemory(from: source)
    }
}
