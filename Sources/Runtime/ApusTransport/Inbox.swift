import CApusSystem

/// Where a process learns which of its channels have something for it, and where it sleeps: one piece of memory, mapped
/// by it and by all that send to it.
///
/// A sender sets its channel's bit after writing, and wakes the owner only where that says that it sleeps, so that a
/// stream of messages costs no system calls.
package final class Inbox: Sendable {
    /// Channels that one process can have.
    package static let capacity = 64 * 64
    /// Bytes of the memory.
    package static let length = 4096

    private enum Layout {
        static let sleeps = 0
        static let summary = 64
        static let words = 128
    }

    private let mapping: SharedMapping
    nonisolated(unsafe) private let sleeps: UnsafeMutablePointer<UInt32>
    nonisolated(unsafe) private let summary: UnsafeMutablePointer<UInt64>
    nonisolated(unsafe) private let words: UnsafeMutablePointer<UInt64>

    package init(mapping: SharedMapping) {
        precondition(mapping.length >= Self.length, "an inbox is mapped whole")
        self.mapping = mapping
        sleeps = (mapping.base + Layout.sleeps).assumingMemoryBound(to: UInt32.self)
        summary = (mapping.base + Layout.summary).assumingMemoryBound(to: UInt64.self)
        words = (mapping.base + Layout.words).assumingMemoryBound(to: UInt64.self)
    }

    // MARK: Senders

    /// Says that a channel has something. The records must be visible already.
    func announce(_ slot: Int) {
        let word = slot >> 6
        let bit = UInt64(1) << UInt64(slot & 63)
        if apus_load64(words + word) & bit == 0 { _ = apus_or64(words + word, bit) }
        let summaryBit = UInt64(1) << UInt64(word)
        if apus_load64(summary) & summaryBit == 0 { _ = apus_or64(summary, summaryBit) }
        wake()
    }

    /// Wakes the owner if it sleeps.
    package func wake() {
        if apus_load32(sleeps) != 0, apus_swap32(sleeps, 1, 0) { apus_futex_wake(sleeps, 1) }
    }

    /// Wakes the owner whatever its word says. A process that was killed may have taken the word and woken nobody: after
    /// the end of one that sent, and where nobody else would ever wake the owner, `wake` is not enough.
    package func wakeInAnyCase() {
        apus_store32(sleeps, 0)
        apus_futex_wake(sleeps, 1)
    }

    // MARK: The owner

    /// Whether any channel was announced since it was taken last.
    package var hasAnnouncements: Bool { apus_load64_relaxed(summary) != 0 }

    /// Takes the channels that have something.
    func take(_ body: (Int) -> Void) {
        var changed = apus_exchange64(summary, 0)
        while changed != 0 {
            let word = changed.trailingZeroBitCount
            changed &= changed - 1
            var bits = apus_exchange64(words + word, 0)
            while bits != 0 {
                let bit = bits.trailingZeroBitCount
                bits &= bits - 1
                body(word << 6 | bit)
            }
        }
    }

    /// Says that the owner is about to sleep. It must look for work once more before `sleep`.
    package func prepareToSleep() { apus_store32(sleeps, 1) }

    /// The owner found work after all.
    package func cancelSleep() { apus_store32(sleeps, 0) }

    /// Sleeps until woken, or a time is over.
    package func sleep(nanoseconds: Int64 = -1) {
        apus_futex_wait(sleeps, 1, nanoseconds)
        apus_store32(sleeps, 0)
    }
}
